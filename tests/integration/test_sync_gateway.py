"""The gateway without an event loop of the caller's: threads, forks, ends, and what it answers."""

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from terkirim import (
    ConfigError,
    Gateway,
    IdempotencyConflict,
    InvalidEmail,
    NotFound,
    StoreUnavailable,
    SyncGateway,
    WrongState,
)
from terkirim.client import calls
from terkirim.domain.message import State
from terkirim.emulator.server import Emulator
from terkirim.ports import MessageFilter

LETTER = {"sender": "toko@example.com", "to": "budi@example.com", "subject": "x", "text": "y"}
PAIR = LETTER | {"to": ["a@example.com", "b@example.com"]}
SOON = timedelta(seconds=20)


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in ("MAILKETING_API_KEY", "MAILKETING_FROM_EMAIL", "TERKIRIM_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def gateway(tmp_path):
    with SyncGateway.open(database=f"sqlite:///{tmp_path}/g.db") as one:
        yield one


@pytest.fixture
def idle(tmp_path):
    """A gateway that takes mail and leaves the sending to another."""
    with SyncGateway.open(database=f"sqlite:///{tmp_path}/g.db", work=False) as one:
        yield one


def test_an_email_is_sent_and_followed_to_its_end(gateway):
    sent = gateway.send_email(**LETTER)
    (message,) = gateway.wait_for(sent, within=SOON)
    assert (message.id, message.state, message.is_sandbox) == (sent, State.ACCEPTED, True)
    assert [one.outcome for one in gateway.get_message(sent).attempts] == ["accepted"]
    assert gateway.get_email(sent).content.text == "y"
    assert gateway.is_sandbox is True
    assert gateway.count_pending() == 0


def test_what_is_not_sent_yet_is_counted_waited_for_in_vain_and_cancelled(idle):
    sent = idle.send_email(**PAIR)
    assert idle.count_pending() == 2
    with pytest.raises(TimeoutError, match=r"[ab]@example\.com is still queued after 0\.01 s"):
        idle.wait_for(sent, within=0.01)
    assert [one.is_cancelled for one in idle.cancel(sent)] == [True, True]
    assert {one.state for one in idle.wait_for(sent, within=0)} == {State.CANCELLED}
    assert idle.count_pending() == 0


def test_one_message_of_an_email_is_followed_by_its_own_id(idle):
    first, second = idle.get_email(idle.send_email(**PAIR)).messages
    assert [one.message_id for one in idle.cancel(first.id)] == [first.id]
    assert [one.id for one in idle.wait_for(first.id, within=0)] == [first.id]
    with pytest.raises(TimeoutError):
        idle.wait_for(second.id, within=0)


def test_only_what_is_dead_or_held_is_queued_again(idle):
    sent = idle.send_email(**LETTER)
    with pytest.raises(WrongState, match="only dead, held and sandboxed messages") as caught:
        idle.requeue(sent)
    assert caught.value.state == State.QUEUED


def test_what_the_sandbox_kept_is_queued_again_where_that_is_asked(gateway):
    sent = gateway.send_email(**LETTER)
    gateway.wait_for(sent, within=SOON)
    assert gateway.requeue(sent) == 1
    gateway.wait_for(sent, within=SOON)
    assert len(gateway.get_message(sent).attempts) == 2


def test_errors_travel_as_they_are(gateway):
    with pytest.raises(InvalidEmail) as caught:
        gateway.send_email(**LETTER | {"subject": "a\r\nb"})
    assert caught.value.field == "subject"
    for ask in (gateway.get_email, gateway.get_message, gateway.cancel, gateway.requeue):
        with pytest.raises(NotFound):
            ask("unknown")
    with pytest.raises(NotFound):
        gateway.wait_for("unknown", within=1)


def over_http(*, idempotency_key="k", **fields):
    """Do what a client does before anything leaves."""
    calls.send_email(fields, idempotency_key=idempotency_key)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        *(
            ({"idempotency_key": key}, "Idempotency-Key")
            for key in (
                5,
                b"k",
                "",
                "x" * 257,
                "a\0",
                "\ud800",
                "é",
                "a\nb",
                "a\n",
                " a",
                "a ",
                " ",
            )
        ),
        *(({field: {"a@example.com"}}, field) for field in ("to", "cc", "bcc", "reply_to")),
        ({"to": frozenset({"a@example.com"})}, "to"),
    ],
    ids=repr,
)
def test_the_gateway_and_a_client_refuse_the_same_in_the_same_words(idle, fields, named):
    said = []
    for send in (idle.send_email, over_http):
        with pytest.raises(InvalidEmail) as caught:
            send(**LETTER | fields)
        said.append((caught.value.field, caught.value.problem, caught.value.kind))
    assert said[0] == said[1]
    assert said[0][0] == named
    assert idle.count_pending() == 0


