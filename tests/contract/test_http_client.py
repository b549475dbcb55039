"""What the HTTP client owes besides: answers of every form, addresses, TLS, proxies."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from datetime import timedelta

import pytest
import trustme
import uvloop

from terkirim.domain.errors import ConfigError
from terkirim.domain.outcome import Deferred, Unclear
from terkirim.providers.http import Answer, HttpClient, client, is_url, making, places
from tests.contract import provider_sockets as sockets
from tests.contract.provider_sockets import answering, http, serving

WITHIN = timedelta(seconds=5)
SOON = timedelta(seconds=0.6)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextlib.asynccontextmanager
async def opened(**options):
    one = HttpClient(**{"timeout": WITHIN} | options)
    try:
        yield one
    finally:
        await one.close()


async def asked(one, url, *, within=WITHIN, body=b"{}", **headers):
    return await one.post(url, within=within, headers=headers, body=body)


def saying(*parts):
    """Answer each request with these bytes, one write each."""

    async def scene(line):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await line.request()
                for part in parts:
                    await line.say(part)

    return scene


@pytest.mark.parametrize(
    "parts",
    [
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            b"2\r\nde\r\n0\r\n\r\n",
        ],
        [b"HTTP/1.1 100 Continue\r\n\r\n", http("abcde")],
        [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http("abcde")],
        [bytes([one]) for one in http("abcde")],
    ],
    ids=["chunked", "continue", "early hints", "byte by byte"],
)
async def test_an_answer_is_read_to_its_end_and_its_line_kept(parts):
    async with serving(saying(*parts)) as server, opened() as one:
        for _ in range(2):
            answer = await asked(one, server.url)
            assert (answer.status, answer.body, answer.is_whole) == (200, b"abcde", True)
            assert answer.headers.get("link") is None
        assert server.connections == 1


ONE_REQUEST = """
import asyncio, sys, uvloop
from datetime import timedelta
from terkirim.providers.http import HttpClient
async def main():
    one = HttpClient(timeout=timedelta(seconds=5))
    print(await one.post(sys.argv[1], within=timedelta(seconds=0.6), headers={}, body=b"{}"))
    await one.close()
uvloop.run(main())
"""


def test_an_answer_that_came_while_the_process_slept_counts():
    """As after a suspended machine: in uvloop timers come before sockets then."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        command = [sys.executable, "-c", ONE_REQUEST, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            line, _ = listener.accept()
            with line:
                line.recv(65_536)
                process.send_signal(signal.SIGSTOP)
                os.waitpid(process.pid, os.WUNTRACED)
                line.sendall(http("abcde"))
                time.sleep(SOON.total_seconds())  # the sleep itself, not a wait for something
                process.send_signal(signal.SIGCONT)
                said, _ = process.communicate(timeout=20)
    assert said.startswith("Answer(status=200, body=b'abcde'")


async def test_without_a_length_the_answer_ends_with_the_line():
    async def scene(line):
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nabc")

    async with serving(scene) as server, opened() as one:
        answer = await asked(one, server.url)
        assert (answer.body, answer.is_whole, answer.headers["x-a"]) == (b"abc", True, "b")


@pytest.mark.parametrize(
    "answer",
    [http("x", headers="Connection: close\r\n"), b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"],
    ids=["close", "1.0"],
)
async def test_a_line_that_is_to_be_closed_is_not_used_again(answer):
    async with serving(answering(answer)) as server, opened() as one:
        for _ in range(3):
            assert isinstance(await asked(one, server.url), Answer)
        assert server.connections == 3


async def test_a_server_that_closes_unannounced_is_asked_anew_each_time():
    """A request that crosses the closing of its connection ends as unclear."""

    async def once(line):
        await line.request()
        await line.say(http("{}"))

    async with serving(once) as served, opened() as one:
        url = f"http://127.0.0.1:{served.port}/send"
        assert (await asked(one, url)).status == 200
        await asyncio.sleep(0.05)  # the end of the first connection is seen
        for _ in range(20):  # at once after each other, without a moment to see it in
            assert (await asked(one, url)).status == 200
    assert served.connections == 21


def listening():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}/send"


