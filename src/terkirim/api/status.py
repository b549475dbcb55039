"""Whether the gateway lives, can take mail, and what is wrong with it."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from terkirim.api import schemas
from terkirim.api.describing import described
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.compose import Gateway
from terkirim.domain.errors import StoreUnavailable
from terkirim.domain.message import UNFINISHED
from terkirim.domain.version import __version__
from terkirim.reports.health import Health, health

NO_ROOM = 1_000_000  # bytes: with less a letter may not be kept, whatever the setting allows


def status_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers that tell of the gateway itself."""
    return [*_for_machines(gateway), *_for_people(gateway, keys)]


def _for_machines(gateway: Gateway) -> list[HTTPRouteHandler]:
    store = gateway.store

    @get("/health/live", opt=described(answers=schemas.Live))
    async def live() -> Response[bytes]:
        """Answer as long as the process runs its loop."""
        return json_answer({"status": "ok"})

    @get("/health/ready", opt=described(answers=schemas.Ready))
    async def ready() -> Response[bytes]:
        """Answer 200 while mail can be taken, 503 while it cannot."""
        free = await store.free_bytes()
        if free is not None and free < max(gateway.settings.min_free_disk, NO_ROOM):
            raise StoreUnavailable("the disk is nearly full")
        await store.check_writable()
        return json_answer({"status": "ready", "sandbox": gateway.is_sandbox})

    return [live, ready]


def _for_people(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @get("/v1/status", opt=described(answers=schemas.Status, scope="read"))
    async def status(request: Http) -> Response[bytes]:
        """Say in one sentence each what is wrong now, the worst first, and how much waits."""
        await keys.owner(request, "read")
        found = await health(store, now=clock.now(), rules=gateway.watch.rules)
        return json_answer(_shape(found) | {"sandbox": gateway.is_sandbox})

    return [status]


def _shape(found: Health) -> dict[str, Any]:
    oldest = found.backlog.oldest_due_at
    return {
        "object": "status",
        "status": found.status,
        "version": __version__,
        "troubles": [
            {"kind": one.kind, "level": one.level, "says": one.says, "facts": one.facts}
            for one in found.troubles
        ],
        "waiting": {
            **{state.value: found.backlog.by_state.get(state, 0) for state in sorted(UNFINISHED)},
            "oldest_due_at": None if oldest is None else oldest.isoformat(),
        },
    }