@pytest.mark.parametrize("key", ["a", "order 1001: shipped!", "~" * 256])
def test_the_gateway_and_a_client_take_the_same_keys(idle, key):
    over_http(**LETTER, idempotency_key=key)
    assert idle.send_email(**LETTER, idempotency_key=key)


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "a\ud800"},
        {"subject": "a\ud800", "attachments": [{"path": "http://127.0.0.1/a.pdf"}]},
        {"tags": [{"name": "a", "value": "\ud800"}]},
    ],
    ids=["a text", "a text with a file to be fetched", "a tag"],
)
def test_a_key_changes_nothing_of_what_is_said_of_half_a_surrogate_pair(idle, fields):
    said = []
    for key in ({}, {"idempotency_key": "order-1"}):
        with pytest.raises(InvalidEmail) as caught:
            idle.send_email(**LETTER | fields, **key)
        said.append(caught.value)
    assert said[0].field != ""
    assert str(said[0]) == str(said[1])


def test_a_key_used_again_returns_the_first_id_and_sends_nothing(idle):
    fields = LETTER | {"idempotency_key": "order-1"}
    assert idle.send_email(**fields) == idle.send_email(**fields)
    assert idle.count_pending() == 1
    with pytest.raises(IdempotencyConflict):
        idle.send_email(**fields | {"subject": "z"})
    with pytest.raises(InvalidEmail, match="must be a text"):
        idle.send_email(**fields | {"subject": object()})
    with pytest.raises(InvalidEmail, match="1 to 256 characters"):
        idle.send_email(**fields | {"idempotency_key": ""})


def test_many_threads_share_one(gateway):
    with ThreadPoolExecutor(16) as threads:
        ids = list(threads.map(lambda _: gateway.send_email(**LETTER), range(200)))
        settled = threads.map(lambda one: gateway.wait_for(one, within=SOON)[0].state, ids)
        assert Counter(settled) == {State.ACCEPTED: 200}
    assert len(set(ids)) == 200


def test_it_may_be_opened_and_used_beside_a_running_loop(tmp_path):
    async def main():
        with SyncGateway.open(database=f"sqlite:///{tmp_path}/g.db") as gateway:
            sent = await asyncio.to_thread(gateway.send_email, **LETTER)
            return await asyncio.to_thread(gateway.wait_for, sent, within=SOON)

    assert asyncio.run(main())[0].state is State.ACCEPTED


def test_what_cannot_be_opened_says_so_in_the_caller(tmp_path):
    before = threading.active_count()
    with pytest.raises(ConfigError, match="TERKIRIM_DATABASE"):
        SyncGateway.open(database="nonsense")
    with pytest.raises(ConfigError, match="does not exist"):
        SyncGateway.open(database=f"sqlite:///{tmp_path}/none/g.db")
    assert threading.active_count() == before


def test_a_closed_gateway_says_so_and_leaves_no_thread(tmp_path):
    before = threading.active_count()
    gateway = SyncGateway.open(database=f"sqlite:///{tmp_path}/g.db")
    gateway.close()
    gateway.close()
    with pytest.raises(RuntimeError, match="the gateway is closed"):
        gateway.send_email(**LETTER)
    assert threading.active_count() == before


def test_callers_in_the_middle_of_a_close_get_an_answer_or_an_error(tmp_path):
    gateway = SyncGateway.open(database=f"sqlite:///{tmp_path}/g.db", work=False)
    waits_for = gateway.send_email(**LETTER)
    under_way = threading.Barrier(9)
    ends = []

    def keep_sending():
        ends.append(gateway.send_email(**LETTER))
        under_way.wait()
        try:
            while True:
                ends.append(gateway.send_email(**LETTER))
        except (RuntimeError, StoreUnavailable) as error:
            ends.append(error)

    def wait():
        under_way.wait()
        try:
            gateway.wait_for(waits_for, within=60)
        except (RuntimeError, StoreUnavailable) as error:
            ends.append(error)

    threads = [threading.Thread(target=keep_sending) for _ in range(7)]
    threads.append(threading.Thread(target=wait))
    for one in threads:
        one.start()
    under_way.wait()
    gateway.close()
    for one in threads:
        one.join(timeout=20)
    assert not any(one.is_alive() for one in threads)
    sent = [one for one in ends if isinstance(one, str)]
    assert (len(sent) >= 7, len(ends) - len(sent)) == (True, 8)
    with SyncGateway.open(database=f"sqlite:///{tmp_path}/g.db", work=False) as again:
        assert again.count_pending() == len(sent) + 1


