"""Ids that are made by the gateway."""

import subprocess
import sys
import uuid

from terkirim.database import IDS_AT_ONCE, Ids, SystemClock

FORKING = """
import os
from terkirim.database import Ids, SystemClock
new_id = Ids(SystemClock())
new_id()
child = os.fork()
os.write(1, (new_id() + chr(10)).encode())  # in one piece
if child:
    os.waitpid(child, 0)
"""


def test_ids_are_uuid7_and_never_the_same():
    new_id = Ids(SystemClock())
    made = [new_id() for _ in range(3 * IDS_AT_ONCE)]

    assert len(set(made)) == len(made)
    assert {uuid.UUID(one).version for one in made} == {7}
    assert {uuid.UUID(one).variant for one in made} == {uuid.RFC_4122}


def test_a_forked_child_makes_other_ids_than_its_parent():
    # In a process of its own: this one may have threads, which a fork does not like.
    done = subprocess.run(
        [sys.executable, "-c", FORKING], check=True, capture_output=True, text=True
    )
    first, second = done.stdout.split()
    assert first[19:] != second[19:]
