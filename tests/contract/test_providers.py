"""What every provider owes the gateway, over real sockets, and what Mailketing owes its users."""

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from terkirim.domain.email import Address, Attachment, Carries, OutgoingMessage
from terkirim.domain.errors import ConfigError
from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    OutOfCredits,
    Rejected,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.ports import Provider
from terkirim.providers.mailketing import Mailketing, MailketingSettings
from terkirim.providers.mailketing.provider import SPARE_CONNECTIONS
from terkirim.providers.registry import NAMES, build
from terkirim.providers.sandbox import Sandbox
from terkirim.providers.scripted import ScriptedProvider
from tests.contract import provider_sockets as sockets
from tests.contract.provider_sockets import answering, http, serving

KEY = "s3cret/key+1&"
WITHIN = timedelta(seconds=5)
SOON = timedelta(seconds=0.6)  # for what ends only when its time is over
SLACK = 1.0  # seconds that a busy machine may add to a deadline
NOW = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)  # 23:30 in Jakarta

MESSAGE = OutgoingMessage(
    id="01990000-0000-7000-8000-000000000001",
    email_id="01990000-0000-7000-8000-000000000000",
    recipient="budi@example.org",
    sender=Address("toko@example.com", "Toko Ibu & Anak"),
    subject="Pesanan Anda “selesai”",
    html="<p>Halo &amp; terima kasih</p>\n<pre>a\n\tb</pre>",
    text="Halo",
)


class FixedTime:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Networked:
    """One version of a provider that speaks HTTP: how it is built, and its words for success."""

    version: int
    accepted: bytes
    balance: Callable[[Any], bytes]

    def build(self, url: str, **options: Any) -> Mailketing:
        values = {"key": lambda: KEY, "timeout": WITHIN, "version": self.version} | options
        return Mailketing(MailketingSettings(base_url=url, **values), clock=FixedTime())


V1 = Networked(
    1,
    http('{"status":"success","response":"Mail Sent"}', kind="text/html"),
    lambda left: http(
        json.dumps({"status": "true", "credits": left, "user": "x"}), kind="text/html"
    ),
)
V2 = Networked(
    2,
    http(
        f'{{"success":true,"data":{{"message_id":"{MESSAGE.id}","credits":99}},'
        '"message":"Email queued successfully"}'
    ),
    lambda left: http(json.dumps({"success": True, "data": {"credits": left}})),
)

networked = pytest.mark.parametrize(
    "kind", [pytest.param(V1, id="mailketing-v1"), pytest.param(V2, id="mailketing-v2")]
)


@contextlib.asynccontextmanager
async def opened(kind: Networked, url: str, **options: Any) -> AsyncIterator[Mailketing]:
    provider = kind.build(url, **options)
    try:
        async with asyncio.timeout(20):  # a send that has no end fails its test
            yield provider
    finally:
        await provider.close()


async def sent(kind: Networked, url: str, *, within: timedelta = WITHIN, **options: Any) -> Any:
    async with opened(kind, url, timeout=within, **options) as provider:
        async with asyncio.timeout(within.total_seconds() + SLACK):
            return await provider.send(MESSAGE, within=within)


# The connection was never made: the mail provably did not leave.


@networked
async def test_a_refused_connection_is_deferred(kind):
    with sockets.refusing() as port:
        outcome = await sent(kind, f"http://127.0.0.1:{port}", within=SOON)
    assert_never_left(outcome)


@networked
async def test_a_name_without_address_is_deferred(kind):
    assert_never_left(await sent(kind, "http://no-such-host.invalid", within=SOON))


@networked
async def test_a_connection_into_a_black_hole_is_deferred(kind):
    with sockets.black_hole() as port:
        outcome = await sent(kind, f"http://127.0.0.1:{port}", within=SOON)
    assert_never_left(outcome)


