"""`Client`: sends and waits as the core says, in the calling thread."""

import time
from collections.abc import Iterable, Iterator, Sequence
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
from terkirim.domain.email import Addresses, EmailFields, EmailOptions

T = TypeVar("T")


class Client:
    """A gateway over HTTP, for code without an event loop; it may be used by many threads.

    `base_url` is the gateway's address, with or without `/v1`: else TERKIRIM_URL, else the address
    on which `terkirim serve` listens. `api_key` is taken from TERKIRIM_API_KEY, or from the file
    that TERKIRIM_API_KEY_FILE names, where it is not given. `timeout` is for a whole call; within
    it, what can be repeated without doing it twice is sent again after each of the `waits`.

    Every method raises of the tree in `terkirim.domain.errors`: AccessRefused, NotFound,
    WrongState, InvalidEmail, and GatewayUnavailable or StoreUnavailable (both ConnectionError)
    where a later call may succeed.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: Span = TIMEOUT,
        waits: Sequence[Span] = WAITS,
    ) -> None:
        self._core = Core(base_url, api_key, timeout=timeout, waits=waits)
        self._transport = Transport(self._core.server)

    def __repr__(self) -> str:
        return f"Client({str(self._core.server)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._transport.close()

    def send_email(
        self,
        *,
        to: Addresses,
        subject: str,
        html: str | None = None,
        text: str | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[EmailOptions],
    ) -> SentEmail:
        """Return the e-mail's id once it is on the gateway's disk; it is sent from there.

        A second call with the same `idempotency_key`, within a day, sends nothing and returns the
        first one's answer; without one, each call is another e-mail.

        Raises:
            InvalidEmail: a field is wrong, or unknown; nothing was stored.
            IdempotencyConflict: the key was used with other fields.
        """
        fields = {"to": to, "subject": subject, "html": html, "text": text, **options}
        key = self._core.key_for(idempotency_key)
        return self._ended(calls.send_email(fields, idempotency_key=key))

    def send_batch(
        self,
        emails: Iterable[EmailFields],
        *,
        skip_bad: bool = False,
        idempotency_key: str | None = None,
    ) -> SentBatch:
        """Put up to 100 e-mails on disk, all or none; with `skip_bad`, those that can be sent.

        Raises:
            InvalidEmail: one is wrong, and `skip_bad` is not asked for; nothing was stored.
            IdempotencyConflict: the key was used with another batch.
        """
        key = self._core.key_for(idempotency_key)
        return self._ended(calls.send_batch(emails, skip_bad=skip_bad, idempotency_key=key))

    def get_email(self, email_id: str) -> Email:
        """Return an e-mail with its messages; the id of a message leads to its e-mail."""
        return self._ended(calls.get_email(email_id))

    def list_emails(
        self, *, limit: int | None = None, after: str | None = None, before: str | None = None
    ) -> Page[Email]:
        """Return a page of e-mails, newest first: those after (older), or before (newer), an id."""
        return self._ended(calls.list_emails(limit=limit, after=after, before=before))

    def all_emails(self) -> Iterator[Email]:
        """Yield every e-mail, newest first, asking for page after page."""
        page: Page[Email] | None = None
        while (call := calls.next_emails(page)) is not None:
            page = self._ended(call)
            yield from page

    def reschedule(self, email_id: str, scheduled_at: datetime | str) -> None:
        """Move an e-mail that was not attempted yet.

        Raises:
            WrongState: it was attempted, or has ended.
        """
        self._ended(calls.reschedule(email_id, scheduled_at))

    def cancel(self, email_id: str) -> CancelledEmail:
        """Stop what has not left; what was too late stands in the answer.

        Raises:
            WrongState: all of it was too late.
        """
        return self._ended(calls.cancel(email_id))

    def get_message(self, message_id: str) -> MessageStory:
        """Return one message with its attempts and events; an e-mail's id leads to its first."""
        return self._ended(calls.get_message(message_id))

    def list_messages(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        **filters: Unpack[MessageFilters],
    ) -> Page[Message]:
        """Return a page of messages, newest first; `filters` are those of `MessageFilters`."""
        call = calls.list_messages(filters=filters, limit=limit, after=after, before=before)
        return self._ended(call)

    def all_messages(self, **filters: Unpack[MessageFilters]) -> Iterator[Message]:
        """Yield every message that the filters name, newest first, asking for page after page."""
        page: Page[Message] | None = None
        while (call := calls.next_messages(page, filters=filters)) is not None:
            page = self._ended(call)
            yield from page

    def requeue(self, message_id: str) -> None:
        """Queue a dead or held message again, or one that the sandbox kept.

        Raises:
            WrongState: it is none of these, or its content is not kept any more.
        """
        self._ended(calls.requeue(message_id))

    def retry_statistics(self, *, days: int = 7) -> RetryStatistics:
        """Return how much was retried in the last days, how often it helped, and why it had to."""
        return self._ended(calls.retry_statistics(days=days))

    def _ended(self, call: Call[T]) -> T:
        steps = self._core.steps(call)
        step = next(steps)
        while not isinstance(step, Ended):
            if isinstance(step, Wait):
                time.sleep(step.seconds)
                step = next(steps)
            else:
                step = steps.send(self._transport.exchange(step))
        return step.answer
