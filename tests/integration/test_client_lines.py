"""Both faces of the client over real sockets that answer, fail and fall silent."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time

import pytest

from terkirim.client.async_face import AsyncClient
from terkirim.client.sync_face import Client
from terkirim.domain.errors import GatewayUnavailable, InvalidEmail
from tests.contract import provider_sockets as sockets
from tests.contract.provider_sockets import answering, http, serving

KEY = "tk_hush_hush_hush"
LETTER = {"to": "budi@example.com", "subject": "Halo", "text": "x"}
TAKEN = http('{"id":"e1"}')
PAGE = http("<html>Sorry</html>", status=200, kind="text/html")
SLACK = 1.5  # seconds that a busy machine may add to a deadline
AT_ONCE = (0, 0)


@pytest.fixture(params=["sync", "async"])
def send(request):
    """Send one e-mail through a face, beside the loop that plays the server."""

    async def run(port, **given):
        options = {"timeout": 10, "waits": AT_ONCE} | given
        url = f"http://127.0.0.1:{port}"
        if request.param == "async":
            async with AsyncClient(url, KEY, **options) as client:
                return await client.send_email(**LETTER)
        with Client(url, KEY, **options) as client:
            return await asyncio.to_thread(client.send_email, **LETTER)

    return run


def turns(*scenes):
    """Play one scene after the other, a connection each; the last one repeats."""
    left = list(scenes)

    async def scene(line):
        await (left.pop(0) if len(left) > 1 else left[0])(line)

    return scene


async def test_an_answer_is_read(send):
    async with serving(answering(TAKEN)) as served:
        assert (await send(served.port)).id == "e1"
    head, _, body = served.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/emails?strict=1 HTTP/1.1\r\n")
    assert json.loads(body) == LETTER


async def test_nobody_listens(send):
    with sockets.refusing() as port, pytest.raises(GatewayUnavailable) as caught:
        await send(port)
    assert str(caught.value).endswith("no connection: Connection refused")
    assert caught.value.may_be_done is False
    assert KEY not in repr(caught.value)


async def test_a_name_that_leads_nowhere_is_no_connection():
    async with AsyncClient("http://gateway.invalid", KEY, waits=()) as client:
        with pytest.raises(GatewayUnavailable, match="no connection: ") as caught:
            await client.send_email(**LETTER)
    assert caught.value.may_be_done is False


@pytest.mark.parametrize(
    "scene", [sockets.speak_first, sockets.end_handshake], ids=lambda scene: scene.__name__
)
async def test_a_handshake_that_fails_is_no_connection(scene):
    async with serving(scene) as served:
        client = AsyncClient(f"https://127.0.0.1:{served.port}", KEY, waits=AT_ONCE)
        with pytest.raises(GatewayUnavailable, match="no connection: ") as caught:
            await client.send_email(**LETTER)
        await client.close()
    assert served.connections == 3
    assert caught.value.may_be_done is False


async def test_a_connection_that_is_never_made_ends_with_the_time_out(send):
    with sockets.black_hole() as port:
        begun = time.monotonic()
        with pytest.raises(GatewayUnavailable, match="no connection: it took too long") as caught:
            await send(port, timeout=0.5)
    assert time.monotonic() - begun < 0.5 + SLACK
    assert caught.value.may_be_done is False


@pytest.mark.parametrize(
    "scene",
    [sockets.reset_unread, sockets.reset_after_reading, sockets.hang_up, sockets.half_an_answer,
     sockets.half_a_head, sockets.garbage],
    ids=lambda scene: scene.__name__,
)  # fmt: skip
async def test_a_line_that_breaks_is_tried_again_with_the_same_key(send, scene):
    async with serving(turns(scene, answering(TAKEN))) as served:
        assert (await send(served.port)).id == "e1"
    keys = {
        line for request in served.requests for line in request.split(b"\r\n")
        if line.startswith(b"Idempotency-Key:")
    }  # fmt: skip
    assert len(keys) == 1


@pytest.mark.parametrize(
    "scene",
    [sockets.reset_after_reading, sockets.hang_up, sockets.half_an_answer, sockets.garbage],
    ids=lambda scene: scene.__name__,
)
async def test_a_line_that_goes_on_breaking_says_that_it_may_be_done(send, scene):
    async with serving(scene) as served:
        with pytest.raises(GatewayUnavailable, match="no answer: ") as caught:
            await send(served.port)
    assert len(served.requests) == 3
    assert caught.value.may_be_done is True


@pytest.mark.parametrize(
    "scene",
    [sockets.stay_silent, sockets.half_an_answer_and_silence],
    ids=lambda scene: scene.__name__,
)
async def test_an_answer_that_never_comes_ends_with_the_time_out(send, scene):
    async with serving(scene) as served:
        begun = time.monotonic()
        with pytest.raises(GatewayUnavailable, match="no answer: it took too long") as caught:
            await send(served.port, timeout=0.5)
        assert time.monotonic() - begun < 0.5 + SLACK
    assert caught.value.may_be_done is True


@pytest.mark.parametrize("part", ["head", "body"])
async def test_an_answer_that_drips_does_not_outlast_the_time_out(send, part):
    start = b"HTTP/1.1 200 OK\r\nX-Drip: " if part == "head" else b"HTTP/1.1 200 OK\r\n\r\n"

    async def dripping(line):
        await line.request()
        await line.say(start)
        while True:
            await line.say(b"x")
            await asyncio.sleep(0.05)

    async with serving(dripping) as served:
        begun = time.monotonic()
        with pytest.raises(GatewayUnavailable, match="it took too long"):
            await send(served.port, timeout=0.5)
        assert time.monotonic() - begun < 0.5 + SLACK


async def test_an_outage_with_retry_after_is_outlived(send):
    outage = http("<html>Sorry</html>", status=503, kind="text/html", headers="Retry-After: 0\r\n")
    async with serving(answering(outage, outage, TAKEN)) as served:
        assert (await send(served.port)).id == "e1"
    assert len(served.requests) == 3


async def test_a_retry_after_beyond_the_time_out_is_told_and_not_slept(send):
    slow = http("{}", status=429, headers="Retry-After: 3600\r\n")
    async with serving(answering(slow)) as served:
        with pytest.raises(GatewayUnavailable) as caught:
            await send(served.port)
    assert len(served.requests) == 1
    assert caught.value.retry_after.total_seconds() == 3_600


async def test_a_page_in_place_of_json_is_told_at_once(send):
    async with serving(answering(PAGE)) as served:
        with pytest.raises(GatewayUnavailable, match="200 with text/html in place of"):
            await send(served.port)
    assert len(served.requests) == 1


async def test_a_redirect_is_not_followed_with_the_key(send):
    async with serving(answering(TAKEN)) as other:
        moved = http("", status=307, headers=f"Location: http://127.0.0.1:{other.port}/\r\n")
        async with serving(answering(moved)) as served:
            with pytest.raises(GatewayUnavailable, match="answered 307"):
                await send(served.port)
    assert other.requests == []


async def test_an_answer_given_before_the_whole_request_was_read_is_believed(send, monkeypatch):
    too_large = '{"statusCode":413,"name":"validation_error","message":"too large"}'

    async def refuses(line):
        await line.reader.readuntil(b"\r\n\r\n")
        await line.say(http(too_large, status=413, headers="Connection: close\r\n"))
        line.writer.write_eof()
        await line.until_hung_up()

    monkeypatch.setitem(LETTER, "text", "x" * 30_000_000)
    async with serving(refuses) as served:
        with pytest.raises(InvalidEmail, match="too large"):
            await send(served.port)


async def test_a_closed_connection_and_chunks_are_read_to_their_end(send):
    closing = http('{"id":"e1"}', headers="Connection: close\r\n")
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'6\r\n{"id":\r\n5\r\n"e1"}\r\n0\r\n\r\n'
    )
    endless = b'HTTP/1.0 200 OK\r\n\r\n{"id":"e1"}'
    for answer in (closing, chunked, endless):

        async def once(line, answer=answer):
            await line.request()
            await line.say(answer)

        async with serving(once) as served:
            assert (await send(served.port)).id == "e1"


async def test_chunks_that_end_too_early_are_no_answer(send):
    async def cut(line):
        await line.request()
        await line.say(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"id":\r\n')

    async with serving(cut) as served:
        with pytest.raises(GatewayUnavailable, match="no answer: "):
            await send(served.port)


async def test_a_connection_is_used_again_while_it_is_fresh():
    async with serving(answering(TAKEN)) as served:
        with Client(f"http://127.0.0.1:{served.port}", KEY) as client:
            for _ in range(3):
                await asyncio.to_thread(client.send_email, **LETTER)
        assert (served.connections, len(served.requests)) == (1, 3)


async def test_a_connection_that_the_other_side_closed_is_not_used_again():
    async def once(line):
        await line.request()
        await line.say(TAKEN)
        line.writer.close()
        await line.writer.wait_closed()

    async with serving(once) as served:
        with Client(f"http://127.0.0.1:{served.port}", KEY, waits=()) as client:
            for _ in range(3):
                await asyncio.to_thread(client.send_email, **LETTER)
        assert served.connections == 3


async def test_many_threads_share_a_client_and_no_answer_is_mixed_up():
    async def echoing(line):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                request = await line.request()
                subject = json.loads(request.partition(b"\r\n\r\n")[2])["subject"]
                await line.say(http(json.dumps({"id": subject})))

    async with serving(echoing) as served:
        with Client(f"http://127.0.0.1:{served.port}", KEY) as client:

            def send_some(start):
                wanted = [f"{start}-{number}" for number in range(20)]
                fields = [LETTER | {"subject": one} for one in wanted]
                return wanted == [client.send_email(**one).id for one in fields]

            assert all(await asyncio.gather(*(asyncio.to_thread(send_some, n) for n in range(8))))


async def test_no_more_than_the_connections_that_were_asked_for_are_used():
    together = asyncio.Semaphore(0)

    async def counted(line):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await line.request()
                together.release()
                await asyncio.sleep(0)
                await line.say(TAKEN)

    async with serving(counted) as served:
        url = f"http://127.0.0.1:{served.port}"
        async with AsyncClient(url, KEY, connections=2) as client:
            await asyncio.gather(*(client.send_email(**LETTER) for _ in range(10)))
        assert served.connections == 2


async def test_closing_ends_a_call_in_the_air_at_once():
    async with serving(sockets.stay_silent) as served:
        client = AsyncClient(f"http://127.0.0.1:{served.port}", KEY, timeout=60, waits=())
        call = asyncio.create_task(client.send_email(**LETTER))
        await asyncio.wait_for(served.has_request.wait(), 5)
        await client.close()
        with pytest.raises(GatewayUnavailable):
            await asyncio.wait_for(call, 5)
        with pytest.raises(RuntimeError, match="the client is closed"):
            await client.send_email(**LETTER)


async def test_a_cancelled_call_leaves_the_client_usable():
    async with serving(turns(sockets.stay_silent, answering(TAKEN))) as served:
        client = AsyncClient(f"http://127.0.0.1:{served.port}", KEY, timeout=5)
        call = asyncio.create_task(client.send_email(**LETTER))
        await asyncio.wait_for(served.has_request.wait(), 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await client.send_email(**LETTER)).id == "e1"
        await client.close()


def test_a_closed_client_says_so():
    client = Client("http://127.0.0.1:1", KEY)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.send_email(**LETTER)


def test_the_key_is_in_no_repr():
    assert KEY not in f"{Client('http://h', KEY)!r}{AsyncClient('http://h', KEY)!r}"


SCRIPTS = {
    "a signal's exception ends a call that waits": """
