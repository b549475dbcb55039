"""Every Python block of docs/library.md runs as it stands, and prints what stands below it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import KEY

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
BLOCK = re.compile(r"^```python\n(.+?)^```\n(?:\n```text\n(.+?)^```\n)?", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall(PAGE.read_text("utf-8"))


def test_no_block_is_overlooked():
    text = PAGE.read_text("utf-8")
    assert len(BLOCKS) == text.count("```python")
    assert [said for _, said in BLOCKS if said] == [said for _, said in BLOCKS]


@pytest.mark.parametrize(("code", "said"), BLOCKS, ids=range(1, len(BLOCKS) + 1))
def test_a_block_runs_as_it_stands(served, tmp_path, code, said):
    own = {"TERKIRIM_URL": served.url, "TERKIRIM_API_KEY": KEY}
    without = {"TERKIRIM_DATABASE", "MAILKETING_FROM_EMAIL"}
    env = {name: value for name, value in served.env.items() if name not in without}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
        env=env | own,
    )
    assert (ended.returncode, ended.stdout.splitlines()) == (0, said.splitlines()), ended.stderr
