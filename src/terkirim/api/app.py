"""The ASGI application of the REST door."""

from typing import Any

from litestar import Litestar, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig

from terkirim.api.callbacks import callback_routes
from terkirim.api.emails import email_routes
from terkirim.api.errors import Refused, answer_to, json_answer
from terkirim.api.requests import Http, Keys, json_of
from terkirim.api.shapes import message_shape, story_shape
from terkirim.api.suppressions import suppression_routes
from terkirim.api.tracking import tracking_routes
from terkirim.compose import Gateway
from terkirim.domain.errors import NotFound, StoreUnavailable
from terkirim.domain.message import State
from terkirim.domain.version import __version__
from terkirim.ports import MessageFilter, RequeueFilter
from terkirim.reports.retries import retries

LONGEST_DAYS = 3_650


def build_app(gateway: Gateway) -> Litestar:
    """Return the application over an open gateway."""
    keys = Keys(gateway)
    return Litestar(
        route_handlers=[
            *email_routes(gateway, keys),
            *_message_routes(gateway, keys),
            *_statistics_routes(gateway, keys),
            *suppression_routes(gateway, keys),
            *tracking_routes(gateway, keys),
            *callback_routes(gateway),
            *_open_routes(gateway),
        ],
        exception_handlers={Exception: answer_to},
        openapi_config=OpenAPIConfig(title="Terkirim", version=__version__, path="/openapi"),
        request_max_body_size=gateway.settings.max_body,
        logging_config=None,
        debug=False,
    )


def _message_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @get("/v1/messages")
    async def listed(request: Http) -> Response[bytes]:
        await keys.owner(request, "read")
        state = request.query_params.get("state")
        if state is not None and state not in set(State):
            raise Refused(422, "validation_error", f"`state`: give one of {', '.join(State)}")
        states = None if state is None else (State(state),)
        rows = await store.messages(MessageFilter(states=states, limit=100))
        return json_answer(
            {"object": "list", "data": [message_shape(row, clock.now()) for row in rows]}
        )

    @get("/v1/messages/{message_id:str}")
    async def shown(request: Http, message_id: str) -> Response[bytes]:
        await keys.owner(request, "read")
        return json_answer(story_shape(await store.story(message_id), clock.now()))

    @post("/v1/messages/{message_id:str}/requeue", status_code=200)
    async def requeued(request: Http, message_id: str) -> Response[bytes]:
        await keys.owner(request, "send")
        which = RequeueFilter(message_ids=(message_id,), states=(State.DEAD, State.HELD))
        if not await store.requeue(which, now=clock.now()):
            raise NotFound(f"no dead or held message has the id {message_id}")
        return json_answer({"id": message_id, "requeued": True})

    @post("/v1/messages/requeue", status_code=200)
    async def requeued_many(request: Http) -> Response[bytes]:
        await keys.owner(request, "admin")
        which = RequeueFilter(reason=_reason(await json_of(request)))
        count = await store.requeue(which, now=clock.now())
        return json_answer({"requeued": count})

    return [listed, shown, requeued, requeued_many]


def _reason(body: Any) -> str | None:
    reason = body.get("reason") if isinstance(body, dict) else None
    if reason is not None and not isinstance(reason, str):
        raise Refused(422, "validation_error", "`reason`: give a part of the reason as text")
    return reason


def _statistics_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @get("/v1/retries")
    async def retry_statistics(request: Http) -> Response[bytes]:
        await keys.owner(request, "read")
        text = request.query_params.get("days", "7")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LONGEST_DAYS:
            raise Refused(
                422, "validation_error", f"`days`: give a number from 1 to {LONGEST_DAYS}"
            )
        return json_answer(await retries(store, now=clock.now(), days=int(text)))

    return [retry_statistics]


def _open_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @get("/health/live")
    async def live() -> Response[bytes]:
        return json_answer({"status": "ok"})

    @get("/health/ready")
    async def ready() -> Response[bytes]:
        free = await store.free_bytes()
        if free is not None and free < gateway.settings.min_free_disk:
            raise StoreUnavailable("the disk is nearly full")
        await store.backlog(now=clock.now())
        return json_answer({"status": "ready", "sandbox": gateway.is_sandbox})

    @get("/metrics")
    async def metrics() -> Response[str]:
        backlog = await store.backlog(now=clock.now())
        lines = ["# TYPE terkirim_unfinished_messages gauge"]
        lines += [
            f'terkirim_unfinished_messages{{state="{state}"}} {backlog.by_state.get(state, 0)}'
            for state in (State.QUEUED, State.LEASED, State.UNCLEAR, State.HELD)
        ]
        oldest = backlog.oldest_due_at
        waits = 0.0 if oldest is None else max((clock.now() - oldest).total_seconds(), 0.0)
        lines += [
            "# TYPE terkirim_oldest_due_seconds gauge",
            f"terkirim_oldest_due_seconds {waits}",
        ]
        return Response("\n".join(lines) + "\n", media_type="text/plain")

    @get(["/a/{token:str}", "/a/{token:str}/{name:str}"])
    async def attachment(token: str, name: str | None = None) -> Response[bytes]:
        del name  # it stands in the address for the provider's sake; the token has the true one
        link = gateway.signing_key.read(token, now=clock.now())
        return Response(
            await store.attachment(link.sha256),
            media_type=link.content_type,
            headers={"x-content-type-options": "nosniff", "content-disposition": "attachment"},
        )

    @get("/")
    async def root() -> Response[bytes]:
        raise NotFoundException

    return [live, ready, metrics, attachment, root]
