"""Everything that can be asked of a gateway: for each, the request and how to read its answer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote, urlencode

from terkirim.client.answers import nothing_of, read_as, story_of
from terkirim.client.fields import batch_json, email_json
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
from terkirim.domain.errors import NotFound
from terkirim.domain.idempotency import idempotency_key_in

T = TypeVar("T")

LARGEST_PAGE = 100


class MessageFilters(TypedDict, total=False):
    """Which messages a list shows; all that are given must hold, and None is as if left out.

    `state`: one state, or several.
    """

    state: str | Sequence[str] | None
    recipient: str | None
    email_id: str | None
    is_sandbox: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One question or order; `path` stands below `/v1`. `read` makes the answer of its body."""

    method: str
    path: str
    read: Callable[[bytes], T]
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None

    @property
    def may_be_repeated(self) -> bool:
        """True where sending it twice does what sending it once does."""
        return self.method == "GET" or self.idempotency_key is not None

    @property
    def is_order(self) -> bool:
        """True where it changes something."""
        return self.method != "GET"


def send_email(fields: Mapping[str, Any], *, idempotency_key: str) -> Call[SentEmail]:
    """Put one e-mail on the gateway's disk."""
    return Call(
        method="POST",
        path="/emails?strict=1",  # a field that nobody reads is a mistake, never a warning
        read=read_as(SentEmail),
        body=email_json(fields),
        idempotency_key=idempotency_key_in(idempotency_key),
    )


def send_batch(
    emails: Iterable[Mapping[str, Any]], *, skip_bad: bool, idempotency_key: str
) -> Call[SentBatch]:
    """Put several e-mails on the gateway's disk together; with `skip_bad`, the good ones."""
    return Call(
        method="POST",
        path="/emails/batch?strict=1",
        read=read_as(SentBatch),
        body=batch_json(emails),
        headers={"X-Batch-Validation": "permissive" if skip_bad else "strict"},
        idempotency_key=idempotency_key_in(idempotency_key),
    )


def get_email(email_id: str) -> Call[Email]:
    """Read one e-mail with its messages."""
    return Call(method="GET", path=f"/emails/{_in_path(email_id)}", read=read_as(Email))


def list_emails(*, limit: int | None, after: str | None, before: str | None) -> Call[Page[Email]]:
    """Read one page of e-mails."""
    query = _query(limit=limit, after=after, before=before)
    return Call(method="GET", path=f"/emails{query}", read=read_as(Page[Email]))


def next_emails(page: Page[Email] | None) -> Call[Page[Email]] | None:
    """Return the call for the page that follows this one, None after the last.

    The page before the first is None.
    """
    if page is None:
        return list_emails(limit=LARGEST_PAGE, after=None, before=None)
    if not page.has_more or not page.items:
        return None
    return list_emails(limit=LARGEST_PAGE, after=page.items[-1].id, before=None)


def reschedule(email_id: str, scheduled_at: datetime | str) -> Call[None]:
    """Move an e-mail to another time."""
    return Call(
        method="PATCH",
        path=f"/emails/{_in_path(email_id)}",
        read=nothing_of,
        body=email_json({"scheduled_at": scheduled_at}),
    )


def cancel(email_id: str) -> Call[CancelledEmail]:
    """Stop what has not left."""
    path = f"/emails/{_in_path(email_id)}/cancel"
    return Call(method="POST", path=path, read=read_as(CancelledEmail), body=b"{}")


def get_message(message_id: str) -> Call[MessageStory]:
    """Read the story of one message."""
    return Call(method="GET", path=f"/messages/{_in_path(message_id)}", read=story_of)


def list_messages(
    *,
    filters: MessageFilters,
    limit: int | None = None,
    after: str | None = None,
    before: str | None = None,
) -> Call[Page[Message]]:
    """Read one page of messages."""
    asked = {name: _in_query(value) for name, value in filters.items()}
    if "is_sandbox" in asked:
        asked["sandbox"] = asked.pop("is_sandbox")
    query = _query(**asked, limit=limit, after=after, before=before)
    return Call(method="GET", path=f"/messages{query}", read=read_as(Page[Message]))


def next_messages(
    page: Page[Message] | None, *, filters: MessageFilters
) -> Call[Page[Message]] | None:
    """Return the call for the page that follows this one, as `next_emails` does."""
    if page is None:
        return list_messages(filters=filters, limit=LARGEST_PAGE)
    if not page.has_more or not page.items:
        return None
    return list_messages(filters=filters, limit=LARGEST_PAGE, after=page.items[-1].id)


def requeue(message_id: str) -> Call[None]:
    """Queue a dead or held message again."""
    path = f"/messages/{_in_path(message_id)}/requeue"
    return Call(method="POST", path=path, read=nothing_of, body=b"{}")


def retry_statistics(*, days: int) -> Call[RetryStatistics]:
    """Read how much was retried, and how often it helped."""
    return Call(method="GET", path=f"/retries{_query(days=days)}", read=read_as(RetryStatistics))


def _in_path(id_: str) -> str:
    if not id_:
        raise NotFound("there is nothing with an empty id")
    return quote(id_, safe="")


def _in_query(value: object) -> object:
    """Return a filter's value as the address writes it."""
    match value:
        case bool():
            return int(value)
        case list() | tuple():
            return ",".join(map(str, value))
    return value


def _query(**values: object) -> str:
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
