# Every target sets up what it needs by itself and is fast the second time.
PYTHON ?= $(shell requirements/python)
BIN := .venv/bin
STAMP := .venv/.ready
BENCH := .venv-bench

.PHONY: setup test coverage check demo serve bench torture lock language chromium screenshots

setup: $(STAMP)

# Bytecode is compiled here: where PYTHONDONTWRITEBYTECODE is set, each command would compile for a second.
$(STAMP): requirements/tools.txt requirements/test.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/test.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q src
	touch $@

# What CI runs, and nothing else.
test: check chromium
	$(BIN)/python -m pytest --numprocesses=2 tests/unit --cov=terkirim.domain --cov=terkirim.policy \
	  --cov-report=term:skip-covered --cov-fail-under=100
	$(BIN)/python -m pytest --numprocesses=2 --ignore=tests/unit

# All tests with every line and branch counted, which takes half as long again.
coverage: check chromium
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --numprocesses=2

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright --level error
	$(BIN)/lint-imports
	$(BIN)/interrogate --quiet src/terkirim/ports src/terkirim/__init__.py src/terkirim/delivery/retrying.py \
		src/terkirim/delivery/following.py src/terkirim/blocking.py src/terkirim/client src/terkirim/integrations

# The fault tests at length; the usual run has their short forms.
torture: $(STAMP)
	TORTURE_KILLS=$(or $(KILLS),40) $(BIN)/python -m pytest tests/torture

# The browser in which the pages are tested: Debian's, or any that is there already.
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-core; }

# The pictures in docs/screenshots, of a real gateway with a failing provider behind it.
screenshots: $(STAMP) chromium
	$(BIN)/python -m tests.browser.screenshots docs/screenshots

# A CSV of recipients goes out through a Mailketing that fails in every way, across a kill -9; then its callbacks
# are followed and its credits run out. KEEP=1 goes on serving the run, to be looked at, until Ctrl-C.
demo: $(STAMP)
	@KEEP=$(KEEP) $(BIN)/python -m benchmarks.demo

serve: $(STAMP)
	$(BIN)/terkirim serve

# Every figure with its peers, one table; SHORT=1 for a look, ONLY=words for some of it.
bench: $(BENCH)/.ready
	@benchmarks/tools
	$(BENCH)/bin/python -W ignore -m benchmarks $(if $(SHORT),--short) $(if $(ONLY),--only "$(ONLY)")

$(BENCH)/.ready: $(STAMP) requirements/bench.txt
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv --without-pip $(BENCH)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BENCH)/bin/python --require-hashes -r requirements/bench.txt
	$(BIN)/uv pip install --quiet --python $(BENCH)/bin/python --no-deps --no-build-isolation --editable .
	touch $@

lock: $(STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock

# Bring the catalogue up to date with the sentences in the code; then translate what is empty.
language: $(STAMP)
	$(BIN)/pybabel --quiet extract --mapping=src/terkirim/language/sources.cfg --no-default-keywords --keywords=say \
	  --keywords=many:1,2 --keywords=phrase --keywords=phrases:1,2 --keywords=_setting:2 --no-location --sort-output --output-file=.venv/terkirim.pot src/terkirim
	$(BIN)/pybabel --quiet update --locale=id --input-file=.venv/terkirim.pot --output-file=src/terkirim/language/id.po \
	  --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width=100
