"""`/v1/credits`: how the account stands, what it used, when it runs out, what can be paid."""

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from terkirim.api import schemas
from terkirim.api.asked import body_of, number, wrong
from terkirim.api.credit_shapes import credits_shape, preflight_shape
from terkirim.api.describing import described, whole
from terkirim.api.errors import Refused, json_answer
from terkirim.api.requests import Http, Keys, by_key
from terkirim.compose import Gateway
from terkirim.domain.email import Priority

LONGEST_DAYS = 3_650
MOST_MAILS = 100_000_000
SHOW = described(
    answers=schemas.Credits,
    scope="read",
    query={"days": (whole(1, LONGEST_DAYS, 30), "How many days back.")},
    errors=(404,),
)
CHECK = described(answers=schemas.CreditsChecked, scope="admin", errors=(404,))
ESTIMATE = described(takes=schemas.EstimateBody, answers=schemas.CreditsEstimate, scope="read")


def credit_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/credits`."""
    lookout, clock = gateway.lookout, gateway.clock

    @get("/v1/credits", opt=SHOW)
    async def show_credits(request: Http) -> Response[bytes]:
        """Tell balance, level and forecast, and the readings, use and alerts of the last `days`."""
        await keys.owner(request, "read")
        days = number(request, "days", most=LONGEST_DAYS, usual=30)
        provider = _prepaid(gateway)
        found = await lookout.standings.one(provider)
        statistics = await lookout.statistics.over(provider, days=days, now=clock.now())
        return json_answer(credits_shape(found, statistics))

    @post("/v1/credits/check", status_code=200, opt=CHECK)
    async def check_credits(request: Http) -> Response[bytes]:
        """Ask the provider for its balance now."""
        owner = await keys.owner(request, "admin")
        provider = _prepaid(gateway)
        standings = await lookout.monitor.check(who=by_key(owner))
        found = next(one for one in standings if one.provider == provider)
        return json_answer(credits_shape(found))

    @post("/v1/credits/estimate", status_code=200, opt=ESTIMATE)
    async def estimate_credits(request: Http) -> Response[bytes]:
        """Tell whether `count` mails can be paid, or how many go out before the credits end."""
        await keys.owner(request, "read")
        body = await body_of(request, ("count", "priority"))
        found = await lookout.preflights.estimate(_count(body), priority=_priority(body))
        return json_answer(preflight_shape(found))

    return [show_credits, check_credits, estimate_credits]


def _prepaid(gateway: Gateway) -> str:
    providers = gateway.lookout.standings.providers
    if not providers:
        raise Refused(404, "not_found", "no provider on a route is prepaid: there are no credits")
    return providers[0]


def _count(body: dict[str, Any]) -> int:
    count = body.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_MAILS:
        raise wrong("count", f"give a whole number of mails from 1 to {MOST_MAILS}")
    return count


def _priority(body: dict[str, Any]) -> Priority:
    priority = body.get("priority", Priority.NORMAL)
    if priority not in set(Priority):
        raise wrong("priority", f"give one of {', '.join(Priority)}")
    return Priority(priority)
