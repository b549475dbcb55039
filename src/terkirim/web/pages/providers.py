"""The delivery services: how each stands, what it answers, pausing it, and a test e-mail."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.email import DEFAULT_ROUTE
from terkirim.domain.errors import InvalidEmail, NotFound
from terkirim.domain.lease import Attempt
from terkirim.domain.phrase import Phrase, phrase
from terkirim.policy.rates import parse_rates
from terkirim.ports import BY_HAND, Pause, ProviderStatus
from terkirim.reports.standing import cause, standing
from terkirim.settings import Settings
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

LOOKED_AT, SHOWN = 500, 8  # of the newest answers of a provider
_MS = 1_000  # microseconds
_PER = {
    "s": phrase("{count} a second"),
    "m": phrase("{count} a minute"),
    "h": phrase("{count} an hour"),
    "d": phrase("{count} a day"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a provider answered lately; latencies in milliseconds, None without an answer."""

    looked: int
    median: float | None
    p95: float | None
    outcomes: tuple[tuple[str, int], ...]
    codes: tuple[tuple[str, int], ...]
    last: tuple[Attempt, ...]


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    return [*_showing(site), *_pausing(site), *_testing(site)]


def _showing(site: Site) -> list[HTTPRouteHandler]:
    @site.get("/providers")
    async def providers(visit: Visit) -> Response[Any]:
        return await _page(site, visit)

    return [providers]


async def _page(site: Site, visit: Visit, fault: Phrase | None = None) -> Response[Any]:
    """Return the page; `fault`: why the test e-mail that was asked for cannot be sent."""
    store, insight = site.gateway.store, site.gateway.desk.insight
    settings = site.gateway.settings
    statuses = await store.providers(now=visit.now)
    answers = {
        one.name: _answers(await insight.last_attempts(one.name, limit=LOOKED_AT))
        for one in statuses
    }
    return visit.page(
        "providers.html",
        status=200 if fault is None else 422,
        place="/providers",
        statuses=statuses,
        answers=answers,
        standing=standing,
        cause=cause,
        routes=settings.providers_by_route,
        sender=settings.default_sender,
        by_hand=BY_HAND,
        looked_at=LOOKED_AT,
        limits=", ".join(map(visit.say, _limits(settings))),
        fault=fault,
        bad_field="" if fault is None else "to",
        typed=visit.form,
    )


def _pausing(site: Site) -> list[HTTPRouteHandler]:
    store, clock = site.gateway.store, site.gateway.clock

    @site.post("/providers/{name:str}/pause")
    async def pause(visit: Visit) -> Response[Any]:
        name = await _named(site, visit)
        pausing = Pause(
            provider=name,
            sender="",
            fault=BY_HAND,
            reason=visit.say("by {name}", name=visit.name),
            since=clock.now(),
            until=None,
        )
        await store.pause(pausing)
        await visit.note("provider paused", name)
        return visit.go("/providers", visit.say("{name} is paused.", name=name))

    @site.post("/providers/{name:str}/resume")
    async def resume(visit: Visit) -> Response[Any]:
        name, sender = await _named(site, visit), visit.form.get("sender", "")
        if await store.resume(name, sender=sender):
            await visit.note("provider resumed", name, sender=sender)
        return visit.go("/providers", visit.say("{name} is used again.", name=name))

    return [pause, resume]


def _testing(site: Site) -> list[HTTPRouteHandler]:
    @site.post("/providers/test")
    async def test(visit: Visit) -> Response[Any]:
        settings = site.gateway.settings
        route = visit.form.get("route", DEFAULT_ROUTE)
        if settings.default_sender is None or route not in settings.providers_by_route:
            raise Denied(
                422,
                phrase("A test e-mail needs a default sender."),
                phrase("Set `MAILKETING_FROM_EMAIL` to an address that the provider approves."),
            )
        try:
            email_id = await _send_test(site, visit, route)
        except InvalidEmail as error:
            fault = phrase("{label}: {why}", label=phrase("To"), why=error.says)
            return await _page(site, visit, fault)
        await visit.note("test sent", email_id)
        return visit.go(f"/messages/{email_id}", visit.say("The test e-mail is on its way."))

    return [test]


def _limits(settings: Settings) -> list[Phrase]:
    """Return how many requests may leave for a provider, in words."""
    rates = () if settings.rate is None else parse_rates(settings.rate)
    return [phrase(_PER[rate.unit].text, count=rate.count) for rate in rates]


async def _send_test(site: Site, visit: Visit, route: str) -> str:
    return await site.gateway.send_email(
        to=visit.form.get("to", ""),
        subject=visit.say("A test from Terkirim"),
        text=visit.say(
            "This e-mail was sent by hand from the dashboard by {name}, to see whether mail "
            "arrives.",
            name=visit.name,
        ),
        tags=[{"name": "test", "value": "dashboard"}],
        priority="high",
        route=route,
    )


async def _named(site: Site, visit: Visit) -> str:
    name: str = visit.request.path_params["name"]
    statuses: list[ProviderStatus] = await site.gateway.store.providers(now=visit.now)
    if name not in {one.name for one in statuses}:
        raise NotFound(f"there is no provider {name}")
    return name


def _answers(attempts: Sequence[Attempt]) -> Answers:
    spent = sorted(one.duration_us / _MS for one in attempts if one.is_timed)
    codes = Counter(one.code for one in attempts if one.code and one.outcome != "accepted")
    return Answers(
        looked=len(attempts),
        median=_at(spent, 0.5),
        p95=_at(spent, 0.95),
        outcomes=tuple(Counter(one.outcome for one in attempts).most_common()),
        codes=tuple(codes.most_common(SHOWN)),
        last=tuple(attempts[:SHOWN]),
    )


def _at(ordered: Sequence[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1)
