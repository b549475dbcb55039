"""E-mails: what a caller sends, and how they are shown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from terkirim.domain.email import IfUnclear, Priority, Stream
from terkirim.domain.message import State

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


class EmailList(Struct):
    """A page of e-mails, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[ListedEmail]


class File(Struct):
    """An attachment; its id is the SHA-256 of its bytes, with `-2` where they come again."""

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
