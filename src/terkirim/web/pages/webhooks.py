"""Webhooks: who of the customer's apps is told of what; added, changed, tried and removed here."""

from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.access.roles import ADMIN, OPERATOR
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import Phrase, phrase
from terkirim.domain.webhook import Endpoint, WebhookEnd, WebhookType
from terkirim.web.pages import webhook_log
from terkirim.web.site import Site
from terkirim.web.visit import Visit


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    return [*_endpoints(site), *_changes(site), *webhook_log.routes(site)]


def _endpoints(site: Site) -> list[HTTPRouteHandler]:
    desk = site.gateway.webhooks.desk

    @site.get("/webhooks", role=OPERATOR)
    async def webhooks(visit: Visit) -> Response[Any]:
        return await _listed(site, visit)

    @site.post("/webhooks", role=ADMIN)
    async def add(visit: Visit) -> Response[Any]:
        """Add a webhook. Its secret stands in this answer and on no other page."""
        url = visit.form.get("endpoint", "").strip()
        types = [type_ for type_ in WebhookType if visit.form.get(f"type_{type_}")]
        try:
            made = await desk.add(url, types, who=visit.name)
        except InvalidEmail as error:
            return await _listed(site, visit, status=422, fault=_fault(error))
        return await _listed(site, visit, made=(made.endpoint.url, made.secret))

    @site.post("/webhooks/{webhook_id:str}/rotate", role=ADMIN)
    async def rotate(visit: Visit) -> Response[Any]:
        endpoint = await _endpoint(site, visit)
        secret = await desk.rotate(endpoint.id, who=visit.name)
        return await _listed(site, visit, made=(endpoint.url, secret), is_changed=True)

    return [webhooks, add, rotate]


def _changes(site: Site) -> list[HTTPRouteHandler]:
    desk = site.gateway.webhooks.desk

    @site.post("/webhooks/{webhook_id:str}/enable", role=ADMIN)
    async def enable(visit: Visit) -> Response[Any]:
        endpoint = await _endpoint(site, visit)
        await desk.change(endpoint.id, who=visit.name, is_enabled=True)
        says = visit.say("It is told again. What was held meanwhile waits for you below.")
        return visit.go(f"/webhooks/{endpoint.id}", says)

    @site.post("/webhooks/{webhook_id:str}/disable", role=ADMIN)
    async def disable(visit: Visit) -> Response[Any]:
        endpoint = await _endpoint(site, visit)
        await desk.change(endpoint.id, who=visit.name, is_enabled=False)
        says = visit.say("It is told nothing more; what happens is held.")
        return visit.go(f"/webhooks/{endpoint.id}", says)

    @site.post("/webhooks/{webhook_id:str}/remove", role=ADMIN)
    async def remove(visit: Visit) -> Response[Any]:
        endpoint = await _endpoint(site, visit)
        await desk.remove(endpoint.id, who=visit.name)
        return visit.go("/webhooks", visit.say("It is gone, with all that was told to it."))

    @site.post("/webhooks/{webhook_id:str}/test")
    async def test(visit: Visit) -> Response[Any]:
        endpoint = await _endpoint(site, visit)
        id_, end = await desk.test(endpoint.id)
        await visit.note("webhook tested", endpoint.url)
        return visit.go(f"/webhooks/{endpoint.id}/events/{id_}", visit.say(_tested(end)))

    return [enable, disable, remove, test]


async def _listed(
    site: Site,
    visit: Visit,
    *,
    status: int = 200,
    fault: Phrase | None = None,
    made: tuple[str, str] | None = None,
    is_changed: bool = False,
) -> Response[Any]:
    endpoints = await site.gateway.webhooks.book.endpoints()
    return visit.page(
        "webhooks.html",
        status=status,
        place="/webhooks",
        endpoints=list(reversed(endpoints)),
        types=list(WebhookType),
        made=made,
        is_changed=is_changed,
        fault=fault,
        bad_field="" if fault is None else "endpoint",
        form=dict(visit.form) if fault is not None else {},
    )


async def _endpoint(site: Site, visit: Visit) -> Endpoint:
    return await site.gateway.webhooks.book.endpoint(visit.request.path_params["webhook_id"])


def _fault(error: InvalidEmail) -> Phrase:
    return phrase("The address {problem}.", problem=error.says)


def _tested(end: WebhookEnd) -> Phrase:
    if end.answer.is_success:
        return phrase("The test arrived.")
    return phrase("The test did not arrive: see below what was answered.")
