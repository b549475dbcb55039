"""Numbers are read as Indonesians type them, and nothing is guessed."""

import pytest

from terkirim.web.numbers import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25000", 25_000),
        (" 25.000 ", 25_000),
        ("25,000", 25_000),
        ("25 000", 25_000),
        ("1.250.000", 1_250_000),
        ("7", 7),
        ("0", 0),
        ("25.00", None),
        ("2.5", None),
        ("1.250,000", None),
        ("25.000.", None),
        ("-5", None),
        ("٢٥", None),
        ("²", None),
        ("banyak", None),
        ("", None),
        ("1" * 16, None),
    ],
)
def test_a_number_is_what_was_meant_or_none(text, number):
    assert whole_number(text) == number
