"""Many sends with the documented retries: some at a time, with a pause between two batches."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Generic, TypeVar, Unpack, overload

from terkirim.delivery.retrying import (
    Retried,
    RetryOptions,
    retry_email_send,
    retry_email_send_sync,
    rules_of,
)
from terkirim.logs import Logger

T = TypeVar("T")
Item = TypeVar("Item")

BATCH_SIZE = 10
BATCH_PAUSE = timedelta(seconds=1)

_log = Logger("terkirim.retrying")


@overload
async def retry_batch(
    fn: Callable[[Item], Awaitable[T]],
    items: Iterable[Item],
    *,
    size: int = ...,
    pause: timedelta = ...,
    on_result: Callable[[Item, Retried[T]], object] | None = ...,
    on_progress: Callable[[int, int], object] | None = ...,
    sleep: Callable[[float], Awaitable[object]] = ...,
    **options: Unpack[RetryOptions],
) -> list[Retried[T]]: ...
@overload
async def retry_batch(
    fn: Callable[[Item], T],
    items: Iterable[Item],
    *,
    size: int = ...,
    pause: timedelta = ...,
    on_result: Callable[[Item, Retried[T]], object] | None = ...,
    on_progress: Callable[[int, int], object] | None = ...,
    sleep: Callable[[float], Awaitable[object]] = ...,
    **options: Unpack[RetryOptions],
) -> list[Retried[T]]: ...
async def retry_batch(
    fn: Callable[[Item], Awaitable[T]] | Callable[[Item], T],
    items: Iterable[Item],
    *,
    size: int = BATCH_SIZE,
    pause: timedelta = BATCH_PAUSE,
    on_result: Callable[[Item, Retried[T]], object] | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    **options: Unpack[RetryOptions],
) -> list[Retried[T]]:
    """Return how each item ended, in their order: `size` at a time, `pause` between two batches.

    `on_result(item, retried)` is told of every item as it ends, then `on_progress(ended, total)`;
    plain functions both, and what they raise is logged and stops nothing. An item is named in the
    log by its `to` (`recipient`, `email`) and `subject`, or is the address itself.

    Raises:
        ValueError: an option is wrong; nothing was called.
    """
    rules_of(options)
    batches, told = _batches(items, size, pause), _Told(on_result, on_progress)
    told.total = sum(map(len, batches))

    async def ended(item: Item) -> Retried[T]:
        to, subject = _names(item)
        retried: Retried[T] = await retry_email_send(
            partial(fn, item), to=to, subject=subject, sleep=sleep, **options
        )
        told.of(item, retried)
        return retried

    results: list[Retried[T]] = []
    for number, batch in enumerate(batches):
        if number > 0:
            await sleep(pause.total_seconds())
        results += await asyncio.gather(*map(ended, batch))
    return results


def retry_batch_sync(
    fn: Callable[[Item], T],
    items: Iterable[Item],
    *,
    size: int = BATCH_SIZE,
    pause: timedelta = BATCH_PAUSE,
    on_result: Callable[[Item, Retried[T]], object] | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    sleep: Callable[[float], object] = time.sleep,
    **options: Unpack[RetryOptions],
) -> list[Retried[T]]:
    """Do as `retry_batch` does, a batch in as many threads; callbacks run in the calling thread.

    Raises:
        ValueError: an option is wrong; nothing was called.
    """
    rules_of(options)
    batches, told = _batches(items, size, pause), _Told(on_result, on_progress)
    told.total = sum(map(len, batches))

    def ended(item: Item) -> Retried[T]:
        to, subject = _names(item)
        return retry_email_send_sync(
            partial(fn, item), to=to, subject=subject, sleep=sleep, **options
        )

    results: list[Retried[T]] = []
    with ThreadPoolExecutor(max_workers=size, thread_name_prefix="retry-batch") as threads:
        for number, batch in enumerate(batches):
            if number > 0:
                sleep(pause.total_seconds())
            for item, retried in zip(batch, threads.map(ended, batch), strict=True):
                told.of(item, retried)
                results.append(retried)
    return results


class _Told(Generic[Item, T]):
    """Tells a batch's callbacks, and outlives what they raise."""

    def __init__(
        self,
        on_result: Callable[[Item, Retried[T]], object] | None,
        on_progress: Callable[[int, int], object] | None,
    ) -> None:
        self._on_result = on_result
        self._on_progress = on_progress
        self._ended = 0
        self.total = 0

    def of(self, item: Item, retried: Retried[T]) -> None:
        self._ended += 1
        try:
            if self._on_result is not None:
                self._on_result(item, retried)
            if self._on_progress is not None:
                self._on_progress(self._ended, self.total)
        except Exception:  # noqa: BLE001 - the mail is sent, whatever the caller's display does
            _log.exception("a callback of the batch raised")


def _batches(items: Iterable[Item], size: int, pause: timedelta) -> list[list[Item]]:
    if size < 1 or pause < timedelta(0):
        raise ValueError("`size` must be at least 1, and `pause` must not be negative")
    every = list(items)
    return [every[start : start + size] for start in range(0, len(every), size)]


def _names(item: object) -> tuple[str, str]:
    """Return recipient and subject of an item, for the log."""
    if isinstance(item, str):
        return item, ""
    fields = item if isinstance(item, Mapping) else getattr(item, "__dict__", {})
    to = next((fields[name] for name in ("to", "recipient", "email") if name in fields), "")
    return str(to), str(fields.get("subject", ""))
