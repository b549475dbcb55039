"""The alerts: what was wrong, who was told of it through which channel, and a test of them all."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.alert import Alert
from terkirim.ports.alerts import AlertFilter, Channel
from terkirim.reports.channels import last_results
from terkirim.web.site import Site
from terkirim.web.visit import Visit

ON_A_PAGE = 50
_AT_ONE_INSTANT = 50  # alerts: there are fewer conditions
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    lookout = site.gateway.lookout

    @site.get("/alerts")
    async def alerts(visit: Visit) -> Response[Any]:
        return await _page(site, visit)

    @site.post("/alerts/test")
    async def test(visit: Visit) -> Response[Any]:
        await visit.note("alerts tested")
        return await _page(site, visit, await lookout.alarms.test())

    return [alerts, test]


async def _page(
    site: Site, visit: Visit, answers: Sequence[tuple[Channel, str]] | None = None
) -> Response[Any]:
    """Return the page; `answers` are what the channels said to a test, None without one."""
    lookout = site.gateway.lookout
    rows, older = await _history(site, visit)
    return visit.page(
        "alerts.html",
        place="/alerts",
        channels=await lookout.alarms.channels(),
        results=await last_results(lookout.alert_book, now=visit.now),
        answers=answers,
        alerts=rows,
        in_words_of=lookout.alarms.in_words,
        is_open=_is_open(visit),
        older=older,
        newest=None if "older" not in visit.query else visit.href(older=None),
    )


async def _history(site: Site, visit: Visit) -> tuple[list[Alert], str | None]:
    """Return a page of alerts, newest first, and the address of the one after it."""
    at, id_ = _place(visit)
    which = AlertFilter(
        since=_FIRST, until=at, limit=ON_A_PAGE + _AT_ONE_INSTANT, is_open=_is_open(visit)
    )
    found = await site.gateway.lookout.alert_book.alerts(which)
    rows = [one for one in found if one.raised_at != at or one.id < id_]
    if len(rows) <= ON_A_PAGE:
        return rows, None
    last = rows[ON_A_PAGE - 1]
    raised = last.raised_at or last.seen_at
    return rows[:ON_A_PAGE], visit.href(older=f"{raised.isoformat()}~{last.id}")


def _place(visit: Visit) -> tuple[datetime, str]:
    """Return after which alert, newest first, the page begins."""
    text, _, id_ = visit.query.get("older", "").partition("~")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return visit.now + timedelta(seconds=1), ""
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)), id_


def _is_open(visit: Visit) -> bool | None:
    """Return whether only what goes on is asked for; None: all of it."""
    return True if visit.query.get("open") == "1" else None
