"""Writes what was done on the command line into the activity log."""

import getpass
from typing import Any

from terkirim.database import Database
from terkirim.domain.alert import AT_COMMAND_LINE, COMMAND_LINE, Activity


def person() -> str:
    """Return who sits at the command line."""
    try:
        return getpass.getuser() + AT_COMMAND_LINE
    except (KeyError, OSError):  # a container without a user of that number
        return COMMAND_LINE


async def note(database: Database, what: str, subject: str, **facts: Any) -> None:
    """Keep that somebody at the command line did this."""
    activity = Activity(
        at=database.clock.now(), who=person(), what=what, subject=subject, facts=facts
    )
    await database.people.note(activity)
