"""Ids that are made by the gateway."""

import subprocess
import sys
import uuid
from datetime import UTC, datetime

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


class Stepping:
    """A clock that says what it is told, then the last of it again."""

    def __init__(self, *seconds):
        self.seconds = list(seconds)

    def now(self):
        at = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return datetime.fromtimestamp(at, UTC)


def milliseconds(made):
    return uuid.UUID(made).int >> 80


def test_each_id_is_greater_than_the_one_before_also_within_a_millisecond():
    new_id = Ids(Stepping(1_000))
    made = [new_id() for _ in range(3 * IDS_AT_ONCE)]
    assert made == sorted(made)
    assert {milliseconds(one) for one in made} <= {1_000_000, 1_000_001}


def test_a_clock_that_is_set_back_a_little_is_waited_for_and_one_set_back_far_is_followed():
    new_id = Ids(Stepping(1_000, 995, 500))
    first, second, third = [new_id() for _ in range(3)]
    assert first < second
    assert milliseconds(second) == milliseconds(first)
    assert milliseconds(third) == 500_000


def test_a_forked_child_makes_other_ids_than_its_parent():
    # In a process of its own: this one may have threads, which a fork does not like.
    done = subprocess.run(
        [sys.executable, "-c", FORKING], check=True, capture_output=True, text=True
    )
    first, second = done.stdout.split()
    assert first[19:] != second[19:]
