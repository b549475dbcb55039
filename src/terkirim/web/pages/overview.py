"""The first look: does mail go out, how much, how fast, and what helps where it does not."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.credit import Standing
from terkirim.domain.phrase import Phrase, phrase
from terkirim.domain.search import Search
from terkirim.language import Voice
from terkirim.reports.credits import LEVELS, forecast_in_words
from terkirim.reports.overview import by_hour
from terkirim.reports.retries import retries
from terkirim.web.pulse import Figures
from terkirim.web.site import Site
from terkirim.web.visit import Visit
from terkirim.web.words import OUTCOMES

# Key in the address -> hours, hours in one bar, label.
SPANS: dict[str, tuple[int, int, Phrase]] = {
    "24h": (24, 1, phrase("24 hours")),
    "7d": (7 * 24, 1, phrase("7 days")),
    "30d": (30 * 24, 24, phrase("30 days")),
    "90d": (90 * 24, 24, phrase("90 days")),
}
_RETRY_DAYS = 7
_BUCKET = 2**0.25  # how many times as long as its shortest the longest wait of a count is
WAITS = (
    *(timedelta(seconds=seconds) for seconds in (5, 10, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 5, 30)),
    *(timedelta(hours=hours) for hours in (1, 6, 24)),
    timedelta(days=3_650),
)


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    desk = site.gateway.desk

    @site.get("/")
    async def overview(visit: Visit) -> Response[Any]:
        now = visit.now
        span = visit.query.get("span", "24h")
        hours, each, label = SPANS.get(span, SPANS["24h"])
        until = _day_end(now, visit.zone, each)
        chart = await by_hour(desk.insight, now=until, hours=hours, each=each)
        counted_in = site.gateway.settings.time_zone  # whole days are counted as mail ends
        retry = await retries(site.gateway.statistics, now=now, zone=counted_in, days=_RETRY_DAYS)
        newest = await desk.search.find(Search(), limit=1)
        return visit.page(
            "overview.html",
            place="/",
            chart=chart,
            chart_each=each,
            chart_label=label,
            span_key=span if span in SPANS else "24h",
            spans=SPANS,
            is_empty=not newest.rows,
            lines=await site.pulse.lines(),
            line_label=SPANS["30d"][2],
            zone=visit.zone.key,
            sender=site.gateway.settings.mailketing_from_email or "toko@example.com",
            retry=retry,
            waits=_waits(retry["waits"]),
            retry_days=_RETRY_DAYS,
            reason_in_words=lambda reason: _reason(reason, visit.say),
            **figures_of(site, await site.pulse.figures()),
        )

    return [overview]


def figures_of(site: Site, found: Figures) -> dict[str, Any]:
    """Return what the parts of the overview show that change from second to second."""
    return {
        "figures": found,
        "health": found.health,
        "accounts": [_account(number, one) for number, one in enumerate(found.standings, 1)],
        "levels": site.gateway.lookout.standings.levels,
        "seconds": _whole_seconds(found.oldest),
    }


def _account(number: int, standing: Standing) -> dict[str, Any]:
    return {
        "number": number,
        "standing": standing,
        "level": LEVELS[standing.level],
        "forecast_says": forecast_in_words(standing),
    }


def _whole_seconds(span: timedelta | None) -> timedelta | None:
    return None if span is None else timedelta(seconds=int(span.total_seconds()))


def _waits(rows: Sequence[Mapping[str, Any]]) -> list[tuple[timedelta, int]]:
    """Return how many waited up to so long, in steps that people think in."""
    counts = [0] * len(WAITS)
    for row in rows:
        least = timedelta(seconds=row["up_to_seconds"] / _BUCKET)
        counts[next(at for at, one in enumerate(WAITS) if least < one)] += row["count"]
    return [(most, count) for most, count in zip(WAITS, counts, strict=True) if count]


def _reason(reason: str, say: Voice) -> str:
    """Return a rollup's reason ("deferred:503") in words, with its code."""
    outcome, _, code = reason.partition(":")
    words = say(OUTCOMES[outcome]) if outcome in OUTCOMES else outcome
    return f"{words}: HTTP {code}" if code.isdigit() else f"{words}: {code}" if code else words


def _day_end(now: datetime, zone: tzinfo, each: int) -> datetime:
    """Return until when a chart goes: by day, to the end of today, so that bars are whole days."""
    if each == 1:
        return now
    local = now.astimezone(zone)
    return local.replace(hour=23, minute=59, second=59, microsecond=0).astimezone(now.tzinfo)