async def test_the_async_face_answers_the_same_questions(tmp_path):
    async with Gateway.open(database=f"sqlite:///{tmp_path}/g.db", work=False) as gateway:
        sent = await gateway.send_email(**PAIR)
        assert await gateway.count_pending() == 2
        waiting = asyncio.create_task(gateway.wait_for(sent, within=SOON))
        await asyncio.sleep(0)
        assert len(await gateway.cancel(sent)) == 2
        assert {one.state for one in await waiting} == {State.CANCELLED}
        assert (await gateway.get_message(sent)).message.state is State.CANCELLED
        assert len((await gateway.get_email(sent)).messages) == 2
        with pytest.raises(WrongState):
            await gateway.requeue(sent)


async def test_a_dead_message_is_queued_again_and_goes_out(tmp_path):
    async with Emulator() as emulator:
        emulator.refuse()
        async with Gateway.open(
            database=f"sqlite:///{tmp_path}/g.db",
            mailketing_api_key="emulated",
            mailketing_api_url=f"{emulator.url}/v2",
            retry_waits="5ms",
            retry_tail="off",
        ) as gateway:
            sent = await gateway.send_email(**PAIR)
            dead = await gateway.wait_for(sent, within=SOON)
            assert {one.state for one in dead} == {State.DEAD}
            await emulator.listen()
            assert await gateway.requeue(dead[0].id) == 1
            assert await gateway.requeue(sent) == 1
            again = await gateway.wait_for(sent, within=SOON)
            assert {one.state for one in again} == {State.ACCEPTED}


OPENING = """
import os, sys, warnings
warnings.simplefilter("ignore")
from terkirim import SyncGateway
LETTER = {"sender": "toko@example.com", "to": "budi@example.com", "subject": "x", "text": "y"}
gateway = SyncGateway.open(database="sqlite:///g.db")
"""


def run(code, folder):
    return subprocess.run(
        [sys.executable, "-c", OPENING + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
    )


def test_a_process_that_ends_with_it_open_settles_what_is_in_the_air(tmp_path):
    ended = run("for _ in range(50): gateway.send_email(**LETTER)\nprint('last line')", tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "last line\n", "")
    with SyncGateway.open(database=f"sqlite:///{tmp_path}/g.db", work=False) as gateway:
        states = Counter(one.state for one in _messages(gateway))
    assert not {State.LEASED, State.UNCLEAR} & set(states)
    assert states.total() == 50


def test_an_error_at_the_end_of_a_script_is_shown_and_not_swallowed(tmp_path):
    ended = run("gateway.send_email(**LETTER)\nraise SystemExit(3)", tmp_path)
    assert (ended.returncode, ended.stderr) == (3, "")


def test_a_child_of_a_fork_gets_one_clear_error_and_its_parent_goes_on(tmp_path):
    ended = run(
        """
child = os.fork()
if child == 0:
    try:
        gateway.send_email(**LETTER)
    except RuntimeError as error:
        print(error, flush=True)
    gateway.close()
    sys.exit(0)
os.waitpid(child, 0)
print(len(gateway.wait_for(gateway.send_email(**LETTER), within=20)))
""",
        tmp_path,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    child, parent = ended.stdout.splitlines()
    assert "before a fork: open one in each process" in child
    assert parent == "1"


def test_a_child_of_a_fork_may_open_its_own(tmp_path):
    ended = run(
        """
gateway.close()
child = os.fork()
if child == 0:
    with SyncGateway.open(database="sqlite:///g.db") as own:
        print(own.wait_for(own.send_email(**LETTER), within=20)[0].state, flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
""",
        tmp_path,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "accepted\n", "")


def test_ctrl_c_ends_a_wait_and_the_gateway_goes_on(tmp_path):
    ended = run(
        """
import signal
later = gateway.send_email(**LETTER, scheduled_at="in 1 hour")
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    gateway.wait_for(later, within=60)
except KeyboardInterrupt:
    print(gateway.count_pending())
""",
        tmp_path,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1\n", "")


def _messages(gateway):
    return gateway._answer(lambda inner: inner.store.messages(MessageFilter(limit=1_000)))
