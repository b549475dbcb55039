"""The documented retries for code that has its own sender: one call, or many in batches.

One generator decides; the async and the sync face only call, wait and tell it what came. Nothing is
stored: what must outlive this process belongs into the gateway.
"""

import asyncio
import inspect
import random
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar, Unpack

import structlog

from terkirim.delivery.failures import asked_wait, is_failed_answer, is_worth_retrying, shown_text
from terkirim.policy.retry import RetrySchedule, next_wait

T = TypeVar("T")
Item = TypeVar("Item")

WAITS = (timedelta(seconds=2), timedelta(seconds=6), timedelta(seconds=18))
BATCH_SIZE = 10
BATCH_PAUSE = timedelta(seconds=1)

_log = structlog.get_logger("terkirim.retrying")


class RetryOptions(TypedDict, total=False):
    """What may be set of the retries; each has its documented default.

    `waits`: between the attempts, so that one more attempt than waits is made. `jitter`: 0.2
    lengthens each wait by up to a fifth; 0, the default, keeps the exact waits. `is_failure`: says
    of a returned value whether nothing was sent. `is_retryable`: says of an exception, or of a
    returned value that is a failure, whether to try again. `dice`: draws from [0, 1) for the jitter.
    """

    waits: Sequence[timedelta]
    jitter: float
    is_failure: Callable[[Any], bool]
    is_retryable: Callable[[Any], bool]
    dice: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(Generic[T]):
    """How it ended: `value` is the last one returned, `error` the last one raised.

    A failure that was returned, not raised, stands in `value`, with `success` False and its text in
    `error`. `waits` are the waits that were kept; `attempts` counts the calls, from 1.
    """

    success: bool
    value: T | None
    attempts: int
    waits: tuple[timedelta, ...]
    error: Exception | str | None


async def retry_email_send(
    fn: Callable[[], Awaitable[T]] | Callable[[], T],
    *,
    to: str,
    subject: str = "",
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    **options: Unpack[RetryOptions],
) -> Retried[T]:
    """Return how sending with `fn` ended, after up to four calls with 2, 6 and 18 s between them.

    A plain function runs in a thread, so that the loop goes on; a cancelled wait for it does not
    end the thread. `to` and `subject` name the e-mail in the log. Raises nothing of what `fn`
    raises, except cancellation.

    Raises:
        ValueError: an option is wrong; nothing was called.
    """
    plan = _plan(_rules(options), to=to, subject=subject)
    step = next(plan)
    while not isinstance(step, Retried):
        if isinstance(step, timedelta):
            await sleep(step.total_seconds())
            step = plan.send(None)
        else:
            step = plan.send(await _called(fn))
    return step


def retry_email_send_sync(
    fn: Callable[[], T],
    *,
    to: str,
    subject: str = "",
    sleep: Callable[[float], object] = time.sleep,
    **options: Unpack[RetryOptions],
) -> Retried[T]:
    """Do as `retry_email_send` does, in the calling thread; `fn` is a plain function.

    Raises:
        ValueError: an option is wrong; nothing was called.
    """
    plan = _plan(_rules(options), to=to, subject=subject)
    step = next(plan)
    while not isinstance(step, Retried):
        if isinstance(step, timedelta):
            sleep(step.total_seconds())
            step = plan.send(None)
        else:
            step = plan.send(_called_here(fn))
    return step


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches(Generic[Item, T]):
    """How many items are sent: `size` at a time, `pause` between two batches.

    `to` and `subject` name an item in the log. `on_result(item, retried)` is told of every item as
    it ends, `on_progress(ended, total)` after it; what they raise is logged, and stops nothing.
    """

    size: int = BATCH_SIZE
    pause: timedelta = BATCH_PAUSE
    to: Callable[[Item], str] = str
    subject: Callable[[Item], str] = field(default=lambda _item: "")
    on_result: Callable[[Item, Retried[T]], object] | None = None
    on_progress: Callable[[int, int], object] | None = None

    def __post_init__(self) -> None:
        if self.size < 1 or self.pause < timedelta(0):
            raise ValueError("a batch has at least one item, and a pause is not negative")
