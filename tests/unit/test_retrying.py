"""`retry_email_send` and the batches: what is tried again, when, and what is reported."""

import asyncio
import smtplib
import socket
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from terkirim.delivery.batches import retry_batch, retry_batch_sync
from terkirim.delivery.failures import asked_wait, is_failed_answer, is_worth_retrying, shown_text
from terkirim.delivery.retrying import retry_email_send, retry_email_send_sync

TO = "budi@example.com"


class Sender:
    """Answers from a list; an exception in it is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class HttpError(Exception):
    def __init__(self, status, **headers):
        super().__init__(f"HTTP {status}")
        self.response = SimpleNamespace(status_code=status, headers=headers)


class Slept:
    def __init__(self):
        self.seconds = []

    def now(self, seconds):
        self.seconds.append(seconds)

    async def soon(self, seconds):
        self.seconds.append(seconds)


@pytest.fixture(params=["async fn", "plain fn in async code", "sync face"])
def send(request):
    """Run one sender through each face; they must not differ."""

    async def run(fn, **options):
        slept = Slept()
        if request.param == "sync face":
            ended = retry_email_send_sync(fn, to=TO, sleep=slept.now, **options)
        elif request.param == "async fn":

            async def called():
                return fn()

            ended = await retry_email_send(called, to=TO, sleep=slept.soon, **options)
        else:
            ended = await retry_email_send(fn, to=TO, sleep=slept.soon, **options)
        assert [wait.total_seconds() for wait in ended.waits] == slept.seconds
        return ended, slept.seconds

    return run


async def test_a_success_is_returned_at_once(send):
    ended, slept = await send(Sender({"success": True, "id": 7}))
    assert (ended.success, ended.value, ended.attempts) == (True, {"success": True, "id": 7}, 1)
    assert slept == []
    assert ended.error is None


async def test_the_waits_are_the_documented_ones_and_then_it_gives_up(send):
    errors = [ConnectionResetError(str(number)) for number in range(4)]
    sender = Sender(*errors)
    ended, slept = await send(sender)
    assert slept == [2, 6, 18]
    assert (ended.success, ended.attempts, sender.calls) == (False, 4, 4)
    assert ended.error is errors[-1]


async def test_a_returned_failure_is_tried_again_like_a_raised_one(send):
    ended, slept = await send(
        Sender({"success": False, "error": "busy"}, {"status": "failed"}, {"status": "success"})
    )
    assert (ended.success, ended.attempts, slept) == (True, 3, [2, 6])


async def test_a_returned_failure_keeps_value_and_text(send):
    answer = {"status": "failed", "response": "Access Denied, Invalid Token"}
    ended, slept = await send(Sender(answer))
    assert (ended.success, ended.value, slept) == (False, answer, [])
    assert ended.error == "Access Denied, Invalid Token"


async def test_retry_after_is_a_floor_and_at_most_an_hour(send):
    _, slept = await send(
        Sender(
            HttpError(429, **{"retry-after": "5"}),
            HttpError(429, **{"Retry-After": "5"}),
            HttpError(503, **{"Retry-After": "99999"}),
            None,
        )
    )
    assert slept == [5, 6, 3600]


async def test_jitter_only_adds(send):
    _, slept = await send(
        Sender(TimeoutError(), TimeoutError(), 1), jitter=0.5, dice=lambda: 0.5, waits=(4, 8)
    )
    assert slept == [5, 10]


async def test_options_override_what_fails_and_what_is_tried_again(send):
    ended, _ = await send(
        Sender("no", ValueError("odd"), "yes"),
        waits=[timedelta(0), timedelta(0)],
        is_failure=lambda value: value == "no",
        is_retryable=lambda _failure: True,
    )
    assert (ended.success, ended.value, ended.attempts) == (True, "yes", 3)


async def test_a_rule_that_breaks_ends_it_because_the_mail_may_be_sent(send):
    sender = Sender("sent", "sent twice")
    ended, _ = await send(sender, is_failure=lambda value: value.no_such_field)
    assert (ended.success, ended.value, sender.calls) == (False, "sent", 1)
    assert isinstance(ended.error, AttributeError)


async def test_a_stop_iteration_of_the_sender_is_an_answer(send):
    ended, _ = await asyncio.wait_for(send(Sender(StopIteration("end"))), timeout=5)
    assert (ended.success, ended.attempts) == (False, 1)


@pytest.mark.parametrize(
    "options", [{"waits": (-1,)}, {"jitter": -0.1}], ids=["negative wait", "negative jitter"]
)
async def test_a_wrong_option_is_refused_before_anything_is_sent(send, options):
    sender = Sender("sent")
    with pytest.raises(ValueError, match="must not be negative"):
        await send(sender, **options)
    assert sender.calls == 0


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_the_person_at_the_keyboard_is_obeyed(signal):
    with pytest.raises(type(signal)):
        retry_email_send_sync(Sender(signal), to=TO)


async def test_cancellation_passes_during_a_wait():
    waiting = asyncio.Event()

    async def asleep(_seconds):
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(retry_email_send(Sender(OSError()), to=TO, sleep=asleep))
    await asyncio.wait_for(waiting.wait(), timeout=5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_plain_function_that_returns_a_coroutine_is_awaited():
    async def fails():
        raise TimeoutError

    def starts():
        return fails()

    ended = await retry_email_send(starts, to=TO, waits=())
    assert isinstance(ended.error, TimeoutError)


async def test_a_plain_function_does_not_block_the_loop():
    loop_went_on = threading.Event()

    def blocking():
        return loop_went_on.wait(timeout=5)

    task = asyncio.create_task(retry_email_send(blocking, to=TO))
    await asyncio.sleep(0)
    loop_went_on.set()
    assert (await task).value is True


@pytest.mark.parametrize("kind", ["coroutine", "other awaitable"])
def test_the_sync_face_says_what_an_async_sender_needs(kind):
    async def send():
        return "sent"

    class Later:
        def __await__(self):
            yield

    ended = retry_email_send_sync(send if kind == "coroutine" else Later, to=TO)
    assert (ended.success, ended.attempts) == (False, 1)
    assert "await retry_email_send" in str(ended.error)


def test_each_attempt_is_logged_without_secrets():
    sender = Sender(OSError("GET /send?api_token=hush-hush&x=1 reset"), "sent")
    with capture_logs() as logs:
        retry_email_send_sync(sender, to=TO, subject="Halo", sleep=lambda _seconds: None)
    assert [(one["event"], one["attempt"]) for one in logs] == [("not sent", 1), ("sent", 2)]
    assert logs[0]["to"] == TO
    assert logs[0]["subject"] == "Halo"
    assert logs[0]["again_in"] == 2
    assert "api_token=***" in logs[0]["reason"]
    assert "hush" not in str(logs)


class ReadTimeout(Exception):  # noqa: N818 - the name is the point
    """As httpx names it: no TimeoutError."""


def raised_from(cause):
    error = RuntimeError("connection failed")
    error.__cause__ = cause
    return error


def raised_while_handling(context):
    error = RuntimeError("connection failed")
    error.__context__ = context
    return error


def raised_from_nothing(context):
    error = raised_while_handling(context)
    error.__suppress_context__ = True
    return error


def in_a_circle(context):
    error = raised_while_handling(context)
    context.__context__ = error
    return error


def foreign(module, *names, base=Exception):
    """Return an exception of a library that need not be installed; each class from the one before.

    The last name is the exception's own.
    """
    kind = base
    for name in names:
        kind = type(name, (kind,), {"__module__": module})
    return kind("broken")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ConnectionRefusedError(), True),
        (socket.gaierror("no name"), True),
        (ReadTimeout(), True),
        (raised_from(ConnectionResetError()), True),
        (raised_while_handling(ConnectionResetError()), True),
        (raised_while_handling(raised_from(ReadTimeout())), True),
        (raised_from_nothing(ConnectionResetError()), False),
        (raised_while_handling(ValueError()), False),
        (in_a_circle(KeyError("a bug")), False),
        (RuntimeError("a bug"), False),
        (TypeError(), False),
        (FileNotFoundError("no such attachment"), False),
        (
            foreign(
                "aiohttp.client_exceptions", "ClientConnectionError", "ServerDisconnectedError"
            ),
            True,
        ),
        (foreign("aiohttp.client_exceptions", "ClientError", "ClientPayloadError"), True),
        (foreign("aiohttp.client_exceptions", "ClientError", "InvalidURL", base=ValueError), False),
        (foreign("aiohttp_of_mine", "ClientConnectionError"), False),
        (foreign("httpx", "TransportError", "NetworkError", "ReadError"), True),
        (foreign("httpx", "TransportError", "ProtocolError", "RemoteProtocolError"), True),
        (foreign("httpx", "TransportError", "ProtocolError", "LocalProtocolError"), False),
        (foreign("httpx", "TransportError", "UnsupportedProtocol"), False),
        (foreign("requests.exceptions", "RequestException", "InvalidURL", base=OSError), False),
        (foreign("requests.exceptions", "RequestException", "ConnectionError", base=OSError), True),
        (asyncio.IncompleteReadError(b"HTT", 9), True),
        *[(HttpError(status), True) for status in (408, 425, 429, 500, 502, 503, 504, 599)],
        *[(HttpError(status), False) for status in (400, 401, 402, 403, 404, 422, 600)],
        (SimpleNamespace(status=503), True),
        (SimpleNamespace(status_code=422), False),
        ({"success": False, "status_code": 503}, True),
        (SimpleNamespace(status=True), True),
        (smtplib.SMTPResponseException(451, b"later"), True),
        (smtplib.SMTPAuthenticationError(535, b"no"), False),
        (smtplib.SMTPRecipientsRefused({"a@b.id": (450, b"full")}), True),
        (smtplib.SMTPRecipientsRefused({"a@b.id": (550, b"unknown")}), False),
        (smtplib.SMTPRecipientsRefused({}), True),
        (smtplib.SMTPServerDisconnected("gone"), True),
        (OSError("Access Denied, Invalid Token"), False),
        ({"success": False, "error": "saldo tidak cukup"}, False),
        ({"success": False, "message": "invalid recipient address"}, False),
        ({"status": "error", "response": "Sender not approved"}, False),
        ({"status": "error", "message": "try again"}, True),
        ({"success": False}, True),
        (False, True),
        ("limit harian tercapai", False),
        ("kuota harian habis", False),
    ],
    ids=repr,
)
def test_what_is_worth_another_try(failure, expected):
    assert is_worth_retrying(failure) is expected


async def test_what_was_wrong_before_the_call_is_not_its_cause(send):
    try:
        Sender(ConnectionResetError("the other gateway"))()
    except ConnectionResetError:
        ended, _ = await send(buggy)
    assert (ended.success, ended.attempts) == (False, 1)


def buggy():
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        ({}, False),
        (True, False),
        (0, False),
        ("sent", False),
        ({"success": True}, False),
        ({"status": "success"}, False),
        ({"status": 202}, False),
        (SimpleNamespace(status_code=200), False),
        (False, True),
        ({"success": False}, True),
        ({"success": "false"}, True),
        ({"status": " Failed "}, True),
        ({"status": "error"}, True),
        (SimpleNamespace(success=False), True),
        (SimpleNamespace(status_code=500), True),
    ],
    ids=repr,
)
def test_what_a_returned_value_says(value, expected):
    assert is_failed_answer(value) is expected


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (SimpleNamespace(retry_after=timedelta(seconds=3)), timedelta(seconds=3)),
        (SimpleNamespace(retry_after=-1), timedelta(0)),
        (SimpleNamespace(retry_after="inf"), timedelta(hours=1)),
        (SimpleNamespace(retry_after="nan"), None),
        (HttpError(429, **{"RETRY-AFTER": "7"}), timedelta(seconds=7)),
        (
            HttpError(
                429,
                **{
                    "Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT",
                    "Date": "Fri, 31 Dec 1999 23:59:29 GMT",
                },
            ),
            timedelta(seconds=30),
        ),
        (HttpError(429, **{"Retry-After": "soon", "Date": "today"}), None),
        (HttpError(429, **{"Retry-After": "soon"}), None),
        (SimpleNamespace(headers=7), None),
        (HttpError(429), None),
        (OSError(), None),
    ],
    ids=repr,
)
def test_what_the_other_side_asks_for(failure, expected):
    assert asked_wait(failure) == expected


def test_a_long_text_is_cut():
    assert len(shown_text("x" * 10_000)) == 500


def test_causes_that_go_in_a_circle_end():
    first, second = RuntimeError("first"), RuntimeError("second")
    first.__cause__, second.__cause__ = second, first
    assert is_worth_retrying(first) is False


@pytest.fixture(params=["async", "sync"])
def batch(request):
    async def run(fn, items, **options):
        slept = Slept()
        if request.param == "async":
            return await retry_batch(fn, items, sleep=slept.soon, **options), slept.seconds
        return retry_batch_sync(fn, items, sleep=slept.now, **options), slept.seconds

    return run


async def test_a_batch_goes_ten_at_a_time_with_a_second_between(batch):
    seen, progress = [], []
    results, slept = await batch(
        str.upper,
        [f"a{number}@example.com" for number in range(25)],
        on_result=lambda item, retried: seen.append((item, retried.value)),
        on_progress=lambda ended, total: progress.append((ended, total)),
    )
    assert [one.value for one in results] == [f"A{number}@EXAMPLE.COM" for number in range(25)]
    assert slept == [1, 1]
    assert sorted(seen) == sorted((f"a{n}@example.com", f"A{n}@EXAMPLE.COM") for n in range(25))
    assert progress == [(number, 25) for number in range(1, 26)]


async def test_no_more_than_a_batch_is_in_the_air_and_all_of_it_is(batch):
    together = threading.Barrier(3)
    results, _ = await batch(lambda _item: together.wait(timeout=5), range(6), size=3)
    assert all(one.success for one in results)


async def test_one_bad_item_does_not_stop_the_others(batch):
    def send(item):
        if item["to"] == "bad@example.com":
            raise ValueError(item)
        return "sent"

    items = [{"to": "bad@example.com", "subject": "x"}, {"to": TO}]
    with capture_logs() as logs:
        results, _ = await batch(send, items)
    assert [one.success for one in results] == [False, True]
    assert {(one["to"], one["subject"]) for one in logs} == {("bad@example.com", "x"), (TO, "")}


async def test_a_callback_that_raises_stops_nothing(batch):
    def raises(*_arguments):
        raise RuntimeError("display")

    with capture_logs() as logs:
        results, _ = await batch(lambda _item: "sent", [1, 2], on_result=raises)
    assert [one.success for one in results] == [True, True]
    assert sum(one["event"] == "a callback of the batch raised" for one in logs) == 2


@pytest.mark.parametrize("options", [{"size": 0}, {"pause": timedelta(-1)}, {"jitter": -1}])
async def test_a_wrong_batch_is_refused_before_anything_is_sent(batch, options):
    sent = []
    with pytest.raises(ValueError, match="must"):
        await batch(sent.append, [1], **options)
    assert sent == []


async def test_an_empty_batch_is_no_work(batch):
    assert await batch(str, []) == ([], [])
