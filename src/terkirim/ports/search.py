"""What people who look for something ask of the store; a look is bounded, however much is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from terkirim.domain.lease import Attempt
from terkirim.domain.message import State
from terkirim.domain.search import Findings, Search


class MessageSearch(Protocol):
    """Finds messages."""

    async def find(self, search: Search, *, limit: int, older_than: str | None = None) -> Findings:
        """Return messages, newest first; `older_than` is the id from which a search goes on."""
        ...

    async def index(self, *, now: datetime) -> int:
        """Bring the index on by a bounded piece; return how many messages, 0: it is up to date.

        Messages of the last seconds are not indexed: they are looked at one by one.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A message that gave up, or waits for a person; `is_kept`: it can be sent again."""

    id: str
    recipient: str
    state: State
    reason: str
    created_at: datetime
    provider: str | None = None
    is_kept: bool = True


class Insight(Protocol):
    """Read-only questions about what went wrong."""

    async def stopped(self, *, limit: int, older_than: str | None = None) -> list[Stopped]:
        """Return dead and held messages, newest first."""
        ...

    async def count_stopped(self) -> dict[State, int]:
        """Return how many are dead, and how many held."""
        ...

    async def variables(self, message_id: str) -> Mapping[str, Any] | None:
        """Return what a letter to many is filled with for this message; None: nothing."""
        ...

    async def sums(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[tuple[str, str, int]]:
        """Return (kind, key, count) of these rollups, summed over the hours that have begun."""
        ...

    async def series(
        self, kinds: Sequence[str], *, since: datetime, until: datetime, each: int
    ) -> list[tuple[int, str, str, int]]:
        """Return (place, kind, key, count) of these rollups in stretches of `each` hours."""
        ...

    async def last_attempts(self, provider: str, *, limit: int) -> Sequence[Attempt]:
        """Return requests to a provider among the newest of all, newest first."""
        ...
