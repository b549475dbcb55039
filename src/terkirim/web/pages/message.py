"""One message: what became of it, what happens next, and what a person may do about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.email import Stream
from terkirim.domain.errors import WrongState
from terkirim.domain.message import UNFINISHED, State
from terkirim.domain.phrase import phrase
from terkirim.domain.record import Story
from terkirim.domain.suppression import Suppression
from terkirim.ports import ProviderStatus, RequeueFilter
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.reports.story import Moment, next_step, state_in_words, timeline
from terkirim.tracking.suppression_csv import Entry
from terkirim.web.inline_images import with_pictures
from terkirim.web.letter import Letter, curl_of, frame_headers, letter_of
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

VIEWS = ("html", "text", "source", "headers", "curl")
SHOWN_TEXT = 100_000  # characters of a body that a page shows as text
_WAITED = timedelta(milliseconds=500)  # less is no wait that anybody wants to read of


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of the timeline, and how long nothing happened before it."""

    moment: Moment
    waited: timedelta | None


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    return [*_showing(site), *_changing(site)]


def _showing(site: Site) -> list[HTTPRouteHandler]:
    @site.get("/messages/{message_id:str}")
    async def message(visit: Visit) -> Response[Any]:
        story = await _story(site, visit)
        letter = None if visit.is_masked else await letter_of(site.gateway, story)
        view = visit.query.get("view", "")
        view = view if view in VIEWS else _usual_view(letter)
        return visit.page(
            "message.html",
            **await _standing(site, visit, story),
            **await _told(site, story),
            letter=letter,
            entry=await _suppressed(site, story),
            view=view,
            views=VIEWS,
            has_images=visit.query.get("images") == "1",
            curl=curl_of(site.gateway, story) if view == "curl" and letter is not None else "",
            shown=SHOWN_TEXT,
        )

    @site.get("/messages/{message_id:str}/live")
    async def live(visit: Visit) -> Response[Any]:
        story = await _story(site, visit)
        return visit.page("message_live.html", **await _standing(site, visit, story))

    @site.get("/messages/{message_id:str}/letter")
    async def letter_frame(visit: Visit) -> Response[Any]:
        """Answer the HTML alone, for a frame in which nothing runs and nothing is fetched."""
        _refuse_masked(visit)
        story = await _story(site, visit)
        letter = await letter_of(site.gateway, story)
        headers = frame_headers(with_images=visit.query.get("images") == "1")
        html = await with_pictures(site.gateway, letter.html or "", story.email.attachments)
        body = html.encode(errors="replace")
        return Response(body, media_type="text/html", headers=headers)

    @site.get("/messages/{message_id:str}/source")
    async def source(visit: Visit) -> Response[Any]:
        _refuse_masked(visit)
        letter = await letter_of(site.gateway, await _story(site, visit))
        body = (letter.html or letter.text or "").encode(errors="replace")
        headers = {"content-disposition": "attachment; filename=letter.txt"}
        return Response(body, media_type="text/plain", headers=headers)

    return [message, live, letter_frame, source]


def _changing(site: Site) -> list[HTTPRouteHandler]:
    store, clock = site.gateway.store, site.gateway.clock

    @site.post("/messages/{message_id:str}/requeue")
    async def requeue(visit: Visit) -> Response[Any]:
        story = await _story(site, visit)
        message = story.message
        which = RequeueFilter(
            message_ids=(message.id,),
            states=(State.DEAD, State.HELD),
            is_sandbox=message.is_sandbox and message.state is State.ACCEPTED,
        )
        if not await store.requeue(which, now=clock.now()):
            raise _not_again(story)
        await visit.note("message requeued", message.id)
        return visit.go(f"/messages/{message.id}", visit.say("It is queued again."))

    @site.post("/messages/{message_id:str}/cancel")
    async def cancel(visit: Visit) -> Response[Any]:
        message = (await _story(site, visit)).message
        (done,) = await store.cancel(message.id, now=clock.now())
        if not done.is_cancelled and done.state is not State.LEASED:
            raise WrongState("it is too late to cancel this message", state=done.state)
        await visit.note("message cancelled", message.id)
        says = (
            visit.say("It is cancelled.")
            if done.is_cancelled
            else visit.say("It is just being sent; if that fails, it is not tried again.")
        )
        return visit.go(f"/messages/{message.id}", says)

    @site.post("/messages/{message_id:str}/accept")
    async def accept(visit: Visit) -> Response[Any]:
        message = (await _story(site, visit)).message
        await store.mark_accepted(message.id, now=clock.now())
        await visit.note("message counted as sent", message.id)
        return visit.go(f"/messages/{message.id}", visit.say("It counts as sent."))

    @site.post("/messages/{message_id:str}/suppress")
    async def suppress(visit: Visit) -> Response[Any]:
        message = (await _story(site, visit)).message
        entry = Entry(address=message.recipient, note=visit.form.get("note", ""))
        await site.gateway.tracking.suppressions.add([entry], who=visit.name)
        says = visit.say("{address} is not sent to any more.", address=visit.at(message.recipient))
        return visit.go(f"/messages/{message.id}", says)

    return [requeue, cancel, accept, suppress]


