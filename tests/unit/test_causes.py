"""Why messages stopped is told in a few groups, each with what usually mends it."""

from datetime import UTC, datetime

import pytest

from terkirim.domain.message import State
from terkirim.language import speak
from terkirim.policy.verdict import EXHAUSTED, EXPIRES_FIRST, MAYBE_SENT
from terkirim.ports.search import Stopped
from terkirim.reports.causes import CAUSES, cause_of, grouped, told

AT = datetime(2026, 8, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "reason", "key"),
    [
        (State.HELD, "no answer", "held"),
        (State.DEAD, f"{EXHAUSTED}: HTTP 503", "exhausted"),
        (State.DEAD, f"{EXHAUSTED}, {MAYBE_SENT}: x", "maybe-sent"),
        (State.DEAD, "expired, may have been sent", "maybe-sent"),
        (State.DEAD, "expired before it could be sent", "expired"),
        (State.DEAD, f"{EXPIRES_FIRST}: HTTP 500", "expired"),
        (State.DEAD, "recipient: Invalid recipient address", "recipient"),
        (State.DEAD, "variables: cannot be rendered", "content"),
        (State.DEAD, "attach1: too large", "content"),
        (State.DEAD, "something else", "other"),
        (State.DEAD, "", "other"),
    ],
)  # fmt: skip
def test_each_reason_has_its_cause(state, reason, key):
    assert cause_of(state, reason) is CAUSES[key]


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("permanent bounce: 550 5.1.1", "terpental permanen: 550 5.1.1"),
        ("transient bounce", "terpental sementara"),
        ("the recipient reported it as spam", "penerima melaporkannya sebagai spam"),
        (f"{EXHAUSTED}: HTTP 503", "menyerah setelah percobaan terakhir: HTTP 503"),
        ("what a provider says", "what a provider says"),
    ],
)
def test_our_own_words_are_said_in_the_readers_language(reason, says):
    assert speak("id")(told(reason)) == says


def stopped(id_, reason, *, is_kept=True):
    return Stopped(
        id=id_, recipient="a@example.com", state=State.DEAD, reason=reason, created_at=AT,
        is_kept=is_kept,
    )  # fmt: skip


def test_groups_come_with_their_reasons_the_largest_first():
    some = [
        stopped("4", "recipient: a"),
        stopped("3", "odd", is_kept=False),
        stopped("2", "recipient: a"),
        stopped("1", "recipient: b"),
    ]
    first, second = grouped(some)
    assert (first.cause.key, first.count, first.kept) == ("recipient", 3, 3)
    assert first.reasons == (("recipient: a", 2), ("recipient: b", 1))
    assert [one.id for one in first.newest] == ["4", "2", "1"]
    assert (second.cause.key, second.count, second.kept) == ("other", 1, 0)
