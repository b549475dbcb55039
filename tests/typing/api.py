"""The public library as type checkers see it; checked, never run."""

from typing import assert_type

from terkirim import Gateway, Retried, retry_email_send


async def sent(gateway: Gateway) -> None:
    assert_type(await gateway.send_email(to="a@example.com", subject="x", text="y"), str)


async def retried() -> None:
    async def send() -> int:
        return 1

    assert_type(await retry_email_send(send, to="a@example.com", subject="x"), Retried[int])
