"""Where the addresses stand that are not to be sent to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from terkirim.domain.email import Stream
from terkirim.domain.suppression import Suppression, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionFilter:
    """Which entries a list shows, newest first; `after` (older) and `before` (newer) are ids.

    `named` is an id or an address in lower case. Entries whose time is over are not shown.
    With `starts`, the beginning of an address in lower case, entries come by address instead, and
    `past` is the (address, stream or "") after which they go on.
    """

    limit: int = 20
    after: str | None = None
    before: str | None = None
    named: str | None = None
    domain: str | None = None
    starts: str | None = None
    past: tuple[str, str] | None = None
    whys: tuple[Why, ...] | None = None
    stream: Stream | None = None


class Suppressions(Protocol):
    """The list of suppressed addresses; every change of it is a row of the activity log."""

    async def suppress(
        self, entries: Sequence[Suppression], *, who: str, now: datetime
    ) -> list[Suppression]:
        """Enter addresses; return what stands for each: an older, stronger entry stays."""
        ...

    async def unsuppress(
        self, names: Sequence[str], *, who: str, why: str, now: datetime
    ) -> list[Suppression]:
        """Remove entries by id or by address, and return those that were removed."""
        ...

    async def suppressions(self, which: SuppressionFilter, *, now: datetime) -> list[Suppression]:
        """Return entries in force, newest first."""
        ...
