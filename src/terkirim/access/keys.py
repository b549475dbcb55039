"""API keys: made of 256 random bits, kept as a hash, shown once."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime

from terkirim.ports import KeyRow

SCOPES = ("send", "read", "admin")  # admin implies the others
PREFIX_LENGTH = 8
KEY_BYTES = 32  # random ones


def key_text(random_bytes: bytes) -> str:
    """Return a key as it is shown to its owner."""
    return "tk_" + base64.urlsafe_b64encode(random_bytes).decode().rstrip("=")


def hash_of(text: str) -> str:
    """Return what is kept of a key: SHA-256 in hex; a random key needs no slow hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(name: str, scopes: Iterable[str], *, now: datetime, new_id: str, text: str) -> KeyRow:
    """Return the row to keep for the key `text`.

    Raises:
        ValueError: a scope is unknown, or there is none.
    """
    wanted = frozenset(scopes)
    unknown = sorted(wanted - set(SCOPES))
    if unknown or not wanted:
        raise ValueError(f"scopes: give one or more of {', '.join(SCOPES)}")
    return KeyRow(
        id=new_id,
        name=name,
        hash=hash_of(text),
        prefix=text[:PREFIX_LENGTH],
        scopes=wanted,
        created_at=now,
    )


def may(row: KeyRow, scope: str) -> bool:
    """Return True if the key is in force and has the scope."""
    return row.revoked_at is None and (scope in row.scopes or "admin" in row.scopes)
