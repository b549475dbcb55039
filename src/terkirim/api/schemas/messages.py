"""Messages: their stories, and what a person does with them."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from terkirim.api.schemas.common import Text
from terkirim.api.schemas.emails import Message, TooLate
from terkirim.domain.event import BounceClass, Match


class Attempt(Struct):
    """One request that left for a provider."""

    number: int
    provider: str
    started_at: datetime
    duration_ms: float
    outcome: str
    code: str | None
    reason: str | None
    answer: str
    note: str | None


class Event(Struct):
    """A provider's later word; what else the callback said stands beside these fields.

    `match`: how the message was found; a guess proves nothing. `scanner`: no person did it.
    """

    id: str
    type: str
    at: datetime
    match: Match | UnsetType = UNSET
    bounce: BounceClass | UnsetType = UNSET
    scanner: Literal[True] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    link: str | UnsetType = UNSET


class ClickedLink(Struct):
    """How often one link was clicked, scanners left out."""

    link: str
    count: int
    first_at: datetime
    last_at: datetime


class Engagement(Struct):
    """What the reader did; what a scanner opened is counted apart."""

    opens: int
    first_open_at: datetime | None
    last_open_at: datetime | None
    scanner_opens: int
    clicks: list[ClickedLink]


class Story(Message):
    """All that is known of one message; `waits_for`: why a queued one must not leave yet."""

    subject: str
    attempts_made: list[Attempt]
    events: list[Event]
    engagement: Engagement
    waits_for: str | None


class MessageList(Struct):
    """A page of messages, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[Message]


class MessageCancelled(Struct):
    """The message that was stopped."""

    object: Literal["message"]
    id: str
    too_late: list[TooLate]


class MessageAccepted(Struct):
    """The message that did arrive at the provider."""

    object: Literal["message"]
    id: str
    state: Literal["accepted"]


class MessageRequeued(Struct):
    """The message that will be sent once more."""

    object: Literal["message"]
    id: str
    requeued: Literal[True]


class RequeueBody(Struct, forbid_unknown_fields=True):
    """Which messages; all conditions that are given must hold. None given: every dead letter."""

    message_ids: Annotated[list[str], Meta(min_length=1, max_length=10_000)] | None = None
    email_id: Text | None = None
    states: Annotated[list[Literal["dead", "held"]], Meta(min_length=1)] | None = None
    reason: (
        Annotated[str, Meta(min_length=1, max_length=500, description="a part of it")] | None
    ) = None
    provider: Text | None = None
    before: datetime | None = None
    after: datetime | None = None
    sandbox: bool = False
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 10_000


class Requeued(Struct):
    """How many messages the filter names, and how many will be sent once more."""

    object: Literal["requeue"]
    count: int
    requeued: int
    dry_run: bool
    may_be_more: bool
