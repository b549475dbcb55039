"""The routes about credits that the first users have: their addresses, shapes and secrets."""

import hmac
from datetime import datetime
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from terkirim.api import schemas
from terkirim.api.asked import flag, number
from terkirim.api.describing import YES_OR_NO, described, whole
from terkirim.api.errors import Refused, json_answer
from terkirim.api.requests import Http, Keys, by_key
from terkirim.compose import Gateway
from terkirim.domain.alert import Condition
from terkirim.domain.credit import Level, Standing

LONGEST_DAYS = 3_650
CHECKED = "Credit balance checked"
SANDBOX = "no provider on a route is prepaid: there are no credits"
_TOO_MANY = 429
_HEALTHY = {Level.OK: "healthy"}
_REFUSED = {401: schemas.DocumentedRefusal}
SHOW = described(
    answers=schemas.DocumentedCredits,
    scope="admin",
    refusals=(401, 429),
    otherwise=_REFUSED,
    query={
        "stats": (YES_OR_NO, "1: with the statistics of the last days."),
        "days": (whole(1, LONGEST_DAYS, 30), "How many days back."),
    },
)
CHECK = described(
    answers=schemas.DocumentedCheck, scope="admin", refusals=(401, 429), otherwise=_REFUSED
)
SCHEDULED = described(
    answers=schemas.DocumentedCronCheck,
    scheme="cron",
    errors=(401,),
    otherwise=_REFUSED | {503: schemas.DocumentedCronCheck},
)


def documented_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/api/admin/email-credits` and `/api/cron/check-email-credits`."""
    desk = _Desk(gateway)

    @get("/api/admin/email-credits", opt=SHOW)
    async def documented_credits(request: Http) -> Response[bytes]:
        """Tell balance and level; a reading that is older than the schedule is taken anew."""
        if await _admin(keys, request) is None:
            return _unauthorised()
        days = number(request, "days", most=LONGEST_DAYS, usual=30)
        body = await desk.body(await desk.fresh())
        if flag(request, "stats"):
            body |= await desk.statistics(days)
        return json_answer(body)

    @post("/api/admin/email-credits", status_code=200, opt=CHECK)
    async def documented_check(request: Http) -> Response[bytes]:
        """Ask the provider for its balance now."""
        owner = await _admin(keys, request)
        if owner is None:
            return _unauthorised()
        standing = await desk.checked(by_key(owner))
        body = await desk.body(standing)
        message = body.get("message", CHECKED)
        return json_answer(body | {"message": message, "timestamp": desk.timestamp(standing)})

    @get("/api/cron/check-email-credits", opt=SCHEDULED)
    async def documented_cron_check(request: Http) -> Response[bytes]:
        """Check the balance, as a scheduler asks for it; 503 where the check failed."""
        if not _knows_cron_secret(gateway, request):
            return _unauthorised()
        standing = await desk.checked("cron")
        body = await desk.body(standing)
        data = {name: body[name] for name in ("balance", "status", "alert")}
        answer = {
            "success": body["success"],
            "message": body.get("message", CHECKED),
            "data": data | {"timestamp": desk.timestamp(standing)},
        }
        return json_answer(answer, status=200 if body["success"] else 503)

    return [documented_credits, documented_check, documented_cron_check]


class _Desk:
    """Answers about the first prepaid account; without one it says so, and fakes nothing."""

    def __init__(self, gateway: Gateway) -> None:
        self._lookout = gateway.lookout
        self._clock = gateway.clock
        self._every = gateway.settings.credits_every
        self._provider = next(iter(gateway.lookout.standings.providers), None)

    async def fresh(self) -> Standing | None:
        """Return how the account stands, by a check of its own where the last one is old."""
        if self._provider is None:
            return None
        standing = await self._lookout.standings.one(self._provider)
        at = standing.checked_at
        if at is not None and self._clock.now() - at <= self._every:
            return standing
        return await self.checked("admin route")

    async def checked(self, who: str) -> Standing | None:
        """Return how the account stands after a check now."""
        standings = await self._lookout.monitor.check(who=who)
        return next((one for one in standings if one.provider == self._provider), None)

    async def body(self, standing: Standing | None) -> dict[str, Any]:
        """Return the documented fields; a failed check is `unknown`, with the last balance."""
        if standing is None:
            return _failed(None, SANDBOX)
        if standing.level is Level.UNKNOWN:
            body = _failed(standing.balance, standing.reason or "no balance was read yet")
        else:
            body = {
                "success": True,
                "balance": standing.balance,
                "status": _HEALTHY.get(standing.level, standing.level.value),
                "estimated": standing.is_estimated,
            }
        return body | {"alert": await self._alert(standing)}

    async def statistics(self, days: int) -> dict[str, Any]:
        """Return the statistics of the last days."""
        period = {"period": f"{days} days"}
        if self._provider is None:
            return {"stats": _stats(0, None, None, 0)} | period
        found = await self._lookout.statistics.over(
            self._provider, days=days, now=self._clock.now()
        )
        stats = _stats(
            found.checks, found.average_balance, found.lowest_balance, found.alerts_raised
        )
        return {"stats": stats} | period

    def timestamp(self, standing: Standing | None) -> str:
        """Return when the check was."""
        at: datetime | None = None if standing is None else standing.checked_at
        return (at or self._clock.now()).isoformat()

    async def _alert(self, standing: Standing) -> str | None:
        """Return what is worst with the account as it stands now."""
        found = await self._lookout.monitor.conditions([standing])
        worst = max(found, key=_rank, default=None)
        return None if worst is None else self._lookout.alarms.says(worst)


def _failed(balance: int | None, message: str) -> dict[str, Any]:
    return {
        "success": False,
        "balance": balance,
        "status": Level.UNKNOWN.value,
        "alert": None,
        "message": message,
    }


def _stats(
    checks: int, average: int | None, lowest: int | None, alerts: int
) -> dict[str, int | None]:
    return {
        "checksPerformed": checks,
        "averageBalance": average,
        "lowestBalance": lowest,
        "alertsTriggered": alerts,
    }


def _rank(condition: Condition) -> int:
    return condition.severity.rank


async def _admin(keys: Keys, request: Http) -> str | None:
    """Return the key that asks, None where there is none that may; too many are told of that."""
    try:
        return await keys.owner(request, "admin")
    except Refused as error:
        if error.status == _TOO_MANY:
            raise
        return None


def _knows_cron_secret(gateway: Gateway, request: Http) -> bool:
    """Compare in constant time; without a secret in the settings the route is closed."""
    secret = gateway.settings.cron_secret
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if secret is None or kind.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), secret.read().encode())


def _unauthorised() -> Response[bytes]:
    return json_answer({"error": "Unauthorized"}, status=401)
