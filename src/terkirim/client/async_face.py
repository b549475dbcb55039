"""`AsyncClient`: sends and waits as the core says, in threads of its own beside the event loop."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Self, TypeVar, Unpack

from terkirim.client import calls
from terkirim.client.calls import Call, MessageFilters
from terkirim.client.core import TIMEOUT, WAITS, Core, Ended, Span, Wait
from terkirim.client.records import (
    CancelledEmail,
    Email,
    Message,
    MessageStory,
    Page,
    RetryStatistics,
    SentBatch,
    SentEmail,
)
from terkirim.client.transport import Transport
from terkirim.client.wire import Answer, NoAnswer, Request
from terkirim.domain.email import Addresses, EmailFields, EmailOptions

T = TypeVar("T")

CONNECTIONS = 32  # requests of one client in the air at once


class AsyncClient:
    """A gateway over HTTP, for code with an event loop: `Client` with `await` before each call.

    A call that is cancelled may be done nevertheless; at most `connections` are in the air at once,
    and more wait for them.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: Span = TIMEOUT,
        waits: Sequence[Span] = WAITS,
        connections: int = CONNECTIONS,
    ) -> None:
        self._core = Core(base_url, api_key, timeout=timeout, waits=waits)
        self._transport = Transport(self._core.server)
        self._threads = _Threads(connections)

    def __repr__(self) -> str:
        return f"AsyncClient({str(self._core.server)!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a call in the air ends at once. Safe to call twice."""
        self._transport.close()
        self._threads.close()

    async def send_email(
        self,
        *,
        to: Addresses,
        subject: str,
        html: str | None = None,
        text: str | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[EmailOptions],
    ) -> SentEmail:
        """Do as `Client.send_email` does."""
        fields = {"to": to, "subject": subject, "html": html, "text": text, **options}
        key = self._core.key_for(idempotency_key)
        return await self._ended(calls.send_email(fields, idempotency_key=key))

    async def send_batch(
        self,
        emails: Iterable[EmailFields],
        *,
        skip_bad: bool = False,
        idempotency_key: str | None = None,
    ) -> SentBatch:
        """Do as `Client.send_batch` does."""
        key = self._core.key_for(idempotency_key)
        return await self._ended(calls.send_batch(emails, skip_bad=skip_bad, idempotency_key=key))

    async def get_email(self, email_id: str) -> Email:
        """Do as `Client.get_email` does."""
        return await self._ended(calls.get_email(email_id))

    async def list_emails(
        self, *, limit: int | None = None, after: str | None = None, before: str | None = None
    ) -> Page[Email]:
        """Do as `Client.list_emails` does."""
        return await self._ended(calls.list_emails(limit=limit, after=after, before=before))

    async def all_emails(self) -> AsyncIterator[Email]:
        """Do as `Client.all_emails` does."""
        page: Page[Email] | None = None
        while (call := calls.next_emails(page)) is not None:
            page = await self._ended(call)
            for email in page:
                yield email

    async def reschedule(self, email_id: str, scheduled_at: datetime | str) -> None:
        """Do as `Client.reschedule` does."""
        await self._ended(calls.reschedule(email_id, scheduled_at))

    async def cancel(self, email_id: str) -> CancelledEmail:
        """Do as `Client.cancel` does."""
        return await self._ended(calls.cancel(email_id))

    async def get_message(self, message_id: str) -> MessageStory:
        """Do as `Client.get_message` does."""
        return await self._ended(calls.get_message(message_id))

    async def list_messages(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        **filters: Unpack[MessageFilters],
    ) -> Page[Message]:
        """Do as `Client.list_messages` does."""
        call = calls.list_messages(filters=filters, limit=limit, after=after, before=before)
        return await self._ended(call)

    async def all_messages(self, **filters: Unpack[MessageFilters]) -> AsyncIterator[Message]:
        """Do as `Client.all_messages` does."""
        page: Page[Message] | None = None
        while (call := calls.next_messages(page, filters=filters)) is not None:
            page = await self._ended(call)
            for message in page:
                yield message

    async def requeue(self, message_id: str) -> None:
        """Do as `Client.requeue` does."""
        await self._ended(calls.requeue(message_id))

    async def retry_statistics(self, *, days: int = 7) -> RetryStatistics:
        """Do as `Client.retry_statistics` does."""
        return await self._ended(calls.retry_statistics(days=days))

    async def _ended(self, call: Call[T]) -> T:
        steps = self._core.steps(call)
        step = next(steps)
        while not isinstance(step, Ended):
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
                step = next(steps)
            else:
                step = steps.send(await self._threads.run(self._transport.exchange, step))
        return step.answer


class _Threads:
    """The threads that wait for answers; made in the process that uses them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool: ThreadPoolExecutor | None = None
        self._pid = os.getpid()
        self._is_closed = False

    async def run(
        self, exchange: Callable[[Request], Answer | NoAnswer], request: Request
    ) -> Answer | NoAnswer:
        if self._is_closed:
            raise RuntimeError("the client is closed")
        if self._pool is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="terkirim-client")
        return await asyncio.get_running_loop().run_in_executor(self._pool, exchange, request)

    def close(self) -> None:
        self._is_closed = True
        if self._pool is not None and self._pid == os.getpid():
            self._pool.shutdown(wait=False)  # what waits in it hears that the client is closed