async def _story(site: Site, visit: Visit) -> Story:
    return await site.gateway.store.story(visit.request.path_params["message_id"])


async def _suppressed(site: Site, story: Story) -> Suppression | None:
    """Return why this address is not sent to, None where it is."""
    which = SuppressionFilter(named=story.message.recipient.lower(), limit=len(Stream) + 1)
    found = await site.gateway.tracking.suppressions.listed(which)
    fitting = [one for one in found if one.stream in {None, story.email.stream}]
    return next(iter(fitting), None)


async def _standing(site: Site, visit: Visit, story: Story) -> dict[str, Any]:
    """Return what changes while a message is on its way."""
    route = await _route(site, visit, story)
    kept = site.gateway.lookout.reserve.says(story.email.route, story.email.priority)
    return {
        "place": "/messages",
        "story": story,
        "message": story.message,
        "email": story.email,
        "others": [one for one in story.email.messages if one.id != story.message.id],
        "state": state_in_words(story.message),
        "step": next_step(story, now=visit.now, route=route, is_reserved=kept is not None),
        "steps": _steps(timeline(story)),
        "owner": await _owner(site, story.email.owner),
        "is_moving": story.message.state in UNFINISHED - {State.HELD},
    }


async def _told(site: Site, story: Story) -> dict[str, Any]:
    """Return what the customer's app was told of a message, and where."""
    book = site.gateway.webhooks.book
    told = await book.deliveries_of(story.message.id)
    urls = {one.id: one.url for one in await book.endpoints()} if told else {}
    return {"told": told, "urls": urls}


async def _route(site: Site, visit: Visit, story: Story) -> list[ProviderStatus]:
    if story.message.state is not State.QUEUED:
        return []
    names = site.gateway.settings.providers_by_route.get(story.email.route, ())
    by_name = {one.name: one for one in await site.gateway.store.providers(now=visit.now)}
    return [by_name[name] for name in names if name in by_name]


async def _owner(site: Site, owner: str) -> str:
    """Return who handed the e-mail over: the name of a key, or what stands in its place."""
    keys = await site.gateway.store.keys()
    return next((key.name for key in keys if key.id == owner), owner)


def _refuse_masked(visit: Visit) -> None:
    if visit.is_masked:
        raise Denied(
            403,
            phrase("Contents are not shown to viewers."),
            phrase("Ask an admin: the setting is `TERKIRIM_MASK_ADDRESSES`."),
        )


def _steps(moments: list[Moment]) -> list[Step]:
    steps: list[Step] = []
    last: datetime | None = None
    for moment in moments:
        waited = None if last is None else moment.at - last
        steps.append(Step(moment, waited if waited is not None and waited > _WAITED else None))
        spent = 0 if moment.attempt is None else moment.attempt.duration_us
        last = moment.at + timedelta(microseconds=spent)
    return steps


def _usual_view(letter: Letter | None) -> str:
    return "text" if letter is not None and letter.html is None else "html"


def _not_again(story: Story) -> Exception:
    if story.email.content is None:
        return Denied(
            409,
            phrase("Its content is not kept any more, so that it cannot be sent again."),
            phrase("Hand it over as a new e-mail."),
        )
    return WrongState("only dead, held and sandboxed messages", state=story.message.state)
