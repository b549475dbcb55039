"""What the strip of every page says of credits: their level, or the day on which they end."""

from datetime import UTC, datetime, timedelta

import pytest

from terkirim.domain.credit import Forecast, Level, Standing, Waiting
from terkirim.language import speak
from terkirim.reports.credits import credit_troubles
from terkirim.reports.troubles import in_words

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
DAY, LEAD = timedelta(days=1), timedelta(days=3)


def standing(level, *, ends_in=None, balance=20_000):
    likely = None if ends_in is None else NOW + ends_in
    return Standing(
        provider="mailketing",
        at=NOW,
        balance=balance,
        is_estimated=False,
        level=level,
        known_level=level,
        reading=None,
        failures=0,
        fault="",
        reason="",
        checked_at=None,
        forecast=Forecast(is_known=likely is not None, early=likely, likely=likely, late=likely),
        waiting=Waiting(),
        is_reserved=False,
    )


def told(one):
    return [
        (trouble.level, speak("id")(in_words(trouble).says))
        for trouble in credit_troubles([one], lead=LEAD)
    ]


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (standing(Level.OK, ends_in=30 * DAY), []),
        (standing(Level.UNKNOWN, balance=None), []),
        (
            standing(Level.OK, ends_in=2 * DAY),
            [("warning", "Kredit Mailketing habis dalam ± 2 hari: tersisa 20.000.")],
        ),
        (standing(Level.WARNING), [("warning", "Sisa kredit Mailketing: 20.000.")]),
        (
            standing(Level.CRITICAL, ends_in=5 * DAY),
            [("critical", "Kredit Mailketing habis dalam ± 5 hari: tersisa 20.000.")],
        ),
        (
            standing(Level.EMERGENCY, ends_in=timedelta(), balance=3),
            [("critical", "Kredit Mailketing praktis habis: 3.")],
        ),
    ],
    ids=["enough", "unknown", "ends soon", "low", "very low", "gone"],
)
def test_low_credits_are_told_with_their_end_where_that_is_known(one, says):
    assert told(one) == says


def test_the_way_to_the_credits_stands_beside_it():
    (trouble,) = credit_troubles([standing(Level.WARNING)], lead=LEAD)
    assert in_words(trouble).place == "/credits"
