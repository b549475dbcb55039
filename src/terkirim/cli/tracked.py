"""Events and suppressions as a command finds them in the database."""

from terkirim.content.addresses import normalised
from terkirim.database import Database
from terkirim.tracking.suppressions import SuppressionList


def suppressions_of(database: Database) -> SuppressionList:
    """Return the list of suppressed addresses."""
    return SuppressionList(store=database.suppressions, check=normalised, clock=database.clock)
