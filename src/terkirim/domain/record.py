"""What is read back from the store: an email, its messages, and the story of one message."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from terkirim.domain.email import Address, Attachment, Content, IfUnclear, Priority, Stream
from terkirim.domain.lease import Attempt
from terkirim.domain.message import Evidence, State


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message as it stands now.

    `due_at` is when it acts next, None once it is finished. `attempts` counts requests that left.
    `reason` is the sentence on why it waits or ended, "" for accepted. `finished_at` is when it
    left the outbox. `evidence` is the strongest later word of the provider.
    """

    id: str
    email_id: str
    recipient: str
    kind: str
    state: State
    created_at: datetime
    attempts: int
    due_at: datetime | None = None
    expires_at: datetime | None = None
    provider: str | None = None
    provider_ref: str | None = None
    reason: str = ""
    is_sandbox: bool = False
    is_cancel_wanted: bool = False
    accepted_at: datetime | None = None
    finished_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRow:
    """A stored email; `content` is None where retention took it, or where it was not asked for."""

    id: str
    owner: str
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    headers: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...]
    attachments: tuple[Attachment, ...]
    warnings: tuple[str, ...]
    priority: Priority
    stream: Stream
    if_unclear: IfUnclear
    route: str
    created_at: datetime
    scheduled_at: datetime | None
    expires_at: datetime | None
    campaign: str | None
    row: str | None
    content: Content | None
    messages: tuple[MessageRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A provider's later word as it was kept; `facts` are its other fields (url, reason, ...)."""

    id: str
    message_id: str | None
    kind: str
    at: datetime
    received_at: datetime
    provider: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One message with all that is known of it, oldest first."""

    email: EmailRow
    message: MessageRow
    attempts: tuple[Attempt, ...]
    events: tuple[Event, ...]
