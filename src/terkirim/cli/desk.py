"""What a command has at hand: the settings, the screen, and the gateway while it is asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from terkirim.cli.screen import Screen
from terkirim.compose import Gateway, SystemClock
from terkirim.language import speak
from terkirim.ports import Clock
from terkirim.settings import Settings, load

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """One command's surroundings."""

    settings: Settings
    screen: Screen
    clock: Clock

    def ask(self, question: Callable[[Gateway], Awaitable[T]]) -> T:
        """Return what the question finds in a gateway that sends nothing itself."""

        async def asked() -> T:
            async with Gateway.open(self.settings, work=False) as gateway:
                return await question(gateway)

        return asyncio.run(asked())


def desk(*, as_json: bool) -> Desk:
    """Return the desk as the settings have it.

    Raises:
        ConfigError: a setting is wrong.
    """
    settings = load()
    screen = Screen(speak(settings.language), settings.time_zone, as_json)
    return Desk(settings, screen, SystemClock())
