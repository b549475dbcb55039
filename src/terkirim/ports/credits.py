"""What the credits need: a provider that tells its balance, and a book that keeps what was read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, runtime_checkable

from terkirim.domain.alert import Activity, Alert
from terkirim.domain.credit import Reading, Spent, Waiting
from terkirim.domain.outcome import Outcome, ProviderFault


@runtime_checkable
class BalanceSource(Protocol):
    """A prepaid provider that can be asked for its balance."""

    async def balance(self, *, within: timedelta) -> int | Outcome | ProviderFault:
        """Return the credits left, or why they are not known; raises nothing but cancellation.

        An answer that cannot be read is never a balance of 0.
        """
        ...


@dataclass(frozen=True, slots=True)
class Overheard:
    """A balance that the answer to a mail named beside its outcome."""

    provider: str
    at: datetime
    credits: int


class Ears(Protocol):
    """What this process's providers said beside the outcomes of mails."""

    def balances(self) -> list[Overheard]:
        """Return the newest balance of each provider that named one since the last call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReadings:
    """The newest usable reading of a provider, and its newest checks, the latest first."""

    known: Reading | None
    checks: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditStatistics:
    """An account over some days. `usage` counts credits by local day, oldest first, gaps as 0.

    `trend`: by which share the last seven whole days used more (or less) than the seven before
    them; None while either is not known.
    """

    days: int
    checks: int
    average_balance: int | None
    lowest_balance: int | None
    alerts_raised: int
    alerts: tuple[Alert, ...]
    readings: tuple[Reading, ...]
    usage: Mapping[date, int]
    trend: float | None


class CreditBook(Protocol):
    """Where readings are kept, beside our own counts of what was spent."""

    async def keep_reading(self, reading: Reading, activity: Activity | None = None) -> Reading:
        """Store a reading with what was spent in its hour before it; return it so.

        The activity, where somebody asked, is kept with it.
        """
        ...

    async def last_readings(self, provider: str, *, checks: int) -> LastReadings:
        """Return the newest usable reading, and at most this many of the newest checks."""
        ...

    async def readings(self, provider: str, *, since: datetime, limit: int) -> list[Reading]:
        """Return readings, newest first."""
        ...

    async def balances(
        self, provider: str, *, since: datetime, each: timedelta
    ) -> list[tuple[datetime, int]]:
        """Return the last known balance of each stretch of time, oldest first."""
        ...

    async def reading_counts(
        self, provider: str, *, since: datetime
    ) -> tuple[int, float | None, int | None]:
        """Return how many checks there were, and the average and lowest balance of all readings."""
        ...

    async def spent(self, provider: str, *, since: datetime, until: datetime) -> list[Spent]:
        """Return what each hour used that used anything, oldest first; both hours included."""
        ...

    async def waiting(
        self, provider: str, *, routes: Mapping[str, Sequence[str]], now: datetime
    ) -> Waiting:
        """Return how much mail this provider is the next to get, by the routes' providers."""
        ...

    async def stored_rows(self, campaign: str) -> int:
        """Return how many rows of a campaign were put on disk before."""
        ...

    async def renew_allowance(
        self, reading: Reading, *, allow: Callable[[Sequence[Spent], int], int | None]
    ) -> int | None:
        """Set how many messages without high priority may still leave; None: as many as want to.

        `allow` is asked in the transaction, with what was spent since the reading's hour and how
        many messages are in the air. It must be quick, and touch nothing.
        """
        ...

    async def allowance(self, provider: str) -> int | None:
        """Return how many messages without high priority may still leave."""
        ...
