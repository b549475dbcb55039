"""`/v1/retries` and `/v1/statistics/...`: what became of mail, and how long it took."""

from datetime import datetime, timedelta, tzinfo

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from terkirim.api import schemas
from terkirim.api.asked import instant_of, number, wrong
from terkirim.api.describing import TEXT, described, whole
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.compose import Gateway
from terkirim.reports import delivery, latency
from terkirim.reports.retries import retries
from terkirim.reports.spans import LONGEST_DAYS, MOST_DAYS_BY_HOUR, Span, last_days

USUAL_DAYS = 7
USUAL_LINES, MOST_LINES = delivery.MOST, 1_000
RETRIES = described(
    answers=schemas.Retries,
    scope="read",
    query={"days": (whole(1, LONGEST_DAYS, USUAL_DAYS), "Today and the days before it.")},
)
_A_TIME = "A day such as 2026-08-17 (of the operator's zone), or a time with its zone."
_SPAN = {
    "days": (
        whole(1, LONGEST_DAYS, USUAL_DAYS),
        f"Today and the days before it; not with `since`. By hour at most {MOST_DAYS_BY_HOUR}.",
    ),
    "since": (TEXT, f"The begin. {_A_TIME}"),
    "until": (TEXT, f"The end, which is not in it; now, where it is left out. {_A_TIME}"),
}
DELIVERY = described(
    answers=schemas.DeliveryStatistics,
    scope="read",
    query={
        "by": ({"type": "string", "enum": list(delivery.BY), "default": delivery.DAYS}, "Lines."),
        **_SPAN,
        "limit": (whole(1, MOST_LINES, USUAL_LINES), "How many tags or senders."),
    },
)
LATENCY = described(
    answers=schemas.LatencyStatistics,
    scope="read",
    query={
        "by": ({"type": "string", "enum": list(latency.BY), "default": delivery.DAYS}, "Lines."),
        **_SPAN,
    },
)


def statistics_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of the statistics."""
    statistics, clock = gateway.statistics, gateway.clock
    zone = gateway.settings.time_zone

    @get("/v1/retries", opt=RETRIES)
    async def retry_statistics(request: Http) -> Response[bytes]:
        """Tell how much was retried in the last `days` days, how often it helped, and why."""
        await keys.owner(request, "read")
        days = number(request, "days", most=LONGEST_DAYS, usual=USUAL_DAYS)
        found = await retries(statistics, now=clock.now(), zone=zone, days=days)
        return json_answer(found)

    @get("/v1/statistics/delivery", opt=DELIVERY)
    async def delivery_statistics(request: Http) -> Response[bytes]:
        """Tell what became of mail by hour, day, tag, sender or provider."""
        await keys.owner(request, "read")
        by = _choice(request, delivery.BY)
        span = _span(request, by=by, now=clock.now(), zone=zone)
        limit = number(request, "limit", most=MOST_LINES, usual=USUAL_LINES)
        found = await delivery.delivery(statistics, span=span, by=by, limit=limit)
        return json_answer(delivery.shape(found))

    @get("/v1/statistics/latency", opt=LATENCY)
    async def latency_statistics(request: Http) -> Response[bytes]:
        """Tell how long mail took from its submission to its acceptance (p50, p95, p99)."""
        await keys.owner(request, "read")
        by = _choice(request, latency.BY)
        span = _span(request, by=by, now=clock.now(), zone=zone)
        return json_answer(latency.shape(await latency.latency(statistics, span=span, by=by)))

    return [retry_statistics, delivery_statistics, latency_statistics]


def _choice(request: Http, choices: tuple[str, ...]) -> str:
    by = request.query_params.get("by", delivery.DAYS)
    if by not in choices:
        raise wrong("by", f"give one of {', '.join(choices)}")
    return by


def _span(request: Http, *, by: str, now: datetime, zone: tzinfo) -> Span:
    """Return the span that is asked for."""
    asked = request.query_params
    most = MOST_DAYS_BY_HOUR if by == delivery.HOURS else LONGEST_DAYS
    if "since" not in asked and "until" not in asked:
        days = number(request, "days", most=most, usual=USUAL_DAYS)
        return last_days(days, now=now, zone=zone)
    if "days" in asked:
        raise wrong("days", "give `days`, or `since` and `until`")
    if "since" not in asked:
        raise wrong("since", "is missing; `until` alone says no begin")
    since = instant_of(asked["since"], "since", zone)
    until = instant_of(asked["until"], "until", zone) if "until" in asked else now
    if until <= since:
        raise wrong("until", "lies before `since`")
    if until - since > timedelta(days=most + 1):
        raise wrong("since", f"give at most {most} days")
    return Span(since=since, until=until, zone=zone)
