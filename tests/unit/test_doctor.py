"""Each check of the doctor turns a fact into ok, a warning or a fault, with what mends it."""

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zoneinfo import ZoneInfo

import pytest

from terkirim.domain.errors import ConfigError, StoreUnavailable
from terkirim.domain.finding import Level
from terkirim.domain.message import State
from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    OutOfCredits,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.language import speak
from terkirim.ports import Backlog, Pause, ProviderStatus
from terkirim.ports.checkup import Checkup, Examinable
from terkirim.providers.mailketing.checkup import findings
from terkirim.providers.sandbox import Sandbox
from terkirim.providers.scripted import ScriptedProvider
from terkirim.reports.doctor.clock import of_clock
from terkirim.reports.doctor.database import of_failure, of_place, of_store
from terkirim.reports.doctor.reach import of_public_url
from terkirim.reports.doctor.sending import of_backlog, of_probe, of_provider, of_standing
from terkirim.reports.doctor.settings import of_sandbox, of_sender, of_settings

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
SOON = timedelta(seconds=5)
SAY = speak("en")
OK, WARNING, FAULT = Level.OK, Level.WARNING, Level.FAULT


def said(found):
    return [(one.level, SAY(one.says)) for one in found]


def levels(found):
    return [(one.check, one.level) for one in found]


def test_what_is_not_well_always_says_what_mends_it():
    found = [
        *of_settings(["A: is wrong"], ["B is no setting"]),
        *of_sandbox({"default": ("sandbox",)}),
        *of_sandbox({"default": ("mailketing", "sandbox"), "otp": ("mailketing",)}),
        *of_sender(None),
        of_failure(ConfigError("A")),
        of_failure(StoreUnavailable("B")),
        *of_place("x", "tmpfs"),
        *of_place("x", "overlay"),
        *of_backlog(Backlog(by_state={}, oldest_due_at=NOW - timedelta(days=1)), now=NOW),
        *(of_probe("p", one) for one in (Unauthorised("a"), OutOfCredits("b"), Unclear("c"))),
        of_probe("p", Deferred("d")),
    ]
    assert all(one.level is not OK and one.mends is not None for one in found)
    assert all(SAY(one.mends) and SAY(one.says) for one in found)


def test_all_faults_of_the_settings_are_told_and_every_unknown_name():
    found = of_settings(["TERKIRIM_PORT: must be {a} number", "TERKIRIM_LEASE: x"], ["TERKIRIM_X"])
    assert said(found) == [
        (FAULT, "Setting: TERKIRIM_PORT: must be {a} number"),
        (FAULT, "Setting: TERKIRIM_LEASE: x"),
        (WARNING, "Setting: TERKIRIM_X"),
    ]
    assert levels(of_settings([], [])) == [("settings", OK)]


def test_sandbox_mode_is_said_loudly():
    ((level, says),) = said(of_sandbox({"default": ("sandbox",), "otp": ("sandbox",)}))
    assert (level, says.partition(".")[0]) == (
        WARNING,
        "SANDBOX MODE: NOTHING IS REALLY SENT",
    )
    ((level, says),) = said(of_sandbox({"default": ("mailketing",), "trial": ("sandbox",)}))
    assert level is WARNING
    assert "NOT REALLY SENT" in says
    assert says.endswith("trial")
    assert levels(of_sandbox({"default": ("mailketing",)})) == [("sandbox", OK)]


def test_a_default_sender_is_owed_only_where_mail_names_none():
    assert levels(of_sender("toko@example.com")) == [("sender", OK)]
    assert levels(of_sender(None)) == [("sender", WARNING)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ext4", [OK]), ("tmpfs", [FAULT]), ("ramfs", [FAULT]), ("overlay", [WARNING]), (None, [])],
)
def test_the_file_system_says_whether_mail_outlives_a_restart(kind, expected):
    assert [one.level for one in of_place("sqlite:///x.db", kind)] == expected


class Disk:
    """A store that can be written, with so much room."""

    def __init__(self, free):
        self.free = free

    async def check_writable(self):
        pass

    async def free_bytes(self):
        return self.free


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (None, [("database", OK)]),
        (2_000_000_000, [("database", OK), ("space", OK)]),
        (300_000_000, [("database", OK), ("space", WARNING)]),
        (199_000_000, [("database", OK), ("space", FAULT)]),
    ],
)
async def test_room_is_told_before_it_is_gone(free, expected):
    assert levels(await of_store(Disk(free), min_free=200_000_000)) == expected


