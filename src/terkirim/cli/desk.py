"""What a command has at hand: the settings, the screen, and the database while it is asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from terkirim.cli.screen import Screen
from terkirim.database import Database, SystemClock, file_of, open_database, peeked
from terkirim.language.manners import Manners
from terkirim.ports import Clock
from terkirim.settings import Settings, load
from terkirim.settings.choices import chosen, open_choices

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
    manners = manners_of(settings)
    screen = Screen(manners.say, manners.zone, as_json)
    _point_out_a_new_file(settings, screen)
    return Desk(settings, screen, SystemClock())


def manners_of(settings: Settings) -> Manners:
    """Return how to speak to people: as is set, or as was chosen in the database."""
    names = open_choices(settings)
    kept = asyncio.run(peeked(settings, names)) if names else {}
    return Manners(*chosen(settings, kept))


def _point_out_a_new_file(settings: Settings, screen: Screen) -> None:
    """Mail in a folder where nobody serves would wait for ever."""
    path = file_of(settings)
    if path is not None and not path.exists():
        says = screen.say(
            "{path} is new and empty: is this the folder, or the setting, of your gateway?",
            path=str(path),
        )
        screen.note(says)
