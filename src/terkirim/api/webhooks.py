"""`/v1/webhooks`: Resend's routes, so that its SDKs work, and ours for tests and replays."""

from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from terkirim.api import schemas
from terkirim.api.asked import Page, body_of, flag_in, instant_in, page_of, wrong
from terkirim.api.describing import PAGE, TEXT, described
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys, by_key
from terkirim.api.webhook_shapes import (
    answer_shape,
    attempts_shape,
    delivery_shape,
    endpoint_shape,
    summary_shape,
)
from terkirim.compose import Gateway
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.webhook import Endpoint, WebhookState
from terkirim.ports.webhooks import DeliveryFilter
from terkirim.webhooks.endpoints import ALL_STATES, UNFINISHED

_STATUSES = ("enabled", "disabled")
LIST = described(answers=schemas.WebhookList, scope="admin", query=PAGE)
MADE = described(
    takes=schemas.WebhookBody,
    answers=schemas.WebhookMade,
    scope="admin",
    leads_to={"show_webhook": "webhook_id", "remove_webhook": "webhook_id"},
)
SHOW = described(answers=schemas.Webhook, scope="admin")
CHANGED = described(takes=schemas.WebhookPatch, answers=schemas.WebhookChanged, scope="admin")
ROTATED = described(answers=schemas.WebhookMade, scope="admin")
REMOVED = described(answers=schemas.WebhookRemoved, scope="admin")
TESTED = described(answers=schemas.WebhookTested, scope="admin")
DELIVERIES = described(
    answers=schemas.WebhookDeliveries,
    scope="admin",
    query={"state": (TEXT, f"One of {', '.join(WebhookState)}."), **PAGE},
)
EVENT = described(answers=schemas.WebhookEvent, scope="admin")
ATTEMPTS = described(answers=schemas.WebhookAttempts, scope="admin")
REPLAYED = described(answers=schemas.WebhookEventRef, scope="admin", errors=(409,))
REPLAYED_RANGE = described(
    takes=schemas.WebhookReplayBody, answers=schemas.WebhookReplayed, scope="admin", errors=(409,)
)
TOLD = described(answers=schemas.WebhookTold, scope="read")


