"""What providers said of mail: as events, as it came, how it was matched; and reading it again."""

from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.errors import NotFound
from terkirim.domain.event import EventKind
from terkirim.domain.phrase import Phrase, phrase
from terkirim.ports.tracking import CallbackRow, EventFilter, EventRow, ReplayFilter
from terkirim.reports.intake import intake_health
from terkirim.reports.story import event_in_words
from terkirim.tracking.applying import Replayed
from terkirim.web.places import base_url
from terkirim.web.site import Site
from terkirim.web.visit import Visit

ON_A_PAGE = 50
SHOWN = 4_000  # characters of a raw body in a list; its own page shows all of it
HEALTH_DAYS = 7
TABS = {
    "matched": phrase("With their message"),
    "unmatched": phrase("Without a message"),
    "aside": phrase("Set aside"),
}


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    return [*_showing(site), *_replaying(site)]


def _showing(site: Site) -> list[HTTPRouteHandler]:
    tracking = site.gateway.tracking

    @site.get("/events")
    async def events(visit: Visit) -> Response[Any]:
        tab = visit.query.get("tab", "matched")
        tab = tab if tab in TABS else "matched"
        rows, cursor = await _LISTS[tab](site, visit)
        return visit.page(
            "events.html",
            place="/events",
            tabs=TABS,
            tab=tab,
            rows=rows,
            kinds=tuple(EventKind),
            kind=_kind(visit),
            facts=await tracking.events.intake(),
            intake=await _intake(site, visit),
            callback_url=f"{base_url(site.gateway.settings)}/api/webhooks/mailketing",
            has_public_url=site.gateway.settings.public_url is not None,
            older=None if cursor is None else visit.href(before=cursor),
            newest=None if "before" not in visit.query else visit.href(before=None),
            shown=SHOWN,
            words=_words,
        )

    @site.get("/events/{event_id:str}")
    async def event(visit: Visit) -> Response[Any]:
        found = await _event(site, visit)
        return visit.page(
            "event.html",
            place="/events",
            event=found,
            says=_words(found),
            callback=await tracking.callback_of(found),
        )

    return [events, event]


def _replaying(site: Site) -> list[HTTPRouteHandler]:
    tracking = site.gateway.tracking

    @site.post("/events/replay")
    async def replay(visit: Visit) -> Response[Any]:
        done = await tracking.applier.replay(ReplayFilter())
        await visit.note("callbacks replayed", asked=done.asked, matched=done.matched)
        tab = visit.form.get("tab", "")
        return visit.go(f"/events?tab={tab}" if tab in TABS else "/events", visit.say(_done(done)))

    @site.post("/events/{event_id:str}/replay")
    async def replay_event(visit: Visit) -> Response[Any]:
        found = await _event(site, visit)
        callback = await tracking.callback_of(found)
        if callback is None:
            raise NotFound("its callback is forgotten")
        done = await tracking.applier.replay_one(callback)
        await visit.note("callback replayed", found.id, matched=done.matched)
        return visit.go(f"/events/{found.id}", visit.say(_done_one(done)))

    @site.post("/events/callbacks/{seq:int}/replay")
    async def replay_callback(visit: Visit) -> Response[Any]:
        seq: int = visit.request.path_params["seq"]
        rows = await tracking.events.set_aside(limit=1, before=seq + 1)
        callback = next((one for one in rows if one.seq == seq), None)
        if callback is None:
            raise NotFound("it is not set aside any more")
        done = await tracking.applier.replay_one(callback)
        await visit.note("callback replayed", str(seq), matched=done.matched)
        return visit.go("/events?tab=aside", visit.say(_done_one(done)))

    return [replay, replay_event, replay_callback]


async def _matched(site: Site, visit: Visit) -> tuple[list[EventRow], str | None]:
    before = visit.query.get("before", "")
    which = EventFilter(
        limit=ON_A_PAGE + 1, before=int(before) if _is_seq(before) else None, kind=_kind(visit)
    )
    found = await site.gateway.tracking.events.events(which)
    rows = found[:ON_A_PAGE]
    return rows, str(rows[-1].seq) if len(found) > ON_A_PAGE else None


async def _unmatched(site: Site, visit: Visit) -> tuple[list[EventRow], str | None]:
    found = await site.gateway.tracking.events.unmatched(
        limit=ON_A_PAGE + 1, before=visit.query.get("before")
    )
    rows = found[:ON_A_PAGE]
    return rows, rows[-1].id if len(found) > ON_A_PAGE else None


async def _aside(site: Site, visit: Visit) -> tuple[list[CallbackRow], str | None]:
    before = visit.query.get("before", "")
    found = await site.gateway.tracking.events.set_aside(
        limit=ON_A_PAGE + 1, before=int(before) if _is_seq(before) else None
    )
    rows = found[:ON_A_PAGE]
    return rows, str(rows[-1].seq) if len(found) > ON_A_PAGE else None


async def _event(site: Site, visit: Visit) -> EventRow:
    id_: str = visit.request.path_params["event_id"]
    found = await site.gateway.tracking.events.event(id_)
    if found is None:
        raise NotFound(f"there is no event {id_}")
    return found


async def _intake(site: Site, visit: Visit) -> dict[str, Any]:
    return await intake_health(
        site.gateway.store,
        site.gateway.tracking.events,
        now=visit.now,
        days=HEALTH_DAYS,
        is_open=site.gateway.tracking.intake.is_open,
    )


def _kind(visit: Visit) -> EventKind | None:
    wanted = visit.query.get("kind", "")
    return EventKind(wanted) if wanted in set(EventKind) else None


def _is_seq(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19  # noqa: PLR2004 - digits of a seq


def _words(row: EventRow) -> Phrase:
    return event_in_words(row.kind, bounce=row.bounce, is_scanner=row.is_scanner, is_guessed=False)


def _done(done: Replayed) -> Phrase:
    return phrase(
        "{asked} looked at again: {matched} found their message, {unmatched} did not, "
        "{not_understood} say nothing of a message.",
        asked=done.asked,
        matched=done.matched,
        unmatched=done.unmatched,
        not_understood=done.not_understood,
    )


def _done_one(done: Replayed) -> Phrase:
    if done.matched:
        return phrase("It was read again, and found its message.")
    if done.not_understood:
        return phrase("It was read again, and says nothing of a message.")
    if done.unmatched:
        return phrase("It was read again, and found no message.")
    return phrase("It was read again, and changed nothing: no event comes twice.")


_LISTS = {"matched": _matched, "unmatched": _unmatched, "aside": _aside}
