"""Which fields of a request nobody reads: named to the caller, or refused where that is asked."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from terkirim.content.fields import nearest, unknown_sentence
from terkirim.domain.errors import InvalidEmail

_NAMED = 20  # of thousands the first ones say enough; each is compared with every known name
# Resend's fields that are not read here; an SDK's null asks for nothing. A mail that was meant for
# the subscribers of a topic must not go to all in silence.
_NOT_READ = frozenset({"topic_id", "template"})
_PARTS: Mapping[str, frozenset[str]] = {
    "attachments": frozenset(
        {"filename", "content", "path", "content_type", "content_id", "inline_content_id"}
    ),
    "tags": frozenset({"name", "value"}),
}


def unread(body: Mapping[str, Any], known: Mapping[str, Any], *, is_strict: bool) -> list[str]:
    """Return a sentence for each of the first fields that nobody reads, and one for the others.

    Raises:
        InvalidEmail: there is one, and the caller is strict.
    """
    first = list(islice(_unknown(body, known), _NAMED))
    if is_strict and first:
        problem = unknown_sentence(*first[0], is_refused=True)
        raise InvalidEmail("", problem, kind="invalid_parameter")
    sentences = [unknown_sentence(*one) for one in first]
    if len(first) == _NAMED:
        others = sum(1 for _ in _names(body, known)) - _NAMED
        sentences += [f"{others} further fields are unknown and were ignored"] if others else []
    return sentences


def _unknown(body: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name, own, choices in _names(body, known):
        yield name, nearest(own, choices)


def _names(body: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield each unknown field as it is shown, its own name, and the names that it might be."""
    for name in body:
        if name not in known and (name not in _NOT_READ or body[name] is not None):
            yield name, name, known
    for field, own in _PARTS.items():
        rows = body.get(field)
        for at, row in enumerate(rows if isinstance(rows, list) else ()):
            for name in row if isinstance(row, dict) else ():
                if name not in own:
                    yield f"{field}[{at}].{name}", name, own
