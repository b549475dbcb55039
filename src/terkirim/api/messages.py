"""`/v1/messages`: one recipient's message, its story, and what a person may do with it."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from terkirim.api import schemas
from terkirim.api.asked import (
    body_of,
    flag,
    flag_in,
    instant_in,
    page_of,
    some_of,
    text_in,
    wrong,
)
from terkirim.api.describing import PAGE, TEXT, YES_OR_NO, described
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.api.shapes import message_shape, story_shape
from terkirim.compose import Gateway
from terkirim.domain.errors import WrongState
from terkirim.domain.message import State
from terkirim.ports import MessageFilter, RequeueFilter
from terkirim.reports.listing import listed

REQUEUED_AT_ONCE = 10_000
FILTER: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "state": (TEXT, f"One or more of {', '.join(State)}, with commas between."),
    "recipient": (TEXT, "An address, in upper or lower case."),
    "email_id": (TEXT, "The messages of one e-mail."),
    "sandbox": (YES_OR_NO, "1: only those that the sandbox kept; 0: only the others."),
}
LIST = described(answers=schemas.MessageList, scope="read", query={**FILTER, **PAGE})
CANCEL = described(answers=schemas.MessageCancelled, scope="send", errors=(409,))
ACCEPT = described(answers=schemas.MessageAccepted, scope="send", errors=(409,))
REQUEUE = described(answers=schemas.MessageRequeued, scope="send", errors=(409,))
REQUEUE_SOME = described(
    takes=schemas.RequeueBody,
    is_body_needed=False,
    answers=schemas.Requeued,
    scope="admin",
    query={"dry_run": (YES_OR_NO, "1: count them, and send nothing.")},
)
_FILTER = (
    "message_ids", "email_id", "states", "reason", "provider", "before", "after", "sandbox",
    "limit",
)  # fmt: skip


def message_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/messages`."""
    return [*_telling(gateway, keys), *_changing(gateway, keys), *_requeueing(gateway, keys)]


