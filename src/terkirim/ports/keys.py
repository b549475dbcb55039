"""Where API keys are kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """An API key as it is stored: never the key itself. `prefix` is its first characters."""

    id: str
    name: str
    hash: str  # SHA-256 of the key in hex: the key is 256 random bits, so no slow hash is owed
    prefix: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None


class KeyRing(Protocol):
    """Where API keys are kept."""

    async def add_key(self, row: KeyRow) -> bool:
        """Store a key; False where one with this hash exists already."""
        ...

    async def find_key(self, key_hash: str) -> KeyRow | None:
        """Return the key with this hash, revoked or not."""
        ...

    async def keys(self) -> list[KeyRow]:
        """Return all keys, oldest first."""
        ...

    async def revoke_key(self, key_id: str, *, now: datetime) -> bool:
        """Revoke a key; False where there is none, or it was revoked before."""
        ...
