"""Runs named jobs again and again; a job that fails is logged, and runs again when it is due."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from terkirim.domain.errors import TerkirimError
from terkirim.ports import Clock, Upkeep

ASK_AT_LEAST = timedelta(minutes=1)  # how late a node may take over from one that is gone
ASK_AT_MOST = timedelta(seconds=1)

_log = structlog.get_logger("terkirim.schedule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of periodic work. `is_own`: every node does its own, else one node does it."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[Any]]
    is_own: bool = False


class Schedule:
    """The jobs of one node."""

    def __init__(self, jobs: Sequence[Job], *, upkeep: Upkeep, clock: Clock) -> None:
        self._jobs = tuple(jobs)
        self._upkeep = upkeep
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to run the jobs in the running loop."""
        self._tasks = [
            asyncio.create_task(self._repeat(job), name=f"schedule {job.name}")
            for job in self._jobs
        ]

    async def stop(self) -> None:
        """Cut off what runs: every job can be cut off and done again. Safe to call twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def run(self, job: Job) -> bool:
        """Do the job if it is this node's turn; return whether it was."""
        try:
            if not job.is_own and not await self._takes_turn(job):
                return False
            await job.work()
        except TerkirimError as error:
            _log.warning("periodic work failed", job=job.name, reason=str(error))
        except Exception:  # noqa: BLE001 - the loop outlives a bug in one job, and logs it
            _log.exception("periodic work broke", job=job.name)
        return True

    async def _takes_turn(self, job: Job) -> bool:
        return await self._upkeep.take_turn(job.name, every=job.every, now=self._clock.now())

    async def _repeat(self, job: Job) -> None:
        ask_every = job.every if job.is_own else max(min(job.every / 4, ASK_AT_LEAST), ASK_AT_MOST)
        while True:
            await self.run(job)
            await asyncio.sleep(ask_every.total_seconds())
