"""Webhooks through the REST door: made, told, listed, tried and replayed; wrong input by name."""

import pytest
from standardwebhooks.webhooks import Webhook

from terkirim.api import schemas
from terkirim.domain.outcome import Accepted
from tests.integration.receiver import Receiver
from tests.integration.test_openapi import holds
from tests.integration.test_rest_messages import sent, settled

FAR = "2099-01-01T00:00:00+07:00"
LONG_AGO = "2000-01-01T00:00:00+07:00"


@pytest.fixture
async def told(open_door):
    return await open_door(webhook_reach="any")


async def made(door, url, **fields):
    answer = await door.call("POST", "/v1/webhooks", {"endpoint": url, **fields})
    assert answer.status == 200, answer.body
    holds(answer.json, schemas.WebhookMade)
    return answer.json


async def one_told(door):
    """Send a mail, and return its id, the webhook that was told of it, and what it got."""
    async with Receiver() as receiver:
        webhook = await made(door, receiver.url, events=["email.sent"])
        id_ = await sent(door)
        await settled(door, Accepted("r"))
        door.gateway.webhooks.start()
        (got,) = await receiver.wait_for(1)
        await door.gateway.webhooks.stop(within=door.gateway.settings.grace)
    return id_, webhook, got


async def test_an_app_is_told_of_its_mail_and_every_answer_has_the_described_shape(told):
    id_, webhook, got = await one_told(told)
    path = f"/v1/webhooks/{webhook['id']}"
    said = Webhook(webhook["signing_secret"]).verify(got.body, got.headers)
    assert (said["type"], said["data"]["email_id"]) == ("email.sent", id_)

    events = (await told.call("GET", f"{path}/events")).json
    holds(events, schemas.WebhookDeliveries)
    assert [(one["id"], one["status"]) for one in events["data"]] == [(got.id, "success")]
    event = (await told.call("GET", f"{path}/events/{got.id}")).json
    holds(event, schemas.WebhookEvent)
    assert event["payload"] == said
    attempts = (await told.call("GET", f"{path}/events/{got.id}/attempts")).json
    holds(attempts, schemas.WebhookAttempts)
    assert [(one["http_status_code"], one["response"]) for one in attempts["data"]] == [(200, "ok")]
    of_message = (await told.call("GET", f"/v1/messages/{id_}/webhooks")).json
    holds(of_message, schemas.WebhookTold)
    assert [one["id"] for one in of_message["data"]] == [got.id]


async def test_what_was_told_is_told_again_alone_or_by_range(told):
    _, webhook, got = await one_told(told)
    path = f"/v1/webhooks/{webhook['id']}"
    again = (await told.call("POST", f"{path}/events/{got.id}/replay")).json
    holds(again, schemas.WebhookEventRef)
    assert (await told.call("GET", f"{path}/events?state=waiting")).json["data"][0]["id"] == got.id
    body = {"since": LONG_AGO, "until": FAR, "all": True}
    ranged = (await told.call("POST", f"{path}/replay", body)).json
    holds(ranged, schemas.WebhookReplayed)
    metrics = (await told.call("GET", "/metrics", key=None)).body.decode()
    assert 'terkirim_webhook_attempts_total{result="delivered"} 1.0' in metrics
    assert 'terkirim_webhook_deliveries{state="waiting"} 1.0' in metrics


async def test_a_secret_is_shown_once_and_stands_in_no_other_answer(told):
    webhook = await made(told, "https://app.example/")
    path = f"/v1/webhooks/{webhook['id']}"
    rotated = (await told.call("POST", f"{path}/signing-secret/rotate")).json
    holds(rotated, schemas.WebhookMade)
    shown = (await told.call("GET", path)).json
    holds(shown, schemas.Webhook)
    assert shown["signing_secret"] is None
    assert shown["old_secret_until"] is not None
    listed = await told.call("GET", "/v1/webhooks")
    holds(listed.json, schemas.WebhookList)
    activity = await told.call("GET", "/v1/activity")
    for answer in (listed, activity):
        for secret in (webhook["signing_secret"], rotated["signing_secret"]):
            assert secret.encode() not in answer.body
    words = [one["what"] for one in activity.json["data"]]
    assert {"webhook endpoint added", "webhook secret changed"} <= set(words)


async def test_a_test_event_tells_how_it_was_answered(told):
    async with Receiver(status=500, body=b"no room") as receiver:
        webhook = await made(told, receiver.url)
        tested = (await told.call("POST", f"/v1/webhooks/{webhook['id']}/test")).json
    holds(tested, schemas.WebhookTested)
    assert (tested["delivered"], tested["http_status_code"]) == (False, 500)
    assert tested["response"] == "no room"


