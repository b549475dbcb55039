"""Sums over the rollups: their cost grows with the hours or days that are asked for, no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from terkirim.domain.delivery import Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which rollups are asked for: those that begin at `since` or later, and before `until`.

    `by_day`: the sums of days, which the database keeps beside those of the hours for most kinds.
    """

    kinds: tuple[str, ...]
    since: datetime
    until: datetime
    by_day: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What was counted of one kind in an hour, or on a day: it begins at `begin`."""

    begin: datetime
    kind: str
    by_key: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What became of the mail with one tag, or of one sender."""

    name: str
    outcomes: Outcomes


class Statistics(Protocol):
    """Read-only questions about many messages."""

    async def sums(self, ask: Ask) -> list[tuple[str, str, int]]:
        """Return (kind, key, count), added up over the whole span."""
        ...

    async def series(self, ask: Ask) -> list[Sums]:
        """Return the sums of each hour or day, of each kind; those without any are left out."""
        ...

    async def ranked(
        self, kind: str, *, since: datetime, until: datetime, limit: int
    ) -> Sequence[Named]:
        """Return tags (`event_tag`) or senders (`event_sender`), those with most mail first."""
        ...
