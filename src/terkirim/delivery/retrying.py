"""The documented retries for code that has its own sender.

One generator decides; the async and the sync face only call, wait and tell it what came. Nothing is
stored: what must outlive this process belongs into the gateway.
"""

import asyncio
import inspect
import random
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypedDict, TypeVar, Unpack, overload

from terkirim.delivery.failures import asked_wait, is_failed_answer, is_worth_retrying, shown_text
from terkirim.logs import Logger
from terkirim.policy.retry import RetrySchedule, next_wait

T = TypeVar("T")

WAITS = (timedelta(seconds=2), timedelta(seconds=6), timedelta(seconds=18))

_log = Logger("terkirim.retrying")


class RetryOptions(TypedDict, total=False):
    """What may be set of the retries; each has its documented default.

    `waits` (or seconds) stand between the attempts, so that one more attempt than waits is made.
    `jitter` 0.2 lengthens each wait by up to a fifth; 0, the default, keeps the exact waits.
    `is_failure` says of a returned value whether nothing was sent; `is_retryable` of an exception,
    or of a returned value that is a failure, whether to try again. `dice` draws from [0, 1).
    """

    waits: Sequence[timedelta | float]
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


@overload
async def retry_email_send(
    fn: Callable[[], Awaitable[T]],
    *,
    to: str,
    subject: str = ...,
    sleep: Callable[[float], Awaitable[object]] = ...,
    **options: Unpack[RetryOptions],
) -> Retried[T]: ...
@overload
async def retry_email_send(
    fn: Callable[[], T],
    *,
    to: str,
    subject: str = ...,
    sleep: Callable[[float], Awaitable[object]] = ...,
    **options: Unpack[RetryOptions],
) -> Retried[T]: ...
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
    plan: _Plan[T] = _plan(rules_of(options), to=to, subject=subject)
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
    plan: _Plan[T] = _plan(rules_of(options), to=to, subject=subject)
    step = next(plan)
    while not isinstance(step, Retried):
        if isinstance(step, timedelta):
            sleep(step.total_seconds())
            step = plan.send(None)
        else:
            step = plan.send(_without_awaitable(_called_here(fn)))
    return step


class _Call:
    """The plan's wish that the sender be called now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended(Generic[T]):
    value: T | None = None
    error: Exception | None = None

    @property
    def failure(self) -> object:
        return self.value if self.error is None else self.error


_Plan = Generator[_Call | timedelta | Retried[T], _Ended[T] | None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The options, with their defaults."""

    waits: Sequence[timedelta | float] = WAITS
    jitter: float = 0.0
    is_failure: Callable[[Any], bool] = is_failed_answer
    is_retryable: Callable[[Any], bool] = is_worth_retrying
    dice: Callable[[], float] = random.SystemRandom().random

    @property
    def schedule(self) -> RetrySchedule:
        """The waits as a schedule without a tail."""
        quick = tuple(
            wait if isinstance(wait, timedelta) else timedelta(seconds=wait) for wait in self.waits
        )
        whole = sum(quick, timedelta(0))
        return RetrySchedule(quick=quick, tail=(), retry_for=whole, jitter=self.jitter)

    def has_failed(self, ended: _Ended[Any]) -> bool:
        """Return whether nothing was sent."""
        return ended.error is not None or bool(self.is_failure(ended.value))

    def wait_after(self, ended: _Ended[Any], step: int) -> timedelta | None:
        """Return how long to wait after a failure at this step, None to give up."""
        if not self.is_retryable(ended.failure):
            return None
        return next_wait(
            self.schedule,
            step=step,
            waited=sum(self.schedule.quick[:step], timedelta(0)),
            spread=self.dice(),
            asked=asked_wait(ended.failure),
        )


def rules_of(options: RetryOptions) -> Rules:
    """Return the rules that the options make; a wrong one raises before anything is sent."""
    rules = Rules(**options)
    if rules.jitter < 0 or any(wait < timedelta(0) for wait in rules.schedule.quick):
        raise ValueError("`waits` and `jitter` must not be negative")
    return rules


def _plan(rules: Rules, *, to: str, subject: str) -> _Plan[T]:
    """Yield what is to be done next, and at last how it ended; take what each call came to."""
    log = _log.bind(to=to, subject=subject)
    waits: list[timedelta] = []
    while True:
        ended = (yield _Call()) or _Ended()
        judged = _judged(rules, ended, log.bind(attempt=len(waits) + 1), step=len(waits))
        if judged.wait is None:
            break
        waits.append(judged.wait)
        yield judged.wait
    yield Retried(
        success=not judged.has_failed,
        value=ended.value,
        attempts=len(waits) + 1,
        waits=tuple(waits),
        error=judged.error,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    has_failed: bool
    error: Exception | str | None = None
    wait: timedelta | None = None


def _judged(rules: Rules, ended: _Ended[Any], log: Any, *, step: int) -> _Judged:
    try:
        if not rules.has_failed(ended):
            log.info("sent")
            return _Judged(has_failed=False)
        wait = rules.wait_after(ended, step)
        text = shown_text(ended.failure)
    except Exception as broken:  # noqa: BLE001 - a rule of the caller broke: it may have been sent
        log.warning("the answer could not be judged", reason=shown_text(broken))
        return _Judged(has_failed=True, error=broken)
    _log_failure(log, text, wait)
    return _Judged(has_failed=True, error=text if ended.error is None else ended.error, wait=wait)


def _log_failure(log: Any, reason: str, wait: timedelta | None) -> None:
    if wait is None:
        log.error("not sent, gave up", reason=reason)
    else:
        log.warning("not sent", reason=reason, again_in=wait.total_seconds())


def _called_here(fn: Callable[[], T]) -> _Ended[T]:
    try:
        return _Ended(value=fn())
    except Exception as error:  # noqa: BLE001 - whatever the sender raises is an answer
        return _Ended(error=error)


async def _called(fn: Callable[[], Awaitable[T]] | Callable[[], T]) -> _Ended[T]:
    is_async = inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(
        getattr(fn, "__call__", None)  # noqa: B004 - an object whose call is a coroutine
    )
    # An exception is carried as a value: a StopIteration could not leave a thread's future.
    ended: _Ended[Any] = _called_here(fn) if is_async else await asyncio.to_thread(_called_here, fn)
    if not inspect.isawaitable(ended.value):
        return ended
    try:
        return _Ended(value=await ended.value)
    except Exception as error:  # noqa: BLE001 - as above
        return _Ended(error=error)


def _without_awaitable(ended: _Ended[T]) -> _Ended[T]:
    if not inspect.isawaitable(ended.value):
        return ended
    if inspect.iscoroutine(ended.value):
        ended.value.close()
    return _Ended(error=TypeError("an async sender needs `await retry_email_send(...)`"))
