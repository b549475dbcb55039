"""The first look: does mail go out, how much, how fast, and what helps where it does not."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.message import State
from terkirim.domain.phrase import Phrase, phrase
from terkirim.domain.search import Search
from terkirim.language import Voice
from terkirim.reports.overview import by_hour, per_minute, periods
from terkirim.reports.retries import retries
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


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    desk = site.gateway.desk
    zone = site.gateway.settings.time_zone

    @site.get("/")
    async def overview(visit: Visit) -> Response[Any]:
        now = visit.now
        if visit.query.get("part") == "figures":
            return visit.page("overview_figures.html", **await _figures(site, visit))
        span = visit.query.get("span", "24h")
        hours, each, label = SPANS.get(span, SPANS["24h"])
        chart = await by_hour(desk.insight, now=_day_end(now, zone, each), hours=hours, each=each)
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
            sender=site.gateway.settings.mailketing_from_email or "toko@example.com",
            retry=await retries(site.gateway.statistics, now=now, zone=zone, days=_RETRY_DAYS),
            retry_days=_RETRY_DAYS,
            reason_in_words=lambda reason: _reason(reason, visit.say),
            **await _figures(site, visit),
        )

    return [overview]


async def _figures(site: Site, visit: Visit) -> dict[str, Any]:
    """Return what changes from minute to minute."""
    now, zone = visit.now, site.gateway.settings.time_zone
    found = await site.health()
    recent = await by_hour(site.gateway.desk.insight, now=now, hours=2)
    waiting = found.backlog.by_state
    spans = await periods(site.gateway.desk.insight, now=now, zone=zone)
    oldest = found.backlog.oldest_due_at
    return {
        "health": found,
        "periods": spans,
        "has_sandboxed": any(one.now.sandboxed or one.before.sandboxed for one in spans),
        "waiting": {state: waiting.get(state, 0) for state in _SHOWN},
        "oldest": None if oldest is None else max(now - oldest, timedelta()),
        "rate": per_minute(recent, now=now),
    }


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


_SHOWN = (State.QUEUED, State.LEASED, State.UNCLEAR, State.HELD)
