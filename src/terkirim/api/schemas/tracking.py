"""Events, callbacks and suppressions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from terkirim.domain.event import BounceClass, EventKind, Match
from terkirim.domain.suppression import Why

Callback = Annotated[
    dict[str, Any], Meta(description="What became of a mail, as the provider writes it.")
]
Csv = Annotated[str, Meta(description="UTF-8, with a column `email`; also stream, reason, until.")]
StreamName = Literal["all", "transactional", "broadcast"]
Address = Annotated[str, Meta(examples=["budi@example.com"])]


class CallbackTaken(Struct):
    """The callback is on disk, or was before."""

    received: Literal[True]


class TrackingEvent(Struct):
    """A provider's later word. One that found no message has no `seq` and no `message_id`."""

    id: str
    seq: int | None
    type: EventKind
    at: datetime
    received_at: datetime
    provider: str
    message_id: str | None
    match: Match | None
    recipient: str | None
    reference: str | None
    bounce: BounceClass | None
    scanner: bool
    facts: dict[str, Any]


class TrackingEventList(Struct):
    """A page of events, newest first."""

    object: Literal["list"]
    data: list[TrackingEvent]


class TrackingHealth(Struct):
    """How the intake of callbacks did; `faults` has a sentence for each fault."""

    days: int
    accepted: int
    heard_back: int
    heard_share: float | None
    callbacks: int
    repeats: int
    refused: int
    unreadable: int
    last_callback_at: datetime | None
    waiting_to_be_applied: int
    without_a_message: int
    set_aside: int
    is_open: bool
    is_silent: bool
    faults: list[str]


class Replayed(Struct):
    """How much was looked at again, and what came of it."""

    asked: int
    matched: int
    unmatched: int
    not_understood: int


class Suppression(Struct):
    """An address that is not sent to: `origin` is Resend's word, `reason` ours."""

    id: str
    email: str
    origin: Literal["bounce", "complaint", "manual"]
    source_id: str | None
    created_at: datetime
    stream: StreamName
    reason: Why
    until: datetime | None
    note: str
    source: str


class SingleSuppression(Suppression):
    """One entry of the list."""

    object: Literal["suppression"]


class SuppressionList(Struct):
    """A page of entries, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[Suppression]


class SuppressionBody(Struct):
    """The address that gets no more mail; of all streams for ever, if nothing else is given."""

    email: Address
    stream: StreamName | None = None
    until: Annotated[str, Meta(examples=["2026-08-17"])] | None = None
    note: Annotated[str, Meta(max_length=1_000)] | None = None


class SuppressionsBody(Struct):
    """Addresses that get no more mail."""

    emails: Annotated[list[Address], Meta(min_length=1, max_length=100)]


class SuppressionNames(Struct):
    """Addresses or ids of entries that are let in again: one of the two."""

    emails: Annotated[list[Address], Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    ids: Annotated[list[str], Meta(min_length=1, max_length=100)] | UnsetType = UNSET


class SuppressionAdded(Struct):
    """The entry that stands for the address: an older, stronger one stays."""

    object: Literal["suppression"]
    id: str


class SuppressionsAdded(Struct):
    """The entries that stand for the addresses."""

    data: list[SuppressionAdded]


class SuppressionRemoved(SuppressionAdded):
    """The entry that is gone."""

    deleted: Literal[True]


class SuppressionsRemoved(Struct):
    """The entries that are gone."""

    data: list[SuppressionRemoved]


class BadLine(Struct):
    """A line of a file that was not entered, and why; line 1 is the header."""

    line: int
    message: str


class Imported(Struct):
    """How many entries stand because of the file, and what became of its other rows.

    `unchanged` entries stood before, as strong or stronger; `repeated` rows name an entry that a
    row above them names; `errors` says what is wrong with the others.
    """

    entered: int
    unchanged: int
    repeated: int
    errors: list[BadLine]
