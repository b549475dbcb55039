"""The door of callbacks in this process: a body in parts, and a database that is away."""

import json

import pytest

from terkirim.api.callbacks import callbacks
from terkirim.compose import Gateway
from terkirim.tracking.ingest import BODY_LIMIT

SECRET = "rahasia"


@pytest.fixture
async def gateway(tmp_path, monkeypatch):
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    given = {"database": f"sqlite:///{tmp_path}/g.db", "mailketing_webhook_secret": SECRET}
    async with Gateway.open(work=False, **given) as gateway:
        yield gateway


async def posted(gateway, *parts, headers=()):
    """Post a body in these parts; return status, headers and JSON."""
    waiting = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]
    sent = []

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/webhooks/mailketing",
        "raw_path": b"/api/webhooks/mailketing",
        "root_path": "",
        "query_string": f"secret={SECRET}".encode(),
        "headers": [(b"host", b"x"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    await callbacks(gateway)(scope, receive, send)
    start, body = sent
    return start["status"], dict(start["headers"]), json.loads(body["body"])


async def test_a_body_that_comes_in_parts_is_one_callback(gateway):
    status, _, answer = await posted(gateway, b'{"type":', b'"newsub', b'scriber"}')
    assert (status, answer) == (200, {"received": True})
    (kept,) = await gateway.tracking.applier._log.unapplied(limit=5)
    assert kept.body == '{"type":"newsubscriber"}'


async def test_parts_that_are_too_long_together_are_refused_before_the_last_is_read(gateway):
    part = b"x" * (BODY_LIMIT // 2 + 1)
    status, _, answer = await posted(gateway, part, part, part)
    assert (status, answer["message"]) == (400, "the body has more than 64 KB")


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"", b"99999999"])
async def test_a_length_that_is_none_or_too_large_is_refused_unread(gateway, length):
    status, _, _ = await posted(gateway, b"{}", headers=[(b"content-length", length)])
    assert status == 400


async def test_a_fault_of_ours_is_500_and_says_nothing_of_its_inside(gateway, monkeypatch):
    async def broken(*_, **__):
        raise ZeroDivisionError("s3cret")

    monkeypatch.setattr(gateway.tracking.intake, "take", broken)
    status, headers, answer = await posted(gateway, b"{}")
    assert (status, answer["name"]) == (500, "application_error")
    assert "s3cret" not in str(answer)
    assert headers[b"content-type"] == b"application/json"


async def test_while_the_database_is_away_the_provider_is_asked_to_send_it_again(gateway):
    await gateway.store.close()
    status, headers, answer = await posted(gateway, b'{"type":"emailopen"}')
    assert (status, headers[b"retry-after"]) == (503, b"5")
    assert answer["message"].startswith("nothing was stored")


async def test_a_nul_in_a_form_is_kept_as_a_sign_that_every_database_takes(gateway):
    status, _, _ = await posted(gateway, b"type=emailopen&email=a\x00b%00@example.com")
    assert status == 200
    (kept,) = await gateway.tracking.applier._log.unapplied(limit=5)
    assert "\0" not in kept.body
    await gateway.tracking.applier.apply_kept()
    (event,) = await gateway.tracking.events.unmatched(limit=5)
    assert event.recipient is None
