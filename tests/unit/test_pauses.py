"""What a probe's answer makes of a pause."""

import pytest

from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    OutOfCredits,
    QuotaReached,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.policy.pauses import is_over, new_cause

KEY, CREDITS, QUOTA = Unauthorised("bad"), OutOfCredits("empty"), QuotaReached("daily limit")
PAGE = Deferred("a page", is_unknown_answer=True)


@pytest.mark.parametrize(
    ("fault", "answer", "expected"),
    [
        ("Unauthorised", Accepted(credits=9), True),
        ("Unauthorised", Accepted(), True),
        ("Unauthorised", Unclear("cut"), False),
        ("Unauthorised", PAGE, False),
        ("Unauthorised", KEY, False),
        ("Unauthorised", CREDITS, False),
        ("OutOfCredits", Accepted(credits=9), True),
        ("OutOfCredits", Accepted(), False),
        ("OutOfCredits", Unclear("cut"), False),
        ("QuotaReached", Accepted(), True),
    ],
    ids=repr,
)
def test_an_account_is_asked_for_what_its_pause_is_about(fault, answer, expected):
    assert is_over(fault, answer, is_of_sender=False) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Accepted(), True),
        (Unclear("no call tells"), True),
        (SenderRefused("no", sender="a@x"), False),
        (PAGE, False),
    ],
    ids=repr,
)
def test_a_sender_may_ask_unless_a_call_says_no(answer, expected):
    assert is_over("SenderRefused", answer, is_of_sender=True) is expected


@pytest.mark.parametrize(
    ("fault", "answer", "expected"),
    [
        ("Unauthorised", CREDITS, CREDITS),
        ("OutOfCredits", KEY, KEY),
        ("OutOfCredits", QUOTA, QUOTA),
        ("Unauthorised", KEY, None),
        ("Unauthorised", Accepted(), None),
        ("Unauthorised", PAGE, None),
        ("Unauthorised", SenderRefused("no", sender="a@x"), None),
    ],
    ids=repr,
)
def test_another_fault_of_the_account_is_the_new_cause(fault, answer, expected):
    assert new_cause(fault, answer) is expected