def _telling(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @get("/v1/messages", opt=LIST)
    async def list_messages(request: Http) -> Response[bytes]:
        """List messages, newest first, by state, recipient, e-mail or sandbox."""
        await keys.owner(request, "read")
        page, query = page_of(request), request.query_params
        states = some_of(query.get("state"), "state", State)
        which = MessageFilter(
            states=None if states is None else tuple(map(State, states)),
            email_id=query.get("email_id"),
            is_sandbox=flag(request, "sandbox"),
            limit=page.fetched,
            after=page.after,
            before=page.before,
        )
        to, search = query.get("recipient"), gateway.desk.search
        found = await listed(which, recipient=to, log=store, search=search)
        rows, has_more = page.shown(found)
        shapes = [message_shape(row, clock.now()) for row in rows]
        return json_answer({"object": "list", "has_more": has_more, "data": shapes})

    @get("/v1/messages/{message_id:str}", opt=described(answers=schemas.Story, scope="read"))
    async def show_message(request: Http, message_id: FromPath[str]) -> Response[bytes]:
        """Tell all that is known of one message: its attempts and its events."""
        await keys.owner(request, "read")
        found = await store.story(message_id)
        waits = None
        if found.message.state is State.QUEUED:
            waits = gateway.lookout.reserve.says(found.email.route, found.email.priority)
        return json_answer(story_shape(found, clock.now()) | {"waits_for": waits})

    return [list_messages, show_message]


def _changing(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @post("/v1/messages/{message_id:str}/cancel", status_code=200, opt=CANCEL)
    async def cancel_message(request: Http, message_id: FromPath[str]) -> Response[bytes]:
        """Stop a message that has not left; one that is just being sent is stopped if it fails."""
        owner = await keys.owner(request, "send")
        results = await store.cancel(message_id, now=clock.now())
        late = [one for one in results if not one.is_cancelled]
        if len(late) == len(results):
            raise WrongState("it is too late to cancel this message", state=late[0].state)
        await keys.note(owner, "message cancelled", message_id)
        too_late = [{"recipient": one.recipient, "state": one.state} for one in late]
        return json_answer({"object": "message", "id": message_id, "too_late": too_late})

    @post("/v1/messages/{message_id:str}/accept", status_code=200, opt=ACCEPT)
    async def accept_message(request: Http, message_id: FromPath[str]) -> Response[bytes]:
        """Record that a held message did arrive at the provider: it is not sent again."""
        owner = await keys.owner(request, "send")
        await store.mark_accepted(message_id, now=clock.now())
        await keys.note(owner, "message counted as sent", message_id)
        return json_answer({"object": "message", "id": message_id, "state": State.ACCEPTED})

    return [cancel_message, accept_message]


def _requeueing(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @post("/v1/messages/{message_id:str}/requeue", status_code=200, opt=REQUEUE)
    async def requeue_message(request: Http, message_id: FromPath[str]) -> Response[bytes]:
        """Send a dead or held message, or one that the sandbox kept, once more."""
        owner = await keys.owner(request, "send")
        message = (await store.story(message_id)).message
        which = RequeueFilter(
            message_ids=(message.id,),
            states=(State.DEAD, State.HELD),
            is_sandbox=message.is_sandbox and message.state is State.ACCEPTED,
        )
        if not await store.requeue(which, now=clock.now()):
            raise WrongState(
                "only dead, held and sandboxed messages whose content is still kept can be sent "
                "again",
                state=message.state,
            )
        await keys.note(owner, "message requeued", message.id)
        return json_answer({"object": "message", "id": message.id, "requeued": True})

    @post("/v1/messages/requeue", status_code=200, opt=REQUEUE_SOME)
    async def requeue_messages(request: Http) -> Response[bytes]:
        """Send all messages that a filter names once more; `?dry_run=1` counts them only."""
        owner = await keys.owner(request, "admin")
        which = _filter(await body_of(request, _FILTER))
        is_dry_run = bool(flag(request, "dry_run"))
        if is_dry_run:
            count = await store.count_requeueable(which)
        else:
            count = await store.requeue(which, now=clock.now())
            await keys.note(owner, "messages requeued", count=count)
        return json_answer(
            {
                "object": "requeue",
                "count": count,
                "requeued": 0 if is_dry_run else count,
                "dry_run": is_dry_run,
                "may_be_more": count == which.limit,
            }
        )

    return [requeue_message, requeue_messages]


def _filter(body: dict[str, Any]) -> RequeueFilter:
    states = some_of(body.get("states"), "states", (State.DEAD, State.HELD))
    is_sandbox = flag_in(body, "sandbox")
    if is_sandbox and states is not None:
        raise wrong("sandbox", "what the sandbox kept is accepted; leave out `states`")
    return RequeueFilter(
        message_ids=_ids(body.get("message_ids")),
        email_id=text_in(body, "email_id"),
        states=(State.DEAD,) if states is None else tuple(map(State, states)),
        reason=text_in(body, "reason"),
        provider=text_in(body, "provider"),
        before=instant_in(body, "before"),
        after=instant_in(body, "after"),
        is_sandbox=is_sandbox,
        limit=_most(body.get("limit", REQUEUED_AT_ONCE)),
    )


def _ids(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if (
        not isinstance(value, list)
        or not 1 <= len(value) <= REQUEUED_AT_ONCE
        or not all(isinstance(one, str) and one.isascii() and one.isprintable() for one in value)
    ):
        raise wrong("message_ids", f"give a list of 1 to {REQUEUED_AT_ONCE} ids")
    return tuple(value)


def _most(value: object) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not 1 <= int(str(value)) <= REQUEUED_AT_ONCE:
        raise wrong("limit", f"give a number from 1 to {REQUEUED_AT_ONCE}")
    return int(str(value))
