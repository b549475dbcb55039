"""Finds the secret that signs links of our own: the set one, or one that all nodes share."""

import secrets

from terkirim.access.kept import kept_secret
from terkirim.content.signed_urls import KEY_BYTES
from terkirim.database import Database

SIGNING_KEY = "secret:signing_key"  # an option; one that begins with `secret:` is never shown


async def signing_secret(database: Database) -> bytes:
    """Return the set key, or the one that all nodes of a database share."""
    if database.settings.signing_key is not None:
        return database.settings.signing_key.read().encode()
    if database.path is None:
        return (await database.store.keep_option(SIGNING_KEY, _new_secret())).encode()
    path = database.path.with_name(database.path.name + ".signing-key")
    return kept_secret(path, _new_secret).encode()


def _new_secret() -> str:
    return secrets.token_urlsafe(KEY_BYTES * 2)