import os, signal, threading
def late(*_): raise ZeroDivisionError
signal.signal(signal.SIGALRM, late)
signal.setitimer(signal.ITIMER_REAL, 0.3)
try:
    Client(SILENT, "k", timeout=60).get_email("e")
except ZeroDivisionError:
    print("ended")
""",
    "a child of a fork has connections of its own": """
client = Client(URL, "k")
print(client.send_email(to="a@example.com", subject="x", text="y").id)
child = os.fork()
if child == 0:
    ids = {client.send_email(to="a@example.com", subject="x", text="y").id for _ in range(5)}
    os._exit(0 if ids == {"e1"} else 1)
ids = {client.send_email(to="a@example.com", subject="x", text="y").id for _ in range(5)}
print(ids == {"e1"} and os.waitpid(child, 0)[1] == 0)
""",
    "an async client's process ends cleanly without being told": """
async def main():
    client = AsyncClient(URL, "k")
    fields = {"to": "a@example.com", "subject": "x", "text": "y"}
    await asyncio.gather(*(client.send_email(**fields) for _ in range(50)))
    print("sent")
asyncio.run(main())
""",
}
SAID = {
    "a signal's exception ends a call that waits": "ended\n",
    "a child of a fork has connections of its own": "e1\nTrue\n",
    "an async client's process ends cleanly without being told": "sent\n",
}


@pytest.mark.parametrize("name", SCRIPTS, ids=lambda name: name.replace(" ", "_"))
async def test_in_a_process_of_its_own(name):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with serving(answering(TAKEN)) as served:
            start = (
                "import asyncio, os, warnings\nwarnings.simplefilter('ignore')\n"
                "from terkirim import AsyncClient, Client\n"
                f"URL = 'http://127.0.0.1:{served.port}'\n"
                f"SILENT = 'http://127.0.0.1:{silent.getsockname()[1]}'\n"
            )
            ended = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", start + SCRIPTS[name]],
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
    assert (ended.returncode, ended.stdout) == (0, SAID[name]), ended.stderr


def test_a_client_loads_no_server_database_or_settings_model():
    code = (
        "import sys, terkirim\n"
        "terkirim.Client('http://h', 'k'); terkirim.AsyncClient('http://h', 'k')\n"
        "heavy = {'litestar', 'granian', 'apsw', 'asyncpg', 'pydantic', 'pyreqwest', 'structlog'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert ended.stdout == "[]\n"
