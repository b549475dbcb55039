"""Credits, alerts and activity; the documented shapes of the first users too."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from terkirim.domain.alert import DeliveryState, Purpose, Severity
from terkirim.domain.credit import Level, Source
from terkirim.domain.email import Priority

DocumentedStatus = Literal["healthy", "warning", "critical", "emergency", "unknown"]


class CreditForecast(Struct):
    """When the credits run out, as a range; nulls: not within the days that are looked ahead."""

    known: bool
    early_at: datetime | None
    likely_at: datetime | None
    late_at: datetime | None
    per_day: int | None
    says: str


class CreditsWaiting(Struct):
    """Mail that is on its way to the account."""

    due: int
    scheduled: int


class CreditUse(Struct):
    """What one day used."""

    date: date
    credits: int


class CreditReading(Struct):
    """What the provider said of its balance; `credits` null: nothing usable."""

    at: datetime
    credits: int | None
    source: Source
    reason: str | None


class AlertNotice(Struct):
    """One notice to one channel, which is shown without its secrets."""

    channel: str
    purpose: Purpose
    state: DeliveryState
    attempts: int
    answer: str | None
    due_at: datetime | None
    sent_at: datetime | None


class Alert(Struct):
    """What is wrong, since when, and who was told; `ended_at` null: it goes on."""

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
    notices: list[AlertNotice]


class CreditsChecked(Struct):
    """How the prepaid account stands; `estimated`: less what was spent since the last reading."""

    object: Literal["credits"]
    provider: str
    balance: int | None
    estimated: bool
    level: Level
    read_at: datetime | None
    checked_at: datetime | None
    failures: int
    reason: str | None
    forecast: CreditForecast
    waiting: CreditsWaiting
    only_high_priority_leaves: bool


class Credits(CreditsChecked):
    """How the account stands, and how it did in the last `days`."""

    days: int
    checks: int
    average_balance: int | None
    lowest_balance: int | None
    alerts_raised: int
    trend: float | None
    usage: list[CreditUse]
    readings: list[CreditReading]
    alerts: list[Alert]


class EstimateBody(Struct, forbid_unknown_fields=True):
    """How many mails, of which priority."""

    count: Annotated[int, Meta(ge=1, le=100_000_000)]
    priority: Priority = Priority.NORMAL


class CreditsEstimate(Struct):
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


class AlertList(Struct):
    """Alerts, newest first."""

    object: Literal["list"]
    data: list[Alert]


class ChannelTested(Struct):
    """What a channel answered; `answer` null: it took the message."""

    channel: str
    ok: bool
    answer: str | None


class ChannelTests(Struct):
    """Every channel, with its answer."""

    object: Literal["list"]
    data: list[ChannelTested]


class ActivityEntry(Struct):
    """Who did what, when, to what."""

    object: Literal["activity"]
    id: str
    at: datetime
    who: str
    what: str
    subject: str | None
    facts: dict[str, Any]


class ActivityList(Struct):
    """A page of the activity log, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[ActivityEntry]


class DocumentedStats(Struct):
    """How the account did in the period."""

    checksPerformed: int  # noqa: N815 - as documented
    averageBalance: int | None  # noqa: N815 - as documented
    lowestBalance: int | None  # noqa: N815 - as documented
    alertsTriggered: int  # noqa: N815 - as documented


class DocumentedCredits(Struct):
    """How the account stands; `message`: why nobody knows."""

    success: bool
    balance: int | None
    status: DocumentedStatus
    alert: str | None
    estimated: bool | UnsetType = UNSET
    message: str | UnsetType = UNSET
    stats: DocumentedStats | UnsetType = UNSET
    period: str | UnsetType = UNSET


class DocumentedCheck(Struct):
    """How the account stands after a check."""

    success: bool
    balance: int | None
    status: DocumentedStatus
    alert: str | None
    message: str
    timestamp: datetime
    estimated: bool | UnsetType = UNSET


class DocumentedFinding(Struct):
    """What a scheduled check found."""

    balance: int | None
    status: DocumentedStatus
    alert: str | None
    timestamp: datetime


class DocumentedCronCheck(Struct):
    """Whether the scheduled check succeeded, and what it found."""

    success: bool
    message: str
    data: DocumentedFinding


class DocumentedRefusal(Struct):
    """No key or secret, or a wrong one."""

    error: Literal["Unauthorized"]
