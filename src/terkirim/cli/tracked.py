"""Events and suppressions as a command finds them in the database."""

import getpass

from terkirim.content.addresses import normalised
from terkirim.database import Database
from terkirim.domain.errors import ConfigError
from terkirim.ports.tracking import Events
from terkirim.tracking.suppressions import SuppressionList

_MISSING = "TERKIRIM_DATABASE: callbacks and suppressions need SQLite as yet"


def events_of(database: Database) -> Events:
    """Return the log of events.

    Raises:
        ConfigError: this database does not keep one.
    """
    if database.events is None:
        raise ConfigError(_MISSING)
    return database.events


def suppressions_of(database: Database) -> SuppressionList:
    """Return the list of suppressed addresses.

    Raises:
        ConfigError: this database does not keep one.
    """
    if database.suppressions is None:
        raise ConfigError(_MISSING)
    return SuppressionList(store=database.suppressions, check=normalised, clock=database.clock)


def person() -> str:
    """Return who sits at the command line, for the activity log."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container without a user of that number
        return "command line"
