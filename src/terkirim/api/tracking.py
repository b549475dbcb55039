"""`/v1/tracking`: the log of events, those without a message, and how the intake stands."""

import re
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from terkirim.api.errors import Refused, json_answer
from terkirim.api.requests import Http, Keys
from terkirim.compose import Gateway
from terkirim.domain.event import EventKind
from terkirim.ports.tracking import EventFilter, EventRow, ReplayFilter
from terkirim.reports.intake import intake_health

PAGE, PAGE_LIMIT = 20, 100
LONGEST_DAYS = 400
_DIGITS = re.compile(r"[0-9]{1,19}")


def tracking_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/tracking`."""
    events, clock = gateway.tracking.events, gateway.clock

    @get("/v1/tracking/events")
    async def listed(request: Http) -> Response[bytes]:
        await keys.owner(request, "read")
        kind = request.query_params.get("type")
        if kind is not None and kind not in set(EventKind):
            raise Refused(422, "validation_error", f"`type`: give one of {', '.join(EventKind)}")
        before = request.query_params.get("before")
        which = EventFilter(
            limit=number(request, "limit", usual=PAGE, most=PAGE_LIMIT),
            before=None if before is None else number(request, "before", usual=1, most=2**62),
            kind=None if kind is None else EventKind(kind),
            message_id=request.query_params.get("message_id"),
        )
        rows = await events.events(which)
        return json_answer({"object": "list", "data": [event_shape(row) for row in rows]})

    @get("/v1/tracking/unmatched")
    async def unmatched(request: Http) -> Response[bytes]:
        await keys.owner(request, "read")
        limit = number(request, "limit", usual=PAGE, most=PAGE_LIMIT)
        rows = await events.unmatched(limit=limit, before=request.query_params.get("before"))
        return json_answer({"object": "list", "data": [event_shape(row) for row in rows]})

    @get("/v1/tracking/health")
    async def health(request: Http) -> Response[bytes]:
        await keys.owner(request, "read")
        report = await intake_health(
            gateway.store,
            events,
            now=clock.now(),
            days=number(request, "days", usual=7, most=LONGEST_DAYS),
            is_open=gateway.tracking.intake.is_open,
        )
        return json_answer(report)

    @post("/v1/tracking/replay", status_code=200)
    async def replayed(request: Http) -> Response[bytes]:
        await keys.owner(request, "admin")
        is_all = request.query_params.get("all", "") in {"1", "true"}
        done = await gateway.tracking.applier.replay(ReplayFilter(is_all=is_all))
        return json_answer(
            {
                "asked": done.asked,
                "matched": done.matched,
                "unmatched": done.unmatched,
                "not_understood": done.not_understood,
            }
        )

    return [listed, unmatched, health, replayed]


def event_shape(row: EventRow) -> dict[str, Any]:
    """Return one event; `match` says how its message was found, null where none was."""
    return {
        "id": row.id,
        "seq": row.seq,
        "type": row.kind,
        "at": row.at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "provider": row.provider,
        "message_id": row.message_id,
        "match": row.match,
        "recipient": row.recipient,
        "reference": row.reference,
        "bounce": row.bounce,
        "scanner": row.is_scanner,
        "facts": row.facts,
    }


def number(request: Http, name: str, *, usual: int, most: int) -> int:
    """Return a number of the address, from 1 to `most`.

    Raises:
        Refused: it is none.
    """
    text = request.query_params.get(name, str(usual))
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= most:
        raise Refused(422, "validation_error", f"`{name}`: give a number from 1 to {most}")
    return int(text)