@pytest.mark.parametrize(
    ("now", "newest", "provider_time", "expected"),
    [
        (NOW, None, None, [OK]),
        (NOW, NOW + timedelta(seconds=30), NOW - timedelta(seconds=90), [OK]),
        (datetime(1970, 1, 2, tzinfo=UTC), None, None, [FAULT]),
        (NOW, NOW + timedelta(hours=1), None, [FAULT]),
        (NOW, None, NOW + timedelta(minutes=3), [WARNING]),
        (NOW, None, NOW - timedelta(minutes=3), [WARNING]),
        (NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=1), [FAULT, WARNING]),
    ],
)
def test_a_clock_is_compared_with_the_mail_on_disk_and_with_the_provider(
    now, newest, provider_time, expected
):
    zone = ZoneInfo("Asia/Jakarta")
    told, *rest = of_clock(now, zone=zone, newest=newest, provider_time=provider_time)
    assert told.check == "time_zone"
    assert [(one.check, one.level) for one in rest] == [("clock", level) for level in expected]


def test_the_time_is_told_in_the_operators_zone():
    told, _ = of_clock(NOW, zone=ZoneInfo("Asia/Jakarta"), newest=None, provider_time=None)
    assert SAY(told.says) == "In Asia/Jakarta it is 2026-01-05 10:00:00 now."


@pytest.mark.parametrize(
    ("outcome", "level", "says"),
    [
        (Accepted("x"), OK, "p answers and takes the key."),
        (Accepted("x", credits=429_405), OK, "p takes the key; 429,405 credits are left."),
        (Unauthorised("no"), FAULT, "p refuses the key: no"),
        (OutOfCredits("0"), FAULT, "The credits at p are used up: 0"),
        (Unclear("odd"), WARNING, "p gives no clear answer: odd"),
        (Deferred("refused"), FAULT, "p cannot be used now: refused"),
    ],
)
def test_a_probe_is_put_into_words(outcome, level, says):
    assert said([of_probe("p", outcome)]) == [(level, says)]


async def test_a_provider_that_knows_no_more_is_probed_and_the_sandbox_is_not_asked():
    provider = ScriptedProvider()
    provider.probes.append(Unauthorised("no"))
    checkup = await of_provider(provider, sender="toko@example.com", within=SOON)
    assert levels(checkup.findings) == [("provider", FAULT)]
    assert (await of_provider(Sandbox(), sender=None, within=SOON)).findings == ()


async def test_a_provider_that_knows_more_is_asked_itself():
    class Knowing(ScriptedProvider):
        async def checkup(self, *, sender, within):
            return Checkup(findings=[], provider_time=NOW)

    provider = Knowing()
    assert isinstance(provider, Examinable)
    checkup = await of_provider(provider, sender=None, within=SOON)
    assert checkup.provider_time == NOW
    assert provider.probed == []


STANDING = ProviderStatus(
    name="mailketing", breaker="closed", faults=0, open_until=None, gate_until=None, pauses=()
)


def a_pause(sender=""):
    return Pause(
        provider="mailketing", sender=sender, fault="Unauthorised", reason="", since=NOW, until=None
    )


def test_pauses_and_shut_breakers_are_warned_of():
    shut = replace(STANDING, breaker="open", open_until=NOW + SOON)
    held = replace(STANDING, pauses=(a_pause(), a_pause("toko@example.com")))
    assert of_standing([STANDING], now=NOW) == []
    assert levels(of_standing([shut, held], now=NOW)) == [
        ("provider", WARNING),
        ("provider", WARNING),
        ("sender", WARNING),
    ]


def test_mail_that_waits_long_asks_for_a_worker():
    waits = Backlog(by_state={State.QUEUED: 1_204}, oldest_due_at=NOW - timedelta(minutes=16))
    assert said(of_backlog(waits, now=NOW)) == [
        (WARNING, "The oldest due message waits for 16 minutes; 1,204 are unfinished.")
    ]
    soon = replace(waits, oldest_due_at=NOW - timedelta(minutes=14))
    assert levels(of_backlog(soon, now=NOW)) == [("waiting", OK)]


class Account:
    """An account at Mailketing that answers as a test tells it."""

    def __init__(self, balance, approved=None):
        self.balance = balance
        self.approved = approved
        self.asked = []

    async def probe(self, *, within, sender=None):
        self.asked.append(sender)
        return self.balance if sender is None else self.approved


