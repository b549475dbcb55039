"""The shapes of bodies and answers, as `/openapi` describes them; tests hold the answers to them.

Bodies are read by `content.drafts`, which says what is wrong in a sentence: these records describe
them and are never used to read one.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from terkirim.domain.email import IfUnclear, Priority, Stream
from terkirim.domain.message import State

LINE = r"^[^\u0000-\u001f\u007f-\u009f]+$"  # no control character
Text = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\u0000]+$")]
Mailbox = Annotated[
    str,
    Meta(description="`budi@example.com` or `Budi <budi@example.com>`", examples=["b@example.com"]),
]
Mailboxes = Annotated[list[Mailbox], Meta(max_length=50)]
Tagged = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,256}$")]
LastEvent = Literal[
    "queued", "scheduled", "sent", "delivered", "delivery_delayed", "opened", "clicked", "bounced",
    "complained", "failed", "suppressed", "canceled",
]  # fmt: skip
Scope = Literal["send", "read", "admin"]


class Error(Struct):
    """What went wrong: `name` is Resend's, `message` says what would be right."""

    statusCode: int  # noqa: N815 - Resend's name
    name: str
    message: str


class NodeBuffer(Struct):
    """Bytes as Node's `JSON.stringify(buffer)` writes them."""

    type: Literal["Buffer"]
    data: list[Annotated[int, Meta(ge=0, le=255)]]


class Tag(Struct):
    """A name and a value of your own."""

    name: Tagged
    value: Tagged


class AttachmentBody(Struct):
    """A file: its `content`, or a `path` that the gateway fetches."""

    filename: str | None = None
    content: str | list[Annotated[int, Meta(ge=0, le=255)]] | NodeBuffer | None = None
    path: str | None = None
    content_type: str | None = None
    content_id: str | None = None


class EmailBody(Struct):
    """An e-mail. Fields beyond Resend's: variables, expires_in, if_unclear, priority, ..."""

    to: Mailbox | Mailboxes
    subject: Annotated[str, Meta(min_length=1, max_length=998)]
    sender: Mailbox | None = field(name="from", default=None)
    html: str | None = None
    text: str | None = None
    cc: Mailbox | Mailboxes | None = None
    bcc: Mailbox | Mailboxes | None = None
    reply_to: Mailbox | Mailboxes | None = None
    headers: dict[str, str] | None = None
    tags: list[Tag] | None = None
    attachments: list[AttachmentBody] | None = None
    scheduled_at: Annotated[str, Meta(examples=["in 2 hours"])] | None = None
    variables: dict[str, dict[str, Any]] | None = None
    expires_in: Annotated[int, Meta(ge=1)] | str | None = None
    if_unclear: IfUnclear | None = None
    priority: Priority | None = None
    stream: Stream | None = None
    route: str | None = None
    topic_id: str | None = None


Batch = Annotated[list[EmailBody], Meta(min_length=1, max_length=100)]


class Receipt(Struct):
    """An e-mail that is on disk."""

    id: str
    warnings: list[str] | UnsetType = UNSET
    sandbox: Literal[True] | UnsetType = UNSET


class BatchError(Struct):
    """Why one e-mail of a permissive batch was not taken."""

    index: int
    message: str


class BatchReceipt(Struct):
    """The e-mails of a batch that are on disk; `errors` for a permissive one."""

    data: list[Receipt]
    errors: list[BatchError] | UnsetType = UNSET


class MoveBody(Struct):
    """The new time."""

    scheduled_at: Annotated[str, Meta(examples=["in 2 hours"])]


class EmailChanged(Struct):
    """The e-mail that was changed."""

    object: Literal["email"]
    id: str


class TooLate(Struct):
    """A recipient whose message could not be stopped any more."""

    recipient: str
    state: State


class EmailCancelled(EmailChanged):
    """The e-mail whose messages were stopped, and for whom it was too late."""

    too_late: list[TooLate]


class Message(Struct):
    """An e-mail to one recipient, as it stands."""

    id: str
    email_id: str
    recipient: str
    kind: Literal["to", "cc", "bcc"]
    state: State
    last_event: LastEvent
    attempts: int
    due_at: datetime | None
    provider: str | None
    provider_ref: str | None
    reason: str | None
    sandbox: bool
    accepted_at: datetime | None
    finished_at: datetime | None


class ListedEmail(Struct):
    """An e-mail as a list shows it."""

    id: str
    message_id: str
    sender: str = field(name="from")
    to: list[str]
    cc: list[str] | None
    bcc: list[str] | None
    reply_to: list[str] | None
    subject: str
    created_at: datetime
    scheduled_at: datetime | None
    last_event: LastEvent


