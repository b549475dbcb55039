"""Opens the database that the settings name, without what sends: a look at it starts fast."""

import os
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from terkirim.domain.errors import ConfigError
from terkirim.domain.ids import uuid7
from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.rates import parse_rates
from terkirim.ports import Clock, Store
from terkirim.ports.access import Accounts
from terkirim.ports.retention import Erasure, Retention
from terkirim.ports.search import Insight, MessageSearch
from terkirim.reports.health import SANDBOX
from terkirim.settings import Settings
from terkirim.store.gating import GateSettings
from terkirim.store.sqlite.access import SqliteAccess
from terkirim.store.sqlite.connection import kind_of_file_system
from terkirim.store.sqlite.erasing import SqliteErasure
from terkirim.store.sqlite.insight import SqliteInsight
from terkirim.store.sqlite.search import SqliteSearch
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.sqlite.upkeep import SqliteRetention

ID_BYTES, SPARE_BITS = 10, 6  # 74 bits are random
IDS_AT_ONCE = 512
_SQLITE = "sqlite:///"


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock

    def monotonic(self) -> float:
        return time.monotonic()


class Ids:
    """Makes ids; the system's randomness is fetched for many at once, as each fetch may wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._random = b""
        self._used = 0
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __call__(self) -> str:
        """Return a new UUIDv7."""
        if self._process != os.getpid():  # after a fork: the child must not repeat its parent
            self._process, self._lock, self._random = os.getpid(), threading.Lock(), b""
        with self._lock:
            if self._used >= len(self._random):
                self._random, self._used = secrets.token_bytes(ID_BYTES * IDS_AT_ONCE), 0
            bits = self._random[self._used : self._used + ID_BYTES]
            self._used += ID_BYTES
        at_ms = int(self._clock.now().timestamp() * 1_000)
        return uuid7(at_ms, int.from_bytes(bits) >> SPARE_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open database: its store, the clock that it goes by, how ids are made, where it stands.

    `path` is None where it is not a file of this machine.
    """

    settings: Settings
    store: Store
    retention: Retention
    erasure: Erasure
    accounts: Accounts
    search: MessageSearch
    insight: Insight
    clock: Clock
    new_id: Callable[[], str]
    path: Path | None = None


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database alone, and close it in the end.

    Raises:
        ConfigError: it cannot be used as it is.
        StoreUnavailable: it cannot be opened or written now.
    """
    database = opened(settings)
    try:
        yield database
    finally:
        await database.store.close()


def opened(settings: Settings) -> Database:
    """Return the open database; who calls it closes the store.

    Raises:
        ConfigError, StoreUnavailable: as above.
    """
    path = file_of(settings)
    if path is None:
        raise ConfigError(
            "TERKIRIM_DATABASE: this version keeps its mail in SQLite; give sqlite:///FILE"
        )
    clock = SystemClock()
    new_id = Ids(clock)
    rates = () if settings.rate is None else parse_rates(settings.rate)
    limited = [name for name in providers_named(settings) if rates and name != SANDBOX]
    gates = GateSettings(
        routes=settings.providers_by_route,
        breaker=BreakerSettings(after=settings.breaker_after, cool_down=settings.breaker_cool_down),
        limits=dict.fromkeys(limited, rates),
        zone=settings.time_zone,
        concurrency=settings.concurrency,
        probe_for=settings.lease,
        diverts_to=diverts_to(settings),
    )
    store = SqliteStore(path, node=new_id(), settings=gates)
    return Database(
        settings=settings,
        store=store,
        retention=SqliteRetention(store),
        erasure=SqliteErasure(store),
        accounts=SqliteAccess(store),
        search=SqliteSearch(store),
        insight=SqliteInsight(store),
        clock=clock,
        new_id=new_id,
        path=path,
    )


def diverts_to(settings: Settings) -> str | None:
    """Return what takes the mail while the provider refuses the key, None: the mail waits."""
    return SANDBOX if settings.on_invalid_key == SANDBOX else None


def providers_named(settings: Settings) -> list[str]:
    """Return every provider that mail may go through, each once."""
    on_routes = [name for route in settings.providers_by_route.values() for name in route]
    beside = diverts_to(settings)
    return list(dict.fromkeys([*on_routes, *([beside] if beside else [])]))


def file_of(settings: Settings) -> Path | None:
    """Return where the database stands, None where it is not a file of this machine."""
    address = settings.database.read()
    return Path(address.removeprefix(_SQLITE)).absolute() if address.startswith(_SQLITE) else None


def file_system_of(settings: Settings) -> str | None:
    """Return the kind of file system that the database stands on, None where it is not a file."""
    path = file_of(settings)
    return None if path is None else kind_of_file_system(path)
