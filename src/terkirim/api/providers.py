"""`/v1/providers`: how each delivery service stands, and pausing one by hand."""

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from terkirim.api import schemas
from terkirim.api.asked import body_of, text_in
from terkirim.api.describing import described
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.compose import Gateway
from terkirim.domain.errors import NotFound
from terkirim.ports import BY_HAND, Pause, ProviderStatus

PAUSE = described(
    takes=schemas.PauseBody, is_body_needed=False, answers=schemas.ProviderChanged, scope="admin"
)
RESUME = described(
    takes=schemas.ResumeBody, is_body_needed=False, answers=schemas.ProviderChanged, scope="admin"
)


def provider_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/providers`."""
    store, clock = gateway.store, gateway.clock

    @get("/v1/providers", opt=described(answers=schemas.ProviderList, scope="read"))
    async def providers(request: Http) -> Response[bytes]:
        """Tell of each provider its breaker, its pauses and gates, and what waits for it."""
        await keys.owner(request, "read")
        statuses = await store.providers(now=clock.now())
        return json_answer({"object": "list", "data": [_shape(status) for status in statuses]})

    @post("/v1/providers/{name:str}/pause", status_code=200, opt=PAUSE)
    async def pause_provider(request: Http, name: FromPath[str]) -> Response[bytes]:
        """Use this provider no more, or not for one sender, until somebody resumes it."""
        owner = await keys.owner(request, "admin")
        body = await body_of(request, ("sender", "reason"))
        _refuse_unknown(gateway, name)
        pause = Pause(
            provider=name,
            sender=text_in(body, "sender") or "",
            fault=BY_HAND,
            reason=text_in(body, "reason") or "",
            since=clock.now(),
            until=None,
        )
        changed = await store.pause(pause)
        if changed:
            await keys.note(owner, "provider paused", name, sender=pause.sender)
        return json_answer({"object": "provider", "name": name, "paused": True, "changed": changed})

    @post("/v1/providers/{name:str}/resume", status_code=200, opt=RESUME)
    async def resume_provider(request: Http, name: FromPath[str]) -> Response[bytes]:
        """End a pause; if its cause still stands, the next message begins it again."""
        owner = await keys.owner(request, "admin")
        body = await body_of(request, ("sender",))
        _refuse_unknown(gateway, name)
        sender = text_in(body, "sender") or ""
        changed = await store.resume(name, sender=sender)
        if changed:
            await keys.note(owner, "provider resumed", name, sender=sender)
        return json_answer(
            {"object": "provider", "name": name, "paused": False, "changed": changed}
        )

    return [providers, pause_provider, resume_provider]


def _refuse_unknown(gateway: Gateway, name: str) -> None:
    known = {one for route in gateway.settings.providers_by_route.values() for one in route}
    if name not in known:
        raise NotFound(f"no route names this provider; there are {', '.join(sorted(known))}")


def _shape(status: ProviderStatus) -> dict[str, Any]:
    return {
        "object": "provider",
        "name": status.name,
        "breaker": {
            "state": status.breaker,
            "faults": status.faults,
            "until": _time(status.open_until),
        },
        "gate_until": _time(status.gate_until),
        "rate_until": _time(status.rate_until),
        "waiting": status.waiting,
        "in_air": status.in_air,
        "pauses": [
            {
                "sender": pause.sender or None,
                "fault": pause.fault,
                "reason": pause.reason,
                "since": _time(pause.since),
                "until": _time(pause.until),
                "waiting": pause.waiting if pause.sender else status.waiting,
            }
            for pause in status.pauses
        ],
    }


def _time(at: Any) -> str | None:
    return None if at is None else at.isoformat()
