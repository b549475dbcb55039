"""What alerts need: a book of what is wrong and who was told, and ways to reach people."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from terkirim.domain.alert import Alert, Condition, Delivery, DeliveryState, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to reach somebody: an address of Apprise (a secret), and the lowest severity it wants.

    `key` names it for good and says nothing of the address; `shown` is for people.
    """

    key: str
    shown: str
    url: str
    lowest: Severity = Severity.INFO

    def __repr__(self) -> str:
        return f"Channel({self.shown!r})"


class Messenger(Protocol):
    """Writes to one channel."""

    async def tell(
        self, channel: Channel, *, title: str, body: str, severity: Severity, within: timedelta
    ) -> str:
        """Return "" once the channel took the text, else why not, without secrets."""
        ...


class Alarms(Protocol):
    """Where a part says that something is wrong, or is well again."""

    async def settle(
        self,
        conditions: Sequence[Condition],
        *,
        kinds: Collection[str],
        standing: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Raise what is new of these conditions; end what is open of these kinds and not found.

        `standing`: facts about each subject as it is now, for the words in which an end is told.
        """
        ...

    async def raise_(self, condition: Condition) -> None:
        """Raise one condition; its condition stays open until `end`."""
        ...

    async def end(self, kind: str, subject: str = "") -> None:
        """End a condition; nothing happens where it is not open."""
        ...

    async def open(self, kinds: Collection[str]) -> list[Alert]:
        """Return what is wrong of these kinds, also what nobody was told of yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """One step of a condition, written whole or not at all.

    `ends` is the open alert that it ends, and removes where nobody was told of it; `starts` is the
    one that takes its place. `sees` was found again. `notices` go to channels. `recovery` goes to
    every channel that was written to about `ends` or `ends_too`, unless a notice goes there anyway.
    """

    ends: Alert | None = None
    ends_too: tuple[Alert, ...] = ()
    starts: Alert | None = None
    sees: Alert | None = None
    notices: tuple[Delivery, ...] = ()
    recovery: Delivery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts a list shows, newest first; those that nobody was told of are left out."""

    since: datetime
    until: datetime
    limit: int = 100
    kinds: Collection[str] | None = None
    is_open: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How the mail of the last 24 hours went; `oldest_due_at`: since when the oldest one waits.

    `unknown` has (provider, words) of answers that nobody knows.
    """

    accepted: int
    bounced: int
    complained: int
    dead: int
    oldest_due_at: datetime | None
    unknown: tuple[tuple[str, str], ...] = ()


class AlertBook(Protocol):
    """Alerts and their deliveries: each is a row before it is a message."""

    async def open_alerts(self, kinds: Collection[str] | None = None) -> list[Alert]:
        """Return what goes on of these kinds (None: of every kind), oldest first."""
        ...

    async def last_told(self, conditions: Collection[str]) -> dict[str, dict[Severity, datetime]]:
        """Return when people last heard of each of these conditions, by how bad it was.

        What was over, or better, before it could be told is not among it.
        """
        ...

    async def change(self, changes: Sequence[AlertChange], *, now: datetime) -> int:
        """Write the steps in one transaction, each with its activity; return how many counted.

        A step whose condition another node has moved meanwhile does not count.
        """
        ...

    async def take_due(self, *, now: datetime, lease_for: timedelta, limit: int) -> list[Delivery]:
        """Return notices that are due, each counted as attempted and hidden until the lease ends.

        A process that dies with them leaves them to the next one.
        """
        ...

    async def note_delivery(
        self, delivery: Delivery, *, state: DeliveryState, answer: str, at: datetime
    ) -> None:
        """Record how an attempt ended; WAITING: it is due again `at`."""
        ...

    async def alerts(self, which: AlertFilter) -> list[Alert]:
        """Return alerts with their deliveries, newest first."""
        ...

    async def has_alert(self, alert_id: str) -> bool:
        """Return whether an alert of this id was ever kept."""
        ...

    async def vitals(self, *, now: datetime) -> Vitals:
        """Return how the mail of the last 24 hours went."""
        ...
