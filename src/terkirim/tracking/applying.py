"""Reads kept callbacks and applies them by batches; one that cannot be applied stops no other."""

from collections.abc import Sequence
from dataclasses import dataclass

from terkirim.domain import remarks
from terkirim.domain.errors import StoreUnavailable
from terkirim.domain.event import NewEvent, NotUnderstood
from terkirim.domain.ids import uuid7
from terkirim.logs import Logger
from terkirim.ports import Clock
from terkirim.ports.tracking import (
    Applied,
    CallbackLog,
    CallbackReader,
    KeptCallback,
    ReadCallback,
    ReplayFilter,
)
from terkirim.tracking.matching import Rematching

APPLIED_AT_ONCE = 500  # callbacks in one transaction
_ID_BITS = 74

_log = Logger("terkirim.tracking")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did: how much was looked at again, and what came of it."""

    asked: int
    matched: int
    unmatched: int
    not_understood: int


class Applier:
    """Applies what is kept. Several processes may: what one has applied, the others leave out."""

    def __init__(
        self, *, log: CallbackLog, readers: Sequence[CallbackReader], clock: Clock
    ) -> None:
        self._log = log
        self._readers = {reader.provider: reader for reader in readers}
        self._clock = clock
        self._rematching = Rematching(log=log, clock=clock)

    async def apply_kept(self) -> Applied:
        """Apply all that was not applied yet."""
        total = Applied()
        is_more = True
        while is_more:
            kept = await self._log.unapplied(limit=APPLIED_AT_ONCE)
            if kept:
                total = _sum(total, await self._apply([self._read(one) for one in kept]))
            is_more = len(kept) == APPLIED_AT_ONCE
        return total

    async def rematch(self) -> int:
        """Look again for messages of events that found none; return how many have one now."""
        return await self._rematching.run()

    async def replay(self, which: ReplayFilter) -> Replayed:
        """Read and apply kept callbacks once more, and look again for missing messages."""
        asked = await self._log.reopen(which, now=self._clock.now())
        applied = await self.apply_kept()
        matched = await self.rematch()
        return Replayed(
            asked=asked,
            matched=applied.matched + matched,
            unmatched=applied.unmatched,
            not_understood=applied.not_understood,
        )

    async def replay_one(self, callback: KeptCallback) -> Replayed:
        """Read and apply a single callback once more."""
        return await self.replay(ReplayFilter(seq=callback.seq, event_id=event_id_of(callback)))

    def _read(self, kept: KeptCallback) -> ReadCallback:
        return ReadCallback(
            seq=kept.seq,
            id=event_id_of(kept),
            provider=kept.provider,
            received_at=kept.received_at,
            said=self._said(kept),
        )

    def _said(self, kept: KeptCallback) -> NewEvent | NotUnderstood:
        reader = self._readers.get(kept.provider)
        if reader is None:
            return NotUnderstood(remarks.kept(remarks.NO_READER, provider=kept.provider))
        try:
            fields = reader.fields(kept.body.encode())
            return reader.event(fields, received_at=kept.received_at)
        except Exception as error:  # noqa: BLE001 - a bug of one reader; the callback stays, to be replayed
            _log.exception("a callback could not be read", seq=kept.seq)
            return NotUnderstood(remarks.kept(remarks.UNREADABLE, error=type(error).__name__))

    async def _apply(self, callbacks: Sequence[ReadCallback]) -> Applied:
        try:
            return await self._log.apply(callbacks, now=self._clock.now())
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - it is found by halves, set aside and logged
            if len(callbacks) == 1:
                return await self._set_aside(callbacks[0], error)
        middle = len(callbacks) // 2
        return _sum(await self._apply(callbacks[:middle]), await self._apply(callbacks[middle:]))

    async def _set_aside(self, one: ReadCallback, error: Exception) -> Applied:
        _log.error("a callback could not be applied", seq=one.seq, error=repr(error))
        why = remarks.kept(remarks.UNAPPLIED, error=type(error).__name__)
        await self._log.give_up(one.seq, why)
        return Applied(not_understood=1)


def event_id_of(kept: KeptCallback) -> str:
    """Return the id of the event in a callback: made of it alone, so that a replay makes it too."""
    at_ms = int(kept.received_at.timestamp() * 1_000)
    return uuid7(at_ms, int(kept.key, 16) & (1 << _ID_BITS) - 1)


def _sum(one: Applied, other: Applied) -> Applied:
    return Applied(
        matched=one.matched + other.matched,
        unmatched=one.unmatched + other.unmatched,
        not_understood=one.not_understood + other.not_understood,
    )
