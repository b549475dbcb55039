"""What a gateway answers, as frozen records. Fields that a newer gateway adds are passed over.

States and events are plain text, so that a newer gateway's words do no harm; `State` compares with
them. Times are aware.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class SentEmail(Struct, frozen=True, kw_only=True):
    """An e-mail that is on the gateway's disk.

    `warnings` are sentences about what was ignored or cannot be carried. With `is_sandbox` it will
    never really be sent.
    """

    id: str
    warnings: tuple[str, ...] = ()
    is_sandbox: bool = field(default=False, name="sandbox")


class RefusedEmail(Struct, frozen=True, kw_only=True):
    """An e-mail of a batch that was not taken: its place in the batch, from 0, and why."""

    index: int
    message: str


class SentBatch(Struct, frozen=True, kw_only=True):
    """What became of a batch: those that are on disk, in their order, and those that were refused.

    Without `skip_bad` none is refused: one that is wrong refuses the whole batch with an error.
    """

    sent: tuple[SentEmail, ...] = field(name="data")
    refused: tuple[RefusedEmail, ...] = field(default=(), name="errors")


class Tag(Struct, frozen=True, kw_only=True):
    """A tag of an e-mail."""

    name: str
    value: str


class Message(Struct, frozen=True, kw_only=True):
    """An e-mail to one recipient, as it stands.

    `due_at` is when it acts next, None once it is finished; `attempts` counts the requests that
    left; `reason` says why it waits or ended.
    """

    id: str
    recipient: str
    state: str
    email_id: str = ""
    kind: str = "to"
    last_event: str = ""
    attempts: int = 0
    due_at: datetime | None = None
    provider: str | None = None
    provider_ref: str | None = None
    reason: str | None = None
    is_sandbox: bool = field(default=False, name="sandbox")
    accepted_at: datetime | None = None
    finished_at: datetime | None = None


class Email(Struct, frozen=True, kw_only=True):
    """An e-mail as it was submitted, with where its messages stand.

    In a list, `html`, `text`, `tags`, `messages` and what follows them are left at their defaults:
    `get_email` has them. `last_event` is the worst of the recipients'.
    """

    id: str
    subject: str
    last_event: str
    sender: str = field(name="from")
    to: tuple[str, ...]
    created_at: datetime
    cc: tuple[str, ...] | None = None
    bcc: tuple[str, ...] | None = None
    reply_to: tuple[str, ...] | None = None
    scheduled_at: datetime | None = None
    html: str | None = None
    text: str | None = None
    tags: tuple[Tag, ...] = ()
    messages: tuple[Message, ...] = field(default=(), name="recipients")
    priority: str = ""
    stream: str = ""
    if_unclear: str = ""
    route: str = ""
    expires_at: datetime | None = None
    warnings: tuple[str, ...] = ()
    is_sandbox: bool = field(default=False, name="sandbox")


class Attempt(Struct, frozen=True, kw_only=True):
    """One request that left for a provider, numbered from 1."""

    number: int
    provider: str
    started_at: datetime
    outcome: str
    duration_ms: float = 0.0
    code: str | None = None
    reason: str | None = None
    answer: str = ""
    note: str | None = None


class Event(Struct, frozen=True, kw_only=True):
    """A provider's later word. `facts` are all its fields as they came."""

    id: str
    type: str
    at: datetime
    facts: dict[str, Any] = {}


class MessageStory(Message, frozen=True, kw_only=True):
    """One message with all that is known of it, oldest first."""

    subject: str = ""
    attempts_made: tuple[Attempt, ...] = ()
    events: tuple[Event, ...] = ()


class TooLate(Struct, frozen=True, kw_only=True):
    """A recipient whose message could not be stopped any more, and its state."""

    recipient: str
    state: str


class CancelledEmail(Struct, frozen=True, kw_only=True):
    """What a cancel did: every recipient was stopped, but for those that were `too_late`."""

    id: str
    too_late: tuple[TooLate, ...] = ()


class ReasonCount(Struct, frozen=True, kw_only=True):
    """How often attempts failed for one reason."""

    reason: str
    count: int


class WaitCount(Struct, frozen=True, kw_only=True):
    """How many waits before a retry were at most this long, and longer than the next shorter."""

    up_to_seconds: float
    count: int


class RetryStatistics(Struct, frozen=True, kw_only=True):
    """How much was retried in the last `days` days, and how often it helped.

    The rate is a share from 0 to 1, None where nothing was retried. `by_attempt` counts outcomes by
    the number of the attempt: `{"attempt": 1, "accepted": 90, "deferred": 10}`.
    """

    days: int
    attempts: int
    retries: int
    accepted_after_retry: int
    success_rate_after_retry: float | None = None
    by_attempt: tuple[dict[str, int], ...] = ()
    reasons: tuple[ReasonCount, ...] = ()
    waits: tuple[WaitCount, ...] = ()


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list, newest first. With `has_more`, older ones follow after its last one."""

    items: tuple[T, ...] = field(name="data")
    has_more: bool = False

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)
