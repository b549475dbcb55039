"""Where callbacks and events are kept, and how a provider's callbacks are read.

The table of events is the log of facts about messages, in the order in which they became known:
`seq` only grows, and each fact is written in the transaction that changes its message. Whoever must
learn of every fact (outgoing webhooks) reads on from the last `seq` it has seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from terkirim.domain.event import BounceClass, EventKind, Match, NewEvent, NotUnderstood


class CallbackReader(Protocol):
    """How one provider's callbacks are read. Total: it never raises but what is named here."""

    provider: str

    def fields(self, body: bytes) -> Mapping[str, Any]:
        """Return the fields of a callback, flat, whatever its shape.

        Raises:
            ValueError: it cannot be read; a sentence says why.
        """
        ...

    def is_dated(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the callback says when: only then is a repeat one for ever."""
        ...

    def event(
        self, fields: Mapping[str, Any], *, received_at: datetime
    ) -> NewEvent | NotUnderstood:
        """Return what it says of a message."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCallback:
    """A callback as it came; `key` is a hash of its canonical fields, the same for a repeat."""

    key: str
    provider: str
    body: str
    received_at: datetime
    is_dated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCallback:
    """A callback that is on disk and was not applied yet."""

    seq: int
    key: str
    provider: str
    body: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRow(KeptCallback):
    """A callback as lists show it; `note`: why it led to nothing, "" where it did."""

    state: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCallback:
    """A kept callback with what it says; `id` is the event's: the same at every replay."""

    seq: int
    id: str
    provider: str
    received_at: datetime
    said: NewEvent | NotUnderstood


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of callbacks: matched, waiting for a message, or saying nothing of one."""

    matched: int = 0
    unmatched: int = 0
    not_understood: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFilter:
    """Which kept callbacks are read and applied again: those that led to nothing, or `is_all`.

    `seq` names a single one, `event_id` the event that it makes.
    """

    since: datetime | None = None
    is_all: bool = False
    seq: int | None = None
    event_id: str | None = None


class CallbackLog(Protocol):
    """Raw callbacks, and the one transaction that applies them."""

    async def keep(self, callback: RawCallback) -> bool:
        """Keep a callback and return after the commit; False: it is a repeat, and was kept before.

        A callback without a date is a repeat for ten minutes only.
        """
        ...

    async def unapplied(self, *, limit: int) -> list[KeptCallback]:
        """Return kept callbacks that were not applied, oldest first."""
        ...

    async def apply(self, callbacks: Sequence[ReadCallback], *, now: datetime) -> Applied:
        """Match events and apply them: events, messages, suppressions and counts in one commit.

        What was applied by another node meanwhile is left out.
        """
        ...

    async def give_up(self, seq: int, why: str) -> None:
        """Set a callback aside that cannot be applied; `why` stays beside it."""
        ...

    async def rematch(self, *, now: datetime, limit: int) -> tuple[int, int]:
        """Look again for messages of events that found none: (looked at, found), of `limit`."""
        ...

    async def reopen(self, which: ReplayFilter, *, now: datetime) -> int:
        """Make kept callbacks unapplied, and unmatched events due; return how many.

        What led to an event already does not lead to a second one.
        """
        ...

    async def count_refused(self, counts: Mapping[str, int], *, now: datetime) -> None:
        """Count callbacks that were not kept; an hour of them is one row of the activity log."""
        ...

    async def forget(self, *, raw_before: datetime, all_before: datetime, now: datetime) -> int:
        """Delete some of what is too old; return how many rows.

        Raw bodies before `raw_before`; dedupe keys, unmatched events and suppressions that have
        ended before `all_before`. Events with a message stay as long as it does.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as it was kept; one that waits for its message has no `seq` and no `message_id`."""

    id: str
    kind: EventKind
    at: datetime
    received_at: datetime
    provider: str
    recipient: str | None
    reference: str | None = None
    seq: int | None = None
    message_id: str | None = None
    match: Match | None = None
    bounce: BounceClass | None = None
    is_scanner: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events a list shows, newest first; `before` is a `seq`."""

    limit: int = 20
    before: int | None = None
    kind: EventKind | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeFacts:
    """How the intake stands; what is `set_aside` says nothing of a message, or broke."""

    last_at: datetime | None
    unapplied: int
    unmatched: int
    set_aside: int


class EventLog(Protocol):
    """Read-only questions about events."""

    async def events(self, which: EventFilter) -> list[EventRow]:
        """Return events that found their message, newest first."""
        ...

    async def events_after(self, seq: int, *, limit: int) -> list[EventRow]:
        """Return the log from after `seq` on, oldest first: nothing is ever written before it."""
        ...

    async def unmatched(self, *, limit: int, before: str | None = None) -> list[EventRow]:
        """Return events that found no message, newest first; `before` is an id."""
        ...

    async def event(self, event_id: str) -> EventRow | None:
        """Return an event, also one that found no message; None where there is none."""
        ...

    async def callbacks_at(self, received_at: datetime) -> list[CallbackRow]:
        """Return the callbacks that came at this instant, to the microsecond."""
        ...

    async def set_aside(self, *, limit: int, before: int | None = None) -> list[CallbackRow]:
        """Return callbacks that say nothing of a message or broke, newest first; by `seq`."""
        ...

    async def intake(self) -> IntakeFacts:
        """Return how the intake stands; counts are exact up to 10,000."""
        ...


class Events(CallbackLog, EventLog, Protocol):
    """One database that keeps callbacks and events."""
