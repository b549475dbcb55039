"""Reads what people type into the search box: `to:budi@example.com state:dead after:7d code`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo

from terkirim.domain.message import State
from terkirim.domain.phrase import Phrase, phrase
from terkirim.domain.search import AddressWish, Part, Search, Word
from terkirim.policy.search import words_of

LONGEST = 500  # characters
SANDBOX = "sandbox"
_PIECE = re.compile(r'(?:([a-z]+):)?("[^"]*"|\S+)', re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_DAYS = {"today": 0, "yesterday": 1, "hari-ini": 0, "kemarin": 1}
# Also as they are called in Bahasa Indonesia.
_NAMES = {
    "kepada": "to", "dari": "from", "subjek": "subject", "status": "state", "sebelum": "before",
    "sesudah": "after", "setelah": "after",
}  # fmt: skip


class BadSearch(ValueError):  # noqa: N818 - it is said to people as it stands
    """The text cannot be understood; `says` names the part, and what would be right."""

    def __init__(self, says: Phrase) -> None:
        super().__init__(says.text)
        self.says = says


def asked(text: str, *, now: datetime, zone: tzinfo) -> Search:
    """Return what is searched for; days begin at midnight in the zone.

    Raises:
        BadSearch: a part of the text cannot be understood.
    """
    if len(text) > LONGEST:
        raise BadSearch(phrase("A search has at most {most} characters.", most=LONGEST))
    search = Search()
    for written, value in _PIECE.findall(text):
        name, wanted = _meant(written), value.strip('"').strip()
        _refuse_empty(name, wanted)
        if wanted and name in _TIMES:
            search = _TIMES[name](search, _instant(name, wanted, now, zone))
        elif wanted:
            search = _with(search, name, wanted)
    return search


def _meant(written: str) -> str:
    return _NAMES.get(written.lower(), written.lower())


def _refuse_empty(name: str, value: str) -> None:
    """Refuse a name without a value, as in `after: 7d`, which would search for two words."""
    if not name and value.endswith(":"):
        name, value = _meant(value[:-1]), ""
    if name in _EXAMPLES and not value.strip(",@* "):
        raise BadSearch(
            phrase(
                "`{name}:` is empty. Write the value right behind the colon, without a space: "
                "{example}.",
                name=name,
                example=f"{name}:{_EXAMPLES[name]}",
            )
        )


def _with(search: Search, name: str, value: str) -> Search:
    part = _PARTS.get(name)
    if part is None:
        known = ", ".join(f"{one}:" for one in (*_PARTS, *_TIMES) if one)
        raise BadSearch(
            phrase(
                "`{name}:` is not known. Known are {known}; put other words in quotes.",
                name=name,
                known=known,
            )
        )
    return part(search, value)


def _bare(search: Search, value: str) -> Search:
    """Read a word without a name: an id, an address, or else words of the subject."""
    if _ID.fullmatch(value):
        return _id(search, value)
    return _to(search, value) if "@" in value else _subject(search, value)


def _to(search: Search, value: str) -> Search:
    return replace(search, to=(*search.to, _address(value)))


def _from(search: Search, value: str) -> Search:
    return replace(search, sender=(*search.sender, _address(value)))


def _subject(search: Search, value: str) -> Search:
    words = [Word(word) for word in words_of(value)]
    if words and value.endswith("*"):
        words[-1] = Word(words[-1].text, is_start=True)
    return replace(search, words=(*search.words, *words))


def _tag(search: Search, value: str) -> Search:
    return replace(search, tags=(*search.tags, value))


def _id(search: Search, value: str) -> Search:
    return replace(search, ids=(*search.ids, value.lower()))


def _state(search: Search, value: str) -> Search:
    words = {word.strip().lower() for word in value.split(",") if word.strip()}
    if SANDBOX in words:
        search, words = replace(search, is_sandbox=True), words - {SANDBOX}
    known = [state.value for state in State]
    wrong = sorted(words.difference(known))
    if wrong:
        raise BadSearch(
            phrase(
                "`state:{state}` is not known. Known are {known}.",
                state=wrong[0],
                known=", ".join([*known, SANDBOX]),
            )
        )
    states = frozenset(State(word) for word in words)
    return replace(search, states=states) if states else search


def _address(value: str) -> AddressWish:
    text = value.lower()
    if text.startswith(("@", "*@")):
        return AddressWish(text.rpartition("@")[2], Part.DOMAIN)
    if text.endswith("*"):
        return AddressWish(text.rstrip("*"), Part.START)
    local, at, domain = text.rpartition("@")
    if at:
        return AddressWish(text, Part.WHOLE if local and "." in domain else Part.START)
    return AddressWish(text, Part.START_OR_DOMAIN if "." in text else Part.START)


def _instant(name: str, value: str, now: datetime, zone: tzinfo) -> datetime:
    span = _SPAN.fullmatch(value.lower())
    if span is not None:
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    if value.lower() in _DAYS:
        day = now.astimezone(zone).date() - timedelta(days=_DAYS[value.lower()])
        return datetime.combine(day, time(), zone).astimezone(UTC)
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadSearch(
            phrase(
                "`{name}:{value}` is no time. Right are 2026-08-17, 2026-08-17T09:30, 24h, 7d, "
                "today and yesterday.",
                name=name,
                value=value,
            )
        ) from None


def _after(search: Search, at: datetime) -> Search:
    return replace(search, after=at)


def _before(search: Search, at: datetime) -> Search:
    return replace(search, before=at)


_PARTS: Mapping[str, Callable[[Search, str], Search]] = {
    "": _bare,
    "to": _to,
    "from": _from,
    "subject": _subject,
    "state": _state,
    "tag": _tag,
    "id": _id,
}
_EXAMPLES = {
    "to": "budi@example.com", "from": "@example.com", "subject": "pesanan", "state": "dead",
    "tag": "kind=otp", "id": "0190a1b2-…", "after": "7d", "before": "2026-08-17",
}  # fmt: skip
_TIMES: Mapping[str, Callable[[Search, datetime], Search]] = {"after": _after, "before": _before}