async def examined(own, second=None, *, sender="toko@example.com"):
    return await findings(
        own, second, sender=sender, set_by="MAILKETING_API_VERSION=2", within=SOON
    )


@pytest.mark.parametrize(
    ("balance", "level"),
    [
        (Accepted("x", credits=7), OK),
        (Accepted("x"), WARNING),
        (OutOfCredits("0"), FAULT),
        (Unauthorised("no"), FAULT),
        (Deferred("no connection"), FAULT),
        (Unclear("no balance"), FAULT),
    ],
)
async def test_the_key_is_tried_by_the_balance(balance, level):
    found = await examined(Account(balance, Accepted("x")), sender=None)
    assert levels(found) == [("provider_key", level)]


@pytest.mark.parametrize(
    ("approved", "level"),
    [(Accepted("x"), OK), (SenderRefused("no", sender="t"), FAULT), (Unclear("v1"), WARNING)],
)
async def test_the_sender_is_looked_up_among_the_approved_ones(approved, level):
    found = await examined(Account(Accepted("x", credits=7), approved))
    assert levels(found)[1:] == [("sender_approved", level)]


async def test_a_refused_key_is_not_asked_for_senders():
    own = Account(Unauthorised("no"), Accepted("x"))
    assert levels(await examined(own)) == [("provider_key", FAULT)]
    assert own.asked == [None]


async def test_version_2_is_recommended_where_it_answers_and_asked_for_the_senders():
    own = Account(Accepted("x", credits=7), Unclear("v1 cannot tell"))
    second = Account(Accepted("x", credits=7), Accepted("x"))
    found = await examined(own, second)
    assert levels(found) == [
        ("provider_key", OK),
        ("provider_version", WARNING),
        ("sender_approved", OK),
    ]
    assert "MAILKETING_API_VERSION=2" in SAY(found[1].mends)
    assert second.asked == [None, "toko@example.com"]


async def test_version_2_is_not_recommended_where_it_does_not_answer():
    own = Account(Accepted("x", credits=7), Unclear("v1 cannot tell"))
    found = await examined(own, Account(Deferred("404")))
    assert levels(found) == [("provider_key", OK), ("sender_approved", WARNING)]


@contextmanager
def answering(answers):
    """Serve each path's (status, JSON or bytes) on this machine; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers[self.path]
            self.send_response(status)
            if status in {301, 302}:
                self.send_header("location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


LIVE = (200, {"status": "ok"})


async def reached(answers, **options):
    with answering(answers) as url:
        given = {"link": f"{url}/a/x", "is_needed": True, "within": SOON, **options}
        return said(await of_public_url(url, **given))


@pytest.mark.parametrize(
    ("link", "level", "says"),
    [
        ((404, {"name": "not_found"}), OK, "lead to this gateway"),
        ((403, {"name": "invalid_access"}), FAULT, "refuses our links"),
        ((404, b"<html>"), FAULT, "do not lead to this gateway"),
        ((404, []), FAULT, "do not lead to this gateway"),
        ((302, b""), FAULT, "do not lead to this gateway"),
    ],
)
async def test_a_link_that_leads_to_nothing_tells_whose_links_are_taken(link, level, says):
    first, second = await reached({"/health/live": LIVE, "/a/x": link})
    assert (first[0], second[0]) == (WARNING, level)  # the address itself is of this network only
    assert "only from this network" in first[1]
    assert says in second[1]


async def test_without_a_signing_key_the_address_alone_is_asked():
    assert len(await reached({"/health/live": LIVE}, link="")) == 1


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>"), (200, {"status": "other"}), (503, {"status": "ok"}), (301, b"")],
)
async def test_something_else_at_the_public_address_is_a_fault(answer):
    ((level, says),) = await reached({"/health/live": answer})
    assert level is FAULT
    assert "something else" in says


async def test_a_public_address_that_does_not_answer_is_warned_of():
    with answering({}) as url:
        pass
    found = await of_public_url(url, link="", is_needed=True, within=SOON)
    ((level, says),) = said(found)
    assert level is WARNING
    assert "Connection refused" in says


@pytest.mark.parametrize(("is_needed", "expected"), [(True, [WARNING]), (False, [])])
async def test_no_public_address_matters_only_where_a_provider_needs_one(is_needed, expected):
    found = await of_public_url(None, link="", is_needed=is_needed, within=SOON)
    assert [one.level for one in found] == expected
