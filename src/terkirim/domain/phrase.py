"""A sentence that is said later, in whatever language its reader has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Phrase:
    """An English source text with its values; where it has two forms, `count` chooses between."""

    text: str
    values: Mapping[str, Any]
    several: str | None = None
    count: int = 1


def phrase(text: str, /, **values: Any) -> Phrase:
    """Return a sentence for a `Voice`; `{name}` in the text stands for the value of that name."""
    return Phrase(text, values)


def phrases(one: str, several: str, /, *, count: int, **values: Any) -> Phrase:
    """Return a sentence about `{count}` of something, in its form for one and for several."""
    return Phrase(one, values, several, count)


def in_english(said: Phrase) -> str:
    """Return a sentence of texts and whole numbers as programs read it: always in English."""
    text = said.text if said.several is None or said.count == 1 else said.several
    values = dict(said.values) if said.several is None else {"count": said.count, **said.values}
    return text.format_map({name: _as_text(value) for name, value in values.items()})


def _as_text(value: Any) -> str:
    match value:
        case Phrase():
            return in_english(value)
        case int():
            return f"{value:,}"
    return str(value)


def proper(name: str) -> str:
    """Return a provider's name as people write it: Mailketing, where machines read `mailketing`."""
    return name[:1].upper() + name[1:]