@networked
@pytest.mark.parametrize(
    "scene",
    [sockets.speak_first, sockets.end_handshake, sockets.never_read],
    ids=lambda s: s.__name__,
)
async def test_a_broken_tls_handshake_is_deferred(kind, scene):
    async with serving(scene) as server:
        outcome = await sent(kind, f"https://127.0.0.1:{server.port}", within=SOON)
    assert_never_left(outcome)


@networked
async def test_without_a_free_connection_mail_is_deferred(kind):
    async with (
        serving(sockets.stay_silent) as server,
        opened(kind, server.url, timeout=SOON, connections=1) as provider,
    ):
        slots = 1 + SPARE_CONNECTIONS
        outcomes = await asyncio.gather(
            *(provider.send(MESSAGE, within=SOON) for _ in range(slots + 1))
        )
        assert len(server.requests) == slots
        (outcome,) = [found for found in outcomes if isinstance(found, Deferred)]
        assert_never_left(outcome)
        assert outcome.code == "pool"


@networked
async def test_the_balance_can_be_asked_while_every_mail_waits(kind):
    async def scene(line: sockets.Line) -> None:
        if b"/send" not in await line.request():
            await line.say(kind.balance(7))
        await line.until_hung_up()

    async with (
        serving(scene) as server,
        opened(kind, server.url, timeout=SOON, connections=1) as provider,
    ):
        sending = asyncio.create_task(provider.send(MESSAGE, within=SOON))
        await server.has_request.wait()
        assert await provider.balance(within=SOON) == 7
        assert isinstance(await sending, Unclear)


def assert_never_left(outcome: Any) -> None:
    assert isinstance(outcome, Deferred), outcome
    assert outcome.is_provider_down
    assert not outcome.is_rate_limit
    assert not outcome.is_unknown_answer
    assert outcome.reason


# The line broke after the request may have left.


@networked
@pytest.mark.parametrize(
    "scene",
    [
        sockets.reset_at_first_byte,
        sockets.reset_after_reading,
        sockets.hang_up,
        sockets.stay_silent,
        sockets.never_read,
        sockets.half_a_head,
        sockets.half_an_answer,
        sockets.half_an_answer_and_silence,
        sockets.garbage,
    ],
    ids=lambda scene: scene.__name__,
)
async def test_a_line_that_breaks_after_the_request_is_unclear_and_nothing_is_sent_twice(
    kind, scene
):
    async with serving(scene) as server:
        outcome = await sent(kind, server.url, within=SOON)
        assert isinstance(outcome, Unclear), outcome
        assert outcome.reason
        assert len(server.requests) <= 1
        assert server.connections == 1


@networked
async def test_a_reset_on_a_kept_connection_is_unclear_and_not_repeated(kind):
    async def scene(line: sockets.Line) -> None:
        await line.request()
        await line.say(kind.accepted)
        await line.request()
        line.reset()

    async with serving(scene) as server, opened(kind, server.url) as provider:
        assert isinstance(await provider.send(MESSAGE, within=WITHIN), Accepted)
        assert isinstance(await provider.send(MESSAGE, within=WITHIN), Unclear)
        assert len(server.requests) == 2
        assert server.connections == 1


async def test_a_late_second_answer_is_not_taken_for_the_next_mails():
    """By the id that v2 repeats; v1 repeats none."""
    second, third = (changed(MESSAGE, id=f"01990000-0000-7000-8000-00000000000{n}") for n in (2, 3))

    async def scene(line: sockets.Line) -> None:
        first = json.loads(parsed(await line.request())[1])["message_id"]
        while True:
            await line.say(http(json.dumps({"success": True, "data": {"message_id": first}})))
            await line.request()

    async with serving(scene) as server, opened(V2, server.url) as provider:
        assert isinstance(await provider.send(MESSAGE, within=WITHIN), Accepted)
        outcome = await provider.send(second, within=WITHIN)
        assert isinstance(outcome, Unclear)
        assert "another message" in outcome.reason
        assert isinstance(await provider.send(third, within=WITHIN), Accepted)
        assert server.connections == 2  # the one on which it came is not used again


