"""Brings the database to the newest schema at the start, under a lock."""

import re
from importlib import resources

import asyncpg

from terkirim.domain.errors import ConfigError

# "terkirim" in ASCII. Held until the COMMIT: a second node waits here, then finds it done.
MIGRATION_LOCK = int.from_bytes(b"terkirim", "big")


async def migrate(connection: asyncpg.Connection, server: str) -> None:
    """Apply what is missing, in one transaction.

    Raises:
        ConfigError: the database was written by a newer version.
    """
    steps = _migrations()
    await connection.execute("BEGIN")
    try:
        await connection.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        done = await _version(connection)
        _refuse_newer(server, done, len(steps))
        for sql in steps[done:]:
            await connection.execute(sql)
        if done < len(steps):
            await connection.execute(f"UPDATE schema_version SET version = {len(steps)}")
        await connection.execute("COMMIT")
    except BaseException:
        connection.terminate()
        raise


async def _version(connection: asyncpg.Connection) -> int:
    # Asked first: whoever may use the tables need not be allowed to make any.
    if await connection.fetchval("SELECT to_regclass('schema_version') IS NULL"):
        await connection.execute(
            "CREATE TABLE schema_version (version INTEGER NOT NULL);"
            " INSERT INTO schema_version VALUES (0)"
        )
    version: int = await connection.fetchval("SELECT version FROM schema_version")
    return version


def _refuse_newer(server: str, schema: int, known: int) -> None:
    if schema > known:
        raise ConfigError(
            f"TERKIRIM_DATABASE: {server} was written by a newer Terkirim (schema {schema}, "
            f"this one knows {known}): install that version again, or restore a backup"
        )


def _migrations() -> list[str]:
    folder = resources.files("terkirim.store.postgres").joinpath("migrations")
    files = [file for file in folder.iterdir() if re.match(r"\d{4}_.*\.sql$", file.name)]
    return [file.read_text("utf-8") for file in sorted(files, key=lambda file: file.name)]
