"""Writes what was done on the command line into the activity log."""

from typing import Any

from terkirim.database import Database
from terkirim.domain.alert import Activity

WHO = "cli"


async def note(database: Database, what: str, subject: str, **facts: Any) -> None:
    """Keep that somebody at the command line did this."""
    activity = Activity(at=database.clock.now(), who=WHO, what=what, subject=subject, facts=facts)
    await database.people.note(activity)
