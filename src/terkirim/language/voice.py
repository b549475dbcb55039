"""The one function that speaks: sentences, counts, and spans of time, as a language writes them."""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from terkirim.domain.phrase import Phrase
from terkirim.language.catalogue import catalogue

LANGUAGES = ("id", "en")
_SOURCE = "en"  # the language of the texts in the code: it needs no catalogue
_INDONESIAN_MARKS = str.maketrans(",.", ".,")  # 1,204.5 is written 1.204,5
_UNITS_SAID = 2  # "3 days 4 hours": the minutes say nothing then


class Voice:
    """One language. A text that has no translation is said in English, never left out."""

    __slots__ = ("_texts", "language")

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, said: str | Phrase, /, **values: Any) -> str:
        """Return the text in this language, each `{name}` replaced by its value.

        Whole and decimal numbers, spans of time and phrases are written as the language writes
        them; a code, a port or an id is given as a text, so that it stays as it is.
        """
        if not isinstance(said, Phrase):
            return self._filled(self._texts.get(said, said), values)
        if said.several is None:
            return self(said.text, **said.values)
        return self.many(said.text, said.several, count=said.count, **said.values)

    def many(self, one: str, several: str, /, *, count: int, **values: Any) -> str:
        """Return the text for `{count}` of something: `one` where it is 1, else `several`."""
        source = one if count == 1 else several
        return self._filled(self._texts.get(one, source), {"count": count, **values})

    def number(self, value: float) -> str:
        """Return a number with its thousands apart: 1.204 in Bahasa Indonesia, 1,204 in English."""
        written = f"{value:,}"
        return written.translate(_INDONESIAN_MARKS) if self.language == "id" else written

    def span(self, span: timedelta) -> str:
        """Return how long something takes, in its two largest units: "3 hari 4 jam"."""
        seconds = round(abs(span.total_seconds()))
        days, hours = seconds // 86_400, seconds // 3_600 % 24
        minutes, rest = seconds // 60 % 60, seconds % 60
        parts = (
            (days, self.many("{count} day", "{count} days", count=days)),
            (hours, self.many("{count} hour", "{count} hours", count=hours)),
            (minutes, self.many("{count} minute", "{count} minutes", count=minutes)),
            (rest, self.many("{count} second", "{count} seconds", count=rest)),
        )
        first = next((at for at, (count, _) in enumerate(parts) if count), len(parts) - 1)
        largest = parts[first : first + _UNITS_SAID]
        return " ".join(words for count, words in largest if count) or largest[0][1]

    def _filled(self, text: str, values: Mapping[str, Any]) -> str:
        return text.format_map({name: self._written(value) for name, value in values.items()})

    def _written(self, value: Any) -> Any:
        match value:
            case bool():
                return value
            case int() | float():
                return self.number(value)
            case timedelta():
                return self.span(value)
            case Phrase():
                return self(value)
        return value


@lru_cache(maxsize=len(LANGUAGES))
def speak(language: str) -> Voice:
    """Return the voice of a language.

    Raises:
        ValueError: it is none of LANGUAGES.
    """
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is none of {', '.join(LANGUAGES)}")
    return Voice(language, {} if language == _SOURCE else catalogue(language))
