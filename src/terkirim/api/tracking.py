"""`/v1/tracking`: the log of events, those without a message, and how the intake stands."""

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from terkirim.api import schemas
from terkirim.api.asked import PAGE as PAGE_ROWS
from terkirim.api.asked import PAGE_LIMIT, flag, number, place, wrong
from terkirim.api.describing import TEXT, YES_OR_NO, described, whole
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.api.tracking_shapes import event_shape, intake_shape
from terkirim.compose import Gateway
from terkirim.domain.event import EventKind
from terkirim.ports.tracking import EventFilter, ReplayFilter
from terkirim.reports.intake import intake_health

LONGEST_DAYS = 400
MOST_EVENTS = 2**62
_ROWS = {"limit": (whole(1, PAGE_LIMIT, PAGE_ROWS), "How many rows.")}
EVENTS = described(
    answers=schemas.TrackingEventList,
    scope="read",
    query={
        "type": (TEXT, f"One of {', '.join(EventKind)}."),
        "message_id": (TEXT, "Only the events of this message."),
        "before": ({"type": "integer", "minimum": 1}, "A `seq`: older events than that one."),
        **_ROWS,
    },
)
UNMATCHED = described(
    answers=schemas.TrackingEventList,
    scope="read",
    query={"before": (TEXT, "An id: older events than that one."), **_ROWS},
)
HEALTH = described(
    answers=schemas.TrackingHealth,
    scope="read",
    query={"days": (whole(1, LONGEST_DAYS, 7), "How many days back.")},
)
REPLAY = described(
    answers=schemas.Replayed,
    scope="admin",
    query={"all": (YES_OR_NO, "1: also callbacks that led to an event.")},
)


def tracking_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/tracking`."""
    events, clock = gateway.tracking.events, gateway.clock

    @get("/v1/tracking/events", opt=EVENTS)
    async def tracking_events(request: Http) -> Response[bytes]:
        """List the log of events, newest first: facts about messages, as they became known."""
        await keys.owner(request, "read")
        kind = request.query_params.get("type")
        if kind is not None and kind not in set(EventKind):
            raise wrong("type", f"give one of {', '.join(EventKind)}")
        before = request.query_params.get("before")
        which = EventFilter(
            limit=number(request, "limit", usual=PAGE_ROWS, most=PAGE_LIMIT),
            before=None if before is None else number(request, "before", usual=1, most=MOST_EVENTS),
            kind=None if kind is None else EventKind(kind),
            message_id=request.query_params.get("message_id"),
        )
        rows = await events.events(which)
        return json_answer({"object": "list", "data": [event_shape(row) for row in rows]})

    @get("/v1/tracking/unmatched", opt=UNMATCHED)
    async def unmatched_events(request: Http) -> Response[bytes]:
        """List events that found no message, newest first."""
        await keys.owner(request, "read")
        limit = number(request, "limit", usual=PAGE_ROWS, most=PAGE_LIMIT)
        rows = await events.unmatched(limit=limit, before=place(request, "before"))
        return json_answer({"object": "list", "data": [event_shape(row) for row in rows]})

    @get("/v1/tracking/health", opt=HEALTH)
    async def tracking_health(request: Http) -> Response[bytes]:
        """Tell whether providers are heard: how much was accepted, of how much a word came back."""
        await keys.owner(request, "read")
        report = await intake_health(
            gateway.store,
            events,
            now=clock.now(),
            days=number(request, "days", usual=7, most=LONGEST_DAYS),
            is_open=gateway.tracking.intake.is_open,
        )
        return json_answer(intake_shape(report))

    @post("/v1/tracking/replay", status_code=200, opt=REPLAY)
    async def replay_callbacks(request: Http) -> Response[bytes]:
        """Read kept callbacks that led to nothing once more, and look for missing messages.

        No event comes twice: with `all`, only what an event is missing for is added.
        """
        await keys.owner(request, "admin")
        which = ReplayFilter(is_all=flag(request, "all") or False)
        done = await gateway.tracking.applier.replay(which)
        return json_answer(
            {
                "asked": done.asked,
                "matched": done.matched,
                "unmatched": done.unmatched,
                "not_understood": done.not_understood,
            }
        )

    return [tracking_events, unmatched_events, tracking_health, replay_callbacks]
