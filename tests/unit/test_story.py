"""A message's story in words: where it stands, what comes next, what happened to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from terkirim.domain.email import Address, IfUnclear, Priority, Stream
from terkirim.domain.lease import Attempt
from terkirim.domain.message import State
from terkirim.domain.record import EmailRow, Event, MessageRow, Story
from terkirim.language import speak
from terkirim.ports import BY_HAND, Pause, ProviderStatus
from terkirim.reports.story import next_step, state_in_words, timeline

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
SAY = speak("en")
OPEN = ProviderStatus(
    name="mailketing", breaker="closed", faults=0, open_until=None, gate_until=None, pauses=()
)
MESSAGE = MessageRow(
    id="m",
    email_id="m",
    recipient="budi@example.com",
    kind="to",
    state=State.QUEUED,
    created_at=NOW - timedelta(minutes=1),
    attempts=0,
    due_at=NOW,
)
EMAIL = EmailRow(
    id="m",
    owner="cli",
    sender=Address("toko@example.com"),
    to=(Address("budi@example.com"),),
    cc=(),
    bcc=(),
    reply_to=(),
    subject="Halo",
    headers=(),
    tags=(),
    attachments=(),
    warnings=(),
    priority=Priority.NORMAL,
    stream=Stream.TRANSACTIONAL,
    if_unclear=IfUnclear.RESEND,
    route="default",
    created_at=MESSAGE.created_at,
    scheduled_at=None,
    expires_at=None,
    campaign=None,
    row=None,
    content=None,
    messages=(MESSAGE,),
)


def a_story(*, made=(), events=(), if_unclear=IfUnclear.RESEND, **changes):
    message = replace(MESSAGE, **changes)
    email = replace(EMAIL, if_unclear=if_unclear, messages=(message,))
    return Story(email=email, message=message, attempts=tuple(made), events=tuple(events))


def a_pause(sender="", fault="Unauthorised"):
    return Pause(
        provider="mailketing", sender=sender, fault=fault, reason="no", since=NOW, until=None
    )


def step_of(*, route=(OPEN,), is_reserved=False, **changes):
    step = next_step(a_story(**changes), now=NOW, route=route, is_reserved=is_reserved)
    return SAY(step.says), step.may


@pytest.mark.parametrize(
    ("changes", "says", "may"),
    [
        (
            {"due_at": NOW + timedelta(seconds=18), "attempts": 3},
            "It will be tried again in 18 seconds.",
            ("cancel",),
        ),
        (
            {"due_at": NOW + timedelta(hours=2)},
            "It is scheduled and will be sent in 2 hours.",
            ("cancel",),
        ),
        ({}, "It is due and goes out as soon as a worker takes it.", ("cancel",)),
        ({"route": ()}, "It is due and goes out as soon as a worker takes it.", ("cancel",)),
        ({"state": State.LEASED}, "It is being sent right now.", ("cancel",)),
        (
            {"state": State.UNCLEAR, "due_at": NOW + timedelta(seconds=40)},
            "If no event tells within 40 seconds, it is sent again.",
            ("cancel",),
        ),
        (
            {"state": State.UNCLEAR, "due_at": NOW - timedelta(1), "if_unclear": IfUnclear.HOLD},
            "If no event tells within 0 seconds, it waits for a decision.",
            ("cancel",),
        ),
        (
            {"state": State.HELD},
            "Nobody knows whether it was taken. Somebody has to decide.",
            ("requeue", "accept", "cancel"),
        ),
        (
            {"state": State.DEAD, "due_at": None},
            "It was given up. Once its cause is mended it can be queued again.",
            ("requeue",),
        ),
        (
            {"state": State.ACCEPTED, "is_sandbox": True},
            "Nothing follows by itself: it was never really sent.",
            ("requeue",),
        ),
    ],
)
def test_the_next_step_is_said_with_what_a_person_may_do(changes, says, may):
    assert step_of(**changes) == (says, may)


@pytest.mark.parametrize(
    "state",
    [
        State.ACCEPTED,
        State.DELIVERED,
        State.BOUNCED,
        State.COMPLAINED,
        State.SUPPRESSED,
        State.CANCELLED,
    ],
)
def test_of_what_is_finished_nothing_is_left_to_press(state):
    says, may = step_of(state=state, due_at=None)
    assert says
    assert may == ()


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("permanent bounce: 550 no such user", "Put the address right."),
        ("transient bounce: 452 mailbox full", "Send it again later as a new e-mail."),
        ("blocked bounce", "The receiving server blocks the sender."),
        ("None bounce", "Put the address right."),
    ],
)
def test_what_mends_a_bounce_depends_on_its_class(reason, says):
    assert says in step_of(state=State.BOUNCED, reason=reason, due_at=None)[0]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("language", ["id", "en"])
def test_each_state_has_words_of_its_own(state, language):
    words = {speak(language)(state_in_words(replace(MESSAGE, state=one))) for one in State}
    assert len(words) == len(State)
    assert speak(language)(state_in_words(replace(MESSAGE, state=state)))


def test_what_the_sandbox_kept_is_never_called_taken():
    kept = replace(MESSAGE, state=State.ACCEPTED, is_sandbox=True)
    assert SAY(state_in_words(kept)) == "kept by the sandbox, never really sent"


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        ({"pauses": (a_pause(),)}, "mailketing is not used: the key was refused"),
        ({"pauses": (a_pause(fault=BY_HAND),)}, "mailketing is not used: paused by hand"),
        ({"pauses": (a_pause(fault="New"),)}, "mailketing is not used: fault New"),
        (
            {"breaker": "open", "open_until": NOW + timedelta(seconds=30)},
            "mailketing failed again and again, and is left alone for 30 seconds",
        ),
        (
            {"gate_until": NOW + timedelta(minutes=5)},
            "mailketing asks to wait for 5 minutes",
        ),
    ],
)
def test_due_mail_that_no_provider_takes_says_what_it_waits_for(provider, says):
    said, _ = step_of(route=(replace(OPEN, **provider),))
    assert said == f"It waits: {says}."


def test_one_open_provider_on_the_route_is_enough():
    shut = replace(OPEN, pauses=(a_pause(),))
    assert step_of(route=(shut, OPEN))[0].startswith("It is due")


def test_a_held_sender_is_named_and_another_sender_is_not_held():
    held = replace(OPEN, pauses=(a_pause("toko@example.com", "SenderRefused"),))
    says, _ = step_of(route=(held,))
    assert says == "It waits: mail from toko@example.com is held, the sender is not approved."
    other = replace(OPEN, pauses=(a_pause("other@example.com", "SenderRefused"),))
    assert step_of(route=(other,))[0].startswith("It is due")


def an_attempt(number, **changes):
    facts = {
        "message_id": "m",
        "number": number,
        "lease": number,
        "provider": "mailketing",
        "started_at": NOW + timedelta(seconds=number),
        "duration_us": 1_204_000,
        "outcome": "deferred",
        "code": "503",
        "reason": "HTTP 503: busy",
        "answer": "<html>busy</html>",
    }
    return Attempt(**facts | changes)


def test_of_an_attempt_whose_worker_died_nobody_knows_how_long_it_took():
    made = [an_attempt(1, outcome="unclear", duration_us=0), an_attempt(2, duration_us=0)]
    _, died, at_once = timeline(a_story(made=made, events=[]))
    assert SAY(died.says).startswith("attempt 1 through mailketing, nobody knows how long: ")
    assert SAY(at_once.says).startswith("attempt 2 through mailketing, 0 ms: ")


def test_the_timeline_has_attempts_and_events_in_one_line_of_time():
    event = Event(
        id="e",
        message_id="m",
        kind="opened",
        at=NOW + timedelta(seconds=1.5),
        received_at=NOW,
        provider="mailketing",
        facts={"ip": "10.0.0.1"},
    )
    story = a_story(
        made=[an_attempt(2, outcome="accepted", code="200", reason="", note="late"), an_attempt(1)],
        events=[event, replace(event, kind="new_{kind}", at=NOW + timedelta(seconds=9))],
    )
    moments = timeline(story)
    assert [SAY(moment.says) for moment in moments] == [
        "taken in and kept on disk",
        "attempt 1 through mailketing, 1,204 ms: not taken this time",
        "opened",
        "attempt 2 through mailketing, 1,204 ms: taken",
        "event: new_{kind}",
    ]
    assert moments[1].details == ("HTTP 503: busy",)
    assert moments[2].details == ("ip: 10.0.0.1",)
    assert moments[3].details == ("HTTP 200: <html>busy</html>", "late")


@pytest.mark.parametrize(
    ("kind", "facts", "says", "details"),
    [
        ("opened", {"scanner": True}, "opened (by a scanner, not counted)", ()),
        ("opened", {"match": "id"}, "opened", ()),
        (
            "clicked",
            {"match": "guessed", "ip": "10.0.0.1", "link": "https://example.com"},
            "a link was clicked (guessed by recipient and time)",
            ("https://example.com", "ip: 10.0.0.1"),
        ),
        (
            "bounced",
            {"bounce": "permanent", "reason": "550 unknown"},
            "bounced for good",
            ("550 unknown",),
        ),
        ("bounced", {"bounce": "transient"}, "bounced for now", ()),
        (
            "bounced",
            {"bounce": "blocked"},
            "bounced: the receiving server blocks the sender",
            (),
        ),
        ("bounced", {"bounce": "new"}, "bounced", ()),
    ],
)
def test_an_event_is_told_with_its_marks(kind, facts, says, details):
    event = Event(
        id="e",
        message_id="m",
        kind=kind,
        at=NOW,
        received_at=NOW,
        provider="mailketing",
        facts=facts,
    )
    (_, moment) = timeline(a_story(events=[event]))
    assert (SAY(moment.says), moment.details) == (says, details)


def test_an_outcome_without_words_is_named_as_it_is():
    (_, moment) = timeline(a_story(made=[an_attempt(1, outcome="new", code="connect")]))
    assert SAY(moment.says).endswith(": new")
    assert moment.details == ("connect: HTTP 503: busy",)


def test_how_it_ended_stands_at_the_end_of_the_timeline():
    story = a_story(state=State.DEAD, due_at=None, finished_at=NOW, reason="gave up")
    (_, last) = timeline(story)
    assert (SAY(last.says), last.details, last.at) == ("given up", ("gave up",), NOW)


def test_what_the_last_credits_are_kept_from_says_so_and_urgent_mail_does_not_wait():
    due = {"due_at": NOW, "is_reserved": True}
    assert step_of(**due)[0].startswith("It waits until credits are topped up")
    scheduled = step_of(due_at=NOW + timedelta(hours=2), is_reserved=True)
    assert scheduled[0] == "It is scheduled and will be sent in 2 hours."
    urgent = replace(EMAIL, priority=Priority.HIGH)
    step = next_step(replace(a_story(), email=urgent), now=NOW, route=(OPEN,), is_reserved=True)
    assert SAY(step.says).startswith("It is due")
