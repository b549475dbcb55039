"""What the customer's own app is told: the types, who is told, and how each telling goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class WebhookType(StrEnum):
    """What an app can be told of, in Resend's words."""

    SENT = "email.sent"
    SCHEDULED = "email.scheduled"
    DELIVERED = "email.delivered"
    DELIVERY_DELAYED = "email.delivery_delayed"
    COMPLAINED = "email.complained"
    BOUNCED = "email.bounced"
    OPENED = "email.opened"
    CLICKED = "email.clicked"
    FAILED = "email.failed"
    SUPPRESSED = "email.suppressed"
    SUPPRESSION_ADDED = "suppression.added"
    SUPPRESSION_REMOVED = "suppression.removed"


TEST = "webhook.test"  # the type of what a person sends to try an endpoint


class WebhookState(StrEnum):
    """Where one delivery stands; held: its endpoint was disabled, a person may have it sent."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address of the customer's app; its secrets stand elsewhere.

    `types` empty: it is told of everything. `why_disabled` is None while it is enabled, "" where a
    person disabled it, else the sentence on what failed. `failing_since` and `failures` count from
    the last success. `old_secret_until`: the secret before the last change signs beside the new one
    until then.
    """

    id: str
    url: str
    types: tuple[WebhookType, ...]
    created_at: datetime
    why_disabled: str | None = None
    failing_since: datetime | None = None
    failures: int = 0
    old_secret_until: datetime | None = None

    @property
    def is_enabled(self) -> bool:
        """Return whether it is delivered to."""
        return self.why_disabled is None


@dataclass(frozen=True, slots=True)
class Secrets:
    """What signs deliveries to one endpoint, as people are given it; never shown by accident."""

    now: str
    before: str | None = None

    def __repr__(self) -> str:
        return "Secrets(***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The message that something happened to, with what is told of its email."""

    message_id: str
    email_id: str
    recipient: str
    sender: str
    to: tuple[str, ...]
    subject: str
    created_at: datetime
    tags: tuple[tuple[str, str], ...] = ()
    campaign: str | None = None
    row: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something to be told of; `facts` are what else is known of it. `about` None: no message."""

    type: WebhookType
    at: datetime
    about: Subject | None = None
    is_sandbox: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What is told, byte for byte the same to every endpoint and at every attempt."""

    id: str
    type: str
    at: datetime
    message_id: str | None
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTask:
    """One lease on a delivery. `lease` is its fence; `since` is when its schedule began.

    `attempts` counts those before this one. `is_test`: it is tried once, and nobody judges by it.
    """

    endpoint_id: str
    payload_id: str
    lease: int
    attempts: int
    since: datetime
    url: str
    secrets: Secrets
    body: str
    is_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """How one attempt ended. `code` None: there was no answer, and `reason` says why.

    `answer` is the beginning of the body that came back.
    """

    at: datetime
    duration_us: int
    code: int | None
    reason: str = ""
    answer: str = ""

    @property
    def is_success(self) -> bool:
        """Return whether the app took it."""
        return self.code is not None and self.code // 100 == 2  # noqa: PLR2004 - the class 2xx


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEnd:
    """One attempt with what the policy makes of it; `due_at` None: there is none after it.

    `why_disabled`: the endpoint asks for no more (410), and this says so.
    """

    task: WebhookTask
    answer: WebhookAnswer
    state: WebhookState
    due_at: datetime | None
    why_disabled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """A payload on its way to an endpoint, as lists show it; `last` is the latest attempt."""

    endpoint_id: str
    payload: Payload
    state: WebhookState
    attempts: int
    due_at: datetime | None
    last: WebhookAnswer | None = None
