"""What people chose at run time: kept in the database, one for all nodes."""

from collections.abc import Collection
from typing import Protocol

from terkirim.domain.alert import Activity


class Options(Protocol):
    """Values by name. Secrets are options too, so that nobody asks for all of them."""

    async def options(self, names: Collection[str]) -> dict[str, str]:
        """Return what is kept under these names; a name without a value is left out."""
        ...

    async def set_option(self, name: str, value: str, *, note: Activity) -> bool:
        """Keep this value, and with it who chose it; False, and no note, where it was kept already.

        Of two that choose at once the last one stays.
        """
        ...
