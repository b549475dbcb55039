"""What is answered of credits, alerts, events and suppressions has the described shapes."""

import pytest

from terkirim.api import schemas
from terkirim.domain.alert import Condition, Severity
from terkirim.domain.outcome import Accepted
from terkirim.emulator.server import Emulator
from terkirim.policy import conditions
from tests.integration.hooks import Hook
from tests.integration.test_openapi import holds
from tests.integration.test_rest_messages import sent, settled

CRON = "a-cron-secret-of-the-test"
HOOK = "a-callback-secret-of-the-test"
ADMIN = "/api/admin/email-credits"
SCHEDULED = "/api/cron/check-email-credits"
CALLBACKS = f"/api/webhooks/mailketing?secret={HOOK}"


@pytest.fixture
async def emulator():
    async with Emulator(credits_left=400) as emulator:
        yield emulator


@pytest.fixture
async def hook():
    async with Hook() as hook:
        yield hook


@pytest.fixture
async def paid(open_door, emulator, hook):
    """Return the door of a gateway with a prepaid account, a channel and secrets."""
    return await open_door(
        mailketing_api_key="emulated",
        mailketing_api_url=f"{emulator.url}/v2",
        mailketing_webhook_secret=HOOK,
        alert_urls=hook.url,
        cron_secret=CRON,
    )


async def test_credits(paid):
    before = (await paid.call("GET", "/v1/credits")).json
    assert before["balance"] is None
    holds(before, schemas.Credits)
    await sent(paid)
    holds((await paid.call("POST", "/v1/credits/check")).json, schemas.CreditsChecked)
    after = (await paid.call("GET", "/v1/credits?days=2")).json
    assert after["readings"]
    assert after["usage"]
    holds(after, schemas.Credits)
    estimate = await paid.call("POST", "/v1/credits/estimate", {"count": 5})
    holds(estimate.json, schemas.CreditsEstimate)


async def test_the_documented_routes_about_credits(paid):
    holds((await paid.call("GET", ADMIN)).json, schemas.DocumentedCredits)
    told = (await paid.call("GET", f"{ADMIN}?stats=1")).json
    assert told["stats"]
    holds(told, schemas.DocumentedCredits)
    holds((await paid.call("POST", ADMIN)).json, schemas.DocumentedCheck)
    holds((await paid.call("GET", SCHEDULED, key=CRON)).json, schemas.DocumentedCronCheck)
    for path in (ADMIN, SCHEDULED):
        refused = await paid.call("GET", path, key=None)
        assert refused.status == 401
        holds(refused.json, schemas.DocumentedRefusal)


async def test_the_documented_routes_where_nobody_knows_the_balance(open_door):
    paid = await open_door(
        mailketing_api_key="emulated", mailketing_api_url="http://127.0.0.1:1/v2", cron_secret=CRON
    )
    told = (await paid.call("GET", ADMIN)).json
    assert told["message"]
    holds(told, schemas.DocumentedCredits)
    failed = await paid.call("GET", SCHEDULED, key=CRON)
    assert failed.status == 503
    holds(failed.json, schemas.DocumentedCronCheck)


async def test_alerts_and_activity(paid):
    found = Condition(
        kind=conditions.DISK_FULL,
        severity=Severity.WARNING,
        facts={"free": 5_000_000, "is_refusing": False},
    )
    await paid.gateway.lookout.alarms.settle([found], kinds=(conditions.DISK_FULL,))
    alerts = (await paid.call("GET", "/v1/alerts")).json
    assert alerts["data"][0]["notices"]
    holds(alerts, schemas.AlertList)
    tested = (await paid.call("POST", "/v1/alerts/test")).json
    assert [one["ok"] for one in tested["data"]] == [True]
    holds(tested, schemas.ChannelTests)
    activity = (await paid.call("GET", "/v1/activity")).json
    assert activity["data"]
    holds(activity, schemas.ActivityList)


async def test_callbacks_events_and_the_story_of_their_message(paid):
    id_ = await sent(paid)
    await settled(paid, Accepted("r", code="200", answer="ok"))
    body = {"type": "emailclick", "email": "b@example.com", "message_id": id_}
    body |= {"link_clicked": "https://example.com/"}
    lost = {"type": "emailopen", "email": "nobody@example.com", "message_id": "unknown"}
    for one in (body, lost):
        taken = await paid.call("POST", CALLBACKS, one, key=None)
        holds(taken.json, schemas.CallbackTaken)
    refused = await paid.call("POST", "/api/webhooks/mailketing", body, key=None)
    assert refused.status == 401
    holds(refused.json, schemas.Error)
    holds((await paid.call("POST", "/v1/tracking/replay?all=1")).json, schemas.Replayed)
    for path in ("events", "unmatched"):
        told = (await paid.call("GET", f"/v1/tracking/{path}")).json
        assert told["data"]
        holds(told, schemas.TrackingEventList)
    holds((await paid.call("GET", "/v1/tracking/health")).json, schemas.TrackingHealth)
    story = (await paid.call("GET", f"/v1/messages/{id_}")).json
    assert story["engagement"]["clicks"]
    holds(story, schemas.Story)


async def test_suppressions(door):
    body = {"email": "a@example.com", "stream": "broadcast", "until": "2099-01-01", "note": "x"}
    added = await door.call("POST", "/v1/suppressions", body)
    holds(added.json, schemas.SuppressionAdded)
    names = ["b@example.com", "c@example.com"]
    many = await door.call("POST", "/v1/suppressions/batch/add", {"emails": names})
    holds(many.json, schemas.SuppressionsAdded)
    holds((await door.call("GET", "/v1/suppressions?limit=2")).json, schemas.SuppressionList)
    one = await door.call("GET", "/v1/suppressions/a@example.com")
    holds(one.json, schemas.SingleSuppression)
    entered = await door.call("POST", "/v1/suppressions/import", b"email\nd@example.com\nbad\n")
    assert entered.json["errors"]
    holds(entered.json, schemas.Imported)
    gone = await door.call("DELETE", "/v1/suppressions/a@example.com")
    holds(gone.json, schemas.SuppressionRemoved)
    removed = await door.call("POST", "/v1/suppressions/batch/remove", {"emails": names})
    holds(removed.json, schemas.SuppressionsRemoved)
