"""Opens connections to the server, and says in one sentence what is wrong with it."""

import contextlib
from collections.abc import Callable, Iterator

import asyncpg
from asyncpg import exceptions as pg

from terkirim.domain.errors import ConfigError, StoreUnavailable
from terkirim.store.addresses import UNREADABLE, shown

CONNECT_WITHIN = 10.0  # seconds
COMMAND_WITHIN = 30.0  # seconds for one statement, locks included; a silent line ends here

# Said at each BEGIN, because a pooler gives the session to others between two transactions. Plans
# are made once and kept, while the tables may still be empty: they must be those of the indexes
# (see the head of queries.sql).
BEGIN = (
    "BEGIN; SET LOCAL synchronous_commit = on; SET LOCAL jit = off;"
    " SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"
)
BEGIN_LOOSELY = "BEGIN; SET LOCAL synchronous_commit = off"  # for what a crash may take
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off"

_LOST = (
    pg.PostgresConnectionError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.CannotConnectNowError,
    pg.DatabaseDroppedError,
    pg.IdleSessionTimeoutError,
    pg.IdleInTransactionSessionTimeoutError,
    OSError,  # a time-out is one
)
_SAYS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (pg.InvalidPasswordError, "refuses the user or the password: put TERKIRIM_DATABASE right"),
    (
        pg.InvalidAuthorizationSpecificationError,
        "refuses this user: check TERKIRIM_DATABASE and the server's pg_hba.conf",
    ),
    (pg.InvalidCatalogNameError, "has no such database: create it first, with `createdb`"),
    (pg.InsufficientPrivilegeError, "does not let this user do its work: make it the owner"),
    (pg.UndefinedTableError, "lacks a table that was there at the start: restore a backup"),
    (pg.DiskFullError, "has a full disk: free some space, then send again"),
    (pg.ReadOnlySQLTransactionError, "is read-only: it is a standby, or was set so"),
    (pg.TooManyConnectionsError, "has no free connection: raise max_connections, or use a pooler"),
    (pg.InsufficientResourcesError, "is out of memory or of another resource"),
    (pg.PostgresIOError, "has a disk that answered with an error"),
    (pg.LockNotAvailableError, "did not let go of a lock in time"),
    (pg.QueryCanceledError, "cancelled a statement that took longer than it allows"),
    (pg.CannotConnectNowError, "is starting or stopping"),
    (pg.AdminShutdownError, "is stopping"),
    (TimeoutError, "did not answer in time"),
    (_LOST, "cannot be reached"),
)
_WRONG_SETTING = (pg.InvalidAuthorizationSpecificationError, pg.InvalidCatalogNameError)


@contextlib.contextmanager
def one_clear_sentence(server: str) -> Iterator[None]:
    """Turn errors of the server itself into `StoreUnavailable`; a bad value stays what it is."""
    try:
        yield
    except StoreUnavailable:  # said already, where the connection was made; it is an OSError too
        raise
    except Exception as error:
        for kind, sentence in _SAYS:
            if isinstance(error, kind):
                raise StoreUnavailable(f"{server} {sentence}{_reason(error)}") from error
        raise


def is_lost(connection: asyncpg.Connection, error: BaseException) -> bool:
    """Return True if the line is gone, so that the last statement's end is not known from it."""
    return isinstance(error, _LOST) or connection.is_closed()


class Connector:
    """Makes connections. The address is read each time: a password may change without a restart.

    `is_pooled`: a pooler stands between, that gives the session to others after each transaction.
    Nothing may be kept in such a session: no prepared statements, no locks, no LISTEN.
    """

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self.command_within = COMMAND_WITHIN
        self.is_pooled = True  # until the first connection has shown the contrary
        try:
            self.server = shown(address())
        except ValueError:
            raise ConfigError(f"TERKIRIM_DATABASE: {UNREADABLE}") from None

    async def connect(self, *, is_patient: bool = False) -> asyncpg.Connection:
        """Return a new connection, which its owner closes; a patient one waits without end.

        Raises:
            ConfigError: the address cannot be read.
            StoreUnavailable: the server cannot be reached, or refuses.
        """
        with one_clear_sentence(self.server):
            try:
                return await asyncpg.connect(
                    self._address(),
                    timeout=CONNECT_WITHIN,
                    command_timeout=None if is_patient else self.command_within,
                    statement_cache_size=0 if self.is_pooled else 200,
                    max_cached_statement_lifetime=0,
                    server_settings={"application_name": "terkirim"},
                )
            except OSError:  # an untrusted certificate is a ValueError too
                raise
            except (pg.ClientConfigurationError, ValueError):
                raise ConfigError(f"TERKIRIM_DATABASE: {UNREADABLE}") from None

    async def first(self) -> asyncpg.Connection:
        """Return a patient connection, and note whether a pooler stands between.

        Raises:
            ConfigError: the user, the password or the database is wrong.
        """
        try:
            connection = await self.connect(is_patient=True)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, _WRONG_SETTING):
                raise ConfigError(f"TERKIRIM_DATABASE: {error}") from None
            raise
        with one_clear_sentence(self.server):
            try:
                backend = await _backend(connection)
            except BaseException:
                connection.terminate()
                raise
        # A pooler hides the process that really answers.
        self.is_pooled = backend != connection.get_server_pid()
        return connection


async def _backend(connection: asyncpg.Connection) -> int:
    await connection.execute(BEGIN_READING)
    backend: int = await connection.fetchval("SELECT pg_backend_pid()")
    await connection.execute("COMMIT")
    return backend


async def closed(connection: asyncpg.Connection) -> None:
    """Close a connection, politely if the server still listens."""
    try:
        await connection.close(timeout=1.0)
    except Exception:  # noqa: BLE001 - it is not used again, whatever its end was
        connection.terminate()


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError) or isinstance(error, TimeoutError):
        return ""
    return f": {error.strerror or error}"
