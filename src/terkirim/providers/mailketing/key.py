"""The account's key: read afresh for each call, and masked wherever an answer repeats it."""

import html
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST_MASKED = 4  # characters; to mask what is shorter would garble every sentence


@dataclass(frozen=True, slots=True)
class Key:
    """One value of the key; it never shows itself."""

    text: str = field(repr=False)
    _spellings: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "Key":
        return cls(text, _spellings(text))

    @property
    def can_be_sent(self) -> bool:
        """Tell whether a header can carry the key: visible ASCII, and some of it."""
        return bool(self.text) and self.text.isascii() and self.text.isprintable()

    def masked(self, text: str) -> str:
        """Return the text without the key, in whatever spelling an answer may echo it."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASK)
        return text


class KeySource:
    """Reads the key at each call and keeps what is derived from it while it stays the same."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._key = Key.of("")

    def current(self) -> Key:
        """Return the key as it is now; raises what reading it raises."""
        text = self._read().strip()
        if text != self._key.text:
            self._key = Key.of(text)
        return self._key


def _spellings(text: str) -> tuple[str, ...]:
    if len(text) < SHORTEST_MASKED:
        return ()
    quoted = json.dumps(text)[1:-1]
    spellings = {
        text,
        quote(text, safe=""),
        quote_plus(text),
        quoted,
        quoted.replace("/", "\\/"),  # PHP's json_encode
        html.escape(text),
    }
    return tuple(sorted(spellings, key=len, reverse=True))
