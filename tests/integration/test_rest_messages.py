"""Messages, providers, keys and the health report through the REST door."""

import hashlib
from datetime import timedelta

import pytest

from terkirim.domain.message import Evidence, State
from terkirim.domain.outcome import Accepted, Deferred, Rejected, Unauthorised, Unclear
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import ClaimWish
from terkirim.reports.health import HealthRules, health

MAIL = {"from": "toko@example.com", "to": "b@example.com", "subject": "Halo", "text": "x"}
UNCLEAR_WAIT = timedelta(seconds=60)


async def sent(door, **changes):
    answer = await door.call("POST", "/v1/emails", {**MAIL, **changes})
    assert answer.status == 200, answer.body
    return answer.json["id"]


async def settled(door, result, *, now=None):
    """Claim all that is due, and end each with this result."""
    gateway = door.gateway
    at = now or gateway.clock.now()
    wish = ClaimWish(limit=100, now=at, lease_for=timedelta(seconds=60))
    facts = Facts(
        now=at,
        started_at=at,
        duration_us=1_000,
        schedule=RetrySchedule(jitter=0.0),
        unclear_wait=UNCLEAR_WAIT,
        spread=0.0,
        route=("sandbox",),
    )
    for work in (await gateway.store.claim(wish)).works:
        await gateway.store.settle(verdict(work.lease, result, facts))


async def held(door, **changes):
    id_ = await sent(door, if_unclear="hold", **changes)
    await settled(door, Unclear("line broke"))
    later = door.gateway.clock.now() + UNCLEAR_WAIT + timedelta(seconds=1)
    await door.gateway.store.sweep(now=later)
    return id_


async def ids(door, query):
    return [row["id"] for row in (await door.call("GET", f"/v1/messages?{query}")).json["data"]]


async def test_messages_page_newest_first_both_ways(door):
    every = [await sent(door) for _ in range(7)][::-1]
    first = (await door.call("GET", "/v1/messages?limit=3")).json
    assert [row["id"] for row in first["data"]] == every[:3]
    assert first["has_more"]
    assert await ids(door, f"limit=3&after={every[2]}") == every[3:6]
    last = (await door.call("GET", f"/v1/messages?limit=3&after={every[5]}")).json
    assert ([row["id"] for row in last["data"]], last["has_more"]) == (every[6:], False)
    assert await ids(door, f"limit=2&before={every[4]}") == every[2:4]


async def test_messages_are_found_by_state_recipient_email_and_sandbox(door):
    dead = await sent(door, to="Dead@example.com")
    await settled(door, Rejected("no"))
    taken = await sent(door)
    await settled(door, Accepted("r", is_sandbox=True))
    email = await sent(door, to=["x@example.com", "y@example.com"])
    assert await ids(door, "state=dead") == [dead]
    assert await ids(door, "state=dead,accepted") == [taken, dead]
    assert len(await ids(door, "state=queued,leased")) == 2
    assert await ids(door, "recipient=dead@EXAMPLE.com") == [dead]
    assert len(await ids(door, f"email_id={email}")) == 2
    assert await ids(door, "sandbox=1") == [taken]
    assert taken not in await ids(door, "sandbox=0")


@pytest.mark.parametrize(
    "query",
    ["state=gone", "state=", "limit=0", "limit=101", "limit=x", "limit=-1", "limit=²", "sandbox=2"],
)
async def test_a_wrong_parameter_of_a_list_is_named(door, query):
    answer = await door.call("GET", f"/v1/messages?{query}")
    assert (answer.status, answer.name) == (422, "validation_error")
    assert query.partition("=")[0] in answer.json["message"]


async def test_one_of_after_and_before_may_be_given(door):
    id_ = await sent(door)
    assert (await door.call("GET", f"/v1/messages?after={id_}&before={id_}")).status == 422


@pytest.mark.parametrize("path", ["emails", "messages", "suppressions", "webhooks", "api-keys"])
@pytest.mark.parametrize(
    "query",
    [
        *("after=nope", "before=zzz", "after=%00", "after="),
        "after=479e3145-5b1c-4e0a-9d6c-1f2e3d4c5b6a",
        "before=00000000-0000-0000-0000-000000000000",
    ],
)
async def test_a_page_beside_what_is_no_id_is_refused_not_guessed(door, path, query):
    answer = await door.call("GET", f"/v1/{path}?{query}")
    assert (answer.status, answer.name) == (422, "validation_error")
    assert f"`{query.partition('=')[0]}`" in answer.json["message"]