@networked
async def test_a_server_that_hangs_up_after_each_answer_gets_each_mail_at_most_once(kind):
    async def scene(line: sockets.Line) -> None:
        await line.request()
        await line.say(kind.accepted)

    async with serving(scene) as server, opened(kind, server.url) as provider:
        outcomes = [await provider.send(MESSAGE, within=WITHIN) for _ in range(20)]
        accepted = sum(isinstance(outcome, Accepted) for outcome in outcomes)
        assert accepted <= len(server.requests) <= len(outcomes)
        # A hang-up can meet the next request; that one is unclear, never repeated.
        assert all(isinstance(outcome, Accepted | Unclear) for outcome in outcomes)
        assert accepted > 0


@networked
async def test_an_answer_without_end_is_unclear(kind):
    async def scene(line: sockets.Line) -> None:
        await line.request()
        await line.say(b'HTTP/1.1 200 OK\r\n\r\n{"status":"success","success":true}')
        while True:
            await line.say(b" " * 65_536)

    async with serving(scene) as server:
        outcome = await sent(kind, server.url)
    assert isinstance(outcome, Unclear)
    assert "no end" in outcome.reason  # it was cut, not waited for


@networked
async def test_a_refusal_counts_however_long_its_page_is(kind):
    page = http("<html>" + "down for repair " * 20_000, status=503)
    async with serving(answering(page)) as server:
        outcome = await sent(kind, server.url, within=SOON)
    assert isinstance(outcome, Deferred)
    assert outcome.is_provider_down


@networked
async def test_a_reset_before_the_request_is_never_more_than_it_proves(kind):
    async with serving(sockets.reset_unread) as server:
        outcome = await sent(kind, server.url, within=SOON)
        assert server.requests == []
    # The reset may come before the connection stands, which proves that nothing left, or after.
    assert isinstance(outcome, Unclear) or outcome.code == "connect"


@networked
async def test_a_cancelled_send_ends_at_once_with_its_socket(kind):
    async with (
        serving(sockets.stay_silent) as server,
        opened(kind, server.url, timeout=SOON) as provider,
    ):
        sending = asyncio.create_task(provider.send(MESSAGE, within=SOON))
        await server.has_request.wait()
        started = time.monotonic()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert time.monotonic() - started < SOON.total_seconds() / 2

        async with asyncio.timeout(SOON.total_seconds() + SLACK):
            await server.has_ended.wait()
        assert len(server.requests) == 1


@networked
async def test_closing_lets_go_of_kept_connections(kind):
    async with serving(answering(kind.accepted)) as server:
        provider = kind.build(server.url)
        await provider.send(MESSAGE, within=WITHIN)
        assert not server.has_ended.is_set()
        await provider.close()
        await provider.close()
        async with asyncio.timeout(2):  # idle connections end by themselves after 4 s
            await server.has_ended.wait()


# Where the request goes.


@networked
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed_and_names_the_base_url(kind, status):
    async with serving(answering(kind.accepted)) as elsewhere:
        redirect = http("", status=status, headers=f"Location: {elsewhere.url}/send\r\n")
        async with serving(answering(redirect)) as server:
            outcome = await sent(kind, server.url)
            assert len(server.requests) == 1
        assert elsewhere.connections == 0
    assert isinstance(outcome, Deferred)
    assert server.url in outcome.reason
    assert outcome.is_unknown_answer
    assert outcome.is_provider_down


@networked
async def test_proxies_of_the_environment_are_ignored(kind, monkeypatch):
    with sockets.refusing() as port:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{port}")
        async with serving(answering(kind.accepted)) as server:
            assert isinstance(await sent(kind, server.url), Accepted)


