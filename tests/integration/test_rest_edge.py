"""What every answer of the REST door has in common: errors, methods, rate headers."""

import asyncio
import json

import pytest

from terkirim.domain.errors import StoreUnavailable

MAIL = {"from": "toko@example.com", "to": "b@example.com", "subject": "Halo", "text": "x"}


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/audiences", "/v1/contacts/1", "/v1/domains", "/v1/x/y/z", "/nowhere", "/"],
)
async def test_an_unknown_path_answers_not_found_in_json(door, path):
    answer = await door.call("GET", path)
    assert (answer.status, answer.name) == (404, "not_found")
    assert answer.headers["content-type"] == "application/json"


async def test_a_wrong_method_names_those_that_are_taken(door):
    answer = await door.call("PUT", "/v1/emails")
    assert (answer.status, answer.name) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert (await door.call("BREW", "/v1/emails/1/cancel")).headers["allow"] == "OPTIONS, POST"


async def test_options_tells_the_methods_and_head_is_a_get_without_its_body(door):
    options = await door.call("OPTIONS", "/v1/emails", key=None)
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    get, head = await door.call("GET", "/v1/emails"), await door.call("HEAD", "/v1/emails")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.body))
    assert (await door.call("OPTIONS", "/v1/nothing")).status == 404


async def test_every_answer_under_v1_says_how_much_of_the_rate_is_left(open_door):
    door = await open_door(api_rate="3/h")
    first = await door.call("POST", "/v1/emails", MAIL)
    headers = {name: first.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")}
    assert headers == {"limit": "3", "remaining": "2", "reset": "1200"}
    assert "retry-after" not in first.headers
    await door.call("GET", "/v1/emails")
    await door.call("GET", "/v1/nothing")  # no key was asked for: it counts for nobody
    assert (await door.call("GET", "/v1/emails/x")).headers["ratelimit-remaining"] == "0"
    refused = await door.call("POST", "/v1/emails", MAIL)
    assert (refused.status, refused.name) == (429, "rate_limit_exceeded")
    assert 1_190 <= int(refused.headers["retry-after"]) <= 1_200
    assert refused.headers["ratelimit-remaining"] == "0"


async def test_callers_without_a_key_cannot_use_up_the_rate_of_one_who_has_one(open_door):
    door = await open_door(api_rate="2/h")
    statuses = [(await door.call("GET", "/v1/emails", key="guess")).status for _ in range(3)]
    assert statuses == [403, 403, 429]
    assert (await door.call("GET", "/v1/emails", key=None)).status == 429
    assert (await door.call("GET", "/v1/emails")).status == 200


async def test_without_a_limit_no_header_claims_one(open_door):
    door = await open_door(api_rate="off")
    answer = await door.call("GET", "/v1/emails")
    assert not [name for name in answer.headers if name.startswith("ratelimit")]


async def test_a_store_that_is_away_answers_503_and_when_to_come_again(door, monkeypatch):

    async def away(*_args, **_kwargs):
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(door.gateway.store, "accept", away)
    answer = await door.call("POST", "/v1/emails", MAIL)
    assert (answer.status, answer.name) == (503, "service_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "nothing was stored" in answer.json["message"]


async def test_a_fault_of_ours_answers_500_in_json_and_says_nothing_of_its_inside(
    door, monkeypatch
):

    async def broken(*_args, **_kwargs):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(door.gateway.store, "emails", broken)
    answer = await door.call("GET", "/v1/emails")
    assert (answer.status, answer.name) == (500, "application_error")
    assert b"hunter2" not in answer.body


async def test_a_body_over_the_limit_is_413(open_door):
    door = await open_door(max_body="1KB")
    answer = await door.call("POST", "/v1/emails", {**MAIL, "text": "x" * 2_000})
    assert (answer.status, answer.json["statusCode"]) == (413, 413)
    assert "TERKIRIM_MAX_BODY" in answer.json["message"]


async def test_a_body_that_was_read_whole_is_refused_at_once_and_not_waited_for(open_door):
    door = await open_door(max_body="1KB")
    body = json.dumps({**MAIL, "text": "x" * 2_000}).encode()
    parts = [(body[:900], True), (body[900:], False)]

    async def receive():
        if not parts:
            raise AssertionError("the body is at its end")
        part, has_more = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": has_more}

    assert (await door.call("POST", "/v1/emails", body, receive=receive)).status == 413


async def test_a_body_that_still_comes_is_read_to_its_end_before_the_answer(open_door):
    door = await open_door(max_body="1KB")
    parts = [(b"x" * 1_000, number < 4) for number in range(5)]

    async def receive():
        part, has_more = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": has_more}

    assert (await door.call("POST", "/v1/emails", b"", receive=receive)).status == 413
    assert not parts


async def test_a_key_without_the_scope_is_told_which_one_it_lacks(door):
    await door.add_key("tk_sender_only", ("send",))
    sent = await door.call("POST", "/v1/emails", MAIL, key="tk_sender_only")
    asked = await door.call("GET", f"/v1/emails/{sent.json['id']}", key="tk_sender_only")
    assert (sent.status, asked.status, asked.name) == (200, 401, "restricted_api_key")
    assert "read" in asked.json["message"]


async def test_a_revoked_key_is_refused_within_a_second(door, monkeypatch):
    (row,) = await door.gateway.store.keys()
    assert (await door.call("GET", "/v1/emails")).status == 200
    await door.gateway.store.revoke_key(row.id, now=door.gateway.clock.now())
    ahead = door.gateway.clock.monotonic() + 1.5
    monkeypatch.setattr(door.gateway.clock, "monotonic", lambda: ahead)
    assert (await door.call("GET", "/v1/emails")).name == "invalid_api_key"


async def test_many_requests_at_once_are_all_answered(door):
    answers = await asyncio.gather(*[door.call("POST", "/v1/emails", MAIL) for _ in range(50)])
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["id"] for answer in answers}) == 50
