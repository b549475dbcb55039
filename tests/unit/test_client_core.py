"""The client's core without a socket: what is asked, what is repeated, what an end means."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from terkirim.client import calls
from terkirim.client.core import Core, Ended, Wait
from terkirim.client.wire import Answer, NoAnswer, Request
from terkirim.delivery.failures import is_worth_retrying
from terkirim.domain.email import Address
from terkirim.domain.errors import (
    AccessRefused,
    ConfigError,
    GatewayUnavailable,
    IdempotencyConflict,
    InvalidEmail,
    NotFound,
    StoreUnavailable,
    TerkirimError,
    WrongState,
)

HUSH = "tk_hush_hush_hush"
URL = "http://gateway.example:8625"
LETTER = {"to": "budi@example.com", "subject": "Halo", "html": "<p>x</p>"}
REFUSED = NoAnswer(reason="no connection: Connection refused", has_left=False)
RESET = NoAnswer(reason="no answer: Connection reset by peer", has_left=True)


def spoken(value):
    """Return a test's name for one of its values, the same in every process."""
    match value:
        case Answer(status=status, body=body):
            return f"{status} {body[:60].decode(errors='replace')}"
        case NoAnswer(reason=reason):
            return reason
        case calls.Call(path=path):
            return path
        case type():
            return value.__name__
    return str(value)