@networked
async def test_a_proxy_that_is_set_is_used(kind):
    async with serving(answering(kind.accepted)) as proxy:
        outcome = await sent(
            kind, "http://no-such-host.invalid/api", proxy=f"http://127.0.0.1:{proxy.port}"
        )
        assert isinstance(outcome, Accepted)
        assert proxy.requests[0].startswith(b"POST http://no-such-host.invalid/api/v")


@networked
async def test_connections_are_kept_and_shared(kind):
    async with serving(answering(kind.accepted)) as server, opened(kind, server.url) as provider:
        for _ in range(5):
            assert isinstance(await provider.send(MESSAGE, within=WITHIN), Accepted)
        assert server.connections == 1


# The key.


@networked
async def test_the_key_shows_nowhere_even_where_the_answer_repeats_it(kind):
    echo = {"success": False, "status": "failed", "message": f"Odd words about {KEY}"}
    body = (
        json.dumps(echo) + f"<!-- {KEY} s3cret%2Fkey%2B1%26 s3cret\\/key+1& s3cret/key+1&amp; -->"
    )
    for answer in (http(json.dumps(echo)), http(body), http(body, status=503)):
        async with serving(answering(answer)) as server, opened(kind, server.url) as provider:
            outcome = await provider.send(MESSAGE, within=WITHIN)
            assert "***" in outcome.answer
            assert "s3cret" not in repr(outcome)
            assert "s3cret" not in repr(provider)
            assert "s3cret" not in repr(vars(provider))


@networked
async def test_half_a_key_is_not_left_where_a_long_answer_is_cut(kind):
    body = json.dumps({"success": False, "message": "x" * 1_960 + KEY * 9})
    async with serving(answering(http(body))) as server:
        outcome = await sent(kind, server.url)
    assert len(outcome.answer) == 2_000
    assert "s3c" not in repr(outcome)


def test_the_settings_do_not_show_the_key_or_the_proxy_password():
    settings = MailketingSettings(key=lambda: KEY, proxy="http://me:s3cret@proxy:1")
    assert "s3cret" not in repr(settings)


@networked
async def test_a_key_that_changes_counts_at_once(kind):
    keys = ["first", "second"]
    async with (
        serving(answering(kind.accepted)) as server,
        opened(kind, server.url, key=lambda: keys.pop(0)) as provider,
    ):
        await provider.send(MESSAGE, within=WITHIN)
        await provider.send(MESSAGE, within=WITHIN)
        assert [b"first" in server.requests[0], b"second" in server.requests[1]] == [True, True]


@networked
@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "kunci-é"], ids=ascii)
async def test_a_key_that_cannot_be_sent_is_a_fault_of_the_account(kind, key):
    async with serving(answering(kind.accepted)) as server:
        outcome = await sent(kind, server.url, key=lambda: key)
        assert isinstance(outcome, Unauthorised)
        assert server.connections == 0


@networked
async def test_a_key_file_that_cannot_be_read_is_a_fault_of_the_account(kind):
    def read() -> str:
        raise FileNotFoundError("no such file: 'key.txt'")

    outcome = await sent(kind, "http://127.0.0.1:1", key=read)
    assert isinstance(outcome, Unauthorised)
    assert "key.txt" in outcome.reason


# What Mailketing is sent.


async def test_v1_is_sent_one_form():
    async with serving(answering(V1.accepted)) as server:
        outcome = await sent(V1, server.url)
        (request,) = server.requests
    assert outcome == Accepted(
        None, code="200", answer='{"status":"success","response":"Mail Sent"}', credits=None
    )
    head, form = parsed(request)
    assert head.startswith("POST /api/v1/send HTTP/1.1\r\n")
    assert "content-type: application/x-www-form-urlencoded" in head.lower()
    assert dict(parse_qsl(form, strict_parsing=True)) == {
        "api_token": KEY,
        "from_name": "Toko Ibu & Anak",
        "from_email": "toko@example.com",
        "recipient": "budi@example.org",
        "subject": "Pesanan Anda “selesai”",
        "content": MESSAGE.html,
    }