async def test_a_page_goes_on_from_the_place_of_an_email_that_is_gone(door):
    older, gone, newer = await sent(door), await sent(door), await sent(door)
    place = gone[:-1] + ("0" if gone[-1] != "0" else "1")  # retention took it: no row has this id
    page = (await door.call("GET", f"/v1/emails?after={place}")).json
    assert newer not in [row["id"] for row in page["data"]]
    assert older in [row["id"] for row in page["data"]]


async def test_an_id_in_capitals_is_the_same_place(door):
    older, newer = await sent(door), await sent(door)
    page = (await door.call("GET", f"/v1/emails?after={newer.upper()}")).json
    assert [row["id"] for row in page["data"]] == [older]


async def test_a_message_is_cancelled_and_a_second_time_it_is_too_late(door):
    id_ = await sent(door)
    assert (await door.call("POST", f"/v1/messages/{id_}/cancel")).json["too_late"] == []
    again = await door.call("POST", f"/v1/messages/{id_}/cancel")
    assert (again.status, again.name) == (409, "resource_locked")
    assert "cancelled" in again.json["message"]
    assert (await door.call("POST", "/v1/messages/none/cancel")).status == 404
    assert await deeds(door) == [("message cancelled", id_)]


async def deeds(door):
    rows = await door.gateway.desk.activity.activity(limit=10)
    return [(row.what, row.subject) for row in rows if row.who.startswith("key ")]


async def test_who_stops_or_moves_an_email_by_a_key_stands_in_the_activity(door):
    id_ = await sent(door, scheduled_at="in 2 hours")
    move = {"scheduled_at": "in 5 hours"}
    assert (await door.call("PATCH", f"/v1/emails/{id_}", move)).status == 200
    assert (await door.call("POST", f"/v1/emails/{id_}/cancel")).status == 200
    assert sorted(await deeds(door)) == [("message cancelled", id_), ("message moved", id_)]


async def test_a_held_message_is_accepted_by_hand_once(door):
    id_ = await held(door)
    accepted = await door.call("POST", f"/v1/messages/{id_}/accept")
    assert (accepted.status, accepted.json["state"]) == (200, "accepted")
    assert (await door.call("POST", f"/v1/messages/{id_}/accept")).status == 409
    assert await deeds(door) == [("message counted as sent", id_)]
    assert (await door.call("GET", f"/v1/messages/{id_}")).json["state"] == "accepted"


async def test_a_held_or_dead_message_is_sent_again_and_a_waiting_one_is_not(door):
    for id_ in (await held(door), await dead(door)):
        again = await door.call("POST", f"/v1/messages/{id_}/requeue")
        assert (again.status, again.json["requeued"]) == (200, True)
        assert (await door.call("POST", f"/v1/messages/{id_}/requeue")).status == 409
    assert (await door.call("POST", "/v1/messages/none/requeue")).status == 404


async def dead(door, reason="no such user", **changes):
    id_ = await sent(door, **changes)
    await settled(door, Rejected(reason))
    return id_


async def test_a_filter_is_counted_first_and_then_sent_again(door):
    for _ in range(3):
        await dead(door, "kotak penuh")
    other = await dead(door, "no such user")
    body = {"reason": "penuh", "limit": 2}
    counted = (await door.call("POST", "/v1/messages/requeue?dry_run=1", body)).json
    assert (counted["count"], counted["dry_run"], counted["may_be_more"]) == (2, True, True)
    assert len(await ids(door, "state=dead")) == 4
    done = (await door.call("POST", "/v1/messages/requeue", {"reason": "penuh"})).json
    assert (done["requeued"], done["dry_run"], done["may_be_more"]) == (3, False, False)
    assert await ids(door, "state=dead") == [other]


async def test_what_the_sandbox_kept_goes_again_only_when_that_is_asked(door):
    id_ = await sent(door)
    await settled(door, Accepted("r", is_sandbox=True))
    assert (await door.call("POST", "/v1/messages/requeue")).json["requeued"] == 0
    assert (await door.call("POST", "/v1/messages/requeue", {"sandbox": True})).json[
        "requeued"
    ] == 1
    story = (await door.call("GET", f"/v1/messages/{id_}")).json
    assert (story["state"], story["sandbox"]) == ("queued", False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"resaon": "x"}, "resaon"),
        ({"reason": 5}, "reason"),
        ({"reason": "\0"}, "reason"),
        ({"states": ["queued"]}, "states"),
        ({"states": {}}, "states"),
        ({"before": "yesterday"}, "before"),
        ({"after": "2026-01-01"}, "after"),
        ({"message_ids": []}, "message_ids"),
        ({"message_ids": [1]}, "message_ids"),
        ({"message_ids": ["\0"]}, "message_ids"),
        ({"limit": True}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"sandbox": 1}, "sandbox"),
        ({"sandbox": True, "states": ["dead"]}, "sandbox"),
        ({"provider": ""}, "provider"),
    ],
)
async def test_a_wrong_field_of_a_filter_requeues_nothing(door, body, field):
    await dead(door)
    answer = await door.call("POST", "/v1/messages/requeue", body)
    assert (answer.status, answer.name) == (422, "validation_error")
    assert f"`{field}`" in answer.json["message"]
    assert len(await ids(door, "state=dead")) == 1


async def test_a_provider_is_paused_by_hand_and_resumed(door):
    await sent(door)
    paused = await door.call("POST", "/v1/providers/sandbox/pause", {"reason": "pindah"})
    assert (paused.json["paused"], paused.json["changed"]) == (True, True)
    await settled(door, Accepted("r"))
    (shape,) = (await door.call("GET", "/v1/providers")).json["data"]
    assert (shape["name"], shape["waiting"], shape["in_air"]) == ("sandbox", 1, 0)
    (pause,) = shape["pauses"]
    assert (pause["fault"], pause["reason"], pause["waiting"]) == ("by hand", "pindah", 1)
    again = await door.call("POST", "/v1/providers/sandbox/pause")
    assert again.json["changed"] is False
    assert (await door.call("POST", "/v1/providers/sandbox/resume")).json["changed"] is True
    await settled(door, Accepted("r"))
    assert (await door.call("GET", "/v1/providers")).json["data"][0]["waiting"] == 0


async def test_a_pause_by_hand_takes_the_place_of_a_fault_and_no_probe_ends_it(door):
    store = door.gateway.store
    await sent(door)
    await settled(door, Unauthorised("bad key"))
    await door.call("POST", "/v1/providers/sandbox/pause")
    assert not await store.resume("sandbox", fault="Unauthorised")
    assert [pause.fault for pause in await store.pauses()] == ["by hand"]


async def test_who_paused_a_provider_or_changed_keys_is_in_the_activity(door):
    (key,) = await door.gateway.store.keys()
    for change in ("pause", "pause", "resume", "resume"):  # the second of each changes nothing
        await door.call("POST", f"/v1/providers/sandbox/{change}")
    made = await door.call("POST", "/v1/api-keys", {"name": "toko"})
    await door.call("DELETE", f"/v1/api-keys/{made.json['id']}")
    rows = (await door.call("GET", "/v1/activity")).json["data"]
    assert {row["who"] for row in rows} == {f"key {key.id}"}
    assert sorted((row["what"], row["subject"]) for row in rows) == [
        ("key made", "toko"),
        ("key revoked", "toko"),
        ("provider paused", "sandbox"),
        ("provider resumed", "sandbox"),
    ]


async def test_an_unknown_provider_cannot_be_paused(door):
    answer = await door.call("POST", "/v1/providers/nobody/pause")
    assert (answer.status, answer.name) == (404, "not_found")
    assert "sandbox" in answer.json["message"]


async def test_a_key_is_made_shown_once_used_and_revoked(door):
    made = await door.call("POST", "/v1/api-keys", {"name": "toko", "permission": "sending_access"})
    assert (made.status, made.json["scopes"]) == (201, ["send"])
    token = made.json["token"]
    assert (await door.call("POST", "/v1/emails", MAIL, key=token)).status == 200
    assert (await door.call("GET", "/v1/emails", key=token)).name == "restricted_api_key"
    listed = await door.call("GET", "/v1/api-keys")
    assert token.encode() not in listed.body
    assert {row["name"] for row in listed.json["data"]} == {"t", "toko"}
    gone = await door.call("DELETE", f"/v1/api-keys/{made.json['id']}")
    assert gone.json == {"object": "api_key", "id": made.json["id"], "deleted": True}
    assert (await door.call("DELETE", f"/v1/api-keys/{made.json['id']}")).status == 404