class Clock:
    """Moves only by what the core waits for, and by what a scripted answer took."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


def said(status, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=raw, headers={"Content-Type": "application/json"} | named)


def refusal(status, name, message="no", **headers):
    return said(status, {"statusCode": status, "name": name, "message": message}, **headers)


def page(status, **headers):
    return said(status, b"<html>Sorry</html>", Content_Type="text/html; charset=utf-8", **headers)


OK = said(200, {"id": "e1", "warnings": ["`subjekt` was ignored"], "sandbox": True, "new": 1})


class Play:
    """Runs one call against scripted answers, and keeps what the core wished for."""

    def __init__(self, call, *script, took=0.0, **given):
        self.clock = Clock()
        given = {"api_key": HUSH, "dice": lambda: 0.0} | given
        core = Core(URL, given.pop("api_key"), monotonic=self.clock, **given)
        self.requests, self.waits = [], []
        self._script, self._took = list(script), took
        self.answer = self.error = None
        try:
            self._run(core.steps(call))
        except TerkirimError as error:
            self.error = error

    def _run(self, steps):
        step = next(steps)
        while not isinstance(step, Ended):
            if isinstance(step, Wait):
                self.waits.append(step.seconds)
                self.clock.now += step.seconds
                step = next(steps)
            else:
                assert isinstance(step, Request)
                self.requests.append(step)
                self.clock.now += self._took
                step = steps.send(self._script.pop(0))
        self.answer = step.answer


def sending(**fields):
    return calls.send_email(LETTER | fields, idempotency_key="k1")


def test_an_answer_becomes_a_record_and_what_is_new_in_it_does_no_harm():
    play = Play(sending(), OK)
    assert (play.answer.id, play.answer.is_sandbox) == ("e1", True)
    assert play.answer.warnings == ("`subjekt` was ignored",)


def test_a_request_carries_key_idempotency_key_and_the_fields_by_the_doors_names():
    play = Play(
        sending(
            sender=Address("toko@example.com", "Toko"),
            cc=("a@example.com", Address("b@example.com")),
            scheduled_at=datetime(2026, 8, 17, 9, tzinfo=UTC),
            expires_in=timedelta(minutes=10),
            attachments=[{"filename": "a.bin", "content": b"\x00\x01"}],
            variables={"a@example.com": {"nama": "Ani"}},
            text=None,
        ),
        OK,
    )
    (request,) = play.requests
    assert (request.method, request.target) == ("POST", "/v1/emails?strict=1")
    assert request.headers["Authorization"] == f"Bearer {HUSH}"
    assert request.headers["Idempotency-Key"] == "k1"
    assert json.loads(request.body) == {
        "from": "Toko <toko@example.com>",
        "to": "budi@example.com",
        "cc": ["a@example.com", "b@example.com"],
        "subject": "Halo",
        "html": "<p>x</p>",
        "scheduled_at": "2026-08-17T09:00:00Z",
        "expires_in": 600,
        "attachments": [{"filename": "a.bin", "content": "AAE="}],
        "variables": {"a@example.com": {"nama": "Ani"}},
    }


@pytest.mark.parametrize("field", ["subject", "html", "to", "variables", "headers"])
def test_bytes_that_are_no_file_are_refused_where_their_base64_would_be_sent(field):
    holding = {"variables": {"*": {"nama": b"x"}}, "headers": {"X-A": b"x"}}
    with pytest.raises(InvalidEmail, match="not bytes") as caught:
        sending(**{field: holding.get(field, b"<p>x</p>")})
    assert caught.value.field == field


@pytest.mark.parametrize("beside", ["Halo", "\ud800"], ids=["plain", "half a surrogate pair"])
def test_a_field_that_json_cannot_say_is_named(beside):
    with pytest.raises(InvalidEmail, match="unsupported") as caught:
        sending(subject=beside, variables={"*": {"nama": object()}})
    assert caught.value.field == "variables"


def test_half_a_surrogate_pair_is_left_to_the_gateway_which_names_it():
    at = datetime(2026, 8, 17, 9, tzinfo=UTC)
    body = json.loads(sending(subject="a\ud800", scheduled_at=at).body)
    assert (body["subject"], body["scheduled_at"]) == ("a\ud800", "2026-08-17T09:00:00Z")


def test_a_field_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(InvalidEmail, match="holds itself"):
        sending(tags=loop)


@pytest.mark.parametrize("key", [5, b"k", "", "x" * 257, "é", "a\r\nb"])
def test_an_idempotency_key_that_no_header_carries_is_refused(key):
    with pytest.raises(InvalidEmail) as caught:
        calls.send_email(LETTER, idempotency_key=key)
    assert caught.value.kind == "invalid_idempotency_key"


@pytest.mark.parametrize(
    "failure",
    [REFUSED, RESET, page(502), page(503), page(504), refusal(429, "rate_limit_exceeded"),
     refusal(503, "service_unavailable"), refusal(409, "concurrent_idempotent_requests")],
    ids=["refused", "reset", "502", "503", "504", "429", "full", "still running"],
)  # fmt: skip
def test_what_may_pass_is_repeated_with_the_same_key_and_body(failure):
    play = Play(sending(), failure, failure, failure, OK)
    assert play.answer.id == "e1"
    assert play.waits == [0.5, 1.5, 4.5]
    assert {(one.headers["Idempotency-Key"], one.body) for one in play.requests} == {
        ("k1", play.requests[0].body)
    }


def test_after_the_last_wait_the_failure_is_told():
    play = Play(sending(), *[REFUSED] * 4)
    assert isinstance(play.error, GatewayUnavailable)
    assert str(play.error) == f"{URL}: no connection: Connection refused"
    assert len(play.requests) == 4


@pytest.mark.parametrize(
    ("call", "script", "requests"),
    [
        (calls.cancel("e1"), [REFUSED], 1),
        (calls.requeue("e1"), [REFUSED], 1),
        (calls.reschedule("e1", "in 1 hour"), [REFUSED], 1),
        (calls.get_email("e1"), [REFUSED] * 4, 4),
    ],
    ids=["cancel", "requeue", "reschedule", "get"],
)
def test_an_order_without_a_key_is_sent_once_and_a_question_again(call, script, requests):
    assert len(Play(call, *script).requests) == requests


@pytest.mark.parametrize(
    "failure",
    [refusal(422, "validation_error"), refusal(403, "invalid_api_key"), page(404), page(500),
     page(307), refusal(409, "invalid_idempotent_request"), page(200)],
    ids=["422", "403", "404", "500", "307", "conflict", "a page with 200"],
)  # fmt: skip
def test_what_will_not_pass_is_told_at_once(failure):
    play = Play(sending(), failure)
    assert play.error is not None
    assert play.waits == []


def test_retry_after_is_waited_for():
    play = Play(sending(), page(503, Retry_After="7"), page(429, retry_after="3"), OK)
    assert play.waits == [7.0, 3.0]


def test_a_retry_after_beyond_the_time_out_ends_the_call_at_once():
    play = Play(sending(), refusal(429, "rate_limit_exceeded", "slow down", Retry_After="3600"))
    assert isinstance(play.error, GatewayUnavailable)
    assert play.waits == []
    assert play.error.retry_after == timedelta(hours=1)


def test_the_time_out_is_for_the_whole_call():
    play = Play(sending(), *[RESET] * 4, took=4.0, timeout=timedelta(seconds=10))
    assert [one.deadline for one in play.requests] == [1_010.0] * 2
    assert play.waits == [0.5]


def test_waits_can_be_set_and_none_is_no_repeat():
    assert Play(sending(), REFUSED, OK, waits=(0,)).waits == [0.0]
    assert len(Play(sending(), REFUSED, waits=()).requests) == 1


def test_repeats_are_spread_and_never_earlier():
    assert Play(sending(), REFUSED, OK, dice=lambda: 0.5).waits == [pytest.approx(0.55)]


@pytest.mark.parametrize("options", [{"timeout": 0}, {"waits": (-1,)}], ids=spoken)
def test_an_option_that_makes_no_sense_is_refused(options):
    with pytest.raises(ValueError, match="must"):
        Core(URL, HUSH, **options)


@pytest.mark.parametrize(
    ("answer", "kind", "facts"),
    [
        (refusal(401, "missing_api_key"), AccessRefused, {"status": 401}),
        (refusal(401, "restricted_api_key"), AccessRefused, {"status": 401}),
        (refusal(403, "invalid_api_key"), AccessRefused, {"status": 403}),
        (refusal(404, "not_found"), NotFound, {}),
        (
            refusal(422, "missing_required_field", "`to`: is missing"),
            InvalidEmail,
            {"field": "to", "problem": "is missing", "kind": "missing_required_field"},
        ),
        (refusal(413, "validation_error", "too large"), InvalidEmail, {"field": ""}),
        (refusal(400, "validation_error", "no JSON"), InvalidEmail, {"problem": "no JSON"}),
        (refusal(409, "invalid_idempotent_request"), IdempotencyConflict, {"is_running": False}),
        (
            refusal(409, "resource_locked", "cannot be moved (it is accepted)"),
            WrongState,
            {"state": "accepted"},
        ),
        (
            refusal(409, "resource_locked", "too late to cancel: a@example.com is delivered"),
            WrongState,
            {"state": "delivered"},
        ),
        (refusal(409, "resource_locked", "no"), WrongState, {"state": ""}),
        (refusal(503, "service_unavailable", "the disk is full"), StoreUnavailable, {}),
        (refusal(429, "rate_limit_exceeded"), GatewayUnavailable, {"may_be_done": False}),
        (refusal(500, "application_error"), GatewayUnavailable, {"may_be_done": True}),
        (page(200), GatewayUnavailable, {"may_be_done": True}),
        (said(200, {"no": "id"}), GatewayUnavailable, {"may_be_done": True}),
        (said(200, b"\xff"), GatewayUnavailable, {"may_be_done": True}),
        (page(404), GatewayUnavailable, {"may_be_done": False}),
        (page(307), GatewayUnavailable, {"may_be_done": False}),
        (page(502), GatewayUnavailable, {"may_be_done": True}),
        (page(503), GatewayUnavailable, {"may_be_done": False, "idempotency_key": "k1"}),
        (REFUSED, GatewayUnavailable, {"may_be_done": False}),
        (RESET, GatewayUnavailable, {"may_be_done": True}),
    ],
    ids=spoken,
)
def test_each_failure_is_one_error_of_the_tree(answer, kind, facts):
    error = Play(sending(), answer, waits=()).error
    assert type(error) is kind
    assert {name: getattr(error, name) for name in facts} == facts


def test_a_question_that_found_no_answer_has_done_nothing():
    assert Play(calls.get_email("e1"), RESET, waits=()).error.may_be_done is False


def test_nothing_was_stored_is_not_believed_after_a_request_whose_end_nobody_knows():
    play = Play(sending(), RESET, refusal(503, "service_unavailable", "nothing"), waits=(0,))
    assert isinstance(play.error, GatewayUnavailable)
    assert play.error.may_be_done is True


def test_a_page_in_place_of_json_is_named():
    error = Play(sending(), page(404)).error
    assert str(error) == f"{URL}: answered 404 with text/html in place of a gateway's JSON"


def test_an_answer_of_another_shape_says_what_is_missing():
    assert "required field `id`" in str(Play(sending(), said(200, {"no": "id"})).error)


def test_no_repeat_by_other_code_is_asked_for_where_the_key_is_refused():
    assert is_worth_retrying(Play(sending(), refusal(403, "invalid_api_key")).error) is False
    assert is_worth_retrying(Play(sending(), REFUSED, waits=()).error) is True


def test_a_batch_is_written_whole_and_read_in_order():
    call = calls.send_batch([LETTER, LETTER | {"cc": None}], skip_bad=True, idempotency_key="k")
    play = Play(
        call, said(200, {"data": [{"id": "1"}], "errors": [{"index": 1, "message": "`to`: no"}]})
    )
    (request,) = play.requests
    assert request.headers["X-Batch-Validation"] == "permissive"
    assert json.loads(request.body) == [LETTER, LETTER]
    assert [one.id for one in play.answer.sent] == ["1"]
    assert [(one.index, one.message) for one in play.answer.refused] == [(1, "`to`: no")]


def test_an_events_further_fields_are_its_facts():
    story = {
        "id": "m1", "recipient": "a@example.com", "state": "bounced", "email_id": "e1",
        "attempts_made": [
            {"number": 1, "provider": "p", "started_at": "2026-03-01T00:00:00+00:00",
             "outcome": "accepted", "extra": 1}
        ],
        "events": [
            {"id": "v", "type": "bounced", "at": "2026-03-01T00:00:01+00:00", "reason": "full"}
        ],
    }  # fmt: skip
    answer = Play(calls.get_message("m1"), said(200, story)).answer
    assert answer.attempts_made[0].outcome == "accepted"
    assert (answer.events[0].type, answer.events[0].facts) == ("bounced", {"reason": "full"})


@pytest.mark.parametrize("body", [{"events": 5}, {"events": [5]}, [], {"id": "m"}], ids=spoken)
def test_a_story_of_another_shape_is_no_answer(body):
    assert isinstance(Play(calls.get_message("m1"), said(200, body)).error, GatewayUnavailable)


def test_statistics_are_read():
    body = {
        "days": 7, "attempts": 10, "retries": 2, "accepted_after_retry": 1,
        "success_rate_after_retry": 0.5, "by_attempt": [{"attempt": 1, "accepted": 8}],
        "reasons": [{"reason": "429", "count": 2}], "waits": [{"up_to_seconds": 2.4, "count": 2}],
    }  # fmt: skip
    answer = Play(calls.retry_statistics(days=7), said(200, body)).answer
    assert (answer.success_rate_after_retry, answer.reasons[0].count) == (0.5, 2)


def test_pages_follow_each_other_until_there_are_no_more():
    email = {
        "id": "e1", "subject": "s", "last_event": "sent", "from": "a@example.com", "to": ["b@c.id"],
        "created_at": "2026-03-01T00:00:00+00:00",
    }  # fmt: skip
    first = calls.next_emails(None)
    assert first.path == "/emails?limit=100"
    one = Play(first, said(200, {"data": [email], "has_more": True})).answer
    assert [(email.id, email.sender) for email in one] == [("e1", "a@example.com")]
    assert calls.next_emails(one).path == "/emails?limit=100&after=e1"
    last = Play(first, said(200, {"data": [email], "has_more": False})).answer
    assert calls.next_emails(last) is None


def test_pages_of_messages_keep_their_filters():
    message, filters = {"id": "m1", "recipient": "a@c.id", "state": "dead"}, {"state": "dead"}
    first = calls.next_messages(None, filters=filters)
    one = Play(first, said(200, {"data": [message], "has_more": True})).answer
    then = calls.next_messages(one, filters=filters)
    assert then.path == "/messages?state=dead&limit=100&after=m1"
    last = Play(then, said(200, {"data": [message]})).answer
    assert calls.next_messages(last, filters=filters) is None


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (calls.get_email("a/b?c"), "/emails/a%2Fb%3Fc"),
        (calls.list_emails(limit=5, after=None, before="x"), "/emails?limit=5&before=x"),
        (calls.list_messages(filters={"state": "dead"}, limit=5), "/messages?state=dead&limit=5"),
        (
            calls.list_messages(filters={"state": ["dead", "held"], "is_sandbox": False}),
            "/messages?state=dead%2Cheld&sandbox=0",
        ),
        (calls.list_messages(filters={"recipient": None}), "/messages"),
        (calls.requeue("m"), "/messages/m/requeue"),
    ],
    ids=spoken,
)
def test_paths_are_written_safely(call, path):
    assert call.path == path


def test_an_empty_id_is_not_found_rather_than_a_list():
    with pytest.raises(NotFound):
        calls.get_email("")


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("http://h", "/v1/emails?strict=1"),
        ("http://h/", "/v1/emails?strict=1"),
        ("http://h/v1", "/v1/emails?strict=1"),
        ("http://h/v1/", "/v1/emails?strict=1"),
        ("https://h:1/mail/v1", "/mail/v1/emails?strict=1"),
    ],
)
def test_the_address_may_end_in_v1_or_not(given, target):
    assert next(Core(given, HUSH).steps(sending())).target == target


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://mail.example.co.id", "https://mail.example.co.id:443"),
        ("http://[::1]:8625", "http://[::1]:8625"),
        (None, "http://127.0.0.1:8625"),
    ],
)
def test_where_a_gateway_is(monkeypatch, given, shown):
    monkeypatch.delenv("TERKIRIM_URL", raising=False)
    assert str(Core(given, HUSH).server) == shown


@pytest.mark.parametrize(
    "given",
    ["ftp://h", "h:8625", "http://", "http://h:99999", "http://a b", "http://h\x00", "http://[::1"],
)
def test_what_is_no_address_is_refused(given):
    with pytest.raises(ConfigError, match="base_url: must be an address such as"):
        Core(given, HUSH)


def test_an_address_with_a_password_is_refused_without_showing_it():
    with pytest.raises(ConfigError, match="without user") as caught:
        Core("http://me:hush-hush@h", HUSH)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a\nb"])
def test_what_is_no_key_is_refused_without_showing_it(key):
    with pytest.raises(ConfigError, match="api_key: must be visible ASCII") as caught:
        Core(URL, key)
    assert repr(key) not in str(caught.value)


def test_address_and_key_come_from_the_environment(monkeypatch):
    monkeypatch.delenv("TERKIRIM_API_KEY_FILE", raising=False)
    monkeypatch.setenv("TERKIRIM_URL", "http://far.example:1/v1")
    monkeypatch.setenv("TERKIRIM_API_KEY", HUSH)
    core = Core()
    assert str(core.server) == "http://far.example:1"
    assert next(core.steps(sending())).headers["Authorization"] == f"Bearer {HUSH}"


def test_a_key_in_a_file_is_read_again_when_it_changes(monkeypatch, tmp_path):
    file = tmp_path / "key"
    file.write_text("first\n")
    monkeypatch.delenv("TERKIRIM_API_KEY", raising=False)
    monkeypatch.setenv("TERKIRIM_API_KEY_FILE", str(file))
    core = Core(URL)
    assert next(core.steps(sending())).headers["Authorization"] == "Bearer first"
    file.write_text("the second\n")
    with pytest.raises(ConfigError, match="api_key"):
        next(core.steps(sending()))
    file.write_text("second one".replace(" ", "-"))
    assert next(core.steps(sending())).headers["Authorization"] == "Bearer second-one"


def test_a_key_that_is_missing_twice_given_or_unreadable_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("TERKIRIM_API_KEY", raising=False)
    monkeypatch.delenv("TERKIRIM_API_KEY_FILE", raising=False)
    with pytest.raises(ConfigError, match="api_key: give it, or set TERKIRIM_API_KEY"):
        Core(URL)
    monkeypatch.setenv("TERKIRIM_API_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"TERKIRIM_API_KEY_FILE: the file .* cannot be read"):
        Core(URL)
    monkeypatch.setenv("TERKIRIM_API_KEY", HUSH)
    with pytest.raises(ConfigError, match="keep one of the two"):
        Core(URL)


def test_the_key_shows_nowhere():
    core = Core(URL, HUSH)
    request = next(core.steps(sending()))
    assert HUSH not in repr(request)
    assert HUSH not in repr(vars(core))
    assert HUSH not in repr(Play(sending(), *[RESET] * 4).error)


def test_each_call_without_a_key_gets_its_own():
    core = Core(URL, HUSH)
    assert core.key_for("mine") == "mine"
    assert len({core.key_for(None) for _ in range(100)}) == 100
