"""What is changed while the emulator runs, and its ledger."""

import asyncio
import json
import signal
import sys

import pytest

from terkirim.emulator.faults import Faults
from terkirim.emulator.server import Emulator
from tests.integration.emulated import LETTER, Line, control, once, request, until, v1, v2


async def test_faults_are_changed_in_part_and_a_wrong_one_is_named():
    async with Emulator(faults=Faults(error_500=0.5)) as emulator:
        answer = await control(emulator, "PUT", "faults", **{"429": 0.25, "latency": 0})
        assert answer.status == 200
        assert emulator.faults == Faults(error_500=0.5, rate_limited=0.25)
        assert (await control(emulator, "GET", "faults")).json["rate_limited"] == 0.25
        for wrong, words in [
            ({"reste": 0.1}, "reste: there is no such fault; did you mean reset?"),
            ({"reset": 2}, "reset: give a share from 0 to 1"),
            ({"reset": "often"}, "reset: give a share from 0 to 1"),
            ({"reset": 0.5}, "the shares together are more than 1"),
            ({"slow_seconds": -1}, "slow_seconds: give seconds, 0 or more"),
            ({"retry_after": 0.5}, "retry_after: give whole seconds, 0 or more"),
        ]:
            refused = await control(emulator, "PUT", "faults", **wrong)
            assert (refused.status, refused.json["message"]) == (422, words)
        assert emulator.faults == Faults(error_500=0.5, rate_limited=0.25)


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("token", b'{"token": 5}', 422),
        ("credits", b"{}", 422),
        ("credits", b"[]", 422),
        ("credits", b"{", 422),
        ("outage", b'{"seconds": 1, "kind": "flood"}', 422),
        ("outage", b'{"seconds": -1}', 422),
        ("callbacks", b'{"opened": "often"}', 422),
        ("callbacks", b'{"closed": 1}', 422),
        ("callbacks", b'{"shape": "round"}', 422),
        ("weather", b"{}", 404),
    ],
)
async def test_a_control_call_that_is_not_understood_changes_nothing(name, body, status):
    async with Emulator() as emulator:
        assert (await once(emulator, request("PUT", f"/control/{name}", body))).status == status
        assert (emulator.token, emulator.credits) == ("emulated", 1_000_000)
        assert (await once(emulator, v2())).status == 200


async def test_the_token_can_change_and_senders_can_be_refused():
    async with Emulator(senders=("toko@example.com", "lain.example")) as emulator:
        await control(emulator, "PUT", "token", token="new")
        assert (await once(emulator, v2())).status == 401
        assert (await once(emulator, v2(token="new"))).status == 200
        assert (await once(emulator, v2(token="new", from_email="a@lain.example"))).status == 200
        assert (await once(emulator, v2(token="new", from_email="a@b.id"))).status == 422
        await control(emulator, "PUT", "unapproved", senders=["toko@example.com"])
        assert (await once(emulator, v2(token="new"))).status == 422
        listed = await once(emulator, v2("senders", method="GET", token="new"))
        assert listed.json["data"] == ["lain.example"]


async def test_an_outage_refuses_on_the_same_port_and_ends():
    async with Emulator() as emulator:
        idle = await Line.to(emulator)
        answer = await control(emulator, "POST", "outage", seconds=0.2, kind="refuse")
        assert answer.status == 200
        with pytest.raises(ConnectionResetError):
            await idle.reader.readexactly(1)
        with pytest.raises(ConnectionRefusedError):
            await Line.to(emulator)
        assert (await _after_refusals(emulator)).status == 200


async def _after_refusals(emulator):
    while True:
        try:
            return await once(emulator, v2())
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("kind", "status"), [("503", 503), ("html", 503), ("reset", None)])
async def test_an_outage_that_answers_badly_leaves_control_alone(kind, status):
    async with Emulator() as emulator:
        await control(emulator, "POST", "outage", seconds=30, kind=kind)
        for call in (v2(), v1("ceksaldo")):
            if status is None:
                with pytest.raises(ConnectionResetError):
                    await once(emulator, call)
            else:
                assert (await once(emulator, call)).status == status
        ledger = (await control(emulator, "GET", "ledger")).json
        assert (ledger["accepted"], ledger["faults"]) == (0, {f"outage_{kind}": 2})
        await control(emulator, "POST", "outage", seconds=0, kind=kind)
        await until(lambda: not emulator.is_unwell)
        assert (await once(emulator, v2())).status == 200


async def test_a_second_end_or_beginning_is_harmless():
    emulator = Emulator()
    await emulator.close()
    await emulator.listen()
    await emulator.listen()
    emulator.refuse()
    emulator.refuse()
    await emulator.listen()
    assert (await once(emulator, v2())).status == 200
    await emulator.close()


async def test_the_command_runs_until_it_is_told_to_stop_and_leaves_its_ledger(tmp_path):
    code = (
        "import uvloop, pathlib, sys; from terkirim.emulator.server import emulate; "
        "uvloop.run(emulate(host='127.0.0.1', port=0, faults='slow=1,slow_seconds=0.001', "
        "token='k', ledger_path=pathlib.Path(sys.argv[1])))"
    )
    path = tmp_path / "ledger.json"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(path), stderr=asyncio.subprocess.PIPE
    )
    banner = (await child.stderr.readline()).decode()
    host, port = banner.split("http://")[1].split("/")[0].split(":")
    line = Line(*await asyncio.open_connection(host, int(port)))
    assert (await line.ask(v2(token="k", message_id="m-1"))).status == 200
    await line.close()
    child.send_signal(signal.SIGTERM)
    assert await child.wait() == 0
    kept = json.loads(path.read_text())
    assert (kept["accepted"], kept["messages"][0]["message"]) == (1, "m-1")
    assert kept["faults"] == {"slow": 1}


async def test_the_ledger_knows_each_message_and_its_repeats():
    async with Emulator() as emulator:
        for sent in (
            v2(message_id="a"),
            v2(message_id="a"),
            v2(message_id="a", recipient="c@d.id"),
        ):
            await once(emulator, sent)
        summary = (await control(emulator, "GET", "ledger")).json
        assert (summary["accepted"], summary["distinct"], summary["duplicates"]) == (3, 2, 1)
        rows = (await control(emulator, "GET", "ledger/messages")).json
        found = [(row["message"], row["recipient"], row["count"]) for row in rows]
        assert found == [("a", "budi@example.com", 2), ("a", "c@d.id", 1)]
        assert rows[0]["first_at"] < rows[0]["last_at"]
        letters = (await control(emulator, "GET", "ledger/letters")).json
        assert letters[0] == LETTER | {"message_id": "a"}
        await control(emulator, "POST", "reset")
        assert emulator.ledger.summary()["requests"] == 0
