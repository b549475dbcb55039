"""Opens the database that an address names."""

from collections.abc import Callable
from pathlib import Path

from terkirim.domain.errors import ConfigError
from terkirim.ports import Clock, Store
from terkirim.store.addresses import SQLITE
from terkirim.store.gating import GateSettings
from terkirim.store.sqlite.store import SqliteStore


async def open_store(
    address: Callable[[], str], *, node: str, settings: GateSettings, clock: Clock
) -> tuple[Store, Clock]:
    """Return the store, and the clock that everybody who uses it goes by.

    `address` is asked again at each new connection, so that a password may change; `clock` is this
    machine's.

    Raises:
        ConfigError: it is not an address, it is newer than this program, or a package is missing.
        StoreUnavailable: it cannot be opened or written now.
    """
    if address().startswith(SQLITE):
        return _opened_file(address(), node=node, settings=settings), clock
    try:
        from terkirim.store.postgres.clock import ServerClock
        from terkirim.store.postgres.store import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigError(
            "TERKIRIM_DATABASE: PostgreSQL needs the package asyncpg: "
            "install it with `pip install 'terkirim[postgres]'`"
        ) from None
    servers = ServerClock(clock)
    store = await PostgresStore.open(address, node=node, settings=settings, clock=servers)
    return store, servers


def _opened_file(address: str, *, node: str, settings: GateSettings) -> SqliteStore:
    path = Path(address.removeprefix(SQLITE)).absolute()
    return SqliteStore(path, node=node, settings=settings)
