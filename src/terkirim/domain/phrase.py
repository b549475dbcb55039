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


def proper(name: str) -> str:
    """Return a provider's name as people write it: Mailketing, where machines read `mailketing`."""
    return name[:1].upper() + name[1:]
