"""`GET /v1/emails/metrics`: Resend's own statistics, so that its SDKs read them from us."""

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from terkirim.api import schemas
from terkirim.api.asked import instant_of, some_of, wrong
from terkirim.api.describing import TEXT, described
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.compose import Gateway
from terkirim.reports.metrics import DAILY, GRANULARITIES, HOURLY, METRICS, metrics
from terkirim.reports.spans import LONGEST_DAYS, MOST_DAYS_BY_HOUR, Span

USUAL = timedelta(days=6)
PERIOD = "period"
_NOT_KEPT = ("domain_id", "email_id", "broadcast_id")
_WHEN = "A day, or a time with its zone; a day is the operator's."
DESCRIPTION = described(
    answers=schemas.EmailMetrics,
    scope="read",
    query={
        "start_date": (TEXT, f"Six days before the end, where it is left out. {_WHEN}"),
        "end_date": (TEXT, f"Now, where it is left out. {_WHEN}"),
        "timezone": (TEXT, "Of the hours. Days are counted in TERKIRIM_TIME_ZONE, the default."),
        "granularity": ({**TEXT, "enum": list(GRANULARITIES), "default": DAILY}, "Of periods."),
        "metrics": (TEXT, f"Some of {', '.join(METRICS)}; all, where it is left out."),
        "dimensions": (TEXT, "`period`: `data` has a row each; without it only the totals."),
    },
)


def email_metric_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handler of the metrics."""
    zone = gateway.settings.time_zone

    @get("/v1/emails/metrics", opt=DESCRIPTION)
    async def email_metrics(request: Http) -> Response[bytes]:
        """Tell how many e-mails were sent, delivered, opened and so on, as Resend does."""
        await keys.owner(request, "read")
        asked = request.query_params
        for name in _NOT_KEPT:
            if name in asked:
                raise wrong(name, "is not counted by; /v1/statistics/delivery counts by tag")
        wanted = some_of(asked.get("metrics"), "metrics", METRICS) or METRICS
        dimensions = some_of(asked.get("dimensions"), "dimensions", (PERIOD,)) or ()
        granularity = asked.get("granularity", DAILY)
        if granularity not in GRANULARITIES:
            raise wrong("granularity", f"give one of {', '.join(GRANULARITIES)}")
        span = _span(request, granularity, now=gateway.clock.now(), zone=zone)
        found = await metrics(gateway.statistics, span=span, granularity=granularity, wanted=wanted)
        answer = {
            "object": "metrics",
            "start_date": found.span.since.astimezone(span.zone).isoformat(),
            "end_date": found.span.until.astimezone(span.zone).isoformat(),
            "metrics": wanted,
            "dimensions": dimensions,
            "granularity": granularity,
            "totals": found.totals,
        }
        if dimensions:
            answer["data"] = [{PERIOD: name, **values} for name, values in found.periods]
        return json_answer(answer)

    return [email_metrics]


def _span(request: Http, granularity: str, *, now: datetime, zone: tzinfo) -> Span:
    asked = request.query_params
    most = MOST_DAYS_BY_HOUR if granularity == HOURLY else LONGEST_DAYS
    own = _zone(request, granularity, zone)
    until = instant_of(asked["end_date"], "end_date", own) if "end_date" in asked else now
    try:
        usual = until - USUAL
    except OverflowError:
        raise wrong("end_date", "lies too far back") from None
    since = instant_of(asked["start_date"], "start_date", own) if "start_date" in asked else usual
    if until <= since:
        raise wrong("end_date", "lies before `start_date`")
    if until - since > timedelta(days=most + 1):
        raise wrong("start_date", f"give at most {most} days")
    return Span(since=since, until=until, zone=own)


def _zone(request: Http, granularity: str, zone: tzinfo) -> tzinfo:
    name = request.query_params.get("timezone")
    if name is None or name == str(zone):
        return zone
    if granularity != HOURLY:
        raise wrong("timezone", f"days are counted in {zone}: give that, or hourly")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no such zone, or no name of one
        raise wrong("timezone", "give a zone such as Asia/Jakarta") from None
