"""The list of messages: one search box, whose text stands in the address, and a CSV of it."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from terkirim.domain.search import Findings, Found, Search
from terkirim.reports.asking import BadSearch, asked
from terkirim.web.site import Site
from terkirim.web.visit import Visit

ON_A_PAGE = 50
EXPORTED_AT_ONCE = 500
_COLUMNS = (
    "id", "email_id", "created_at", "to", "from", "subject", "state", "sandbox", "attempts",
    "provider", "reason", "accepted_at", "tags",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    search = site.gateway.desk.search

    @site.get("/messages")
    async def messages(visit: Visit) -> Response[Any]:
        text = visit.query.get("q", "").strip()
        findings, fault = Findings(rows=()), None
        try:
            wanted = _asked(visit, text)
            findings = await search.find(
                wanted, limit=ON_A_PAGE, older_than=visit.query.get("older")
            )
        except BadSearch as error:
            fault = error.says
        return visit.page(
            "messages_rows.html" if visit.is_partial else "messages.html",
            status=200 if fault is None else 422,
            place="/messages",
            text=text,
            fault=fault,
            findings=findings,
            older=None if findings.looked_to is None else visit.href(older=findings.looked_to),
            newest=None if visit.query.get("older") is None else visit.href(older=None),
        )

    @site.get("/messages.csv")
    async def export(visit: Visit) -> Response[Any]:
        try:
            wanted = _asked(visit, visit.query.get("q", ""))
        except BadSearch as error:
            return visit.go(visit.href().replace(".csv", ""), visit.say(error.says))
        await visit.note("messages exported", visit.query.get("q", ""))
        headers = {"content-disposition": 'attachment; filename="terkirim-messages.csv"'}
        lines = _csv(site, visit, wanted)
        return Stream(lines, media_type="text/csv", headers=headers)

    return [messages, export]


def _asked(visit: Visit, text: str) -> Search:
    return asked(text, now=visit.now, zone=visit.zone)


async def _csv(site: Site, visit: Visit, wanted: Search) -> AsyncIterator[bytes]:
    """Give the lines piece by piece: a million of them need no memory."""
    yield "\ufeff".encode() + _line(_COLUMNS)  # the mark by which Excel knows UTF-8
    older: str | None = None
    while True:
        found = await site.gateway.desk.search.find(
            wanted, limit=EXPORTED_AT_ONCE, older_than=older
        )
        if found.rows:
            yield b"".join(_line(_cells(visit, one)) for one in found.rows)
        if found.looked_to is None:
            return
        older = found.looked_to


def _cells(visit: Visit, one: Found) -> tuple[str, ...]:
    message = one.message
    accepted = message.accepted_at
    return (
        message.id,
        message.email_id,
        message.created_at.isoformat(),
        visit.at(message.recipient),
        visit.at(one.sender),
        one.subject,
        message.state.value,
        "1" if message.is_sandbox else "0",
        str(message.attempts),
        message.provider or "",
        visit.hidden(message.reason, message.recipient),
        "" if accepted is None else accepted.isoformat(),
        " ".join(f"{name}={value}" for name, value in one.tags),
    )


def _line(cells: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([f"'{c}" if c.startswith(_FORMULA) else c for c in cells])
    return text.getvalue().encode(errors="replace")
