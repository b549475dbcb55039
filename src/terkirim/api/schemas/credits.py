"""Credits, alerts, and who did what."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Level = Literal["ok", "warning", "critical", "emergency", "unknown"]
Severity = Literal["info", "warning", "critical", "emergency"]


class Forecast(Struct):
    """When the credits run out, as a range; null: not within 90 days. `known`: it can be told."""

    known: bool
    early_at: datetime | None
    likely_at: datetime | None
    late_at: datetime | None
    per_day: int | None
    says: str


class WaitingMail(Struct):
    """Messages that will cost credits: due now, and later."""

    due: int
    scheduled: int


class CreditReading(Struct):
    """A balance as it was read; `credits` null: for the `reason` it was not."""

    at: datetime
    credits: int | None
    source: Literal["check", "send"]
    reason: str | None


class DayUse(Struct):
    """Credits that one day used, in the operator's time zone."""

    date: date
    credits: int


class Notice(Struct):
    """Who was told of an alert; the channel is shown without its secrets."""

    channel: str
    purpose: Literal["alert", "recovery", "summary", "test"]
    state: Literal["waiting", "sent", "failed", "dropped"]
    attempts: int
    answer: str | None
    due_at: datetime
    sent_at: datetime | None


class Alert(Struct):
    """Something that is or was wrong; `ended_at` null: it goes on."""

    object: Literal["alert"]
    id: str
    kind: str
    subject: str | None
    severity: Severity
    title: str
    body: str
    facts: dict[str, Any]
    raised_at: datetime | None
    ended_at: datetime | None
    notices: list[Notice]


class AlertList(Struct):
    """Alerts, newest first."""

    object: Literal["list"]
    data: list[Alert]


class ChannelAnswer(Struct):
    """What a channel answered to a test; `answer` null: it took the text."""

    channel: str
    ok: bool
    answer: str | None


class ChannelAnswers(Struct):
    """What every channel answered."""

    object: Literal["list"]
    data: list[ChannelAnswer]


class Activity(Struct):
    """Who did what, when."""

    object: Literal["activity"]
    at: datetime
    who: str
    what: str
    subject: str | None
    facts: dict[str, Any]


class ActivityList(Struct):
    """What was done, newest first."""

    object: Literal["list"]
    data: list[Activity]


class CreditStanding(Struct):
    """How the account stands now; `estimated`: less what was spent since it was read."""

    object: Literal["credits"]
    provider: str
    balance: int | None
    estimated: bool
    level: Level
    read_at: datetime | None
    checked_at: datetime | None
    failures: int
    reason: str | None
    forecast: Forecast
    waiting: WaitingMail
    only_high_priority_leaves: bool


class Credits(CreditStanding):
    """How the account stands, and its last days. `trend`: the last week against the one before."""

    days: int
    checks: int
    average_balance: int | None
    lowest_balance: int | None
    alerts_raised: int
    trend: float | None
    usage: list[DayUse]
    readings: list[CreditReading]
    alerts: list[Alert]


class EstimateBody(Struct, forbid_unknown_fields=True):
    """So many mails, of this priority."""

    count: Annotated[int, Meta(ge=1, le=100_000_000)]
    priority: Literal["high", "normal", "low"] = "normal"


class CreditEstimate(Struct):
    """Whether the mails can be paid; `enough` null: no balance is known."""

    object: Literal["credits_estimate"]
    count: int
    cost: int
    balance: int | None
    estimated: bool
    waiting_cost: int
    reserve: int
    enough: bool | None
    goes_out: int | None


class OldStatistics(Struct):
    """The statistics as the first users have them."""

    checksPerformed: int  # noqa: N815 - their name
    averageBalance: int | None  # noqa: N815 - their name
    lowestBalance: int | None  # noqa: N815 - their name
    alertsTriggered: int  # noqa: N815 - their name


OldStatus = Literal["healthy", "warning", "critical", "emergency", "unknown"]


class OldCredits(Struct):
    """The balance as the first users have it; a failed check is `unknown`, with the last one."""

    success: bool
    balance: int | None
    status: OldStatus
    alert: str | None
    estimated: bool | UnsetType = UNSET
    message: str | UnsetType = UNSET
    timestamp: datetime | UnsetType = UNSET
    stats: OldStatistics | UnsetType = UNSET
    period: str | UnsetType = UNSET


class OldCheck(Struct):
    """What one check found."""

    balance: int | None
    status: OldStatus
    alert: str | None
    timestamp: datetime


class OldChecked(Struct):
    """What the cron route answers."""

    success: bool
    message: str
    data: OldCheck