async def test_v2_is_sent_json_with_our_id():
    async with serving(answering(V2.accepted)) as server:
        outcome = await sent(V2, server.url)
        (request,) = server.requests
    assert outcome.provider_ref == MESSAGE.id
    assert outcome.credits == 99
    head, body = parsed(request)
    assert head.startswith("POST /api/v2/send HTTP/1.1\r\n")
    assert f"x-api-token: {KEY}" in head.lower()
    assert "content-type: application/json" in head.lower()
    assert json.loads(body) == {
        "from_name": "Toko Ibu & Anak",
        "from_email": "toko@example.com",
        "recipient": "budi@example.org",
        "subject": "Pesanan Anda “selesai”",
        "content": MESSAGE.html,
        "message_id": MESSAGE.id,
    }


@networked
async def test_attachments_travel_as_links(kind):
    file = Attachment(filename="a.pdf", content_type="application/pdf", sha256="0" * 64, size=1)
    links = tuple(f"https://mail.example.com/a/{number}" for number in range(3))
    message = changed(MESSAGE, attachments=(file,) * 3, attachment_urls=links)
    async with serving(answering(kind.accepted)) as server, opened(kind, server.url) as provider:
        await provider.send(message, within=WITHIN)
        _, body = parsed(server.requests[0])
    fields = json.loads(body) if kind is V2 else dict(parse_qsl(body))
    assert [fields[f"attach{number}"] for number in (1, 2, 3)] == list(links)


async def test_newlines_are_collapsed_outside_pre_where_that_is_asked_for():
    async with serving(answering(V1.accepted)) as server:
        await sent(V1, server.url, collapse_newlines=True)
        _, body = parsed(server.requests[0])
    assert dict(parse_qsl(body))["content"] == "<p>Halo &amp; terima kasih</p> <pre>a\n\tb</pre>"


@networked
async def test_text_that_is_no_utf8_is_rejected_before_anything_leaves(kind):
    async with serving(answering(kind.accepted)) as server, opened(kind, server.url) as provider:
        outcome = await provider.send(changed(MESSAGE, html="a\ud800b"), within=WITHIN)
        assert isinstance(outcome, Rejected)
        assert "\ud800" not in repr(outcome)
        assert server.connections == 0


