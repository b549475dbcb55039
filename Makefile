# Every target sets up what it needs by itself and is fast the second time.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: setup test check demo serve lock

setup: $(STAMP)

$(STAMP): requirements/tools.txt requirements/test.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/test.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

# What CI runs, and nothing else.
test: check
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --numprocesses=2

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright --level error
	$(BIN)/lint-imports
	$(BIN)/interrogate --quiet src/terkirim/ports src/terkirim/__init__.py src/terkirim/delivery/retrying.py \
		src/terkirim/delivery/following.py src/terkirim/blocking.py src/terkirim/client src/terkirim/integrations

# A CSV of recipients goes out through a Mailketing that fails in every way, across a kill -9.
demo: $(STAMP)
	$(BIN)/python benchmarks/demo.py

serve: $(STAMP)
	$(BIN)/terkirim serve

lock: $(STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock
