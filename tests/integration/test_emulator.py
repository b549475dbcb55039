"""The emulated Mailketing, asked over real sockets as its clients ask it."""

import re
from contextlib import suppress

import pytest

from terkirim.emulator.faults import Fault, Faults
from terkirim.emulator.server import Emulator
from terkirim.emulator.service import Manners
from tests.integration.emulated import LETTER, Line, control, once, request, v1, v2

SENT_V1 = {"status": "success", "response": "Mail Sent"}


async def test_v1_speaks_as_mailketing_does():
    async with Emulator(credits_left=10) as emulator:
        line = await Line.to(emulator)
        assert (await line.ask(v1())).json == SENT_V1
        balance = await line.ask(v1("ceksaldo"))
        assert balance.json == {"status": "true", "credits": "9", "user": "emulated"}
        assert balance.headers["content-type"].startswith("text/html")
        found = (await line.ask(v1("viewlist"))).json["lists"]
        assert found == [{"list_id": 1, "list_name": "Pelanggan"}]
        added = await line.ask(v1("addsubtolist", list_id="1", email="a@example.com", phone="0"))
        assert added.json["status"] == "success"
        assert (await line.ask(v1("addsubtolist"))).json["status"] == "failed"
        await line.close()


async def test_v2_speaks_as_mailketing_does():
    async with Emulator(credits_left=10) as emulator:
        line = await Line.to(emulator)
        assert (await line.ask(v2(message_id="m-1"))).json == {
            "success": True,
            "data": {"message_id": "m-1", "credits": 9},
            "message": "Email queued successfully",
        }
        balance = (await line.ask(v2("credits", method="GET"))).json["data"]
        assert balance == {"credits": 9, "email": "emulated@example.com"}
        assert (await line.ask(v2("senders", method="GET"))).json["data"] == ["toko@example.com"]
        bearer = request("GET", "/api/v2/credits", authorization="Bearer emulated")
        assert (await line.ask(bearer)).json["success"] is True
        await line.close()


@pytest.mark.parametrize(
    ("changes", "status", "words", "field"),
    [
        pytest.param({"token": "other"}, 401, "Access Denied, Invalid Token", None, id="token"),
        pytest.param({"subject": ""}, 422, "The subject field is invalid", "subject", id="field"),
        pytest.param(
            {"recipient": "budi"}, 422, "Invalid recipient address", "recipient", id="recipient"
        ),
        pytest.param(
            {"from_email": "x@refused.example"},
            422,
            "Sender email not approved",
            "from_email",
            id="sender's domain",
        ),
    ],
)
async def test_a_refusal_is_said_in_each_versions_way(changes, status, words, field):
    async with Emulator() as emulator:
        emulator.unapproved.add("refused.example")
        old, new = await once(emulator, v1(**changes)), await once(emulator, v2(**changes))
        assert (old.status, old.json) == (200, {"status": "failed", "response": words})
        assert (new.status, new.json["message"], new.json["success"]) == (status, words, False)
        assert new.json["errors"] == ({} if field is None else {field: [words]})
        assert emulator.ledger.summary()["accepted"] == 0
        assert emulator.ledger.refused == {words: 2}
    async with Emulator(manners=Manners(is_strict=True)) as strict:
        strict.unapproved.add("refused.example")
        assert (await once(strict, v1(**changes))).status == status


async def test_credits_are_spent_by_each_recipient_and_then_refused():
    async with Emulator(credits_left=1) as emulator:
        assert (await once(emulator, v2())).status == 200
        assert (await once(emulator, v2())).status == 402
        assert (await once(emulator, v1())).json["response"] == "Saldo tidak cukup"
        assert (await control(emulator, "PUT", "credits", credits=5)).status == 200
        assert (await once(emulator, v1())).json == SENT_V1
        await control(emulator, "PUT", "quota", is_reached=True)
        assert (await once(emulator, v1())).json["response"] == "Daily limit reached"


async def test_all_json_is_labelled_as_such_on_request():
    async with Emulator(manners=Manners(always_json=True)) as emulator:
        assert (await once(emulator, v1("ceksaldo"))).headers["content-type"] == "application/json"


async def test_a_wrong_path_moves_and_a_wrong_method_is_refused():
    async with Emulator() as emulator:
        moved = await once(emulator, request("POST", "/api/v3/send"))
        assert (moved.status, moved.headers["location"]) == (301, "/")
        assert (await once(emulator, request("GET", "/api/v1/send"))).status == 405
        assert (await once(emulator, request("POST", "/api/v2/credits"))).status == 405


