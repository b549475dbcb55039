"""Names that a caller wrote: which are unknown, what was probably meant, which choice was made."""

import difflib
from collections.abc import Iterable

from terkirim.content.texts import spoken_type
from terkirim.domain.errors import InvalidEmail

SET_HAS_NO_ORDER = "must be a list: a set has no order"  # who stands first is who is shown first
_SHOWN = 40  # characters of a wrong name that are repeated back
_LIKENESS = 0.6


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one, None where none is alike."""
    by_lower = {one.lower(): one for one in known}
    alike = difflib.get_close_matches(name[:_SHOWN].lower(), by_lower, n=1, cutoff=_LIKENESS)
    return by_lower[alike[0]] if alike else None


def unknown_sentence(name: str, meant: str | None, *, is_refused: bool = False) -> str:
    """Return the sentence that tells a caller of a field that nobody reads."""
    hint = "" if meant is None else f"; did you mean `{meant}`?"
    rest = hint or ("; leave it out" if is_refused else " and was ignored")
    return f"`{shown(name)}` is not a field of an email{rest}"


def shown(name: object) -> str:
    """Return a caller's word, short and printable, to be repeated in a sentence."""
    text = "".join(one if one.isprintable() else "?" for one in str(name)[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def chosen(value: object, field: str, names: Iterable[str]) -> str:
    """Return the name that was chosen.

    Raises:
        InvalidEmail: it is none of them; the sentence lists them, the nearest first.
    """
    offered = list(names)
    if isinstance(value, str) and value in offered:
        return value
    listed = ", ".join(f"`{one}`" for one in offered)
    if not isinstance(value, str):
        problem = f"must be one of {listed}, not {spoken_type(value)}"
        raise InvalidEmail(field, problem, kind="invalid_parameter")
    meant = nearest(value, offered)
    hint = "" if meant is None else f"; did you mean `{meant}`?"
    problem = f"`{shown(value)}` is none of {listed}{hint}"
    raise InvalidEmail(field, problem, kind="invalid_parameter")
