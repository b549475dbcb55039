"""Periodic work is done when its turn comes, and outlives what goes wrong."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from terkirim.domain.errors import StoreUnavailable
from terkirim.schedule.periodic import Job, Scheduler
from terkirim.schedule.retention import retention_jobs

NOW = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def now(self):
        return NOW

    def monotonic(self):
        return 0.0


class Turns:
    """Gives each job's turn to whoever asks first, `spare` times."""

    def __init__(self, spare=1):
        self.left = {}
        self.spare = spare
        self.asked = asyncio.Event()

    async def take_turn(self, name, *, every, now):
        assert (every, now) == (HOUR, NOW)
        self.left.setdefault(name, self.spare)
        self.left[name] -= 1
        if self.left[name] < 0:
            self.asked.set()
        return self.left[name] >= 0


def a_job(work, name="x"):
    return Job(name=name, every=HOUR, work=work)


async def test_of_two_nodes_one_does_the_work():
    done = []

    async def work():
        done.append(1)

    turns, job = Turns(), a_job(work)
    nodes = [Scheduler([job], upkeep=turns, clock=Clock()) for _ in range(2)]
    assert [await node.take(job) for node in nodes] == [True, False]
    assert done == [1]


async def test_work_that_is_a_nodes_own_is_done_by_every_node_without_a_question():
    done = []

    async def work():
        done.append(1)

    turns, job = Turns(), Job(name="listen", every=HOUR, work=work, is_own=True)
    for _ in range(2):
        assert await Scheduler([job], upkeep=turns, clock=Clock()).take(job)
    assert (len(done), turns.left) == (2, {})


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("a bug")])
async def test_work_that_fails_has_its_turn_again_and_stops_no_other_job(error):
    tries, other = [], asyncio.Event()

    async def failing():
        tries.append(1)
        raise error

    async def fine():
        other.set()

    turns = Turns(spare=3)
    scheduler = Scheduler(
        [a_job(failing), a_job(fine, "y")],
        upkeep=turns,
        clock=Clock(),
        look_every=timedelta(milliseconds=1),
    )
    scheduler.start()
    async with asyncio.timeout(10):
        await other.wait()
        await turns.asked.wait()
    await scheduler.stop()
    await scheduler.stop()
    assert len(tries) >= 2


async def test_a_stop_cuts_off_what_is_being_done():
    begun = asyncio.Event()

    async def work():
        begun.set()
        await asyncio.Event().wait()

    scheduler = Scheduler([a_job(work)], upkeep=Turns(), clock=Clock())
    scheduler.start()
    async with asyncio.timeout(10):
        await begun.wait()
        await scheduler.stop()


class Pieces:
    """A retention with three pieces of everything."""

    def __init__(self):
        self.calls = []
        self.left = {}

    def _piece(self, name, **facts):
        self.calls.append((name, facts))
        self.left.setdefault(name, 3)
        self.left[name] -= 1
        return max(self.left[name], 0)

    async def prune_content(self, *, keep, now, limit=200):
        return self._piece("content", keep=keep)

    async def prune_messages(self, *, keep, now, limit=200):
        return self._piece("messages", keep=keep)

    async def prune_keys(self, *, now, limit=200):
        return self._piece("keys")

    async def keep_files(self, *, now, limit=200):
        return self._piece("kept files")

    async def prune_files(self, *, now, limit=200):
        return self._piece("files")

    async def fold_counts(self, *, now):
        return self._piece("counts")


async def test_each_job_of_retention_goes_on_until_a_piece_finds_nothing():
    pieces = Pieces()
    jobs = retention_jobs(
        pieces,
        clock=Clock(),
        keep_content=timedelta(days=30),
        keep_messages=timedelta(days=400),
    )
    assert len({job.name for job in jobs}) == len(jobs) == 5
    for job in jobs:
        await job.work()
    names = [name for name, _ in pieces.calls]
    assert {name: names.count(name) for name in names} == dict.fromkeys(
        ("content", "messages", "keys", "kept files", "files", "counts"), 3
    )
    assert names.index("kept files") < names.index("files")
    assert ("content", {"keep": timedelta(days=30)}) in pieces.calls
    assert ("messages", {"keep": timedelta(days=400)}) in pieces.calls
