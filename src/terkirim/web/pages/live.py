"""The line over which the overview is told of changes, as server-sent events.

`part` carries the HTML of one part of the page that has changed; `beat` says that the line is well,
`away` that the database cannot be asked now, `gone` that the session has ended.
"""

from collections.abc import AsyncIterator
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from litestar.response.sse import ServerSentEventMessage

from terkirim.domain.errors import TerkirimError
from terkirim.domain.phrase import phrase
from terkirim.logs import Logger
from terkirim.web.pages.overview import figures_of
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

BEAT_EVERY = 1.0  # seconds: at most so often a change is sent
QUIET_FOR = 10  # beats without a change, after which one is sent
PARTS = ("health", "credits", "now", "periods")
AGAIN_AFTER = 2_000  # milliseconds until a browser calls again
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}  # a proxy must not hold it back

_log = Logger("terkirim.web")


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @site.get("/live")
    async def live(visit: Visit) -> Response[Any]:
        if site.lines.is_stopping or not site.lines.has_room(_session(visit)):
            raise Denied(
                429,
                phrase("Too many windows show live figures."),
                phrase("Close some of them; the figures here come anew when the page is loaded."),
            )
        events = _told(site, visit)
        return Stream(events, media_type="text/event-stream", headers=_HEADERS)

    return [live]


async def _told(site: Site, visit: Visit) -> AsyncIterator[bytes]:
    """Yield events until the session ends, the gateway stops or nobody listens any more."""
    shown: dict[str, str] = {}
    with site.lines.opened(_session(visit)):
        yield _event("beat", retry=AGAIN_AFTER)
        quiet = 0
        while not site.lines.is_stopping:
            visit.session = await _still(site, visit)
            if visit.session is None:
                yield _event("gone")
                return
            changed = await _changes(site, visit, shown)
            quiet = 0 if changed else quiet + 1
            if changed:
                yield b"".join(changed)
            elif quiet % QUIET_FOR == 0:
                yield _event("beat")
            await site.lines.rest(BEAT_EVERY)


async def _still(site: Site, visit: Visit) -> Any:
    """Return the session as it is now; while the database is away, as it was."""
    try:
        return await site.gateway.desk.sign_in.look(visit.token)
    except TerkirimError:
        return visit.session


async def _changes(site: Site, visit: Visit, shown: dict[str, str]) -> list[bytes]:
    """Return an event for each part that is not as it was `shown`."""
    try:
        values = figures_of(site, await site.pulse.figures())
    except TerkirimError as error:
        if shown:  # at the first beat without it, not at each
            _log.warning("live figures wait for the database", reason=str(error))
        shown.clear()
        return [_event("away")]
    events: list[bytes] = []
    for part in PARTS:
        html = visit.part(f"overview_{part}.html", **values)
        if shown.get(part, "") != html:  # a part with nothing in it is on no page
            shown[part] = html
            events.append(_event("part", html))
    return events


def _event(name: str, text: str = "", *, retry: int | None = None) -> bytes:
    return ServerSentEventMessage(event=name, data=text, retry=retry).encode()


def _session(visit: Visit) -> str:
    return "" if visit.session is None else visit.session.hash
