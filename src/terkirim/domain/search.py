"""What messages are searched by, and what a search finds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from terkirim.domain.message import State
from terkirim.domain.record import MessageRow


class Part(StrEnum):
    """Which part of an address is named."""

    WHOLE = "whole"
    START = "start"
    DOMAIN = "domain"
    START_OR_DOMAIN = "start or domain"


@dataclass(frozen=True, slots=True)
class AddressWish:
    """An address, or a part of it, in lower case."""

    text: str
    part: Part


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a subject, folded; `is_start`: it may go on."""

    text: str
    is_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which messages are wanted: all that is given must hold; of several `states`, one.

    `tags` have a name, or a name and a value ("kind=otp"). `ids` are of messages or e-mails.
    """

    to: tuple[AddressWish, ...] = ()
    sender: tuple[AddressWish, ...] = ()
    words: tuple[Word, ...] = ()
    tags: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    states: frozenset[State] | None = None
    is_sandbox: bool | None = None
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One message with what a list shows of its e-mail."""

    message: MessageRow
    subject: str
    sender: str
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found, newest first; `looked_to`: the id to go on from, None where that was all.

    A search looks at a bounded number of messages at once, so that `rows` may be few, or none,
    although more is to be found further on.
    """

    rows: tuple[Found, ...]
    looked_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a search compares of one message."""

    recipient: str
    sender: str
    subject: str
    tags: tuple[tuple[str, str], ...] = ()
