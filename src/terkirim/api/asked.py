"""Reads query parameters and bodies of our own routes; each fault names the parameter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from terkirim.api.errors import Refused
from terkirim.api.requests import Http, json_of
from terkirim.domain.ids import is_uuid7

PAGE_LIMIT = 100
PAGE = 20


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for: `after` goes on to older rows, `before` to newer ones."""

    limit: int
    after: str | None
    before: str | None

    @property
    def fetched(self) -> int:
        """How many rows to ask for: one more than are shown, to know whether there are more."""
        return self.limit + 1

    def shown(self, rows: list[Any]) -> tuple[list[Any], bool]:
        """Return the rows of the page out of `fetched` newest-first ones, and if there are more."""
        has_more = len(rows) > self.limit
        return (rows[-self.limit :] if self.before is not None else rows[: self.limit]), has_more


def page_of(request: Http) -> Page:
    """Return the page that `limit`, `after` and `before` ask for."""
    after, before = place(request, "after"), place(request, "before")
    if after is not None and before is not None:
        raise wrong("after", "give one of `after` and `before`")
    return Page(number(request, "limit", most=PAGE_LIMIT, usual=PAGE), after, before)


def place(request: Http, name: str) -> str | None:
    """Return the id beside which a page stands, None where none is asked for.

    The row may be gone since: ids sort by time, so that its place is known. An id that does not
    sort by time has no place, and would begin the list anew.
    """
    text: str | None = request.query_params.get(name)
    if text is None:
        return None
    if not is_uuid7(text.lower()):
        raise wrong(name, "give the id of a row in this list")
    return text.lower()


def number(request: Http, name: str, *, most: int, usual: int, least: int = 1) -> int:
    """Return a whole number from the query."""
    text = request.query_params.get(name, str(usual))
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)):
        value = int(text)
        if least <= value <= most:
            return value
    raise wrong(name, f"give a number from {least} to {most}")


def flag(request: Http, name: str) -> bool | None:
    """Return a yes or no from the query, None where it is not there."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if text.lower() not in {"1", "0", "true", "false"}:
        raise wrong(name, "give 1 or 0")
    return text.lower() in {"1", "true"}


def some_of(value: object, name: str, choices: Iterable[str]) -> tuple[str, ...] | None:
    """Return the chosen words: a text with commas, or a list of texts; None for None."""
    if value is None:
        return None
    known = list(choices)
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not words or any(word not in known for word in words):
        raise wrong(name, f"give one or more of {', '.join(known)}")
    return tuple(words)


async def body_of(request: Http, known: Iterable[str]) -> dict[str, Any]:
    """Return the JSON object in the body, {} for none; a field that nobody reads is refused.

    These routes are our own: a misspelt filter must not act on more than was meant.
    """
    if not await request.body():
        return {}
    body = await json_of(request)
    if not isinstance(body, dict):
        raise Refused(422, "validation_error", "give a JSON object")
    fields = list(known)
    for name in body:
        if name not in fields:
            raise wrong(str(name)[:40], f"is no field here; known: {', '.join(fields)}")
    return body


def text_in(body: Mapping[str, Any], name: str, *, most: int = 500) -> str | None:
    """Return a text of the body, None where it is not there."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise wrong(name, f"give a text of 1 to {most} characters")
    if "\0" in value or not _is_unicode(value):
        raise wrong(name, "holds a character that cannot be stored")
    return value


def flag_in(body: Mapping[str, Any], name: str) -> bool:
    """Return a yes or no of the body, False where it is not there."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise wrong(name, "give true or false")
    return value


def instant_in(body: Mapping[str, Any], name: str) -> datetime | None:
    """Return an instant of the body, None where it is not there."""
    text = text_in(body, name, most=60)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise wrong(name, "give a time with its zone, such as 2026-08-17T09:00:00+07:00")


def instant_of(text: str, name: str, zone: tzinfo) -> datetime:
    """Return an instant of the query: a day begins at midnight in `zone`, a time says its own."""
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "+"))  # a + that nobody encoded
        if at.tzinfo is None and len(text.strip()) <= len("2026-08-17"):
            at = at.replace(tzinfo=zone)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise wrong(name, "give a day such as 2026-08-17, or a time such as 2026-08-17T09:00:00+07:00")


def wrong(name: str, problem: str) -> Refused:
    """Return the refusal of one parameter or field."""
    return Refused(422, "validation_error", f"`{name}`: {problem}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
