"""The emulator's connections: order, breaks, and what is no HTTP."""

import asyncio
import json

import pytest

from terkirim.emulator.faults import Fault, Faults
from terkirim.emulator.server import Emulator
from tests.integration.emulated import LETTER, Line, control, once, request, until, v2


async def test_pipelined_calls_are_answered_in_their_order():
    async with Emulator(faults=Faults(latency=0.005)) as emulator:
        line = await Line.to(emulator)
        calls = [v2(message_id=f"m-{n}") for n in range(10)]
        line.writer.write(b"".join(calls) + request("GET", "/control/ledger"))
        ids = [(await line.read()).json["data"]["message_id"] for _ in calls]
        assert ids == [f"m-{n}" for n in range(10)]
        assert (await line.read()).json["accepted"] == 10
        await line.close()


async def test_more_calls_than_a_line_may_hold_are_all_answered():
    async with Emulator(faults=Faults(latency=0.0001)) as emulator:
        line = await Line.to(emulator)
        line.writer.write(v2() * 350)
        for _ in range(350):
            assert (await line.read()).status == 200
        await line.close()


async def test_calls_behind_a_broken_line_are_not_taken():
    async with Emulator(faults=Faults(accept_and_drop=1.0)) as emulator:
        with pytest.raises(ConnectionResetError):
            await once(emulator, v2() * 5)
        assert emulator.ledger.summary()["accepted"] == 1


async def test_a_line_is_closed_when_the_caller_asks_for_it():
    async with Emulator() as emulator:
        line = await Line.to(emulator)
        await line.ask(request("GET", "/control/faults", connection="close"))
        assert await line.reader.read() == b""
        await line.close()


async def test_an_answer_to_a_caller_that_has_gone_is_lost():
    async with Emulator(faults=Faults(slow=1.0, slow_seconds=30.0)) as emulator:
        line = await Line.to(emulator)
        line.writer.write(v2())
        await until(lambda: emulator.ledger.accepted)
        await line.close()
        await until(lambda: emulator.ledger.dropped)
        assert emulator.ledger.messages()[0]["faults"] == ["slow"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, id="no HTTP"),
        pytest.param(
            b"POST /api/v2/send HTTP/1.1\r\ncontent-length: 20000000\r\n\r\n" + b"x" * 10_000_001,
            413,
            id="too large",
        ),
    ],
)
async def test_what_cannot_be_read_is_refused_and_the_line_closed(sent, status):
    async with Emulator() as emulator:
        line = await Line.to(emulator)
        assert (await line.ask(sent)).status == status
        await line.close()
        assert emulator.ledger.summary()["accepted"] == 0


async def test_chunks_and_a_question_before_the_body_are_understood():
    async with Emulator() as emulator:
        line = await Line.to(emulator)
        body = json.dumps(LETTER).encode()
        line.writer.write(
            b"POST /api/v2/send HTTP/1.1\r\nx-api-token: emulated\r\n"
            b"transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"
        )
        assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        for part in (body[:30], body[30:], b""):
            line.writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        assert (await line.read()).status == 200
        await line.close()


@pytest.mark.parametrize(
    ("fault", "taken"),
    [(Fault.RESET_BEFORE_READ, 0), (Fault.RESET, 0), (Fault.ACCEPT_AND_DROP, 1)],
)
async def test_a_line_that_breaks_gives_no_answer(fault, taken):
    async with Emulator(faults=Faults(**{fault: 1.0})) as emulator:
        with pytest.raises(ConnectionResetError):
            await once(emulator, v2())
        assert emulator.ledger.summary() == {
            "requests": 1,
            "accepted": taken,
            "distinct": taken,
            "duplicates": 0,
            "answers_lost": taken,
            "faults": {fault: 1},
        }
        assert (await control(emulator, "GET", "ledger")).status == 200


async def test_an_early_reset_does_not_wait_for_the_body():
    async with Emulator(faults=Faults(reset_before_read=1.0)) as emulator:
        with pytest.raises(ConnectionResetError):
            await once(emulator, v2()[:-20])


async def test_half_an_answer_begins_well_and_never_ends():
    async with Emulator(faults=Faults(half_answer=1.0)) as emulator:
        with pytest.raises(asyncio.IncompleteReadError) as broken:
            await once(emulator, v2())
        assert broken.value.partial.startswith(b'{"success":true')
        (message,) = emulator.ledger.messages()
        assert (message["count"], message["faults"]) == (1, ["half_answer"])
