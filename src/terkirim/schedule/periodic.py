"""Does periodic work when its turn comes, on whichever node takes the turn first."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from terkirim.domain.errors import TerkirimError
from terkirim.logs import Logger
from terkirim.ports import Clock, Upkeep

LOOK_EVERY = timedelta(seconds=30)

_log = Logger("terkirim.schedule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One kind of work. It may be cut off at any await and be begun again elsewhere.

    `is_own`: every node does its own, without asking for a turn.
    """

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]
    is_own: bool = False


class Scheduler:
    """Runs jobs side by side; one that fails is logged and has its turn again."""

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        upkeep: Upkeep,
        clock: Clock,
        look_every: timedelta = LOOK_EVERY,
    ) -> None:
        self.jobs = tuple(jobs)
        self._upkeep = upkeep
        self._clock = clock
        self._look_every = look_every
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, in the running loop."""
        self._tasks = [
            asyncio.create_task(self._for_ever(job), name=f"schedule {job.name}")
            for job in self.jobs
        ]

    async def stop(self) -> None:
        """Cut off what is being done; safe to call twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def take(self, job: Job) -> bool:
        """Do the job if this node gets its turn; return whether it did."""
        now = self._clock.now()
        if not job.is_own and not await self._upkeep.take_turn(job.name, every=job.every, now=now):
            return False
        await job.work()
        return True

    async def _for_ever(self, job: Job) -> None:
        while True:
            try:
                await self.take(job)
            except TerkirimError as error:
                _log.warning("periodic work failed", job=job.name, reason=str(error))
            except Exception:  # noqa: BLE001 - the loop outlives a bug in one round, and logs it
                _log.exception("periodic work broke", job=job.name)
            await asyncio.sleep(min(self._look_every, job.every).total_seconds())