async def test_the_last_key_that_may_make_others_is_not_revoked(door):
    (row,) = await door.gateway.store.keys()
    refused = await door.call("DELETE", f"/v1/api-keys/{row.id}")
    assert (refused.status, refused.name) == (409, "resource_locked")


@pytest.mark.parametrize(
    ("body", "name", "field"),
    [
        ({}, "missing_required_field", "name"),
        ({"name": ""}, "missing_required_field", "name"),
        ({"name": 5}, "validation_error", "name"),
        ({"name": "a\nb"}, "validation_error", "name"),
        ({"name": "x" * 101}, "validation_error", "name"),
        ({"name": "x", "permission": "all"}, "invalid_access", "permission"),
        ({"name": "x", "permission": []}, "invalid_access", "permission"),
        ({"name": "x", "scopes": ["root"]}, "validation_error", "scopes"),
        ({"name": "x", "scopes": []}, "validation_error", "scopes"),
        (
            {"name": "x", "scopes": ["send"], "permission": "full_access"},
            "validation_error",
            "scop",
        ),
        ({"name": "x", "domain_id": "d"}, "invalid_parameter", "domain_id"),
    ],
)
async def test_a_wrong_wish_makes_no_key(door, body, name, field):
    answer = await door.call("POST", "/v1/api-keys", body)
    assert (answer.status, answer.name) == (422, name)
    assert field in answer.json["message"]
    assert len(await door.gateway.store.keys()) == 1


async def test_keys_of_a_list_page_by_id(door):
    for number in range(4):
        await door.call("POST", "/v1/api-keys", {"name": str(number)})
    first = (await door.call("GET", "/v1/api-keys?limit=2")).json
    names = [row["name"] for row in first["data"]]
    second = (await door.call("GET", f"/v1/api-keys?limit=2&after={first['data'][1]['id']}")).json
    assert (names, first["has_more"]) == (["3", "2"], True)
    assert [row["name"] for row in second["data"]] == ["1", "0"]
    back = (await door.call("GET", f"/v1/api-keys?limit=1&before={second['data'][0]['id']}")).json
    assert [row["name"] for row in back["data"]] == ["2"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/api-keys"),
        ("POST", "/v1/api-keys"),
        ("DELETE", "/v1/api-keys/x"),
        ("POST", "/v1/providers/sandbox/pause"),
        ("POST", "/v1/providers/sandbox/resume"),
        ("POST", "/v1/messages/requeue"),
    ],
)
async def test_what_changes_the_gateway_needs_the_scope_admin(door, method, path):
    await door.add_key("tk_no_admin", ("send", "read"))
    answer = await door.call(method, path, {}, key="tk_no_admin")
    assert (answer.status, answer.name) == (401, "restricted_api_key")


async def test_the_status_says_in_one_sentence_each_what_is_wrong(open_door):
    door = await open_door(
        route="mailketing", mailketing_api_key="k", mailketing_from_email="a@example.com"
    )
    assert (await door.call("GET", "/v1/status")).json["status"] == "ok"
    for _ in range(3):
        await sent(door)
    await settled(door, Unauthorised("Access Denied, Invalid Token"))
    found = (await door.call("GET", "/v1/status")).json
    (trouble,) = found["troubles"]
    assert (found["status"], trouble["kind"]) == ("critical", "provider_paused")
    assert "mailketing is paused: it refuses the key" in trouble["says"]
    assert "3 messages waiting" in trouble["says"]
    assert "Access Denied" in trouble["says"]
    assert found["waiting"]["queued"] == 3


async def test_the_status_tells_of_the_sandbox_the_held_and_the_dead(door):
    await held(door)
    await dead(door)
    found = (await door.call("GET", "/v1/status")).json
    kinds = [(trouble["kind"], trouble["level"]) for trouble in found["troubles"]]
    assert kinds == [("sandbox", "warning"), ("held", "notice"), ("dead_letters", "notice")]
    assert (found["status"], found["sandbox"]) == ("warning", True)


