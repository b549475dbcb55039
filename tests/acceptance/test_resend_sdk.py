"""Resend's own Python SDK, unmodified, against a served gateway."""

import pytest
import resend

from tests.acceptance.conftest import KEY

MAIL = {
    "from": "Toko <toko@example.com>",
    "to": ["budi@example.com"],
    "subject": "Halo",
    "html": "<p>x</p>",
}


@pytest.fixture
def sdk(served, monkeypatch):
    monkeypatch.setattr(resend, "api_url", f"{served.url}/v1")
    monkeypatch.setattr(resend, "api_key", KEY)
    return resend


def test_every_field_that_the_sdk_sends_is_read_back(sdk):
    sent = sdk.Emails.send(
        {
            **MAIL,
            "cc": "c@example.com",
            "bcc": ["d@example.com"],
            "reply_to": "balas@example.com",
            "text": "x",
            "headers": {"X-Entity-Ref-ID": "1"},
            "tags": [{"name": "jenis", "value": "resi"}],
        }
    )
    email = sdk.Emails.get(sent["id"])
    assert (email["cc"], email["bcc"]) == (["c@example.com"], ["d@example.com"])
    assert (email["reply_to"], email["text"]) == (["balas@example.com"], "x")
    assert email["tags"] == [{"name": "jenis", "value": "resi"}]
    assert (email["object"], email["id"]) == ("email", sent["id"])
    assert len(email["recipients"]) == 3


@pytest.mark.parametrize(
    "content",
    [list(b"Halo"), "SGFsbw==", {"type": "Buffer", "data": list(b"Halo")}],
    ids=["bytes of Python", "base64", "a Node Buffer"],
)
def test_an_attachment_is_taken_in_each_of_its_forms(sdk, content):
    sent = sdk.Emails.send(
        {**MAIL, "attachments": [{"filename": "a.txt", "content": content, "content_id": "x"}]}
    )
    (one,) = sdk.Emails.Attachments.list(sent["id"])["data"]
    assert (one["filename"], one["size"], one["content_type"]) == ("a.txt", 4, "text/plain")
    same = sdk.Emails.Attachments.get(sent["id"], one["id"])
    assert (same["object"], same["content_disposition"]) == ("attachment", "inline")


def test_the_same_key_answers_the_same_id_and_headers_say_the_rate(sdk):
    first = sdk.Emails.send(MAIL, {"idempotency_key": "sdk-1"})
    again = sdk.Emails.send(MAIL, {"idempotency_key": "sdk-1"})
    assert first["id"] == again["id"]
    assert int(first["http_headers"]["ratelimit-remaining"]) > 0
    with pytest.raises(resend.exceptions.ResendError) as error:
        sdk.Emails.send({**MAIL, "subject": "Lain"}, {"idempotency_key": "sdk-1"})
    assert (error.value.code, error.value.error_type) == (409, "invalid_idempotent_request")


def test_a_permissive_batch_lists_its_errors(sdk):
    good, bad = MAIL, {**MAIL, "to": ["nobody"]}
    sent = sdk.Batch.send([good, bad, good], {"batch_validation": "permissive"})
    assert len(sent["data"]) == 2
    assert [error["index"] for error in sent["errors"]] == [1]


def test_a_list_pages_by_id(sdk):
    ids = [sdk.Emails.send(MAIL)["id"] for _ in range(3)][::-1]
    first = sdk.Emails.list({"limit": 2})
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (ids[:2], True)
    second = sdk.Emails.list({"limit": 1, "after": ids[1]})
    assert [row["id"] for row in second["data"]] == ids[2:]
    assert {"html", "text", "object"}.isdisjoint(second["data"][0])


