"""A gateway for a command that hands mail over; another process sends it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from terkirim.compose import Gateway
from terkirim.settings import Settings

T = TypeVar("T")


def submitted(settings: Settings, work: Callable[[Gateway], Awaitable[T]]) -> T:
    """Return what the work comes to in an open gateway that sends nothing itself."""

    async def done() -> T:
        async with Gateway.open(settings, work=False) as gateway:
            return await work(gateway)

    return asyncio.run(done())
