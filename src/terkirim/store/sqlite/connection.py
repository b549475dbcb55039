"""Opens the SQLite file: where it may stand, how it must be set, which schema it has."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import apsw

from terkirim.domain.errors import ConfigError, StoreUnavailable

BUSY_MS = 5_000  # who comes meanwhile waits for this and for a turn of their own
SHARED_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs", "afs"}
)
_SAYS = {
    apsw.FullError: "the disk is full: free some space, then send again",
    apsw.ReadOnlyError: "the database file cannot be written: check its owner and its mode",
    apsw.CantOpenError: "the database file cannot be opened: check the folder, its owner, its mode",
    apsw.BusyError: "another process holds the database: it did not let go in time",
    apsw.IOError: "the disk answered with an error",
    apsw.CorruptError: "the database file is damaged: restore it from a backup",
    apsw.NotADBError: "the file is not a SQLite database",
}


@contextlib.contextmanager
def one_clear_sentence(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file into `StoreUnavailable`; a bad value stays what it is."""
    try:
        yield
    except tuple(_SAYS) as error:
        says = next(text for kind, text in _SAYS.items() if isinstance(error, kind))
        raise StoreUnavailable(f"{path.name}: {says}") from error


def opened(path: Path) -> apsw.Connection:
    """Return a connection that is set for durability, with the newest schema.

    Raises:
        ConfigError: the file is on a network file system, or newer than this program.
        StoreUnavailable: it cannot be opened or written now.
    """
    _refuse_shared_file_system(path)
    with one_clear_sentence(path):
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        # A checkpoint inside a commit is what makes the slowest accepts slow: see `Checkpoints`.
        connection.execute("PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -32000")
        connection.execute("PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY")
        _migrate(connection, path)
    path.chmod(0o600)
    return connection


def opened_for_reading(path: Path) -> apsw.Connection:
    """Return a second connection that can only read and never waits for the writer."""
    with one_clear_sentence(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA query_only = 1; PRAGMA cache_size = -8000")
    return connection


def rewritten(connection: apsw.Connection) -> None:
    """Write again what stands there: a disk that takes nothing still gives a lock."""
    connection.execute(f"PRAGMA user_version = {connection.pragma('user_version')}")


def free_bytes(path: Path) -> int | None:
    """Return the bytes left on the database's file system, None where it does not say."""
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return None


def _migrate(connection: apsw.Connection, path: Path) -> None:
    steps = _migrations()
    if int(connection.pragma("user_version") or 0) == len(steps):
        return  # nothing to do, and so no wait for one who writes
    connection.execute(
        "BEGIN IMMEDIATE"
    )  # the lock: a second process waits here, then finds it done
    try:
        done = int(connection.pragma("user_version") or 0)
        _refuse_newer(path, done, len(steps))
        for number, sql in enumerate(steps[done:], start=done + 1):
            connection.execute(sql)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _refuse_newer(path: Path, schema: int, known: int) -> None:
    if schema > known:
        raise ConfigError(
            f"TERKIRIM_DATABASE: {path.name} was written by a newer Terkirim (schema {schema}, "
            f"this one knows {known}): install that version again, or restore a backup"
        )


def _migrations() -> list[str]:
    folder = resources.files("terkirim.store.sqlite").joinpath("migrations")
    files = [file for file in folder.iterdir() if re.match(r"\d{4}_.*\.sql$", file.name)]
    return [file.read_text("utf-8") for file in sorted(files, key=lambda file: file.name)]


def kind_of_file_system(path: Path) -> str | None:
    """Return what the file's folder is mounted as (ext4, tmpfs, ...), None where nothing tells."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return None
    folder = path.parent.resolve()
    fields = (line.split(" ") for line in mounts.read_text("utf-8").splitlines())
    over = [(field[1], field[2]) for field in fields if folder.is_relative_to(field[1])]
    # Of mounts at one place the last one hides the others.
    return max(reversed(over), key=lambda mount: len(mount[0]), default=(None, None))[1]


def _refuse_shared_file_system(path: Path) -> None:
    folder = path.parent.resolve()
    if not folder.is_dir():
        raise ConfigError(f"TERKIRIM_DATABASE: the folder {folder} does not exist; make it first")
    kind = kind_of_file_system(path)
    if kind in SHARED_FILE_SYSTEMS:
        raise ConfigError(
            f"TERKIRIM_DATABASE: {path.name} is on a network file system ({kind}), where SQLite's "
            "locks cannot be trusted; use a local disk, or PostgreSQL for several machines"
        )