@pytest.mark.parametrize(
    ("base_url", "version", "path"),
    [
        ("{}", 1, "/api/v1/send"),
        ("{}/", 2, "/api/v2/send"),
        ("{}/v2", 1, "/api/v2/send"),
        ("{}/corporate/v1/", 2, "/api/corporate/v1/send"),
    ],
)
async def test_the_url_chooses_the_version_before_the_setting(base_url, version, path):
    async with serving(answering(V1.accepted)) as server:
        await sent(V1, base_url.format(server.url), version=version)
        assert server.requests[0].startswith(f"POST {path} ".encode())


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "api.mailketing.co.id"},
        {"base_url": "ftp://example.com"},
        {"base_url": "https://example.com:99999/api"},
        {"base_url": "https://me:s3cret@example.com/api"},
        {"base_url": "https://example.com/api?x=1"},
        {"version": 3},
        {"proxy": "me:s3cret@:::"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_used_is_named_and_never_shown(options):
    with pytest.raises(ConfigError) as caught:
        build("mailketing", {"key": lambda: KEY} | options, clock=FixedTime())
    assert "s3cret" not in str(caught.value)


# Questions that send no mail.


@networked
async def test_the_balance_is_a_number_in_every_spelling(kind):
    for spelling in (429405, "429405", " 429405 "):
        async with (
            serving(answering(kind.balance(spelling))) as server,
            opened(kind, server.url) as provider,
        ):
            assert await provider.balance(within=WITHIN) == 429405
            assert isinstance(await provider.probe(within=WITHIN), Accepted)


@networked
@pytest.mark.parametrize(
    "odd",
    ["abc", -1, None, 1e9, 5.0, "", "1e9", "429.405", True, [], "9" * 40, 10**9, 10**30],
    ids=ascii,
)
async def test_an_odd_balance_shows_a_good_key_and_never_an_empty_account(kind, odd):
    answer = answering(kind.balance(odd))
    async with serving(answer) as server, opened(kind, server.url) as provider:
        assert isinstance(await provider.balance(within=WITHIN), Unclear)
        probed = await provider.probe(within=WITHIN)
        assert isinstance(probed, Accepted)
        assert probed.credits is None


@networked
async def test_a_page_in_place_of_the_balance_is_no_balance(kind):
    answer = answering(http("<html>hi</html>", kind="text/html"))
    async with serving(answer) as server, opened(kind, server.url) as provider:
        assert isinstance(await provider.balance(within=WITHIN), Unclear)
        assert isinstance(await provider.probe(within=WITHIN), Unclear)


@networked
async def test_an_empty_account_is_out_of_credits_when_asked(kind):
    async with serving(answering(kind.balance(0))) as server, opened(kind, server.url) as provider:
        assert await provider.balance(within=WITHIN) == 0
        assert isinstance(await provider.probe(within=WITHIN), OutOfCredits)


@networked
async def test_a_probe_passes_on_what_the_answer_means(kind):
    refused = http('{"success":false,"status":"failed","message":"Invalid Token"}', status=401)
    async with serving(answering(refused)) as server, opened(kind, server.url) as provider:
        assert isinstance(await provider.probe(within=WITHIN), Unauthorised)
        assert isinstance(await provider.balance(within=WITHIN), Unauthorised)
    with sockets.refusing() as port:
        async with opened(kind, f"http://127.0.0.1:{port}") as provider:
            assert_never_left(await provider.probe(within=WITHIN))
            assert_never_left(await provider.balance(within=WITHIN))


async def test_v1_asks_ceksaldo_and_v2_credits():
    async with serving(answering(V1.balance("7"))) as server, opened(V1, server.url) as provider:
        await provider.balance(within=WITHIN)
        head, body = parsed(server.requests[0])
        assert head.startswith("POST /api/v1/ceksaldo ")
        assert parse_qsl(body) == [("api_token", KEY)]
    async with serving(answering(V2.balance(7))) as server, opened(V2, server.url) as provider:
        await provider.balance(within=WITHIN)
        head, _ = parsed(server.requests[0])
        assert head.startswith("GET /api/v2/credits ")
        assert f"x-api-token: {KEY}" in head.lower()


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (["Toko@Example.com"], Accepted),
        (["other@example.com"], SenderRefused),
        (["example.com"], Accepted),
        (["@example.com"], Accepted),
        ([], SenderRefused),
        ([None, 5], SenderRefused),
        ("toko@example.com", Unclear),
        (None, Unclear),
    ],
    ids=str,
)
async def test_v2_tells_whether_a_sender_is_approved(listed, expected):
    answer = http(json.dumps({"success": True, "data": listed}))
    async with serving(answering(answer)) as server, opened(V2, server.url) as provider:
        outcome = await provider.probe(within=WITHIN, sender="toko@example.com")
        assert isinstance(outcome, expected), outcome
        assert server.requests[0].startswith(b"GET /api/v2/senders ")


async def test_v1_has_no_call_that_tells_of_a_sender():
    async with serving(answering(V1.accepted)) as server, opened(V1, server.url) as provider:
        outcome = await provider.probe(within=WITHIN, sender="toko@example.com")
        assert isinstance(outcome, Unclear)
        assert "no call" in outcome.reason
        assert server.connections == 0


