"""A process counts as alive for exactly as long as it is."""

import os
import subprocess
import sys

from terkirim.store.sqlite.nodes import NodeFiles

PARENT = """
import os, sys
from pathlib import Path
from terkirim.store.sqlite.nodes import NodeFiles
files = NodeFiles(Path(sys.argv[1]))
files.enter("parent")
if os.fork() == 0:
    files.leave()
    print("here", flush=True)
    os.read(0, 1)
os._exit(0)
"""


def test_a_forked_child_does_not_keep_its_dead_parent_alive(tmp_path):
    database = tmp_path / "t.db"
    until, release = os.pipe()
    command = [sys.executable, "-c", PARENT, str(database)]
    with subprocess.Popen(command, stdin=until, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"here\n"
        parent.wait(30)
        try:
            assert (tmp_path / "t.db.lock.d" / "parent").exists()
            assert NodeFiles(database).is_dead("parent")
        finally:
            os.close(release)  # the child reads its end, and ends
            os.close(until)


def test_a_process_that_left_is_dead_and_leaves_no_file(tmp_path):
    files = NodeFiles(tmp_path / "t.db")
    files.enter("a")
    assert not NodeFiles(tmp_path / "t.db").is_dead("a")
    files.leave()
    files.leave()
    assert NodeFiles(tmp_path / "t.db").is_dead("a")
    assert list((tmp_path / "t.db.lock.d").iterdir()) == []
