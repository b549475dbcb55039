"""Signing in and out, and the one-time link by which the first admin is made."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from terkirim.access.passwords import Passwords
from terkirim.access.roles import ADMIN
from terkirim.ports import Clock
from terkirim.ports.access import Accounts, Session
from terkirim.ports.people import User

IDLE_FOR = timedelta(hours=8)
SIGNED_IN_FOR = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)  # how exact `seen_at` is
LINK_FOR = timedelta(hours=24)
NAME_LIMIT = 100
# Free tries: of one person from one address, of one address, of one person from anywhere.
FREE_TOGETHER, FREE_BY_ADDRESS, FREE_BY_NAME = 5, 30, 100


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session, and the token that the browser keeps."""

    token: str
    session: Session


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody was signed in; `until`: no try is taken before, None: name or password were wrong."""

    until: datetime | None = None


class SignIn:
    """The desk at which people show who they are. `new_token` returns 256 random bits as text."""

    def __init__(
        self,
        books: Accounts,
        *,
        clock: Clock,
        new_token: Callable[[], str],
        new_id: Callable[[], str],
    ) -> None:
        self._books = books
        self._passwords = Passwords()
        self._clock = clock
        self._new_token = new_token
        self._new_id = new_id

    async def enter(self, name: str, password: str, *, address: str) -> SignedIn | Refused:
        """Sign a person in who gives name and password, unless too many were wrong before."""
        person = name.strip().casefold()[:NAME_LIMIT]
        together = _key("together", person, address)
        limits = {
            together: FREE_TOGETHER,
            _key("address", address): FREE_BY_ADDRESS,
            _key("name", person): FREE_BY_NAME,
        }
        until = await self._books.take_try(limits, now=self._clock.now())
        if until is not None:
            return Refused(until)
        user = await self._books.find_user(name.strip())
        kept = None if user is None else user.password_hash
        if not await self._passwords.fits(password, kept) or user is None:
            return Refused()
        others = [key for key in limits if key != together]
        await self._books.forgive(together, given_back=others)
        return await self._opened(user)

    async def who(self, token: str) -> Session | None:
        """Return the session of a token, None where it has ended or never was."""
        now = self._clock.now()
        session = await self._books.session(token_hash(token), now=now, idle_for=IDLE_FOR)
        if session is not None and now - session.seen_at > SEEN_EVERY:
            await self._books.touch_session(session.hash, now=now)
        return session

    async def look(self, token: str) -> Session | None:
        """Return the session of a token, as `who`; to look on counts as no use, so it may end."""
        now = self._clock.now()
        return await self._books.session(token_hash(token), now=now, idle_for=IDLE_FOR)

    async def leave(self, session: Session) -> None:
        """Sign out."""
        await self._books.end_session(session.hash)

    async def add(self, name: str, password: str, *, role: str, email: str) -> bool:
        """Add a person who can sign in; False where the name is taken."""
        user = User(
            id=self._new_id(),
            name=name,
            email=email,
            role=role,
            created_at=self._clock.now(),
            password_hash=await self._passwords.hashed(password),
        )
        return await self._books.add_user(user)

    async def is_password(self, user: User, password: str) -> bool:
        """Return whether it is this person's password."""
        return await self._passwords.fits(password, user.password_hash)

    async def change_password(self, user_id: str, password: str, *, but: str = "") -> bool:
        """Give a person another password and end their sessions, but the one with this hash."""
        is_done = await self._books.set_password(user_id, await self._passwords.hashed(password))
        await self._books.end_sessions_of(user_id, but=but)
        return is_done

    async def first_link(self) -> str | None:
        """Return the token of a new link for the first admin, None where somebody can sign in."""
        if await self._books.can_anybody_sign_in():
            return None
        token = self._new_token()
        until = self._clock.now() + LINK_FOR
        await self._books.keep_first_link(token_hash(token), until=until)
        return token

    async def is_first(self, link: str) -> bool:
        """Return whether the link's token is good."""
        return await self._books.is_first_link(token_hash(link), now=self._clock.now())

    async def enter_first(self, link: str, name: str, password: str) -> SignedIn | None:
        """Make the first admin and sign them in; None where the link is not good any more."""
        now = self._clock.now()
        user = User(
            id=self._new_id(),
            name=name.strip(),
            email="",
            role=ADMIN,
            created_at=now,
            password_hash=await self._passwords.hashed(password),
        )
        if not await self._books.add_first_user(user, link_hash=token_hash(link), now=now):
            return None
        kept = await self._books.find_user(user.name)
        return await self._opened(user if kept is None else kept)

    async def _opened(self, user: User) -> SignedIn:
        token, now = self._new_token(), self._clock.now()
        session = Session(
            hash=token_hash(token), user=user, made_at=now, seen_at=now, until=now + SIGNED_IN_FOR
        )
        await self._books.open_session(session)
        return SignedIn(token, session)


def token_hash(token: str) -> str:
    """Return what is kept of a token; it is random, so no slow hash is owed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def form_token(token: str) -> str:
    """Return what a form must carry to be believed: no other site can know it."""
    return hashlib.sha256(b"form:" + token.encode("utf-8", "surrogatepass")).hexdigest()


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
