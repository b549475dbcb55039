"""What is answered of credits and alerts has the shapes that are described."""

import pytest

from terkirim.api import schemas
from terkirim.domain.alert import Condition, Severity
from terkirim.domain.credit import Reading
from terkirim.policy.conditions import DISK_FULL
from tests.integration.test_openapi import holds

ADMIN = "/api/admin/email-credits"


@pytest.fixture
async def known(door):
    """A door whose account was read once, and that has one alert."""
    lookout, clock = door.gateway.lookout, door.gateway.clock
    condition = Condition(
        kind=DISK_FULL,
        severity=Severity.WARNING,
        facts={"free": 5_000_000, "is_refusing": False},
    )
    await lookout.alarms.raise_(condition)
    lookout.standings.providers = ("mailketing",)
    reading = Reading(provider="mailketing", at=clock.now(), credits=9_000)
    await lookout.standings._book.keep_reading(reading)
    return door


async def test_credits_and_alerts_have_the_described_shapes(known):
    holds((await known.call("GET", "/v1/credits?days=3")).json, schemas.Credits)
    estimate = await known.call("POST", "/v1/credits/estimate", {"count": 5})
    holds(estimate.json, schemas.CreditEstimate)
    alerts = (await known.call("GET", "/v1/alerts")).json
    assert alerts["data"]
    holds(alerts, schemas.AlertList)
    holds((await known.call("POST", "/v1/alerts/test")).json, schemas.ChannelAnswers)
    activity = (await known.call("GET", "/v1/activity")).json
    assert activity["data"]
    holds(activity, schemas.ActivityList)


async def test_the_documented_routes_have_the_described_shapes(door):
    holds((await door.call("GET", f"{ADMIN}?stats=1")).json, schemas.OldCredits)
    holds((await door.call("POST", ADMIN)).json, schemas.OldCredits)
