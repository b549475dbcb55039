"""The OpenAPI document: it has every route, and says of each what it really answers."""

import re

import msgspec
import pytest
from litestar.routes import ASGIRoute, HTTPRoute

from terkirim.api import schemas
from terkirim.api.describing import operations_of
from terkirim.domain.message import Evidence
from terkirim.domain.outcome import Accepted, Rejected
from tests.integration.test_rest_messages import held, sent, settled

UNDESCRIBED = {"openapi_json", "openapi_page"}
MAIL = {"from": "toko@example.com", "to": "b@example.com", "subject": "Halo", "text": "x"}
FILE = {"filename": "a.txt", "content": "SGFsbw=="}


@pytest.fixture
async def described(door):
    return (await door.call("GET", "/openapi/openapi.json", key=None)).json


def handlers(door):
    for route in door.app._router.app.routes:
        if isinstance(route, HTTPRoute):
            yield from (one for one in route.route_handlers if one.http_methods != {"OPTIONS"})
        elif isinstance(route, ASGIRoute):
            yield route.route_handler


def test_every_route_is_described_and_says_what_it_is_for(door):
    for handler in handlers(door):
        if handler.handler_name not in UNDESCRIBED:
            operations = operations_of(handler)
            assert operations, handler.handler_name
            for one in operations:
                assert one.says != one.name, one.name  # it has a docstring of its own


async def test_names_are_given_once_and_every_reference_leads_somewhere(described):
    operations = [one for path in described["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) + 1  # an attachment's two addresses share a handler
    text = msgspec.json.encode(described).decode()
    for name in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert name in described["components"]["schemas"]
    for operation in operations:
        for link in operation["responses"].get("200", {}).get("links", {}).values():
            assert link["operationId"] in names


async def test_a_key_is_asked_for_under_v1_and_another_secret_where_others_call(described):
    schemes = described["components"]["securitySchemes"]
    others = {
        ("/api/admin/email-credits", "get"): "key",
        ("/api/admin/email-credits", "post"): "key",
        ("/api/cron/check-email-credits", "get"): "cron",
        ("/api/webhooks/mailketing", "post"): "callback",
    }
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            scheme = "key" if path.startswith("/v1/") else others.pop((path, method), None)
            wanted = None if scheme is None else [{scheme: []}]
            assert operation.get("security") == wanted, path
            assert scheme is None or scheme in schemes
    assert others == {}


def holds(value, kind):
    """Convert the answer strictly; a field that the shape does not have is a lie of the shape."""
    found = msgspec.to_builtins(msgspec.convert(value, kind))
    _same_fields(value, found)


def _same_fields(value, found):
    if isinstance(value, dict):
        assert set(value) == set(found), set(value) ^ set(found)
        for name, one in value.items():
            _same_fields(one, found[name])
    elif isinstance(value, list):
        for one, other in zip(value, found, strict=True):
            _same_fields(one, other)


async def test_what_is_answered_of_emails_has_the_shapes_that_are_described(door):
    body = {**MAIL, "cc": "c@example.com", "attachments": [FILE], "expires_in": "1h"}
    receipt = (await door.call("POST", "/v1/emails", {**body, "nama": 1})).json
    holds(receipt, schemas.Receipt)
    path = f"/v1/emails/{receipt['id']}"
    for mode, more in (("strict", {}), ("permissive", {"errors": []})):
        batch = await door.call("POST", "/v1/emails/batch", [MAIL], x_batch_validation=mode)
        holds(batch.json, schemas.BatchReceipt)
        assert more.keys() <= batch.json.keys()
    await settled(door, Accepted("r", code="200", answer="ok"))
    await door.gateway.store.record_evidence(
        (await door.call("GET", path)).json["recipients"][0]["id"],
        Evidence.DELIVERED,
        at=door.gateway.clock.now(),
    )
    holds((await door.call("GET", path)).json, schemas.Email)
    holds((await door.call("GET", "/v1/emails")).json, schemas.EmailList)
    files = (await door.call("GET", f"{path}/attachments")).json
    holds(files, schemas.FileList)
    one = await door.call("GET", f"{path}/attachments/{files['data'][0]['id']}")
    holds(one.json, schemas.SingleFile)
    later = await sent(door, scheduled_at="in 1 hour", to=["a@example.com", "b@example.com"])
    moved = await door.call("PATCH", f"/v1/emails/{later}", {"scheduled_at": "in 2 hours"})
    holds(moved.json, schemas.EmailChanged)
    holds((await door.call("POST", f"/v1/emails/{later}/cancel")).json, schemas.EmailCancelled)


async def test_what_is_answered_of_messages_has_the_shapes_that_are_described(door):
    held_id = await held(door)
    dead_id = await sent(door)
    await settled(door, Rejected("no", code="422", answer="{}"))
    holds((await door.call("GET", "/v1/messages")).json, schemas.MessageList)
    story = (await door.call("GET", f"/v1/messages/{dead_id}")).json
    assert story["attempts_made"]
    holds(story, schemas.Story)
    accepted = await door.call("POST", f"/v1/messages/{held_id}/accept")
    holds(accepted.json, schemas.MessageAccepted)
    counted = await door.call("POST", "/v1/messages/requeue?dry_run=1")
    holds(counted.json, schemas.Requeued)
    again = await door.call("POST", f"/v1/messages/{dead_id}/requeue")
    holds(again.json, schemas.MessageRequeued)
    cancelled = await door.call("POST", f"/v1/messages/{dead_id}/cancel")
    holds(cancelled.json, schemas.MessageCancelled)
    retries = (await door.call("GET", "/v1/retries")).json
    assert retries["by_attempt"]
    holds(retries, schemas.Retries)


async def test_what_is_answered_of_the_gateway_has_the_shapes_that_are_described(door):
    made = (await door.call("POST", "/v1/api-keys", {"name": "x"})).json
    holds(made, schemas.NewKey)
    holds((await door.call("GET", "/v1/api-keys")).json, schemas.KeyList)
    holds((await door.call("DELETE", f"/v1/api-keys/{made['id']}")).json, schemas.KeyDeleted)
    paused = await door.call("POST", "/v1/providers/sandbox/pause", {"reason": "x"})
    holds(paused.json, schemas.ProviderChanged)
    await sent(door)
    holds((await door.call("GET", "/v1/providers")).json, schemas.ProviderList)
    holds((await door.call("GET", "/v1/status")).json, schemas.Status)
    holds((await door.call("GET", "/health/live")).json, schemas.Live)
    holds((await door.call("GET", "/health/ready")).json, schemas.Ready)
    erased = await door.call("DELETE", "/v1/addresses/b@example.com")
    holds(erased.json, schemas.AddressErased)
    holds((await door.call("GET", "/v1/nothing")).json, schemas.Error)


async def test_the_page_names_every_route_and_loads_nothing_from_anywhere(door, described):
    page = await door.call("GET", "/openapi", key=None)
    text = page.body.decode()
    for path in described["paths"]:
        assert path in text
    for name in described["components"]["schemas"]:
        assert f'id="{name}"' in text
    assert not re.search(r"(src|href)=\"(https?:)?//|<script|@import|url\(", text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
