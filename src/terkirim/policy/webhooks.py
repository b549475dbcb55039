"""When a webhook is tried again, when it is given up, and when its endpoint is."""

from datetime import datetime, timedelta

from terkirim.domain.remarks import ENDPOINT_GONE, FAILED_TOO_LONG, kept
from terkirim.domain.webhook import WebhookAnswer, WebhookEnd, WebhookState, WebhookTask

# After each failed attempt; the last one repeats until the three days are over.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
    timedelta(hours=12),
)
TRIED_FOR = timedelta(days=3)
OLD_SECRET_FOR = timedelta(hours=24)  # after a change the secret before it still signs, beside it

# An endpoint is disabled that had no success for so long, with at least so many failures.
FAILING_FOR = timedelta(days=3)
FAILURES = 20

GONE = 410  # the app says that it wants no more


def next_try(attempts: int, *, since: datetime, now: datetime) -> datetime | None:
    """Return when to try again after so many failed attempts, None: never.

    `since` is when the first one was due.
    """
    due_at = now + WAITS[min(max(attempts, 1), len(WAITS)) - 1]
    return due_at if due_at - since <= TRIED_FOR else None


def ended(task: WebhookTask, answer: WebhookAnswer, *, now: datetime) -> WebhookEnd:
    """Return what an attempt leads to."""
    if answer.is_success:
        return WebhookEnd(task=task, answer=answer, state=WebhookState.DELIVERED, due_at=None)
    due_at = None if task.is_test else next_try(task.attempts + 1, since=task.since, now=now)
    is_gone = answer.code == GONE and not task.is_test
    return WebhookEnd(
        task=task,
        answer=answer,
        state=WebhookState.FAILED if due_at is None else WebhookState.WAITING,
        due_at=due_at,
        why_disabled=kept(ENDPOINT_GONE) if is_gone else None,
    )


def failed_too_long(failures: int, last: str) -> str:
    """Return the sentence on an endpoint that is disabled for its failures."""
    days = FAILING_FOR // timedelta(days=1)
    return kept(FAILED_TOO_LONG, days=days, failures=failures, last=last)
