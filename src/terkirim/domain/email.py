"""What a caller hands over (`Draft`), and what becomes of it (`Email` with its messages)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Required, TypedDict

from terkirim.domain.frozen import frozen

MAX_RECIPIENTS = 50  # of one email: to, cc and bcc together (Resend's limit for `to`)
DEFAULT_ROUTE = "default"


class Priority(StrEnum):
    """How urgent; claims share slots 8 : 3 : 1."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Stream(StrEnum):
    """What kind of mail; an unsubscribe stops `broadcast` only."""

    TRANSACTIONAL = "transactional"
    BROADCAST = "broadcast"


class IfUnclear(StrEnum):
    """What to do with a message that may have been taken, when no event settles it."""

    RESEND = "resend"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: `email` is normalised (IDNA domain in ASCII), `name` may be empty."""

    email: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email


Addresses = str | Address | Sequence[str | Address]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file kept by the SHA-256 of its bytes (hex); `size` in bytes, before base64."""

    filename: str
    content_type: str
    sha256: str
    size: int
    content_id: str | None = None


@frozen
class Draft:
    """A submission as a door took it: nothing in it is checked yet.

    `to`, `cc`, `bcc`, `reply_to`: one address, with or without a name, or a list of them.
    `attachments`: mappings with `filename`, `content` (bytes, base64 text, list of byte values or
    a Node Buffer), `content_type`, `content_id`. `variables`: recipient address -> name -> value;
    the key `*` stands for every recipient; None: the content is literal, nothing is rendered.
    `expires_in`: seconds or a text such as "10m". `scheduled_at`: ISO 8601 or an aware datetime.
    """

    sender: Any = None
    to: Any = None
    cc: Any = None
    bcc: Any = None
    reply_to: Any = None
    subject: Any = None
    html: Any = None
    text: Any = None
    headers: Any = None
    tags: Any = None
    attachments: Any = None
    variables: Any = None
    scheduled_at: Any = None
    expires_in: Any = None
    if_unclear: Any = None
    priority: Any = None
    stream: Any = None
    route: Any = None
    campaign: str | None = None
    row: str | None = None


class EmailOptions(TypedDict, total=False):
    """What `send_email` takes beside recipients and content, in the forms that `Draft` describes.

    None is as if left out. `scheduled_at` is an aware datetime, ISO 8601, or "in 2 hours";
    `priority` high, normal or low; `stream` transactional or broadcast; `if_unclear` resend or
    hold; a tag has `name` and `value`.
    """

    sender: str | Address | None
    cc: Addresses | None
    bcc: Addresses | None
    reply_to: Addresses | None
    headers: Mapping[str, str] | None
    tags: Sequence[Mapping[str, str]] | None
    attachments: Sequence[Mapping[str, Any]] | None
    variables: Mapping[str, Mapping[str, Any]] | None
    scheduled_at: datetime | str | None
    expires_in: timedelta | int | str | None
    if_unclear: str | None
    priority: str | None
    stream: str | None
    route: str | None


class EmailFields(EmailOptions, total=False):
    """One e-mail of a batch, whole."""

    to: Required[Addresses]
    subject: Required[str]
    html: str | None
    text: str | None


@frozen
class Content:
    """The body, stored once; `id` is the email's own, or a hash where many emails share it.

    With `is_template` the email's subject and these bodies are Jinja2, rendered per message.
    """

    id: str
    html: str | None = None
    text: str | None = None
    is_template: bool = False


@frozen
class NewMessage:
    """One recipient of an email that is about to be stored; `kind` is to, cc or bcc."""

    id: str
    recipient: str
    kind: str = "to"
    variables: Mapping[str, Any] | None = None


@frozen
class Email:
    """A checked submission, ready to be stored with its messages in one transaction.

    Times are aware UTC instants. `due_at` is `scheduled_at`, or `created_at`. `expires_at` None
    never expires. `warnings` are sentences for the caller about what was ignored or not carried.
    """

    id: str
    owner: str
    sender: Address
    to: tuple[Address, ...]
    subject: str
    content: Content
    messages: tuple[NewMessage, ...]
    created_at: datetime
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    route: str = DEFAULT_ROUTE
    priority: Priority = Priority.NORMAL
    stream: Stream = Stream.TRANSACTIONAL
    if_unclear: IfUnclear = IfUnclear.RESEND
    scheduled_at: datetime | None = None
    expires_at: datetime | None = None
    campaign: str | None = None
    row: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def due_at(self) -> datetime:
        return self.scheduled_at or self.created_at


@frozen
class OutgoingMessage:
    """All that a provider needs to send one message: content rendered, links signed.

    `attachment_urls` stand beside `attachments`, in the same order; empty where the gateway has no
    public address.
    """

    id: str
    email_id: str
    recipient: str
    sender: Address
    subject: str
    html: str | None
    text: str | None
    reply_to: tuple[Address, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    attachment_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Carries:
    """What a provider can say; submission refuses, routes elsewhere or warns of what it cannot."""

    reply_to: bool = False
    headers: bool = False
    text: bool = False  # beside the HTML; alone it is everybody's affair
    content_ids: bool = False  # of attachments that stand inside the letter
    attachments: int = 0  # how many; 0 is none
    needs_public_url: bool = False  # attachments travel as links to us