async def test_an_open_breaker_and_a_full_disk_are_told(open_door, monkeypatch):
    door = await open_door(
        route="mailketing",
        mailketing_api_key="k",
        mailketing_from_email="a@example.com",
        breaker_after=2,
        min_free_disk="1KB",
    )
    for _ in range(2):
        await sent(door)
    await settled(door, Deferred("refused", is_provider_down=True))

    async def one_byte():
        return 1

    monkeypatch.setattr(door.gateway.store, "free_bytes", one_byte)
    found = (await door.call("GET", "/v1/status")).json
    assert [trouble["kind"] for trouble in found["troubles"]] == [
        "disk_nearly_full",
        "breaker_open",
    ]
    assert (await door.call("GET", "/health/ready", key=None)).status == 503


async def test_a_disk_without_room_is_not_ready_whatever_the_setting_allows(open_door, monkeypatch):
    door = await open_door(min_free_disk="0")
    for free, status in ((999_999, 503), (1_000_000, 200)):

        async def free_bytes(free=free):
            return free

        monkeypatch.setattr(door.gateway.store, "free_bytes", free_bytes)
        assert (await door.call("GET", "/health/ready", key=None)).status == status


async def test_an_email_that_waits_too_long_is_told(door):
    await sent(door)
    store, clock = door.gateway.store, door.gateway.clock
    later = clock.now() + timedelta(minutes=20)
    found = await health(store, now=later, rules=HealthRules())
    assert [trouble.kind for trouble in found.troubles] == ["waiting_long"]
    assert "20 minutes" in found.troubles[0].says or "19 minutes" in found.troubles[0].says


async def test_attachments_are_listed_with_a_link_that_works(door):
    id_ = await sent(
        door,
        attachments=[{"filename": "a.txt", "content": "SGFsbw==", "content_id": "logo"}],
    )
    listed = (await door.call("GET", f"/v1/emails/{id_}/attachments")).json
    (one,) = listed["data"]
    assert (one["filename"], one["size"], one["content_disposition"]) == ("a.txt", 4, "inline")
    path = one["download_url"].split("8625", 1)[1]
    file = await door.call("GET", path, key=None)
    assert (file.status, file.body) == (200, b"Halo")
    assert file.headers["content-type"].startswith("text/plain")
    single = await door.call("GET", f"/v1/emails/{id_}/attachments/{one['id']}")
    assert single.json["object"] == "attachment"
    assert (await door.call("GET", f"/v1/emails/{id_}/attachments/x")).status == 404
    assert (await door.call("GET", path.replace("/a/", "/a/x"), key=None)).status == 403


async def test_an_empty_attachment_is_taken_and_handed_out(door):
    id_ = await sent(door, attachments=[{"filename": "a.txt", "content": ""}])
    (one,) = (await door.call("GET", f"/v1/emails/{id_}/attachments")).json["data"]
    assert one["size"] == 0
    file = await door.call("GET", one["download_url"].split("8625", 1)[1], key=None)
    assert (file.status, file.body) == (200, b"")


async def test_attachments_of_the_same_bytes_are_told_apart(door):
    names = ["a.txt", "b.txt", "other.txt", "c.txt"]
    contents = ["SGFsbw==", "SGFsbw==", "SGk=", "SGFsbw=="]
    files = [{"filename": n, "content": c} for n, c in zip(names, contents, strict=True)]
    path = f"/v1/emails/{await sent(door, attachments=files)}/attachments"
    listed = (await door.call("GET", path)).json["data"]
    assert [one["filename"] for one in listed] == names
    for one in listed:
        single = await door.call("GET", f"{path}/{one['id']}")
        assert (single.json["id"], single.json["filename"]) == (one["id"], one["filename"])
    assert listed[0]["id"] == hashlib.sha256(b"Halo").hexdigest()
    assert len({one["id"] for one in listed}) == 4


async def test_an_email_that_is_moved_keeps_the_life_it_was_given(door):
    id_ = await sent(door, scheduled_at="in 1 hour", expires_in="10m")
    before = (await door.call("GET", f"/v1/emails/{id_}")).json
    moved = await door.call("PATCH", f"/v1/emails/{id_}", {"id": id_, "scheduled_at": "in 3 hours"})
    after = (await door.call("GET", f"/v1/emails/{id_}")).json
    assert moved.status == 200
    assert before["expires_at"] < after["scheduled_at"] < after["expires_at"]
    message = (await door.gateway.store.story(id_)).message
    assert message.expires_at.isoformat() == after["expires_at"]


