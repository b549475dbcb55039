"""Passwords: kept as argon2id hashes, compared off the event loop."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2  # each takes 64 MiB and a core: more would only wait for each other
# Nobody's: of random bytes that were thrown away, with the cost that argon2-cffi recommends.
_NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$3yQlVzKe+XFwrho7zRWC/Q$"
    "t8ej1Ucs71QSExtiHsjFnf+tUvR0SOs6lxNNN8RMcTI"
)


class Passwords:
    """Makes and compares hashes, a few at a time."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def hashed(self, password: str) -> str:
        """Return what is kept of a password."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, password_hash: str | None) -> bool:
        """Return whether it is the password; for nobody's (None) it takes as long to say no."""
        async with self._turn:
            is_it = await asyncio.to_thread(self._is_it, password, password_hash or _NOBODYS)
        return is_it and password_hash is not None

    def _is_it(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
