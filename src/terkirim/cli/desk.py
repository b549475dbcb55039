"""What a command has at hand: the settings, the screen, and the database while it is asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from terkirim.cli.screen import Screen
from terkirim.database import Database, SystemClock, open_database
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

    def ask(self, question: Callable[[Database], Awaitable[T]]) -> T:
        """Return what the question finds in the database; what sends is not even imported."""

        async def asked() -> T:
            async with open_database(self.settings) as database:
                return await question(database)

        return asyncio.run(asked())


def desk(*, as_json: bool) -> Desk:
    """Return the desk as the settings have it.

    Raises:
        ConfigError: a setting is wrong.
    """
    settings = load()
    screen = Screen(speak(settings.language), settings.time_zone, as_json)
    return Desk(settings, screen, SystemClock())
