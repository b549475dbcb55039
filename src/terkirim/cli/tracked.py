"""Events and suppressions as a command finds them in the database."""

import getpass

from terkirim.content.addresses import normalised
from terkirim.database import Database
from terkirim.tracking.suppressions import SuppressionList


def suppressions_of(database: Database) -> SuppressionList:
    """Return the list of suppressed addresses."""
    return SuppressionList(store=database.suppressions, check=normalised, clock=database.clock)


def person() -> str:
    """Return who sits at the command line, for the activity log."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container without a user of that number
        return "command line"
