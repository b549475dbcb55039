"""The metrics of e-mails as Resend names them, in all and by period."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from terkirim.ports.statistics import Ask, Statistics
from terkirim.reports.delivery import share
from terkirim.reports.spans import Span, day_that_began

HOURLY, DAILY, WEEKLY, MONTHLY = "hourly", "daily", "weekly", "monthly"
GRANULARITIES = (HOURLY, DAILY, WEEKLY, MONTHLY)
COUNTS = (
    "sent", "delivered", "complained", "suppressed", "bounced", "bounced_transient",
    "bounced_permanent", "bounced_undetermined", "opened", "clicked", "unsubscribed",
    "delivery_delayed", "failed", "unique_opened", "unique_clicked",
)  # fmt: skip
# Each is a share of what was sent, from 0 to 1.
RATES: Mapping[str, str] = {
    "delivery_rate": "delivered",
    "open_rate": "unique_opened",
    "click_rate": "unique_clicked",
    "bounce_rate": "bounced",
    "complaint_rate": "complained",
    "unsubscribe_rate": "unsubscribed",
}
METRICS = (*COUNTS, *RATES)
_KINDS = ("outcome", "state", "event", "event_first")
_STATES = {"suppressed": "suppressed", "dead": "failed"}
# "Undetermined" is what is neither for good nor for now: most often we are blocked.
_EVENTS = {
    "opened": "opened",
    "clicked": "clicked",
    "bounced_transient": "bounced_transient",
    "bounced_permanent": "bounced_permanent",
    "bounced_blocked": "bounced_undetermined",
    "bounced": "bounced_undetermined",
}
_FIRSTS = {
    "accepted": "sent",
    "delivered": "delivered",
    "complained": "complained",
    "bounced": "bounced",
    "unsubscribed": "unsubscribed",
    "opened": "unique_opened",
    "clicked": "unique_clicked",
}

Values = dict[str, int | float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What was asked for, in all; `periods`: (begin as text, the same of that period), in order."""

    span: Span
    totals: Values
    periods: tuple[tuple[str, Values], ...]


async def metrics(
    statistics: Statistics, *, span: Span, granularity: str, wanted: Iterable[str]
) -> Metrics:
    """Return these metrics; a period without any mail is left out."""
    by_day = granularity != HOURLY
    span = span.in_days() if by_day else span.in_hours()
    ask = Ask(kinds=_KINDS, since=span.since, until=span.until, by_day=by_day)
    name_of = _namer(granularity, span)
    periods: dict[str, Counter[str]] = {}
    for one in await statistics.series(ask):
        own = periods.setdefault(name_of(one.begin), Counter())
        for key, count in one.by_key.items():
            own[_metric(one.kind, key)] += count
    total: Counter[str] = Counter()
    for counts in periods.values():
        total.update(counts)
    names = tuple(wanted)
    return Metrics(
        span=span,
        totals=_values(total, names),
        periods=tuple((name, _values(periods[name], names)) for name in sorted(periods)),
    )


def _namer(granularity: str, span: Span) -> Callable[[datetime], str]:
    def day(at: datetime) -> date:
        return day_that_began(at, span.zone)

    match granularity:
        case "hourly":
            return lambda at: at.astimezone(span.zone).isoformat()
        case "weekly":
            return lambda at: (day(at) - timedelta(days=day(at).weekday())).isoformat()
        case "monthly":
            return lambda at: day(at).replace(day=1).isoformat()
        case _:
            return lambda at: day(at).isoformat()


@lru_cache(maxsize=1_024)
def _metric(kind: str, key: str) -> str:
    """Return which metric a count belongs to, "" for none."""
    if kind == "state":
        return _STATES.get(key, "")
    provider, what, *rest = key.split(":")
    if provider == "sandbox":
        return ""
    if kind == "event":
        return _EVENTS.get(what, "")
    if kind == "event_first":
        return _FIRSTS.get(what, "")
    return "delivery_delayed" if what == "deferred" and rest == ["1"] else ""


def _values(counts: Counter[str], wanted: Iterable[str]) -> Values:
    return {
        name: share(counts[RATES[name]], counts["sent"]) if name in RATES else counts[name]
        for name in wanted
    }
