"""The public library as type checkers see it; checked, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=error

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import assert_type

from terkirim import (
    AsyncClient,
    Client,
    Gateway,
    GatewayUnavailable,
    InvalidEmail,
    Retried,
    SyncGateway,
    WrongState,
    retry_batch,
    retry_batch_sync,
    retry_email_send,
    retry_email_send_sync,
)
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
from terkirim.domain.email import Address
from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.ports import Cancelled


async def embedded(gateway: Gateway) -> None:
    sent = await gateway.send_email(
        to=["a@example.com", Address("b@example.com", "B")],
        subject="x",
        text="y",
        idempotency_key="order-1",
        variables={"*": {"nama": "Budi"}},
        scheduled_at=datetime.now(UTC),
        expires_in=timedelta(minutes=10),
        priority="high",
    )
    assert_type(sent, str)
    assert_type(await gateway.get_email(sent), EmailRow)
    assert_type(await gateway.get_message(sent), Story)
    assert_type(await gateway.wait_for(sent, within=5), list[MessageRow])
    assert_type(await gateway.cancel(sent), list[Cancelled])
    assert_type(await gateway.requeue(sent), int)
    assert_type(await gateway.count_pending(), int)
    await gateway.send_email(to="a@example.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await gateway.send_email(to="a", subject="x", subjekt="y")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await gateway.send_email(to=5, subject="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def in_a_thread() -> None:
    with SyncGateway.open(database="sqlite:///mail.db") as gateway:
        assert_type(gateway, SyncGateway)
        sent = gateway.send_email(to="a@example.com", subject="x", html="y", tags=[])
        assert_type(sent, str)
        assert_type(gateway.get_email(sent), EmailRow)
        assert_type(gateway.get_message(sent), Story)
        assert_type(gateway.wait_for(sent, within=timedelta(seconds=5)), list[MessageRow])
        assert_type(gateway.cancel(sent), list[Cancelled])
        assert_type(gateway.requeue(sent), int)
        assert_type(gateway.count_pending(), int)
        gateway.send_email(subject="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def over_http() -> None:
    with Client("http://127.0.0.1:8625", "key", timeout=5, waits=(0.1,)) as client:
        assert_type(client, Client)
        sent = client.send_email(to="a@example.com", subject="x", text="y", reply_to=["b@c.id"])
        assert_type(sent, SentEmail)
        assert_type((sent.id, sent.warnings, sent.is_sandbox), tuple[str, tuple[str, ...], bool])
        batch = client.send_batch(
            [{"to": "a@example.com", "subject": "x", "text": "y"}], skip_bad=True
        )
        assert_type(batch, SentBatch)
        assert_type(client.get_email(sent.id), Email)
        assert_type(client.list_emails(limit=5), Page[Email])
        assert_type(client.all_emails(), Iterator[Email])
        assert_type(client.reschedule(sent.id, "in 1 hour"), None)
        assert_type(client.cancel(sent.id), CancelledEmail)
        assert_type(client.get_message(sent.id), MessageStory)
        assert_type(client.list_messages(state=["dead"], limit=5), Page[Message])
        assert_type(client.all_messages(is_sandbox=True), Iterator[Message])
        assert_type(client.requeue(sent.id), None)
        assert_type(client.retry_statistics(), RetryStatistics)
        client.send_batch([{"subject": "x"}])  # type: ignore[typeddict-item]  # pyright: ignore[reportArgumentType]
        client.send_email(to="a", subject="x", priority=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def over_http_with_a_loop() -> None:
    async with AsyncClient() as client:
        assert_type(client, AsyncClient)
        sent = await client.send_email(to="a@example.com", subject="x", text="y")
        assert_type(sent, SentEmail)
        assert_type(await client.send_batch([]), SentBatch)
        assert_type(await client.get_email(sent.id), Email)
        assert_type(await client.list_emails(after=sent.id), Page[Email])
        assert_type(client.all_emails(), AsyncIterator[Email])
        assert_type(await client.reschedule(sent.id, datetime.now(UTC)), None)
        assert_type(await client.cancel(sent.id), CancelledEmail)
        assert_type(await client.get_message(sent.id), MessageStory)
        assert_type(await client.list_messages(), Page[Message])
        assert_type(client.all_messages(recipient="a@c.id"), AsyncIterator[Message])
        assert_type(await client.requeue(sent.id), None)
        assert_type(await client.retry_statistics(days=1), RetryStatistics)


def refused(client: Client) -> None:
    try:
        client.cancel("e1")
    except GatewayUnavailable as error:
        assert_type(error.may_be_done, bool)
        assert_type(error.idempotency_key, str | None)
        assert_type(error.retry_after, timedelta | None)
    except InvalidEmail as error:
        assert_type(error.field, str)
    except WrongState as error:
        assert_type(error.state, str)


async def retried() -> None:
    async def send() -> dict[str, object]:
        return {"id": 1}

    async def send_to(item: str) -> int:
        return len(item)

    ended = await retry_email_send(send, to="a@example.com", subject="x", waits=(0, 0, 0))
    assert_type(ended, Retried[dict[str, object]])
    assert_type((ended.success, ended.attempts), tuple[bool, int])
    assert_type(ended.value, dict[str, object] | None)
    later = await retry_email_send(partial(send_to, "a@example.com"), to="a@example.com")
    assert_type(later, Retried[int])
    plain = await retry_email_send(lambda: 1, to="a@example.com")
    assert_type(plain, Retried[int])
    every = await retry_batch(send_to, ["a@example.com"], on_result=told)
    assert_type([one.value for one in every], list[int | None])
    lengths = await retry_batch(len, ["a@example.com"], on_progress=print)
    assert_type(lengths, list[Retried[int]])


def told(item: str, ended: Retried[int]) -> None:
    assert_type(ended.error, Exception | str | None)


def retried_in_a_thread() -> None:
    ended = retry_email_send_sync(lambda: 1, to="a@example.com")
    assert_type(ended, Retried[int])
    every = retry_batch_sync(len, ["a@example.com"], on_result=told)
    assert_type(every, list[Retried[int]])
