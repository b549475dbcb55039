"""What signing in needs: accounts with passwords, sessions, and a count of failed tries."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from terkirim.ports.people import ActivityLog, User, UserBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in; `hash` is of the token that only the browser has.

    It ends at `until`, and earlier where it is not used: `seen_at` is when it last was.
    """

    hash: str
    user: User
    made_at: datetime
    seen_at: datetime
    until: datetime


class SessionBook(Protocol):
    """Where sessions are kept."""

    async def open_session(self, session: Session) -> None:
        """Keep a session, and forget all that have ended."""
        ...

    async def session(
        self, token_hash: str, *, now: datetime, idle_for: timedelta
    ) -> Session | None:
        """Return the session with its user as that is now, None where it has ended."""
        ...

    async def touch_session(self, token_hash: str, *, now: datetime) -> None:
        """Record that the session is used."""
        ...

    async def end_session(self, token_hash: str) -> None:
        """End a session at once."""
        ...

    async def end_sessions_of(self, user_id: str, *, but: str = "") -> int:
        """End all sessions of a person, but the one with this hash; return how many."""
        ...


class AccountBook(Protocol):
    """The people who can sign in."""

    async def find_user(self, name: str) -> User | None:
        """Return the person of this name, whatever its case."""
        ...

    async def set_password(self, user_id: str, password_hash: str) -> bool:
        """Give a person another password; False where there is no such person."""
        ...

    async def set_role(self, user_id: str, role: str) -> bool:
        """Give a person another role.

        False where there is no such person, or where no admin would be left who can sign in.
        """
        ...

    async def drop_user(self, user_id: str) -> bool:
        """Remove a person with all sessions; False as for `set_role`."""
        ...

    async def can_anybody_sign_in(self) -> bool:
        """Return whether there is a person with a password."""
        ...

    async def keep_first_link(self, link_hash: str, *, until: datetime) -> None:
        """Keep a link by which the first admin can be made."""
        ...

    async def is_first_link(self, link_hash: str, *, now: datetime) -> bool:
        """Return whether the link is good: not over, and nobody can sign in yet."""
        ...

    async def add_first_user(self, user: User, *, link_hash: str, now: datetime) -> bool:
        """Store the first person and forget all links; False where the link is not good."""
        ...


class StrikeBook(Protocol):
    """Counts tries to sign in, the same for every node."""

    async def take_try(self, limits: Mapping[str, int], *, now: datetime) -> datetime | None:
        """Count one try under each key; or return until when none is taken, and count nothing.

        `limits` has the tries that are free under each key. Counting comes before the password is
        looked at, so that many tries at once are counted too.
        """
        ...

    async def forgive(self, key: str, *, given_back: Collection[str]) -> None:
        """Forget the tries under a key, as the last one succeeded; give others that one back."""
        ...


class Accounts(AccountBook, SessionBook, StrikeBook, UserBook, ActivityLog, Protocol):
    """People, who of them is signed in, and what they did: one object stands behind it all."""