@pytest.mark.parametrize(
    ("fault", "status", "taken"),
    [
        (Fault.RATE_LIMITED, 429, 0),
        (Fault.RATE_LIMITED_AFTER, 429, 0),
        (Fault.ERROR_500, 500, 0),
        (Fault.ERROR_502, 502, 0),
        (Fault.ERROR_503, 503, 0),
        (Fault.ERROR_504, 504, 1),
        (Fault.HTML_PAGE_200, 200, 1),
        (Fault.HTML_PAGE_403, 403, 0),
        (Fault.HTML_PAGE_503, 503, 0),
        (Fault.UNKNOWN_TEXT, 400, 0),
        (Fault.SLOW, 200, 1),
    ],
)
async def test_a_fault_is_answered_as_its_name_says(fault, status, taken):
    faults = Faults(**{fault: 1.0}, retry_after=7, slow_seconds=0.01)
    async with Emulator(faults=faults) as emulator:
        answer = await once(emulator, v2())
        summary = emulator.ledger.summary()
    assert answer.status == status
    assert answer.headers.get("retry-after") == ("7" if fault == "rate_limited_after" else None)
    assert (b"<html>" in answer.body) is fault.startswith("html")
    assert summary["accepted"] == taken
    assert summary["answers_lost"] == (taken if fault is not Fault.SLOW else 0)
    assert summary["faults"] == {fault: 1}


async def test_shares_hold_and_repeat_with_the_same_seed():
    faults = Faults(reset_before_read=0.2, error_500=0.2, accept_and_drop=0.1)

    async def met(seed):
        async with Emulator(faults=faults, seed=seed) as emulator:
            for _ in range(400):
                with suppress(ConnectionResetError):
                    await once(emulator, v2())
            return emulator.ledger.summary()

    first = await met(3)
    assert first["requests"] == 400
    assert 50 < first["faults"]["reset_before_read"] < 110
    assert 50 < first["faults"]["error_500"] < 110
    assert 15 < first["faults"]["accept_and_drop"] < 70
    assert first["accepted"] == 400 - (
        first["faults"]["reset_before_read"] + first["faults"]["error_500"]
    )
    assert await met(3) == first
    assert (await met(4))["faults"] != first["faults"]


async def test_garbage_in_the_body_is_a_refusal():
    async with Emulator() as emulator:
        for body in (b"", b"[]", b"{", b"\xff", b'{"recipient": 5}'):
            sent = request("POST", "/api/v2/send", body, x_api_token="emulated")
            assert (await once(emulator, sent)).status == 422


async def test_a_marker_or_the_subject_stands_for_v1s_missing_id():
    marker = re.compile(r"pesanan (\d+)")
    async with Emulator(manners=Manners(marker=marker)) as emulator:
        await once(emulator, v1(content="<p>pesanan 17</p>"))
        await once(emulator, v1())
        assert set(emulator.ledger.accepted) == {
            ("17", "budi@example.com"),
            ("Halo é", "budi@example.com"),
        }
        assert emulator.ledger.letters[0].fields == LETTER | {"content": "<p>pesanan 17</p>"}


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", Faults()),
        ("429=0.02, 500=2%", Faults(rate_limited=0.02, error_500=0.02)),
        ("drop=1", Faults(accept_and_drop=1)),
        ("slow=0.1,slow_seconds=3,retry_after=4", Faults(slow=0.1, slow_seconds=3, retry_after=4)),
        (
            "html200=0.1,html503=0.1,half=0.1",
            Faults.parse("html_page_200=10%,html_page_503=0.1,half_answer=.1"),
        ),
    ],
)
def test_faults_are_read_as_people_write_them(text, faults):
    assert Faults.parse(text) == faults


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("429", "'429': give name=share"),
        ("429=often", "'429=often': give name=share"),
        ("429=nan", "rate_limited: give a share"),
        ("retry_after=0.5", "retry_after: give whole seconds"),
        ("dorp=0.1", "dorp: there is no such fault; did you mean drop"),
        ("429=0.6,500=0.6", "the shares together are more than 1"),
    ],
)
def test_faults_that_cannot_be_read_are_named(text, words):
    with pytest.raises(ValueError, match=words):
        Faults.parse(text)
