"""Periodic work: in turns between nodes, by each node for itself, and again after it failed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from terkirim.domain.errors import StoreUnavailable
from terkirim.schedule.runner import Job, Schedule

NOW = datetime(2026, 1, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Turns:
    """Gives a turn to whoever asks first; the others wait until it is due again."""

    def __init__(self):
        self.due = {}
        self.asked = 0

    async def take_turn(self, name, *, every, now):
        self.asked += 1
        if self.due.get(name, now) > now:
            return False
        self.due[name] = now + every
        return True


class Fixed:
    def __init__(self):
        self.present = NOW

    def now(self):
        return self.present


def node(turns, clock, *jobs):
    return Schedule(jobs, upkeep=turns, clock=clock)


def noted(done, error=None):
    async def work():
        done.append(1)
        if error is not None:
            raise error

    return work


async def test_of_two_nodes_one_does_a_job_and_the_other_takes_over_when_it_is_due():
    turns, clock, done = Turns(), Fixed(), []
    job = Job(name="check", every=SECOND, work=noted(done))
    one, other = node(turns, clock, job), node(turns, clock, job)
    assert [await one.run(job), await other.run(job)] == [True, False]
    clock.present += SECOND
    assert await other.run(job)
    assert len(done) == 2


async def test_a_job_of_its_own_is_done_by_every_node_without_a_question():
    turns, done = Turns(), []
    job = Job(name="listen", every=SECOND, work=noted(done), is_own=True)
    for _ in range(2):
        assert await node(turns, Fixed(), job).run(job)
    assert (len(done), turns.asked) == (2, 0)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ValueError("a bug")])
async def test_a_job_that_fails_is_logged_and_runs_again(error, capsys):
    turns, clock, done = Turns(), Fixed(), []
    job = Job(name="check", every=SECOND, work=noted(done, error))
    schedule = node(turns, clock, job)
    await schedule.run(job)
    clock.present += SECOND
    await schedule.run(job)
    assert len(done) == 2
    assert "check" in capsys.readouterr().out


async def test_what_runs_is_cut_off_by_a_stop():
    began, ended = asyncio.Event(), []

    async def work():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    job = Job(name="long", every=SECOND, work=work, is_own=True)
    schedule = node(Turns(), Fixed(), job)
    schedule.start()
    async with asyncio.timeout(5):
        await began.wait()
    await schedule.stop()
    await schedule.stop()
    assert ended == [1]


async def test_a_job_runs_again_and_again():
    done = []
    enough = asyncio.Event()

    async def work():
        done.append(1)
        if len(done) == 3:
            enough.set()

    job = Job(name="often", every=timedelta(milliseconds=1), work=work, is_own=True)
    schedule = node(Turns(), Fixed(), job)
    schedule.start()
    async with asyncio.timeout(5):
        await enough.wait()
    await schedule.stop()