def test_a_mail_whose_line_is_left_as_it_is_asked_takes_another():
    """Nothing of it has left, so that it is not unclear."""

    async def scene():
        listener, url = listening()
        with listener:
            async with opened() as one:
                first = asyncio.create_task(asked(one, url))
                peer, _ = await asyncio.to_thread(listener.accept)
                await asyncio.to_thread(peer.recv, 65_536)
                peer.sendall(http("1"))
                assert (await first).body == b"1"
                second = asyncio.create_task(asked(one, url))
                await asyncio.sleep(0)
                peer.close()
                again, _ = await asyncio.to_thread(listener.accept)
                with again:
                    assert (await asyncio.to_thread(again.recv, 65_536)).startswith(b"POST /send ")
                    again.sendall(http("2"))
                    assert (await second).body == b"2"

    uvloop.run(scene())


def test_a_new_line_that_is_left_before_the_mail_has_gone_is_no_connection(monkeypatch):
    async def scene():
        listener, url = listening()

        async def left(*given, **named):
            line = await making.connected(*given, **named)
            listener.accept()[0].close()
            return line

        monkeypatch.setattr(client, "connected", left)
        with listener:
            async with opened() as one:
                result = await asked(one, url)
        assert isinstance(result, Deferred)
        assert (result.code, result.is_provider_down) == ("connect", True)
        assert result.reason == "no connection: the connection was closed"

    uvloop.run(scene())


async def test_a_connection_that_ends_after_a_while_is_no_reason_to_keep_none(monkeypatch):
    monkeypatch.setattr(client, "LEFT_SOON", 0.01)

    async def twice(line):
        for _ in range(2):
            await line.request()
            await line.say(http("{}"))
        await asyncio.sleep(0.05)

    async with serving(twice) as served, opened() as one:
        url = f"http://127.0.0.1:{served.port}/send"
        for _ in range(3):
            for _ in range(2):
                assert (await asked(one, url)).status == 200
            await asyncio.sleep(0.1)
    assert served.connections == 3


async def test_a_word_that_nobody_asked_for_is_not_taken_for_the_next_answer():
    async def scene(line):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await line.request()
                await line.say(http("first") + http("stray"))

    async with serving(scene) as server, opened() as one:
        for _ in range(3):
            assert (await asked(one, server.url)).body == b"first"
            await asyncio.sleep(0.01)


def pouring(first, more):
    """Answer with bytes that have no end."""

    async def scene(line):
        await line.request()
        await line.say(first)
        with contextlib.suppress(ConnectionError):
            while True:
                await line.say(more)
        line.served.has_ended.set()

    return scene


OK = b"HTTP/1.1 200 OK\r\n"
FINISHED = CHUNKED + b'14\r\n{"status":"success"}\r\n0\r\n'
FILLER = b"y" * 4_000


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (OK, b"X-A: " + FILLER + b"\r\n"),
        (OK + b"X-A: ", FILLER),
        (OK + b"X-", FILLER),
        (b"HTTP/1.1 200 ", FILLER),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"HTTP/1.1 103 Early Hints\r\n", b"Link: " + FILLER + b"\r\n"),
        (FINISHED, b"X-A: " + FILLER + b"\r\n"),
        (CHUNKED + b"1;", FILLER),
    ],
    ids=[
        "headers",
        "one header",
        "a header's name",
        "the reason",
        "interim answers",
        "an interim answer",
        "trailers",
        "a chunk's extension",
    ],
)
async def test_an_answer_that_is_all_head_is_unclear_and_its_line_closed(first, more):
    async with serving(pouring(first, more)) as server, opened() as one:
        outcome = await asked(one, server.url)
        assert isinstance(outcome, Unclear)
        assert "too long" in outcome.reason
        async with asyncio.timeout(5):
            await server.has_ended.wait()


