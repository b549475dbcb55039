"""The REST door from outside: by plain HTTP, and by Resend's own SDK, unmodified."""

import time

import pytest
import resend

from tests.acceptance.conftest import KEY, TERKIRIM

MAIL = {
    "from": "Toko <toko@example.com>",
    "to": "budi@example.com",
    "subject": "Halo",
    "html": "<p>x</p>",
}


@pytest.fixture
def sdk(served, monkeypatch):
    monkeypatch.setattr(resend, "api_url", f"{served.url}/v1")
    monkeypatch.setattr(resend, "api_key", KEY)
    return resend


def test_the_sdk_sends_reads_and_lists(sdk):
    sent = sdk.Emails.send({**MAIL, "to": ["budi@example.com"]})
    email = sdk.Emails.get(sent["id"])
    assert (email["object"], email["from"], email["to"]) == (
        "email",
        "Toko <toko@example.com>",
        ["budi@example.com"],
    )
    listed = sdk.Emails.list({"limit": 2})
    assert listed["object"] == "list"
    assert sent["id"] in [row["id"] for row in listed["data"]]


def test_the_sdk_schedules_moves_and_cancels(sdk):
    sent = sdk.Emails.send({**MAIL, "scheduled_at": "in 2 hours"})
    assert sdk.Emails.get(sent["id"])["last_event"] == "scheduled"
    moved = sdk.Emails.update({"id": sent["id"], "scheduled_at": "in 3 hours"})
    assert moved["id"] == sent["id"]
    assert sdk.Emails.cancel(sent["id"])["id"] == sent["id"]
    assert sdk.Emails.get(sent["id"])["last_event"] == "canceled"


def test_the_sdk_sends_a_batch(sdk):
    sent = sdk.Batch.send([MAIL, {**MAIL, "to": ["a@example.com", "b@example.com"]}])
    assert len(sent["data"]) == 2


def test_the_sdk_learns_what_is_wrong(sdk):
    with pytest.raises(resend.exceptions.ResendError, match="subject"):
        sdk.Emails.send({**MAIL, "subject": "a\r\nBcc: x@example.com"})


def test_a_repeated_key_answers_the_same_id_and_another_payload_conflicts(served):
    first = served.call("POST", "/v1/emails", MAIL, idempotency_key="one")
    again = served.call("POST", "/v1/emails", dict(reversed(MAIL.items())), idempotency_key="one")
    other = served.call("POST", "/v1/emails", {**MAIL, "subject": "Lain"}, idempotency_key="one")
    assert first == again
    assert (other[0], other[1]["name"]) == (409, "invalid_idempotent_request")


@pytest.mark.parametrize(
    ("change", "status", "name"),
    [
        ({"to": None}, 422, "missing_required_field"),
        ({"to": 5}, 422, "validation_error"),
        ({"to": "budi"}, 422, "validation_error"),
        ({"to": [f"p{n}@example.com" for n in range(51)]}, 422, "validation_error"),
        ({"subject": {"a": 1}}, 422, "validation_error"),
        ({"html": "\ud800"}, 422, "validation_error"),
        ({"headers": {"X-A": "b\r\nc"}}, 422, "validation_error"),
        ({"template": {"id": "x"}}, 422, "invalid_parameter"),
        ({"scheduled_at": "soon"}, 422, "invalid_parameter"),
    ],
)
def test_a_wrong_field_is_named(served, change, status, name):
    body = {key: value for key, value in {**MAIL, **change}.items() if value is not None}
    code, answer = served.call("POST", "/v1/emails", body)
    assert (code, answer["statusCode"], answer["name"]) == (status, status, name)
    assert next(iter(change)) in answer["message"]


def test_unknown_fields_are_warned_of_and_refused_where_asked(served):
    body = {**MAIL, "subjekt": "x"}
    assert "subject" in served.call("POST", "/v1/emails", body)[1]["warnings"][0]
    assert served.call("POST", "/v1/emails?strict=1", body)[0] == 422


@pytest.mark.parametrize("body", [b"", b"[", b"null", b"\xff", b"[" * 5000])
def test_a_body_that_is_no_object_is_refused(served, body):
    code, answer = served.call("POST", "/v1/emails", body)
    assert code in {400, 422}
    assert answer["name"] == "validation_error"


def test_a_permissive_batch_takes_the_good_and_lists_the_bad(served):
    body = [MAIL, {**MAIL, "to": "nobody"}]
    strict = served.call("POST", "/v1/emails/batch", body)
    code, answer = served.call("POST", "/v1/emails/batch", body, x_batch_validation="permissive")
    assert (strict[0], code, len(answer["data"]), answer["errors"][0]["index"]) == (422, 200, 1, 1)


def test_keys_are_asked_for(served):
    assert served.call("GET", "/v1/emails", key=None)[1]["name"] == "missing_api_key"
    assert served.call("GET", "/v1/emails", key="wrong")[1]["name"] == "invalid_api_key"


def test_what_is_not_served_answers_in_json(served):
    assert served.call("GET", "/v1/audiences")[1]["name"] == "not_found"
    assert served.call("PUT", "/v1/emails")[1]["name"] == "method_not_allowed"
    assert served.call("GET", "/v1/emails/unknown")[0] == 404
    assert served.call("GET", "/v1/emails?limit=0")[0] == 422
    assert served.call("GET", "/v1/retries?days=abc")[0] == 422


def test_a_message_tells_its_story(served):
    _, sent = served.call("POST", "/v1/emails", MAIL)
    story = {"state": "queued"}
    give_up_at = time.monotonic() + 20
    while story["state"] != "accepted" and time.monotonic() < give_up_at:
        _, story = served.call("GET", f"/v1/messages/{sent['id']}")
    assert [one["outcome"] for one in story["attempts_made"]] == ["accepted"]
    assert story["sandbox"] is True
    shown = served.cli("messages", "show", sent["id"])
    assert "kept by the sandbox, never really sent (accepted)" in shown.stdout
    assert served.cli("messages", "show", "unknown").returncode == 1


def test_secrets_stay_out_of_the_log(served):
    assert KEY not in (served.folder / "serve.log").read_text()
    assert TERKIRIM.endswith("terkirim")


def test_a_body_over_the_limit_is_refused_with_413_over_a_real_connection(served):
    code, answer = served.call("POST", "/v1/emails", b"x" * 41_000_000)
    assert (code, answer["statusCode"]) == (413, 413)
    assert "TERKIRIM_MAX_BODY" in answer["message"]
