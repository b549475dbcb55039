"""Reads what a gateway said: the record that was asked for, or the error of our tree."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from terkirim.client.records import MessageStory
from terkirim.client.wire import Answer, NoAnswer
from terkirim.delivery.failures import asked_wait
from terkirim.domain.errors import (
    AccessRefused,
    IdempotencyConflict,
    InvalidEmail,
    NotFound,
    StoreUnavailable,
    TerkirimError,
    WrongState,
)

T = TypeVar("T")

CONCURRENT = "concurrent_idempotent_requests"
_TEXT_LIMIT = 500  # characters of what the other side said
_OK = range(200, 300)
_FAULTS = range(500, 600)
_NOT_BEGUN = 503  # says of itself that nothing was done
_FIELD = re.compile(r"`([^`]{1,100})`: (.+)\Z", re.DOTALL)
_STATE = re.compile(r"\bis ([a-z]+)\)?\Z")
_EVENT_FIELDS = frozenset({"id", "type", "at"})


class Unreadable(Exception):  # noqa: N818 - it never leaves this package
    """An answer is not what a gateway says; the text says what is wrong with it."""


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's error, in Resend's shape."""

    name: str
    message: str


def read_as(kind: type[T]) -> Callable[[bytes], T]:
    """Return a reader of answers of this kind.

    Raises:
        Unreadable: from the reader.
    """
    decoder = msgspec.json.Decoder(kind)

    def read(body: bytes) -> T:
        try:
            return decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(str(error)) from None

    return read


def story_of(body: bytes) -> MessageStory:
    """Return a message's story; an event's further fields become its `facts`.

    Raises:
        Unreadable: it is none.
    """
    story = read_as(dict[str, Any])(body)
    try:
        story["events"] = [_with_facts(event) for event in story.get("events", ())]
        return msgspec.convert(story, MessageStory)
    except (msgspec.ValidationError, TypeError, AttributeError) as error:
        raise Unreadable(str(error)) from None


def nothing_of(body: bytes) -> None:
    """Return None: that the gateway said yes is all there is to know.

    Raises:
        Unreadable: it was no gateway that said so.
    """
    read_as(dict[str, Any])(body)


def is_good(answer: Answer) -> bool:
    """Return whether the answer is a yes."""
    return answer.status in _OK


def is_worth_repeating(came: Answer | NoAnswer) -> bool:
    """Return whether the same request may be answered better in a while."""
    if isinstance(came, NoAnswer) or came.status in {429, 502, 503, 504}:
        return True
    refusal = _refusal(came)
    return refusal is not None and refusal.name == CONCURRENT


def may_be_done(came: Answer | NoAnswer) -> bool:
    """Return whether what was asked may be done, although nobody said so."""
    if isinstance(came, NoAnswer):
        return came.has_left
    return came.status in _FAULTS and came.status != _NOT_BEGUN


def wait_asked(came: Answer | NoAnswer) -> timedelta | None:
    """Return what `Retry-After` asks for, None where there is none."""
    return asked_wait(came)


def error_of(answer: Answer) -> TerkirimError | None:
    """Return the gateway's own refusal as an error of the tree; None where it is not one."""
    refusal = _refusal(answer)
    if refusal is None:
        return None
    says = refusal.message[:_TEXT_LIMIT]
    error: TerkirimError | None = None
    match answer.status, refusal.name:
        case 401 | 403, _:
            error = AccessRefused(says, status=answer.status)
        case 404, "not_found":
            error = NotFound(says)
        case 409, name:
            error = _conflict(name, says)
        case 400 | 413 | 422, name:
            error = _invalid(name, says)
        case 503, "service_unavailable":
            error = StoreUnavailable(says)
    return error


def sentence_of(came: Answer | NoAnswer) -> str:
    """Return why an answer is none of those that a gateway gives."""
    if isinstance(came, NoAnswer):
        return came.reason
    refusal = _refusal(came)
    if refusal is not None:
        return f"answered {came.status}: {refusal.message[:_TEXT_LIMIT]}"
    kind = next((v for name, v in came.headers.items() if name.lower() == "content-type"), "")
    what = kind.partition(";")[0].strip()[:_TEXT_LIMIT] or "something"
    return f"answered {came.status} with {what} in place of a gateway's JSON"


def _refusal(answer: Answer) -> _Refusal | None:
    if answer.status in _OK:
        return None
    try:
        return read_as(_Refusal)(answer.body)
    except Unreadable:
        return None


def _conflict(name: str, says: str) -> TerkirimError:
    if name in {CONCURRENT, "invalid_idempotent_request"}:
        return IdempotencyConflict(says, is_running=name == CONCURRENT)
    state = _STATE.search(says)
    return WrongState(says, state="" if state is None else state.group(1))


def _invalid(name: str, says: str) -> InvalidEmail:
    named = _FIELD.match(says)
    if named is None:
        return InvalidEmail("", says, kind=name)
    return InvalidEmail(named.group(1), named.group(2), kind=name)


def _with_facts(event: dict[str, Any]) -> dict[str, Any]:
    facts = {name: value for name, value in event.items() if name not in _EVENT_FIELDS}
    return {name: event[name] for name in _EVENT_FIELDS if name in event} | {"facts": facts}
