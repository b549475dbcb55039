"""The API key that the settings give: in force while they give it, and no longer."""

import hmac
from collections.abc import Callable
from datetime import datetime

from terkirim.access.keys import SCOPES, hash_of, new_key
from terkirim.ports import KeyRing, KeyRow

NAME = "TERKIRIM_API_KEY"  # of its row, and of the variable; no other key may be called so
TAKEN = "is that of the key in the settings; give another name"


class SettingKey:
    """Knows which key the settings give now.

    It is kept as a row like any other, so that what it did has an owner and it can be revoked for
    good. The row alone opens nothing: a key that was replaced in the settings is refused, at once.
    """

    def __init__(self, read: Callable[[], str | None]) -> None:
        self._read = read  # asked at each request, because its file may have changed
        self._known = ("", "")

    def gives(self, key_hash: str) -> bool:
        """Return True for the hash of the key that the settings give now."""
        text = self._read()
        if text is None:
            return False
        if text != self._known[0]:
            self._known = text, hash_of(text)
        return hmac.compare_digest(self._known[1], key_hash)

    def is_in_force(self, row: KeyRow) -> bool:
        """Return False for a key that was revoked, or that the settings gave once and no more."""
        if row.revoked_at is not None:
            return False
        return row.name != NAME or self.gives(row.hash)

    async def kept(self, ring: KeyRing, *, now: datetime, new_id: str) -> KeyRow | None:
        """Return the row of the settings' key, stored if it is new; None where they give none."""
        text = self._read()
        if text is None:
            return None
        if (found := await ring.find_key(hash_of(text))) is not None:
            return found
        row = new_key(NAME, SCOPES, now=now, new_id=new_id, text=text)
        return row if await ring.add_key(row) else await ring.find_key(row.hash)
