"""`/v1/alerts` and `/v1/activity`: what is wrong, who was told of it, and who did what."""

from datetime import timedelta

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from terkirim.api import schemas
from terkirim.api.asked import PAGE, PAGE_LIMIT, flag, number, wrong
from terkirim.api.credit_shapes import activity_shape, alert_shape
from terkirim.api.describing import TEXT, YES_OR_NO, described, whole
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.compose import Gateway
from terkirim.domain.errors import NotFound
from terkirim.ports.alerts import AlertFilter

LONGEST_DAYS = 3_650
_ROWS = {"limit": (whole(1, PAGE_LIMIT, PAGE), "How many rows.")}
LIST = described(
    answers=schemas.AlertList,
    scope="read",
    query={
        "days": (whole(1, LONGEST_DAYS, 30), "How many days back."),
        "open": (YES_OR_NO, "1: only what goes on; 0: only what is over."),
        **_ROWS,
    },
)
TEST = described(answers=schemas.ChannelTests, scope="admin")
ACTIVITY = described(
    answers=schemas.ActivityList,
    scope="admin",
    query={**_ROWS, "after": (TEXT, "An id: older rows than that one.")},
)


def alert_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of alerts and of the activity log."""
    lookout, clock = gateway.lookout, gateway.clock

    @get("/v1/alerts", opt=LIST)
    async def list_alerts(request: Http) -> Response[bytes]:
        """List alerts of the last `days`, newest first; `open=1`: only what goes on."""
        await keys.owner(request, "read")
        now, days = clock.now(), number(request, "days", most=LONGEST_DAYS, usual=30)
        which = AlertFilter(
            since=now - timedelta(days=days),
            until=now,
            limit=number(request, "limit", most=PAGE_LIMIT, usual=PAGE),
            is_open=flag(request, "open"),
        )
        found = await lookout.alert_book.alerts(which)
        return json_answer({"object": "list", "data": [alert_shape(one) for one in found]})

    @post("/v1/alerts/test", status_code=200, opt=TEST)
    async def test_alerts(request: Http) -> Response[bytes]:
        """Write to every channel now; tell what each answered."""
        owner = await keys.owner(request, "admin")
        await keys.note(owner, "alerts tested")
        answers = [
            {"channel": channel.shown, "ok": not answer, "answer": answer or None}
            for channel, answer in await lookout.alarms.test()
        ]
        return json_answer({"object": "list", "data": answers})

    @get("/v1/activity", opt=ACTIVITY)
    async def list_activity(request: Http) -> Response[bytes]:
        """List who did what, newest first."""
        await keys.owner(request, "admin")
        limit = number(request, "limit", most=PAGE_LIMIT, usual=PAGE)
        try:
            found = await lookout.activity.activity(
                limit=limit + 1, after=request.query_params.get("after")
            )
        except NotFound as error:
            raise wrong("after", str(error)) from None
        rows = [activity_shape(one) for one in found[:limit]]
        return json_answer({"object": "list", "has_more": len(found) > limit, "data": rows})

    return [list_alerts, test_alerts, list_activity]