@pytest.mark.parametrize(("size", "is_read"), [(60_000, True), (70_000, False)])
async def test_a_head_may_be_large_but_not_too_large_however_it_comes(size, is_read):
    lines = "".join(f"X-{number}: {'y' * 990}\r\n" for number in range(size // 1_000))
    answer = http("x", headers=lines)
    for parts in ([answer], [answer[:30_000], answer[30_000:]]):
        async with serving(saying(*parts)) as server, opened() as one:
            assert isinstance(await asked(one, server.url), Answer) is is_read


async def test_each_answer_of_a_line_has_its_own_measure():
    answer = http("x", headers=f"X-A: {'y' * 40_000}\r\n")
    async with serving(answering(answer)) as server, opened() as one:
        for _ in range(3):
            assert (await asked(one, server.url)).body == b"x"
        assert server.connections == 1


async def test_an_upgrade_is_no_answer():
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    async with serving(saying(upgrade)) as server, opened() as one:
        assert isinstance(await asked(one, server.url, within=SOON), Unclear)


async def test_a_mail_that_is_answered_before_it_is_read_leaves_no_rest_on_the_line():
    async def scene(line):
        await line.reader.readuntil(b"\r\n\r\n")
        await line.say(http("too large", status=413))
        await line.until_hung_up()

    async with serving(scene) as server, opened() as one:
        for _ in range(2):
            assert (await asked(one, server.url, body=b"x" * 20_000_000)).status == 413
        assert server.connections == 2


async def test_success_that_is_said_before_the_mail_has_left_proves_nothing():
    async def scene(line):
        await line.reader.readuntil(b"\r\n\r\n")
        await line.say(http('{"success":true}'))
        await line.until_hung_up()

    async with serving(scene) as server, opened() as one:
        outcome = await asked(one, server.url, body=b"x" * 20_000_000)
        assert isinstance(outcome, Unclear)
        assert "before the request had left" in outcome.reason


async def test_what_nobody_used_for_a_while_is_closed(monkeypatch):
    monkeypatch.setattr(client, "IDLE_FOR", 0.05)
    async with serving(answering(http("x"))) as server, opened() as one:
        await asked(one, server.url)
        async with asyncio.timeout(5):
            await server.has_ended.wait()
        await asked(one, server.url)
        assert server.connections == 2


async def test_every_address_of_a_name_gets_its_turn(monkeypatch):
    async def addresses(origin):
        return ["127.0.0.2", "127.0.0.1"]

    monkeypatch.setattr(making, "_addresses", addresses)
    async with serving(answering(http("x"))) as server, opened() as one:
        assert (await asked(one, server.url)).body == b"x"


async def test_a_dead_address_leaves_time_for_the_others(monkeypatch):
    with sockets.black_hole() as port:

        async def connection(make, address, *_, **__):
            if address == "dead":
                await asyncio.Event().wait()
            return await real(make, "127.0.0.1", server.port)

        async def addresses(origin):
            return ["dead", "alive"]

        loop = asyncio.get_running_loop()
        real = loop.create_connection
        monkeypatch.setattr(making, "_addresses", addresses)
        monkeypatch.setattr(loop, "create_connection", connection)
        async with serving(answering(http("x"))) as server, opened(timeout=SOON) as one:
            assert (await asked(one, f"http://127.0.0.1:{port}", within=SOON)).body == b"x"


@pytest.fixture
def authority(monkeypatch):
    """An authority that the client trusts, and how its servers prove themselves."""
    one = trustme.CA()
    trusting, proving = (
        ssl.create_default_context(),
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
    )
    one.configure_trust(trusting)
    one.issue_cert("localhost").configure_cert(proving)
    monkeypatch.setattr(making, "tls", lambda: trusting)
    return proving


async def test_mail_goes_over_tls_to_whom_the_certificate_names(authority):
    async with serving(answering(http("x")), tls=authority) as server, opened() as one:
        for _ in range(2):
            assert (await asked(one, f"https://localhost:{server.port}/a")).body == b"x"
        assert server.connections == 1
        other = await asked(one, f"https://127.0.0.1:{server.port}/a")
        assert (type(other), other.code) == (Deferred, "connect")


async def test_a_server_that_nobody_vouches_for_gets_no_mail(authority, monkeypatch):
    monkeypatch.setattr(making, "tls", places.tls)
    async with serving(answering(http("x")), tls=authority) as server, opened() as one:
        outcome = await asked(one, f"https://localhost:{server.port}/a")
        assert (type(outcome), server.requests) == (Deferred, [])
        assert "certificate" in outcome.reason


def tunnelling(port, *, says=b"HTTP/1.1 200 Connection established\r\n\r\n"):
    """A proxy that joins its caller to this port."""

    async def scene(line):
        line.served.requests.append(await line.reader.readuntil(b"\r\n\r\n"))
        await line.say(says)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(piped(line.reader, writer), piped(reader, line.writer))
        finally:
            writer.close()

    return scene


async def piped(source, target):
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
    target.close()


async def test_a_proxy_carries_tls_through_a_tunnel_and_learns_nothing_but_the_name(authority):
    async with (
        serving(answering(http("x")), tls=authority) as server,
        serving(tunnelling(server.port)) as proxy,
        opened(proxy=f"http://budi:s3cr%20t@127.0.0.1:{proxy.port}") as one,
    ):
        for _ in range(2):
            assert (await asked(one, f"https://localhost:{server.port}/a", secret="k")).body == b"x"
        (wish,) = proxy.requests
        assert wish.startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n".encode())
        assert b"proxy-authorization: Basic YnVkaTpzM2NyIHQ=\r\n" in wish
        assert b"secret" not in wish
        assert b"proxy-authorization" not in server.requests[0]


async def test_a_proxy_that_opens_no_tunnel_leaves_the_mail_here(authority):
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    async with (
        serving(saying(refusal)) as proxy,
        opened(proxy=f"http://127.0.0.1:{proxy.port}") as one,
    ):
        outcome = await asked(one, "https://localhost/a")
        assert (type(outcome), outcome.code, "407" in outcome.reason) == (Deferred, "connect", True)


async def test_a_plain_proxy_is_told_who_asks():
    async with (
        serving(answering(http("x"))) as proxy,
        opened(proxy=f"http://budi:pw@127.0.0.1:{proxy.port}") as one,
    ):
        await asked(one, "http://example.com/a?b=c")
        assert proxy.requests[0].startswith(b"POST http://example.com/a?b=c HTTP/1.1\r\n")
        assert b"\r\nproxy-authorization: Basic YnVkaTpwdw==\r\n" in proxy.requests[0]


@pytest.mark.parametrize("url", ["s3cret", "https://s3cret", "socks5://s3cret:1", "http://"])
def test_a_proxy_that_cannot_be_used_is_refused_without_its_secret(url):
    with pytest.raises(ConfigError) as caught:
        HttpClient(proxy=url)
    assert "s3cret" not in str(caught.value)


async def test_a_header_that_would_be_two_is_refused_before_anything_leaves():
    async with serving(answering(http("x"))) as server, opened() as one:
        with pytest.raises(ValueError, match="x-key"):
            await one.get(server.url, within=WITHIN, headers={"x-key": "a\r\nb: c"})
        assert server.connections == 0


async def test_a_form_is_written_as_browsers_write_it():
    async with serving(answering(http("x"))) as server, opened() as one:
        await one.post_form(server.url, within=WITHIN, fields={"a b": "c&d=é\n+", "e": ""})
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert body == b"a+b=c%26d%3D%C3%A9%0A%2B&e="
        assert b"content-type: application/x-www-form-urlencoded\r\n" in head


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("http://a", True),
        ("https://a.example:8443/b", True),
        ("http://[::1]:80/", True),
        ("ftp://a", False),
        ("http://", False),
        ("http://a b/", False),
        ("http://a:port/", False),
        ("http://é.example/", False),
        ("", False),
    ],
)
def test_what_a_request_can_be_sent_to(text, is_one):
    assert is_url(text) is is_one
