"""All that the doors need of the tracking, put together once."""

import asyncio
from collections.abc import Callable, Sequence

from terkirim.ports import Clock, Upkeep
from terkirim.ports.suppressions import Suppressions
from terkirim.ports.tracking import CallbackReader, CallbackRow, EventLog, EventRow, Events
from terkirim.tracking.applying import Applier, event_id_of
from terkirim.tracking.ingest import Intake
from terkirim.tracking.signature import Doorkeeper
from terkirim.tracking.suppressions import Check, SuppressionList
from terkirim.tracking.worker import Tracker, TrackingSettings


class Tracking:
    """The intake of callbacks, what applies them, the log of events, and the suppression list."""

    def __init__(  # noqa: PLR0913 - the parts are put together once
        self,
        *,
        callbacks: Events,
        suppressions: Suppressions,
        readers: Sequence[CallbackReader],
        secret: Callable[[], str | None],
        check: Check,
        upkeep: Upkeep,
        clock: Clock,
        settings: TrackingSettings,
    ) -> None:
        wake = asyncio.Event()
        self.events: EventLog = callbacks
        self.suppressions = SuppressionList(store=suppressions, check=check, clock=clock)
        self.applier = Applier(log=callbacks, readers=readers, clock=clock)
        self.intake = Intake(
            log=callbacks,
            readers=readers,
            doorkeeper=Doorkeeper(secret),
            clock=clock,
            kept=wake.set,
        )
        self._tracker = Tracker(
            log=callbacks,
            intake=self.intake,
            applier=self.applier,
            upkeep=upkeep,
            clock=clock,
            settings=settings,
            wake=wake,
        )

    async def callback_of(self, event: EventRow) -> CallbackRow | None:
        """Return the callback that an event was made of; None where its body is forgotten."""
        came = await self.events.callbacks_at(event.received_at)
        return next((one for one in came if event_id_of(one) == event.id), None)

    def start(self) -> None:
        """Begin to apply what is kept, in the running loop."""
        self._tracker.start()

    async def stop(self) -> None:
        """End; what is kept and not applied waits on disk for the next start."""
        await self._tracker.stop()
