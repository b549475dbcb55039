"""Prepaid credits: what was read of a balance, and the levels that it stands at."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """How full an account is; `unknown` before the first reading and after a failed check."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    EMERGENCY = "emergency"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """Where a reading comes from: a question about the balance, or the answer to a mail."""

    CHECK = "check"
    SEND = "send"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a provider said of its balance; `credits` None: it said nothing usable, see `reason`.

    `fault` is then how the question ended, by the name of its outcome: `Unauthorised`, `Deferred`.
    `sent_before`, `bounced_before`: what we had counted in the reading's own hour (UTC) before it,
    so that what came after it is known to the mail although counts are kept by the hour.
    """

    provider: str
    at: datetime
    credits: int | None
    source: Source = Source.CHECK
    fault: str = ""
    reason: str = ""
    sent_before: int = 0
    bounced_before: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one hour (UTC, `hour` since 1970) used: mails taken, and bounces reported."""

    hour: int
    sent: int
    bounced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Mail that is on its way to one provider: due now or in the air, and later, by hour."""

    due: int = 0
    later: tuple[tuple[int, int], ...] = ()

    @property
    def count(self) -> int:
        """How many messages wait in all."""
        return self.due + sum(count for _, count in self.later)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When the credits run out, as a range; None: not within the days that are looked ahead.

    `is_known` is False while there is too little history to tell; then all three are None.
    `per_day` is the likely use of credits a day.
    """

    is_known: bool
    early: datetime | None = None
    likely: datetime | None = None
    late: datetime | None = None
    per_day: int = 0


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is expected to be left at an instant, by each course of the range; never below 0."""

    at: datetime
    early: int
    likely: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """Whether `count` mails can be paid now; `is_enough` None where no balance is known.

    `waiting` is what the mail that waits already will cost, `reserve` what is kept for mail of
    high priority. `goes_out` is how many of the mails leave before the credits stop them.
    """

    count: int
    cost: int
    balance: int | None
    is_estimated: bool
    waiting: int
    reserve: int
    goes_out: int | None
    is_enough: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an account stands now.

    `balance` is the last reading less what was spent since (`is_estimated` where that is anything);
    `reading` is the one it starts from. `failures` counts checks that failed in a row, the last
    one's `fault` and `reason` among them. `level` is unknown after a failed check, `known_level` is
    the one before it then. `is_reserved`: only mail of high priority leaves.
    """

    provider: str
    at: datetime
    balance: int | None
    is_estimated: bool
    level: Level
    known_level: Level
    reading: Reading | None
    failures: int
    fault: str
    reason: str
    checked_at: datetime | None
    forecast: Forecast
    waiting: Waiting
    is_reserved: bool
