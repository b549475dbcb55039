"""Webhooks, what was told to them, and each attempt."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from terkirim.domain.webhook import WebhookState, WebhookType

Url = Annotated[str, Meta(max_length=2_000, examples=["https://example.com/webhooks"])]
Types = Annotated[list[WebhookType], Meta(description="None of them, or no list: every type.")]


class WebhookBody(Struct):
    """Where to, and what is told there; `signing_secret`: one that you have made."""

    endpoint: Url
    events: Types | None = None
    signing_secret: Annotated[str, Meta(examples=["whsec_..."])] | None = None


class WebhookMade(Struct):
    """The webhook, with the secret that it signs by: it is shown this once."""

    object: Literal["webhook"]
    id: str
    signing_secret: str


class WebhookPatch(Struct):
    """What is to change; whatever is not given stays. Enabling forgets the failures."""

    endpoint: Url | None = None
    events: Types | None = None
    status: Literal["enabled", "disabled"] | None = None


class WebhookChanged(Struct):
    """The webhook that was changed."""

    object: Literal["webhook"]
    id: str


class WebhookRemoved(WebhookChanged):
    """The webhook that is gone, with all that was told to it."""

    deleted: Literal[True]


class Webhook(Struct):
    """A webhook; its secret is not shown. `disabled_because` is null where a person did it."""

    id: str
    object: Literal["webhook"]
    created_at: datetime
    status: Literal["enabled", "disabled"]
    endpoint: str
    events: list[WebhookType]
    signing_secret: None
    every_event: bool
    disabled_because: str | None
    failing_since: datetime | None
    failures: int
    old_secret_until: datetime | None


class WebhookList(Struct):
    """Webhooks, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[Webhook]


class WebhookAnswer(Struct):
    """How one attempt ended; the status 0 is no answer, and `reason` says why."""

    http_status_code: int
    response: str
    sent_at: datetime
    duration_ms: float
    reason: str | None


class WebhookAttempt(WebhookAnswer):
    """One attempt of a delivery."""

    id: str


class WebhookAttempts(Struct):
    """The attempts of a delivery, oldest first."""

    object: Literal["list"]
    has_more: bool
    data: list[WebhookAttempt]


class WebhookDelivery(Struct):
    """Something that is told to a webhook: `status` is Resend's word, `state` ours."""

    id: str
    type: str
    created_at: datetime
    status: Literal["pending", "attempting", "success", "failed"]
    state: WebhookState
    webhook_id: str
    message_id: str | None
    attempts: int
    next_attempt_at: datetime | None
    last_attempt: WebhookAnswer | None


class WebhookDeliveries(Struct):
    """A page of what was told, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[WebhookDelivery]


class WebhookEvent(WebhookDelivery):
    """Something that is told, with its body."""

    object: Literal["webhook_event"]
    payload: dict[str, Any]


class WebhookEventRef(Struct):
    """What is told again."""

    object: Literal["webhook_event"]
    id: str


class WebhookTold(Struct):
    """What was told of one message, oldest first."""

    object: Literal["list"]
    data: list[WebhookEvent]


class WebhookTested(WebhookAnswer):
    """How the test event was answered; `delivered`: with a status of 200 to 299."""

    object: Literal["webhook_event"]
    id: str
    delivered: bool


class WebhookReplayBody(Struct):
    """Which deliveries are made again: those from `since` until `until` (now), failed or held.

    `all`: also those that arrived.
    """

    since: datetime
    until: datetime | None = None
    all: bool = False


class WebhookReplayed(Struct):
    """How many deliveries are made again."""

    replayed: int
