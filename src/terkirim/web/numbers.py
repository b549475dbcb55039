"""Numbers as people type them."""

import re

_GROUPED = re.compile(r"\d{1,3}([.,' \u00a0\u202f])\d{3}(?:\1\d{3})*", re.ASCII)
_DIGITS = 15  # more than any count that is asked for


def whole_number(text: str) -> int | None:
    """Return a whole number as Indonesians and others write it: 25.000, 25,000, 25 000, 25000.

    None: it is none, or longer than any count can be.
    """
    text = text.strip()
    if _GROUPED.fullmatch(text):
        text = re.sub(r"\D", "", text)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