async def test_one_message_of_several_is_not_moved_alone(door):
    id_ = await sent(door, to=["a@example.com", "b@example.com"], scheduled_at="in 1 hour")
    one, _ = (await door.call("GET", f"/v1/messages?email_id={id_}")).json["data"]
    answer = await door.call("PATCH", f"/v1/emails/{one['id']}", {"scheduled_at": "in 2 hours"})
    assert (answer.status, id_ in answer.json["message"]) == (404, True)


async def test_the_worst_of_several_recipients_is_the_emails_last_event(door):
    id_ = await sent(door, to=["a@example.com", "b@example.com"])
    await settled(door, Accepted("r"))
    one, _ = (await door.call("GET", f"/v1/messages?email_id={id_}")).json["data"]
    now = door.gateway.clock.now()
    await door.gateway.store.record_evidence(one["id"], Evidence.BOUNCED, at=now)
    shape = (await door.call("GET", f"/v1/emails/{id_}")).json
    assert shape["last_event"] == "bounced"
    assert {row["last_event"] for row in shape["recipients"]} == {"bounced", "sent"}
    assert {row["state"] for row in shape["recipients"]} == {State.BOUNCED, State.ACCEPTED}


async def test_an_address_is_forgotten_by_one_call(door):
    await sent(door, to="Budi <budi@example.com>")
    await settled(door, Accepted("r"))
    await sent(door, to=["budi@example.com", "ani@example.com"])
    await door.add_key("tk_no_admin", ("send", "read"))
    refused = await door.call("DELETE", "/v1/addresses/budi@example.com", key="tk_no_admin")
    assert refused.status == 401
    done = (await door.call("DELETE", "/v1/addresses/BUDI@example.com", {})).json
    assert (done["erased"], done["cancelled"], done["anonymised"]) == (True, 1, 2)
    assert await ids(door, "recipient=budi@example.com") == []
    assert len(await ids(door, "recipient=ani@example.com")) == 1
    wrong = await door.call("DELETE", "/v1/addresses/nobody")
    assert (wrong.status, wrong.name) == (422, "validation_error")


async def test_an_answer_that_is_not_known_is_told_with_its_text(door):
    await sent(door)
    await settled(door, Deferred("HTTP 200: unknown answer: apa ini", is_unknown_answer=True))
    troubles = (await door.call("GET", "/v1/status")).json["troubles"]
    (unknown,) = [one for one in troubles if one["kind"] == "unknown_answer"]
    assert "apa ini" in unknown["says"]
    assert unknown["facts"]["count"] == 1


def metric(answer, line):
    return [row for row in answer.body.decode().splitlines() if row.startswith(line)]


async def test_metrics_tell_what_waits_how_attempts_ended_and_what_the_process_uses(open_door):
    door = await open_door(work=True)
    await sent(door, scheduled_at="in 1 hour", priority="high")
    id_ = await sent(door)
    for _ in range(500):
        if (await door.call("GET", f"/v1/messages/{id_}")).json["state"] == "accepted":
            break
    answer = await door.call("GET", "/metrics", key=None)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert metric(answer, 'terkirim_unfinished_messages{state="queued"} 1.0')
    assert metric(answer, 'terkirim_queued_messages{priority="high"} 1.0')
    assert metric(answer, 'terkirim_attempts_total{outcome="accepted",provider="sandbox"} 1.0')
    assert metric(answer, 'terkirim_request_seconds_bucket{le="+Inf",provider="sandbox"} 1.0')
    assert metric(answer, "terkirim_acceptance_seconds_count 1.0")
    assert metric(answer, 'terkirim_provider_breaker{provider="sandbox",state="closed"} 1.0')
    assert metric(answer, "terkirim_sandbox 1.0")
    assert metric(answer, "process_resident_memory_bytes ")
    assert b"example.com" not in answer.body


async def test_metrics_show_pauses_by_their_fault(door):
    await door.call("POST", "/v1/providers/sandbox/pause", {"reason": "rahasia"})
    answer = await door.call("GET", "/metrics", key=None)
    assert metric(answer, 'terkirim_provider_paused{fault="by hand",provider="sandbox"} 1.0')
    assert b"rahasia" not in answer.body
