"""Statistics: retries, delivery, latency."""

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType


class ReasonCount(Struct):
    """How often attempts failed for one reason."""

    reason: str
    count: int


class WaitCount(Struct):
    """How many retries waited about so long."""

    up_to_seconds: float
    count: int


class HourOfWaits(Struct):
    """How long the waits were that began in one hour."""

    hour: datetime
    count: int
    p50_seconds: float | None
    p95_seconds: float | None


class Retries(Struct):
    """How much was retried, how often it helped, and why; waits by hour of at most seven days."""

    days: int
    attempts: int
    retries: int
    accepted_after_retry: int
    success_rate_after_retry: float | None
    by_attempt: list[dict[str, int]]
    reasons: list[ReasonCount]
    waits: list[WaitCount]
    waits_by_hour: list[HourOfWaits]


class DeliveryFigures(Struct):
    """What became of mail. A rate is a share of `accepted`, from 0 to 1; null: nothing was."""

    accepted: int
    delivered: int
    bounced: int
    complained: int
    opened: int
    clicked: int
    unsubscribed: int
    delivery_rate: float | None
    open_rate: float | None
    click_rate: float | None
    bounce_rate: float | None
    complaint_rate: float | None


class DeliveryLine(DeliveryFigures):
    """One hour, day, tag, sender or provider; `(others)`: tags or senders beyond 1,000 a day."""

    key: str


class DeliveryStatistics(Struct):
    """What became of mail in whole hours, or in whole days of the operator's zone."""

    object: Literal["delivery_statistics"]
    by: Literal["hour", "day", "tag", "sender", "provider"]
    since: datetime
    until: datetime
    total: DeliveryFigures
    has_more: bool
    data: list[DeliveryLine]


class LatencyFigures(Struct):
    """How long mail took, from when it could first leave to its acceptance, waits included."""

    count: int
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


class LatencyLine(LatencyFigures):
    """One hour or day in which mail was accepted."""

    key: str


class LatencyStatistics(Struct):
    """How long mail took; percentiles are a fifth too high at most, never too low."""

    object: Literal["latency_statistics"]
    by: Literal["hour", "day"]
    since: datetime
    until: datetime
    total: LatencyFigures
    data: list[LatencyLine]


class EmailMetrics(Struct):
    """Resend's statistics; a rate is a share from 0 to 1 of what was sent, null where none was."""

    object: Literal["metrics"]
    start_date: datetime
    end_date: datetime
    metrics: list[str]
    dimensions: list[str]
    granularity: Literal["hourly", "daily", "weekly", "monthly"]
    totals: dict[str, int | float | None]
    data: list[dict[str, Any]] | UnsetType = UNSET
