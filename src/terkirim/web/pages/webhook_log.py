"""One webhook: what it was told, with bodies and answers, and once more where that is wanted."""

import json
from datetime import timedelta
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.access.roles import OPERATOR
from terkirim.domain.errors import WrongState
from terkirim.domain.phrase import phrase
from terkirim.domain.webhook import WebhookState
from terkirim.ports.webhooks import DeliveryFilter
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

ON_A_PAGE = 50
REPLAY_DAYS = (1, 3, 7, 30)


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    return [*_showing(site), *_replaying(site)]


def _showing(site: Site) -> list[HTTPRouteHandler]:
    book = site.gateway.webhooks.book

    @site.get("/webhooks/{webhook_id:str}", role=OPERATOR)
    async def webhook(visit: Visit) -> Response[Any]:
        endpoint = await book.endpoint(visit.request.path_params["webhook_id"])
        state = visit.query.get("state", "")
        state = state if state in set(WebhookState) else ""
        which = DeliveryFilter(
            endpoint_id=endpoint.id,
            limit=ON_A_PAGE + 1,
            after=visit.query.get("after"),
            state=WebhookState(state) if state else None,
        )
        found = await book.deliveries(which)
        rows, has_more = found[:ON_A_PAGE], len(found) > ON_A_PAGE
        return visit.page(
            "webhook.html",
            place="/webhooks",
            endpoint=endpoint,
            rows=rows,
            state=state,
            states=list(WebhookState),
            days=REPLAY_DAYS,
            older=visit.href(after=rows[-1].payload.id) if has_more else None,
            newest=visit.href(after=None) if "after" in visit.query else None,
        )

    @site.get("/webhooks/{webhook_id:str}/events/{event_id:str}", role=OPERATOR)
    async def event(visit: Visit) -> Response[Any]:
        webhook_id, event_id = _ids(visit)
        one = await book.delivery(webhook_id, event_id)
        body = json.dumps(json.loads(one.payload.body), ensure_ascii=False, indent=2)
        return visit.page(
            "webhook_event.html",
            place="/webhooks",
            endpoint=await book.endpoint(webhook_id),
            one=one,
            body=body,
            attempts=await book.attempts(webhook_id, event_id),
        )

    return [webhook, event]


def _replaying(site: Site) -> list[HTTPRouteHandler]:
    desk = site.gateway.webhooks.desk

    @site.post("/webhooks/{webhook_id:str}/events/{event_id:str}/replay")
    async def replay(visit: Visit) -> Response[Any]:
        webhook_id, event_id = _ids(visit)
        try:
            await desk.replay(webhook_id, event_id)
        except WrongState:
            raise _disabled() from None
        await visit.note("webhook replayed", event_id)
        says = visit.say("It is told again, under the same id.")
        return visit.go(f"/webhooks/{webhook_id}/events/{event_id}", says)

    @site.post("/webhooks/{webhook_id:str}/replay")
    async def replay_range(visit: Visit) -> Response[Any]:
        webhook_id = visit.request.path_params["webhook_id"]
        days = visit.form.get("days", "")
        span = timedelta(days=int(days) if days in set(map(str, REPLAY_DAYS)) else REPLAY_DAYS[0])
        try:
            count = await desk.replay_range(webhook_id, since=visit.now - span)
        except WrongState:
            raise _disabled() from None
        await visit.note("webhook replayed", webhook_id, count=count)
        says = visit.say.many("{count} is told again.", "{count} are told again.", count=count)
        return visit.go(f"/webhooks/{webhook_id}", says)

    return [replay, replay_range]


def _ids(visit: Visit) -> tuple[str, str]:
    parameters = visit.request.path_params
    return parameters["webhook_id"], parameters["event_id"]


def _disabled() -> Denied:
    return Denied(
        409,
        phrase("This webhook is disabled: nothing is sent to it."),
        phrase("Enable it first, then tell it again."),
    )
