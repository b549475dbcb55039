"""How webhooks and their deliveries look in answers: Resend's fields, and ours beside them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from terkirim.domain.webhook import (
    Endpoint,
    WebhookAnswer,
    WebhookDelivery,
    WebhookState,
    WebhookType,
)


def endpoint_shape(one: Endpoint) -> dict[str, Any]:
    """Return an endpoint; its secret was shown when it was made, and is not shown again."""
    return {
        "id": one.id,
        "object": "webhook",
        "created_at": one.created_at.isoformat(),
        "status": "enabled" if one.is_enabled else "disabled",
        "endpoint": one.url,
        "events": list(one.types or WebhookType),
        "signing_secret": None,
        "every_event": not one.types,
        "disabled_because": one.why_disabled or None,
        "failing_since": _time(one.failing_since),
        "failures": one.failures,
        "old_secret_until": _time(one.old_secret_until),
    }


def summary_shape(one: WebhookDelivery) -> dict[str, Any]:
    """Return a delivery as lists show it."""
    return {
        "id": one.payload.id,
        "type": one.payload.type,
        "created_at": one.payload.at.isoformat(),
        "status": _status(one),
        "state": one.state,
        "webhook_id": one.endpoint_id,
        "message_id": one.payload.message_id,
        "attempts": one.attempts,
        "next_attempt_at": _time(one.due_at),
        "last_attempt": None if one.last is None else answer_shape(one.last),
    }


def delivery_shape(one: WebhookDelivery) -> dict[str, Any]:
    """Return a delivery with what is told."""
    payload = msgspec.json.decode(one.payload.body)
    return {"object": "webhook_event", **summary_shape(one), "payload": payload}


def attempts_shape(payload_id: str, answers: Sequence[WebhookAnswer]) -> list[dict[str, Any]]:
    """Return the attempts of a delivery, oldest first."""
    return [
        {"id": f"{payload_id}.{number}", **answer_shape(one)}
        for number, one in enumerate(answers, start=1)
    ]


def answer_shape(one: WebhookAnswer) -> dict[str, Any]:
    """Return how one attempt ended; the status 0 is no answer, and `reason` says why."""
    return {
        "http_status_code": one.code or 0,
        "response": one.answer,
        "sent_at": one.at.isoformat(),
        "duration_ms": round(one.duration_us / 1_000, 1),
        "reason": one.reason or None,
    }


def _status(one: WebhookDelivery) -> str:
    match one.state:
        case WebhookState.WAITING:
            return "attempting" if one.attempts else "pending"
        case WebhookState.DELIVERED:
            return "success"
        case WebhookState.FAILED:
            return "failed"
        case WebhookState.HELD:
            return "pending"


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