async def test_a_webhook_is_changed_disabled_and_removed(told):
    webhook = await made(told, "https://app.example/", events=["email.sent"])
    path = f"/v1/webhooks/{webhook['id']}"
    changed = await told.call("PATCH", path, {"events": [], "status": "disabled"})
    holds(changed.json, schemas.WebhookChanged)
    one = (await told.call("GET", path)).json
    assert (one["status"], one["disabled_because"], one["every_event"]) == ("disabled", None, True)
    refused = await told.call("POST", f"{path}/replay", {"since": LONG_AGO})
    assert (refused.status, refused.name) == (409, "resource_locked")
    holds((await told.call("DELETE", path)).json, schemas.WebhookRemoved)
    assert (await told.call("GET", path)).status == 404


async def test_the_list_has_pages(told):
    ids = [(await made(told, f"https://app.example/{n}"))["id"] for n in range(3)]
    first = (await told.call("GET", "/v1/webhooks?limit=2")).json
    assert ([one["id"] for one in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    rest = (await told.call("GET", f"/v1/webhooks?limit=2&after={ids[1]}")).json
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([ids[0]], False)
    newer = (await told.call("GET", f"/v1/webhooks?limit=1&before={ids[0]}")).json
    assert ([one["id"] for one in newer["data"]], newer["has_more"]) == ([ids[1]], True)


async def test_an_id_that_no_database_can_hold_is_not_found(open_door, postgres):
    door = await open_door(database=await postgres.database())
    webhook = await made(door, "https://app.example/")
    path = f"/v1/webhooks/{webhook['id']}"
    for asked in ("/v1/webhooks/a\0", f"{path}/events/a\0", "/v1/messages/a\0/webhooks"):
        assert (await door.call("GET", asked)).status == 404
    assert (await door.call("GET", f"{path}/events?after=%00")).status == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "endpoint"),
        ({"endpoint": 5}, "endpoint"),
        ({"endpoint": "mailto:a@example.com"}, "endpoint"),
        ({"endpoint": "https://app.example/", "events": "email.sent"}, "events"),
        ({"endpoint": "https://app.example/", "events": ["email.eaten"]}, "events"),
        ({"endpoint": "https://app.example/", "signing_secret": "short"}, "signing_secret"),
        ({"endpoint": "https://app.example/", "url": "x"}, "url"),
    ],
)
async def test_wrong_input_is_refused_with_the_field(told, body, field):
    answer = await told.call("POST", "/v1/webhooks", body)
    assert answer.status == 422
    assert f"`{field}`" in answer.json["message"]


async def test_wrong_changes_and_questions_are_refused_with_the_field(told):
    webhook = await made(told, "https://app.example/")
    path = f"/v1/webhooks/{webhook['id']}"
    for method, rest, body, field in (
        ("PATCH", "", {"status": "asleep"}, "status"),
        ("PATCH", "", {"endpoint": "ftp://x"}, "endpoint"),
        ("POST", "/replay", {}, "since"),
        ("POST", "/replay", {"since": "yesterday"}, "since"),
        ("GET", "/events?state=lost", None, "state"),
        ("GET", "/events?limit=0", None, "limit"),
    ):
        answer = await told.call(method, f"{path}{rest}", body)
        assert (answer.status, f"`{field}`" in answer.json["message"]) == (422, True), rest
    for method, rest in (
        ("GET", ""),
        ("DELETE", ""),
        ("PATCH", ""),
        ("POST", "/test"),
        ("POST", "/signing-secret/rotate"),
        ("GET", "/events"),
        ("GET", "/events/x"),
        ("GET", "/events/x/attempts"),
        ("POST", "/events/x/replay"),
    ):
        answer = await told.call(
            method, f"/v1/webhooks/nobody{rest}", {} if method == "PATCH" else None
        )
        assert answer.status == 404, (method, rest)


async def test_only_a_key_with_the_scope_admin_may_look(told):
    await told.add_key("tk_reader_0123456789abcdef0123456789abc", frozenset({"read", "send"}))
    answer = await told.call("GET", "/v1/webhooks", key="tk_reader_0123456789abcdef0123456789abc")
    assert (answer.status, answer.name) == (401, "restricted_api_key")


async def test_http_and_own_networks_are_refused_unless_a_setting_allows_them(door):
    for url in ("http://app.example/", "https://10.0.0.1/", "https://[::1]/"):
        answer = await door.call("POST", "/v1/webhooks", {"endpoint": url})
        assert (answer.status, "TERKIRIM_WEBHOOK_REACH" in answer.json["message"]) == (422, True)
