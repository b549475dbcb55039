"""The mail that was kept instead of sent, and sending it in earnest after all."""

from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.phrase import phrase
from terkirim.domain.search import Search
from terkirim.ports import RequeueFilter
from terkirim.web.pages.messages import ON_A_PAGE
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

SENT_AT_ONCE = 10_000


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    gateway = site.gateway
    which = RequeueFilter(is_sandbox=True, limit=SENT_AT_ONCE)

    @site.get("/sandbox")
    async def sandbox(visit: Visit) -> Response[Any]:
        findings = await gateway.desk.search.find(
            Search(is_sandbox=True), limit=ON_A_PAGE, older_than=visit.query.get("older")
        )
        asks = visit.query.get("send") == "1" and not gateway.is_sandbox
        return visit.page(
            "messages_rows.html" if visit.is_partial else "sandbox.html",
            place="/sandbox",
            findings=findings,
            older=None if findings.looked_to is None else visit.href(older=findings.looked_to),
            newest=None if visit.query.get("older") is None else visit.href(older=None),
            asks=asks,
            count=await gateway.store.count_requeueable(which) if asks else 0,
            most=SENT_AT_ONCE,
        )

    @site.post("/sandbox/send")
    async def send(visit: Visit) -> Response[Any]:
        if gateway.is_sandbox:
            raise Denied(
                409,
                phrase("This is sandbox mode: sent again, it would stay in the sandbox."),
                phrase("Set `MAILKETING_API_KEY`, start again, and come back here."),
            )
        count = await gateway.store.requeue(which, now=gateway.clock.now())
        await visit.note("sandboxed messages sent", count=count)
        says = visit.say.many(
            "{count} message is queued, and really sent this time.",
            "{count} messages are queued, and really sent this time.",
            count=count,
        )
        return visit.go("/sandbox", says)

    return [sandbox, send]
