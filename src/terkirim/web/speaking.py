"""Which language a reader has: by the address, by the last choice, by the browser, by setting."""

from collections.abc import Mapping

from terkirim.language import LANGUAGES


def language_of(
    query: Mapping[str, str], cookie: str | None, accepted: str, *, usual: str
) -> tuple[str, bool]:
    """Return the language, and whether it was chosen just now."""
    chosen = query.get("lang")
    if chosen in LANGUAGES:
        return chosen, True
    if cookie in LANGUAGES:
        return cookie, False
    return next((one for one in _in_order(accepted) if one in LANGUAGES), usual), False


def _in_order(accepted: str) -> list[str]:
    """Return the languages of `Accept-Language`, the most wanted first, without their regions."""
    wishes = []
    for part in accepted[:500].split(","):
        name, _, quality = part.strip().partition(";q=")
        wishes.append((_quality(quality), name.split("-", 1)[0].lower()))
    return [name for quality, name in sorted(wishes, key=lambda one: -one[0]) if quality > 0]


def _quality(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