def webhook_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/webhooks`."""
    return [
        *_endpoints(gateway, keys),
        *_changes(gateway, keys),
        *_deliveries(gateway, keys),
        *_replays(gateway, keys),
    ]


def _endpoints(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    book, desk = gateway.webhooks.book, gateway.webhooks.desk

    @get("/v1/webhooks", opt=LIST)
    async def list_webhooks(request: Http) -> Response[bytes]:
        """List the webhooks, newest first; without `limit` all of them."""
        await keys.owner(request, "admin")
        rows, has_more = _page(await book.endpoints(), request)
        shapes = [endpoint_shape(one) for one in rows]
        return json_answer({"object": "list", "has_more": has_more, "data": shapes})

    @post("/v1/webhooks", status_code=200, opt=MADE)
    async def create_webhook(request: Http) -> Response[bytes]:
        """Tell an address of your app what happens; the answer has the secret that signs it."""
        owner = await keys.owner(request, "admin")
        body = await body_of(request, ("endpoint", "events", "signing_secret"))
        url = _text(body, "endpoint")
        if url is None:
            raise InvalidEmail("endpoint", "give the address", kind="missing_required_field")
        secret = _text(body, "signing_secret")
        made = await desk.add(url, _types(body) or (), who=by_key(owner), secret=secret)
        return json_answer(_secret_shape(made.endpoint.id, made.secret))

    @get("/v1/webhooks/{webhook_id:str}", opt=SHOW)
    async def show_webhook(request: Http, webhook_id: FromPath[str]) -> Response[bytes]:
        """Show a webhook; its secret is not shown again."""
        await keys.owner(request, "admin")
        return json_answer(endpoint_shape(await book.endpoint(webhook_id)))

    return [list_webhooks, create_webhook, show_webhook]


def _changes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    desk = gateway.webhooks.desk

    @patch("/v1/webhooks/{webhook_id:str}", opt=CHANGED)
    async def change_webhook(request: Http, webhook_id: FromPath[str]) -> Response[bytes]:
        """Change address, events or status: `enabled` lets one begin anew that was disabled."""
        owner = await keys.owner(request, "admin")
        # Resend's SDK repeats the id in the body.
        body = await body_of(request, ("endpoint", "events", "status", "webhook_id", "id"))
        status = _text(body, "status")
        if status is not None and status not in _STATUSES:
            raise wrong("status", f"give one of {', '.join(_STATUSES)}")
        await desk.change(
            webhook_id,
            who=by_key(owner),
            url=_text(body, "endpoint"),
            types=_types(body),
            is_enabled=None if status is None else status == "enabled",
        )
        return json_answer({"object": "webhook", "id": webhook_id})

    @post("/v1/webhooks/{webhook_id:str}/signing-secret/rotate", status_code=200, opt=ROTATED)
    async def rotate_webhook(request: Http, webhook_id: FromPath[str]) -> Response[bytes]:
        """Sign by a new secret; for 24 hours the one before it signs too."""
        owner = await keys.owner(request, "admin")
        secret = await desk.rotate(webhook_id, who=by_key(owner))
        return json_answer(_secret_shape(webhook_id, secret))

    @delete("/v1/webhooks/{webhook_id:str}", status_code=200, opt=REMOVED)
    async def remove_webhook(request: Http, webhook_id: FromPath[str]) -> Response[bytes]:
        """Remove a webhook, with all that was told to it."""
        owner = await keys.owner(request, "admin")
        await desk.remove(webhook_id, who=by_key(owner))
        return json_answer({"object": "webhook", "id": webhook_id, "deleted": True})

    @post("/v1/webhooks/{webhook_id:str}/test", status_code=200, opt=TESTED)
    async def test_webhook(request: Http, webhook_id: FromPath[str]) -> Response[bytes]:
        """Send a test event now, once, and tell how it was answered."""
        await keys.owner(request, "admin")
        id_, end = await desk.test(webhook_id)
        found = {"delivered": end.answer.is_success, **answer_shape(end.answer)}
        return json_answer({"object": "webhook_event", "id": id_, **found})

    return [change_webhook, rotate_webhook, remove_webhook, test_webhook]


def _deliveries(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    book = gateway.webhooks.book

    @get("/v1/webhooks/{webhook_id:str}/events", opt=DELIVERIES)
    async def list_webhook_events(request: Http, webhook_id: FromPath[str]) -> Response[bytes]:
        """List what was told to a webhook, newest first."""
        await keys.owner(request, "admin")
        page, state = page_of(request), request.query_params.get("state")
        if state is not None and state not in set(WebhookState):
            raise wrong("state", f"give one of {', '.join(WebhookState)}")
        which = DeliveryFilter(
            endpoint_id=(await book.endpoint(webhook_id)).id,
            limit=page.fetched,
            after=page.after,
            before=page.before,
            state=None if state is None else WebhookState(state),
        )
        rows, has_more = page.shown(await book.deliveries(which))
        shapes = [summary_shape(one) for one in rows]
        return json_answer({"object": "list", "has_more": has_more, "data": shapes})

    @get("/v1/webhooks/{webhook_id:str}/events/{event_id:str}", opt=EVENT)
    async def show_webhook_event(
        request: Http, webhook_id: FromPath[str], event_id: FromPath[str]
    ) -> Response[bytes]:
        """Show what was told, and how that went."""
        await keys.owner(request, "admin")
        return json_answer(delivery_shape(await book.delivery(webhook_id, event_id)))

    @get("/v1/webhooks/{webhook_id:str}/events/{event_id:str}/attempts", opt=ATTEMPTS)
    async def list_webhook_attempts(
        request: Http, webhook_id: FromPath[str], event_id: FromPath[str]
    ) -> Response[bytes]:
        """List the attempts to tell it, oldest first, with what was answered."""
        await keys.owner(request, "admin")
        found = await book.delivery(webhook_id, event_id)
        attempts = await book.attempts(found.endpoint_id, found.payload.id)
        shapes = attempts_shape(found.payload.id, attempts)
        return json_answer({"object": "list", "has_more": False, "data": shapes})

    @get("/v1/messages/{message_id:str}/webhooks", opt=TOLD)
    async def message_webhooks(request: Http, message_id: FromPath[str]) -> Response[bytes]:
        """List what webhooks were told of one message, oldest first."""
        await keys.owner(request, "read")
        message = (await gateway.store.story(message_id)).message
        told = await book.deliveries_of(message.id)
        return json_answer({"object": "list", "data": [delivery_shape(one) for one in told]})

    return [list_webhook_events, show_webhook_event, list_webhook_attempts, message_webhooks]


def _replays(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    desk = gateway.webhooks.desk

    @post(
        "/v1/webhooks/{webhook_id:str}/events/{event_id:str}/replay",
        status_code=200,
        opt=REPLAYED,
    )
    async def replay_webhook_event(
        request: Http, webhook_id: FromPath[str], event_id: FromPath[str]
    ) -> Response[bytes]:
        """Tell it again, under the same id."""
        await keys.owner(request, "admin")
        found = await desk.replay(webhook_id, event_id)
        return json_answer({"object": "webhook_event", "id": found.payload.id})

    @post("/v1/webhooks/{webhook_id:str}/replay", status_code=200, opt=REPLAYED_RANGE)
    async def replay_webhook(request: Http, webhook_id: FromPath[str]) -> Response[bytes]:
        """Tell a range again: what failed or was held since then, or all of it."""
        await keys.owner(request, "admin")
        body = await body_of(request, ("since", "until", "all"))
        since = instant_in(body, "since")
        if since is None:
            raise InvalidEmail("since", "give a time", kind="missing_required_field")
        count = await desk.replay_range(
            webhook_id,
            since=since,
            until=instant_in(body, "until"),
            states=ALL_STATES if flag_in(body, "all") else UNFINISHED,
        )
        return json_answer({"replayed": count})

    return [replay_webhook_event, replay_webhook]


def _page(endpoints: list[Endpoint], request: Http) -> tuple[list[Endpoint], bool]:
    """Return the endpoints that are asked for, newest first, and whether there are more."""
    page: Page = page_of(request)
    rows = [
        one
        for one in sorted(endpoints, key=lambda one: one.id, reverse=True)
        if (page.after is None or one.id < page.after)
        and (page.before is None or one.id > page.before)
    ]
    if "limit" not in request.query_params:
        return rows, False
    cut = rows[-page.fetched :] if page.before is not None else rows[: page.fetched]
    return page.shown(cut)


def _secret_shape(webhook_id: str, secret: str) -> dict[str, Any]:
    return {"object": "webhook", "id": webhook_id, "signing_secret": secret}


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidEmail(name, "must be a text")
    return value


def _types(body: dict[str, Any]) -> list[str] | None:
    value = body.get("events")
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidEmail("events", "must be a list of texts")
    return value
