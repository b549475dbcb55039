"""The loops that run for ever: apply what is kept, look again, count what was refused, forget."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from terkirim.domain.errors import TerkirimError
from terkirim.logs import Logger
from terkirim.ports import Clock, Upkeep
from terkirim.ports.tracking import CallbackLog
from terkirim.tracking.applying import Applier
from terkirim.tracking.ingest import Intake

GATHER_FOR = 0.1  # seconds: callbacks that come close together are applied by one transaction
FORGOTTEN_ENOUGH = 1_000  # rows: with fewer deleted in a round, the rest can wait for the next turn

_log = Logger("terkirim.tracking")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingSettings:
    """How long callbacks are remembered, and how often the periodic parts run.

    `keep_raw` is for bodies as they came, `keep_all` for the keys by which repeats are known, and
    for events without a message. `look_every` finds what another process kept or left behind.
    """

    keep_raw: timedelta = timedelta(days=30)
    keep_all: timedelta = timedelta(days=400)
    look_every: timedelta = timedelta(seconds=1)
    rematch_every: timedelta = timedelta(seconds=2)
    flush_every: timedelta = timedelta(seconds=5)
    forget_every: timedelta = timedelta(hours=1)


class Tracker:
    """Runs one node's share of the tracking until it is stopped; `wake` says that there is some."""

    def __init__(
        self,
        *,
        log: CallbackLog,
        intake: Intake,
        applier: Applier,
        upkeep: Upkeep,
        clock: Clock,
        settings: TrackingSettings,
        wake: asyncio.Event,
    ) -> None:
        self._log = log
        self._intake = intake
        self._applier = applier
        self._upkeep = upkeep
        self._clock = clock
        self._settings = settings
        self._wake = wake
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin in the running loop."""
        settings = self._settings
        self._tasks = [
            asyncio.create_task(self._apply_for_ever(), name="apply-callbacks"),
            *(
                asyncio.create_task(self._every(wait, work), name=name)
                for name, wait, work in (
                    ("rematch-events", settings.rematch_every, self.rematch),
                    ("count-refused", settings.flush_every, self._intake.flush),
                    ("forget-callbacks", settings.forget_every, self.forget),
                )
            ),
        ]

    async def stop(self) -> None:
        """End; what is kept and not applied waits on disk for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        with suppress(TerkirimError):
            await self._intake.flush()

    async def rematch(self) -> None:
        """Look again for messages of events that found none."""
        await self._applier.rematch()

    async def forget(self) -> None:
        """Delete what is older than it is remembered; one node does it, a little at a time."""
        now, settings = self._clock.now(), self._settings
        if not await self._upkeep.take_turn(
            "forget callbacks", every=settings.forget_every, now=now
        ):
            return
        forgotten = FORGOTTEN_ENOUGH
        while forgotten >= FORGOTTEN_ENOUGH:
            forgotten = await self._log.forget(
                raw_before=now - settings.keep_raw, all_before=now - settings.keep_all, now=now
            )

    async def _apply_for_ever(self) -> None:
        while True:
            self._wake.clear()
            await self._outlived(self._applier.apply_kept)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.look_every.total_seconds()):
                    await self._wake.wait()
                    await asyncio.sleep(GATHER_FOR)

    async def _every(self, wait: timedelta, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._outlived(work)
            await asyncio.sleep(wait.total_seconds())

    @staticmethod
    async def _outlived(work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except TerkirimError as error:
            _log.warning("tracking waits for the database", reason=str(error))
        except Exception:  # noqa: BLE001 - the loop outlives a bug in one round, and logs it
            _log.exception("tracking broke")
