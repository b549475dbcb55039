"""What a process counts of itself, and what it says once of answers that nobody knows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from terkirim.delivery.tally import BOUNDS, Histogram, Tally
from terkirim.domain.email import IfUnclear, Priority
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import State
from terkirim.domain.outcome import Accepted, Deferred, OutOfCredits, Unclear
from terkirim.store.counting import COUNTED_LENGTH, countable

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def settlement(result, *, waited=0.0, duration=0.02, attempts=0, created=60.0):
    due_at = NOW - timedelta(seconds=waited)
    lease = Lease(
        message_id="m",
        email_id="m",
        number=1,
        provider="p",
        until=NOW,
        route="default",
        position=0,
        step=0,
        waited_us=0,
        attempts=attempts,
        priority=Priority.NORMAL,
        if_unclear=IfUnclear.RESEND,
        created_at=NOW - timedelta(seconds=created),
        due_at=due_at,
        ready_at=due_at if attempts == 0 else NOW - timedelta(seconds=created),
        expires_at=None,
        sender="a@example.com",
    )
    return Settlement(
        lease=lease,
        result=result,
        started_at=NOW,
        duration_us=round(duration * 1_000_000),
        state=State.QUEUED,
        due_at=NOW,
        step=0,
        position=0,
        waited_us=0,
        reason=getattr(result, "reason", ""),
    )


def test_outcomes_and_spans_are_counted():
    tally = Tally()
    tally(settlement(Accepted("r"), waited=1.0))
    tally(settlement(Deferred("busy"), duration=40.0))
    tally(settlement(OutOfCredits("saldo habis")))
    assert tally.outcomes == {
        ("p", "accepted"): 1,
        ("p", "deferred"): 1,
        ("p", "out_of_credits"): 1,
    }
    assert sum(tally.requests["p"].counts) == 3
    assert tally.requests["p"].total == pytest.approx(40.04)
    assert tally.acceptances.total == pytest.approx(1.02)


def test_a_message_that_was_tried_before_counts_from_its_submission():
    tally = Tally()
    tally(settlement(Accepted("r"), waited=0.0, attempts=2))
    assert tally.acceptances.total == pytest.approx(60.02)


def test_a_clock_that_was_set_back_counts_as_no_wait():
    tally = Tally()
    tally(settlement(Accepted("r"), waited=-5.0))
    assert tally.acceptances.total == pytest.approx(0.02)


def test_a_span_at_a_bound_falls_below_it_and_a_longer_one_above_all():
    histogram = Histogram()
    histogram.add(BOUNDS[0])
    histogram.add(BOUNDS[-1] + 1)
    assert (histogram.counts[0], histogram.counts[-1]) == (1, 1)


def test_an_unknown_answer_is_told_once_for_each_text():
    tally = Tally()
    with capture_logs() as told:
        for text in ("apa ini", "apa ini", "apa itu"):
            tally(settlement(Deferred(text, is_unknown_answer=True)))
        given_up = settlement(Deferred("apa ini", is_unknown_answer=True))
        tally(replace(given_up, reason="gave up after the last wait of the schedule: apa ini"))
        tally(settlement(Deferred("busy")))
        tally(settlement(Unclear("line broke")))
    assert [entry["said"] for entry in told] == ["apa ini", "apa itu"]


def test_texts_without_end_are_not_told_without_end():
    tally = Tally()
    with capture_logs() as told:
        for number in range(1_100):
            tally(settlement(Deferred(f"text {number}", is_unknown_answer=True)))
    assert len(told) == 1_000


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("no such user <Budi@Example.com>!", "no such user <<address>>!"),
        ("HTTP 200: unknown answer: gagal", "HTTP 200: unknown answer: gagal"),
        ("job 8f14e45f-ceea-467f refused at 1767225600", "job # refused at #"),
        ("x" * 500, "x" * COUNTED_LENGTH),
    ],
)
def test_what_is_counted_names_nobody_and_has_no_number_of_its_own(words, key):
    assert countable(words) == key
