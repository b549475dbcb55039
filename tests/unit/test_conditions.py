"""What is wrong, and how badly: each condition at its threshold."""

from datetime import UTC, datetime, timedelta

import pytest

from terkirim.domain.alert import Severity
from terkirim.domain.credit import Forecast, Level, Standing, Waiting
from terkirim.policy import conditions
from terkirim.policy.conditions import DaySeen, PauseSeen, credit_conditions, day_conditions

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
LEAD = timedelta(days=3)
MINUTE = timedelta(minutes=1)


def standing(**changes):
    facts = {
        "provider": "p",
        "at": NOW,
        "balance": 429_405,
        "is_estimated": False,
        "level": Level.OK,
        "known_level": Level.OK,
        "reading": None,
        "failures": 0,
        "fault": "",
        "reason": "",
        "checked_at": NOW,
        "forecast": Forecast(is_known=False),
        "waiting": Waiting(),
        "is_reserved": False,
    }
    return Standing(**facts | changes)


def ends(early, likely=None, late=None):
    return Forecast(
        is_known=True,
        early=None if early is None else NOW + early,
        likely=None if likely is None else NOW + likely,
        late=None if late is None else NOW + late,
    )


def found(one, *, is_running_out=False):
    return list(credit_conditions(one, lead=LEAD, is_running_out=is_running_out))


def day(**changes):
    facts = {"accepted": 10_000, "bounced": 0, "complained": 0, "dead": 0}
    facts |= {"now": NOW, "oldest_due_at": None, "free": 10**12, "free_at_least": 10**8}
    return list(day_conditions(DaySeen(**facts | changes)))


def test_a_full_account_is_no_condition():
    assert found(standing()) == []


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (Level.WARNING, Severity.WARNING),
        (Level.CRITICAL, Severity.CRITICAL),
        (Level.EMERGENCY, Severity.EMERGENCY),
    ],
)
def test_a_level_is_as_severe_as_its_name(level, severity):
    (one,) = found(standing(known_level=level, balance=7))
    assert (one.name, one.severity) == ("credits_level:p", severity)
    assert conditions.level_before(severity) is level


def test_no_open_alert_stands_for_a_level_that_is_fine():
    assert conditions.level_before(None) is Level.OK


def test_a_failed_check_is_no_level_and_three_in_a_row_are_a_condition_of_their_own():
    failed = {"level": Level.UNKNOWN, "fault": "Deferred", "reason": "HTTP 503"}
    assert found(standing(**failed, failures=2)) == []
    (one,) = found(standing(**failed, failures=3))
    assert one.name == "credits_check:p"
    assert one.facts == {"failures": 3, "reason": "HTTP 503"}


def test_a_run_out_is_told_when_its_early_end_comes_nearer_than_the_lead():
    assert found(standing(forecast=ends(LEAD, 2 * LEAD))) == []
    near = ends(LEAD - MINUTE, LEAD, 2 * LEAD)
    (one,) = found(standing(forecast=near, waiting=Waiting(due=3, later=((1, 4),))))
    assert (one.name, one.severity) == ("credits_run_out:p", Severity.CRITICAL)
    assert one.facts["early_seconds"] == 3 * 86_400 - 60
    assert (one.facts["late_seconds"], one.facts["waiting"]) == (6 * 86_400, 7)


def test_a_run_out_that_was_told_is_over_only_at_twice_the_lead():
    assert found(standing(forecast=ends(2 * LEAD - MINUTE)), is_running_out=True)
    assert not found(standing(forecast=ends(2 * LEAD)), is_running_out=True)
    assert not found(standing(forecast=ends(None)), is_running_out=True)


def test_while_nothing_can_be_told_what_was_told_goes_on():
    assert not found(standing())
    assert found(standing(), is_running_out=True)


@pytest.mark.parametrize(
    ("fault", "kind", "severity", "holds"),
    [
        ("Unauthorised", conditions.KEY_REFUSED, Severity.CRITICAL, 0),
        ("OutOfCredits", conditions.PROVIDER_PAUSED, Severity.EMERGENCY, 0),
        ("QuotaReached", conditions.PROVIDER_PAUSED, Severity.WARNING, 0),
        ("by hand", conditions.PROVIDER_PAUSED, Severity.WARNING, 5),
    ],
)
def test_a_pause_is_told_by_its_fault(fault, kind, severity, holds):
    one = conditions.pause_condition(PauseSeen(provider="p", sender="", fault=fault, reason="why"))
    assert (one.kind, one.subject, one.severity) == (kind, "p", severity)
    assert one.holds_for == holds * MINUTE


def test_a_refused_sender_is_a_condition_of_its_own():
    pause = PauseSeen(provider="p", sender="a@b.co", fault="SenderRefused", reason="why")
    assert conditions.pause_condition(pause).name == "provider_paused:p/a@b.co"


def test_a_breaker_is_told_of_once_it_lasts():
    one = conditions.breaker_condition("p")
    assert (one.name, one.holds_for) == ("provider_down:p", 5 * MINUTE)


def test_a_good_day_is_no_condition():
    assert day() == []
    assert day(accepted=0, free=None) == []


def test_mail_that_waits_longer_than_fifteen_minutes_is_a_condition():
    assert day(oldest_due_at=NOW - 15 * MINUTE) == []
    (one,) = day(oldest_due_at=NOW - 16 * MINUTE)
    assert (one.kind, one.facts) == (conditions.OLDEST_WAITING, {"waited_seconds": 960})


@pytest.mark.parametrize(
    ("name", "kind", "fine", "bad"),
    [
        ("bounced", conditions.BOUNCE_RATE, 500, 501),
        ("complained", conditions.COMPLAINT_RATE, 30, 31),
    ],
)
def test_a_rate_is_a_condition_above_its_share_of_the_day(name, kind, fine, bad):
    assert day(**{name: fine}) == []
    (one,) = day(**{name: bad})
    assert (one.kind, one.facts["count"], one.facts["accepted"]) == (kind, bad, 10_000)


def test_a_handful_says_nothing_and_more_bounces_than_mail_are_all_of_it():
    assert day(accepted=10, bounced=4, complained=2) == []
    bounces, complaints = day(accepted=2, bounced=5, complained=3)
    assert (bounces.facts["percent"], complaints.facts["percent"]) == (100.0, 100.0)


@pytest.mark.parametrize(
    ("dead", "severity"), [(1, Severity.WARNING), (101, Severity.WARNING), (150, Severity.CRITICAL)]
)
def test_dead_letters_are_worse_when_they_are_many(dead, severity):
    (one,) = day(dead=dead, accepted=10_000)
    assert (one.kind, one.severity, one.is_quiet_end) == (conditions.DEAD_LETTERS, severity, True)


def test_a_disk_that_is_nearly_full_is_worse_when_mail_is_refused():
    assert day(free=2 * 10**8) == []
    (near,) = day(free=2 * 10**8 - 1)
    (full,) = day(free=10**8 - 1)
    assert (near.severity, near.facts["is_refusing"]) == (Severity.CRITICAL, False)
    assert (full.severity, full.facts["is_refusing"]) == (Severity.EMERGENCY, True)


def test_unknown_words_and_a_disabled_endpoint_are_conditions():
    unknown = conditions.unknown_answer("p", "Gangguan 7X")
    assert (unknown.name, unknown.facts["reason"]) == ("unknown_answer:p", "Gangguan 7X")
    disabled = conditions.endpoint_disabled("we_1", url="https://a.co/h", reason="HTTP 500")
    assert (disabled.name, disabled.severity) == ("endpoint_disabled:we_1", Severity.CRITICAL)