def test_keys_are_made_used_and_removed(sdk, monkeypatch):
    made = sdk.ApiKeys.create({"name": "kasir", "permission": "sending_access"})
    assert made["id"] in [row["id"] for row in sdk.ApiKeys.list()["data"]]
    monkeypatch.setattr(resend, "api_key", made["token"])
    sent = sdk.Emails.send(MAIL)
    with pytest.raises(resend.exceptions.ResendError, match="scope"):
        sdk.Emails.get(sent["id"])
    monkeypatch.setattr(resend, "api_key", KEY)
    assert sdk.ApiKeys.remove(made["id"])["deleted"] is True


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"to": []}, resend.exceptions.MissingRequiredFieldsError, 422),
        ({"subject": "a\nb"}, resend.exceptions.ValidationError, 422),
        ({"from": "nobody"}, resend.exceptions.ValidationError, 422),
        ({"template": {"id": "x"}}, resend.exceptions.ResendError, 422),
    ],
)
def test_what_is_wrong_raises_the_sdks_own_error(sdk, change, error, code):
    with pytest.raises(error) as raised:
        sdk.Emails.send({**MAIL, **change})
    assert raised.value.code == code


def test_a_wrong_key_and_no_key_raise_the_sdks_own_errors(sdk, monkeypatch):
    monkeypatch.setattr(resend, "api_key", "re_unknown")
    with pytest.raises(resend.exceptions.InvalidApiKeyError):
        sdk.Emails.send(MAIL)
    monkeypatch.setattr(resend, "api_key", "")
    with pytest.raises(resend.exceptions.MissingApiKeyError):
        sdk.Emails.send(MAIL)


@pytest.mark.parametrize(
    "call",
    [
        lambda sdk: sdk.Segments.list(),
        lambda sdk: sdk.Contacts.list("x"),
        lambda sdk: sdk.Domains.list(),
        lambda sdk: sdk.Domains.create({"name": "example.com"}),
        lambda sdk: sdk.Broadcasts.get("x"),
        lambda sdk: sdk.Emails.get("unknown"),
        lambda sdk: sdk.Emails.cancel("unknown"),
        lambda sdk: sdk.Emails.update({"id": "unknown", "scheduled_at": "in 1 hour"}),
    ],
)
def test_what_is_not_here_is_not_found(sdk, call):
    with pytest.raises(resend.exceptions.ResendError) as error:
        call(sdk)
    assert (error.value.code, error.value.error_type) == (404, "not_found")


def test_webhooks_are_made_read_changed_rotated_and_removed(sdk):
    made = sdk.Webhooks.create(
        {"endpoint": "https://app.example/hooks", "events": ["email.bounced", "email.sent"]}
    )
    assert (made["object"], made["signing_secret"][:6]) == ("webhook", "whsec_")
    one = sdk.Webhooks.get(made["id"])
    assert (one["endpoint"], one["status"]) == ("https://app.example/hooks", "enabled")
    assert (one["events"], one["signing_secret"]) == (["email.bounced", "email.sent"], None)
    changed = sdk.Webhooks.update(
        {"webhook_id": made["id"], "events": ["email.failed"], "status": "disabled"}
    )
    assert changed["id"] == made["id"]
    (listed,) = sdk.Webhooks.list({"limit": 1})["data"]
    assert (listed["events"], listed["status"]) == (["email.failed"], "disabled")
    rotated = sdk.Webhooks.rotate_signing_secret(made["id"])
    assert rotated["signing_secret"] != made["signing_secret"]
    assert sdk.Webhooks.list_events(made["id"])["data"] == []
    assert sdk.Webhooks.remove(made["id"])["deleted"] is True
    assert sdk.Webhooks.list()["data"] == []


def test_the_metrics_have_the_sdks_shape(sdk):
    params = {"metrics": ["sent", "delivery_rate", "failed"], "dimensions": ["period"]}
    found = sdk.Emails.metrics(params)
    assert found["object"] == "metrics"
    assert set(found["totals"]) == set(params["metrics"])
    assert found["dimensions"] == ["period"]
    assert all(set(row) == {"period", *params["metrics"]} for row in found["data"])
    assert "data" not in sdk.Emails.metrics()