class Email(ListedEmail):
    """An e-mail with its content, which is null once retention took it, and its recipients."""

    object: Literal["email"]
    html: str | None
    text: str | None
    tags: list[Tag]
    priority: Priority
    stream: Stream
    if_unclear: IfUnclear
    route: str
    expires_at: datetime | None
    warnings: list[str]
    sandbox: bool
    recipients: list[Message]


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
    """A provider's later word; its other fields stand beside these."""

    id: str
    type: str
    at: datetime


class Story(Message):
    """All that is known of one message."""

    subject: str
    attempts_made: list[Attempt]
    events: list[Event]


class EmailList(Struct):
    """A page of e-mails, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[ListedEmail]


class MessageList(Struct):
    """A page of messages, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[Message]


class File(Struct):
    """An attachment; its id is the SHA-256 of its bytes."""

    id: str
    filename: str
    content_type: str
    content_id: str | None
    content_disposition: Literal["inline", "attachment"]
    size: int
    download_url: str
    expires_at: datetime


class FileList(Struct):
    """The attachments of an e-mail."""

    object: Literal["list"]
    has_more: Literal[False]
    data: list[File]


class SingleFile(File):
    """One attachment of an e-mail."""

    object: Literal["attachment"]


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


class Breaker(Struct):
    """Whether a failing provider is left alone."""

    state: Literal["closed", "open", "half_open", "recovering"]
    faults: int
    until: datetime | None


class PauseShape(Struct):
    """Why a provider must not be used now; with `sender`, for that sender only."""

    sender: str | None
    fault: str
    reason: str
    since: datetime
    until: datetime | None
    waiting: int


class Provider(Struct):
    """How a delivery service stands."""

    object: Literal["provider"]
    name: str
    breaker: Breaker
    gate_until: datetime | None
    rate_until: datetime | None
    waiting: int
    in_air: int
    pauses: list[PauseShape]


class ProviderList(Struct):
    """Every provider on a route."""

    object: Literal["list"]
    data: list[Provider]


class PauseBody(Struct, forbid_unknown_fields=True):
    """For one sender only, and why."""

    sender: Text | None = None
    reason: Text | None = None


class ResumeBody(Struct, forbid_unknown_fields=True):
    """For one sender only."""

    sender: Text | None = None


class ProviderChanged(Struct):
    """`changed`: false where it was so before."""

    object: Literal["provider"]
    name: str
    paused: bool
    changed: bool


class KeyBody(Struct):
    """The key that is wanted: a `permission` of Resend's, or our `scopes`; neither: every scope."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=LINE)]
    permission: Literal["full_access", "sending_access"] | None = None
    scopes: Annotated[list[Scope], Meta(min_length=1)] | None = None


class Key(Struct):
    """An API key, without its text."""

    object: Literal["api_key"]
    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime


class NewKey(Key):
    """A new API key: `token` is shown here and nowhere else."""

    token: str


class KeyList(Struct):
    """A page of the API keys in force, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[Key]


class KeyDeleted(Struct):
    """The key that is refused from now on."""

    object: Literal["api_key"]
    id: str
    deleted: Literal[True]


class AddressErased(Struct):
    """What was done, in messages; `left` still hold the address: ask again a little later."""

    object: Literal["address"]
    erased: bool
    cancelled: int
    anonymised: int
    left: int


class Trouble(Struct):
    """One thing that is wrong: `says` for people, `kind` and `facts` for programs."""

    kind: str
    level: Literal["critical", "warning", "notice"]
    says: str
    facts: dict[str, Any]


class Waiting(Struct):
    """How many messages are not finished, by state."""

    queued: int
    leased: int
    unclear: int
    held: int
    oldest_due_at: datetime | None


class Status(Struct):
    """What is wrong now, the worst first; nothing: `ok`."""

    object: Literal["status"]
    status: Literal["ok", "warning", "critical"]
    version: str
    sandbox: bool
    troubles: list[Trouble]
    waiting: Waiting


class ReasonCount(Struct):
    """How often attempts failed for one reason."""

    reason: str
    count: int


class WaitCount(Struct):
    """How many retries waited about so long."""

    up_to_seconds: float
    count: int


class Retries(Struct):
    """How much was retried, how often it helped, and why."""

    days: int
    attempts: int
    retries: int
    accepted_after_retry: int
    success_rate_after_retry: float | None
    by_attempt: list[dict[str, int]]
    reasons: list[ReasonCount]
    waits: list[WaitCount]


class Live(Struct):
    """The process runs."""

    status: Literal["ok"]


class Ready(Struct):
    """Mail can be taken."""

    status: Literal["ready"]
    sandbox: bool