async def test_a_question_about_a_sender_passes_on_what_stands_in_its_way():
    refused = http('{"success":false,"message":"Unauthenticated."}', status=401)
    async with serving(answering(refused)) as server, opened(V2, server.url) as provider:
        outcome = await provider.probe(within=WITHIN, sender="toko@example.com")
        assert isinstance(outcome, Unauthorised)
    with sockets.refusing() as port:
        async with opened(V2, f"http://127.0.0.1:{port}") as provider:
            assert_never_left(await provider.probe(within=WITHIN, sender="toko@example.com"))
        async with opened(V2, f"http://127.0.0.1:{port}", key=lambda: "") as provider:
            for sender in (None, "toko@example.com"):
                outcome = await provider.probe(within=WITHIN, sender=sender)
                assert isinstance(outcome, Unauthorised)


@networked
async def test_a_closed_provider_says_so_and_sends_nothing(kind):
    async with serving(answering(kind.accepted)) as server:
        provider = kind.build(server.url)
        await provider.close()
        with pytest.raises(RuntimeError, match="closed"):
            await provider.send(MESSAGE, within=WITHIN)
        assert server.connections == 0


# Every provider, also those without sockets.


@contextlib.asynccontextmanager
async def built(name: str) -> AsyncIterator[Provider]:
    if name == "scripted":
        yield ScriptedProvider()
        return
    async with serving(answering(V1.balance("5"))) as server:
        options = {"key": lambda: KEY, "base_url": server.url} if name == "mailketing" else {}
        provider = build(name, options, clock=FixedTime())
        yield provider
        await provider.close()


@pytest.mark.parametrize("name", [*NAMES, "scripted"])
async def test_every_provider_accepts_probes_and_closes(name):
    async with built(name) as provider:
        assert provider.name == name
        assert isinstance(provider.carries, Carries)
        assert isinstance(await provider.send(MESSAGE, within=WITHIN), Accepted)
        assert isinstance(await provider.probe(within=WITHIN), Accepted)


async def test_the_sandbox_marks_what_it_accepts_and_carries_everything():
    outcome = await Sandbox().send(MESSAGE, within=WITHIN)
    assert outcome == Accepted("sandbox", is_sandbox=True)
    carries = Sandbox.carries
    assert carries.reply_to
    assert carries.headers
    assert carries.text
    assert carries.content_ids
    assert carries.attachments > 1_000
    assert not carries.needs_public_url


def test_mailketing_carries_three_links_and_nothing_else():
    assert Mailketing.carries == Carries(
        reply_to=False, headers=False, attachments=3, needs_public_url=True
    )


def test_an_unknown_provider_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"'mailchimp'.*mailketing, sandbox"):
        build("mailchimp", {}, clock=FixedTime())


async def test_a_scripted_provider_speaks_its_lines_and_remembers():
    async def slow(message: OutgoingMessage) -> Accepted:
        await asyncio.Event().wait()
        return Accepted()

    provider = ScriptedProvider(Deferred("busy"), lambda message: Accepted(message.id), slow)
    provider.probes.append(Unauthorised("no"))

    assert await provider.send(MESSAGE, within=WITHIN) == Deferred("busy")
    assert await provider.send(MESSAGE, within=WITHIN) == Accepted(MESSAGE.id)
    assert isinstance(await provider.send(MESSAGE, within=timedelta(milliseconds=10)), Unclear)
    assert isinstance(await provider.send(MESSAGE, within=WITHIN), Accepted)
    assert provider.sent == [MESSAGE] * 4
    assert await provider.probe(within=WITHIN, sender="a@b.example") == Unauthorised("no")
    assert isinstance(await provider.probe(within=WITHIN), Accepted)
    assert provider.probed == ["a@b.example", None]
    await provider.close()
    assert provider.is_closed


def changed(message: OutgoingMessage, **values: Any) -> OutgoingMessage:
    return dataclasses.replace(message, **values)


def parsed(request: bytes) -> tuple[str, str]:
    head, _, body = request.decode().partition("\r\n\r\n")
    return head + "\r\n", body
