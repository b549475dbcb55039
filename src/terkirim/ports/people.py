"""Who uses the gateway, and what was done by whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from terkirim.domain.alert import Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person; `alert_url` (a secret) is where an admin's alerts go, also `level|url`.

    `password_hash` is argon2's, None for somebody who cannot sign in.
    """

    id: str
    name: str
    email: str
    role: str
    created_at: datetime
    alert_url: str | None = None
    password_hash: str | None = None

    @property
    def alert_shown(self) -> str | None:
        """Return the kind of channel that alerts go to, with its level, without its secrets."""
        if self.alert_url is None:
            return None
        return f"{self.alert_url.partition('://')[0]}://***"

    def __repr__(self) -> str:
        return f"User({self.name!r}, {self.role})"


class UserBook(Protocol):
    """Where people are kept."""

    async def add_user(self, user: User) -> bool:
        """Store a person; False where the name is taken."""
        ...

    async def users(self) -> list[User]:
        """Return everybody, by name."""
        ...


class ActivityLog(Protocol):
    """Who did what, when; kept by the transaction of what was done where that writes itself."""

    async def note(self, activity: Activity, *, is_folded: bool = False) -> None:
        """Keep one activity; folded, repeats within an hour are one row that counts `times`."""
        ...

    async def activity(
        self, *, limit: int, before: datetime | None = None, after: str | None = None
    ) -> list[Activity]:
        """Return what was done, newest first; `after` is the id of the row to go on from.

        With `before`, `after` is a row as it stood at that instant: it may have moved since, by a
        repeat that it counts, or be gone.

        Raises:
            NotFound: the log has no row of this id.
        """
        ...


class People(UserBook, ActivityLog, Protocol):
    """Both, as one database keeps them."""
