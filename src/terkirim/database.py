"""Opens the database that the settings name, without what sends: a look at it starts fast."""

import os
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection
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
from terkirim.ports.alerts import AlertBook
from terkirim.ports.credits import CreditBook
from terkirim.ports.options import Options
from terkirim.ports.people import People
from terkirim.ports.retention import Erasure, Retention
from terkirim.ports.search import Insight, MessageSearch
from terkirim.ports.statistics import Statistics
from terkirim.ports.suppressions import Suppressions
from terkirim.ports.tracking import Events
from terkirim.ports.webhooks import Webhooks
from terkirim.reports.health import SANDBOX
from terkirim.settings import Settings
from terkirim.store.gate_settings import GateSettings
from terkirim.store.sqlite.access import SqliteAccess
from terkirim.store.sqlite.alerts import SqliteAlertBook
from terkirim.store.sqlite.connection import kind_of_file_system
from terkirim.store.sqlite.credits import SqliteCreditBook
from terkirim.store.sqlite.erasing import SqliteErasure
from terkirim.store.sqlite.events import SqliteEvents
from terkirim.store.sqlite.insight import SqliteInsight
from terkirim.store.sqlite.options import SqliteOptions
from terkirim.store.sqlite.options import peeked as peeked_in_file
from terkirim.store.sqlite.people import SqlitePeople
from terkirim.store.sqlite.search import SqliteSearch
from terkirim.store.sqlite.statistics import SqliteStatistics
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.sqlite.suppressions import SqliteSuppressions
from terkirim.store.sqlite.upkeep import SqliteRetention
from terkirim.store.sqlite.webhooks import SqliteWebhooks

ID_BYTES, SPARE_BITS = 10, 6  # 74 bits are random
RANDOM_BITS = 74
STEP_SHIFT = 34  # within a millisecond the next id is up to 2**40 further
SET_BACK_MS = 10_000
IDS_AT_ONCE = 512
_SQLITE = "sqlite:///"


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock

    def monotonic(self) -> float:
        return time.monotonic()


class Ids:
    """Makes ids, each greater than the one before it (RFC 9562, 6.2), so that lists keep an order.

    The system's randomness is fetched for many at once, as each fetch may wait. A clock that is set
    back a little is waited for; one that is set back far is followed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._random = b""
        self._used = 0
        self._last = (0, 0)  # milliseconds, and the bits beside them
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __call__(self) -> str:
        """Return a new UUIDv7."""
        if self._process != os.getpid():  # after a fork: the child must not repeat its parent
            self._process, self._lock, self._random = os.getpid(), threading.Lock(), b""
            self._last = (0, 0)
        at_ms = int(self._clock.now().timestamp() * 1_000)
        with self._lock:
            bits = self._drawn()
            last_ms, last_bits = self._last
            if 0 <= last_ms - at_ms < SET_BACK_MS:
                at_ms, bits = last_ms, last_bits + 1 + (bits >> STEP_SHIFT)
                if bits >> RANDOM_BITS:
                    at_ms, bits = at_ms + 1, self._drawn()
            self._last = at_ms, bits
        return uuid7(at_ms, bits)

    def _drawn(self) -> int:
        if self._used >= len(self._random):
            self._random, self._used = secrets.token_bytes(ID_BYTES * IDS_AT_ONCE), 0
        bits = self._random[self._used : self._used + ID_BYTES]
        self._used += ID_BYTES
        return int.from_bytes(bits) >> SPARE_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open database: its store and books, its clock, how ids are made, and where it stands.

    `path` is None where it is not a file of this machine.
    """

    settings: Settings
    store: Store
    retention: Retention
    erasure: Erasure
    clock: Clock
    new_id: Callable[[], str]
    credits: CreditBook
    alerts: AlertBook
    people: People
    options: Options
    events: Events
    suppressions: Suppressions
    webhooks: Webhooks
    accounts: Accounts
    search: MessageSearch
    insight: Insight
    statistics: Statistics
    path: Path | None = None


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database alone, and close it in the end.

    Raises:
        ConfigError: it cannot be used as it is.
        StoreUnavailable: it cannot be opened or written now.
    """
    database = await opened(settings)
    try:
        yield database
    finally:
        await database.store.close()


async def opened(settings: Settings) -> Database:
    """Return the open database; who calls it closes the store.

    Raises:
        ConfigError, StoreUnavailable: as above.
    """
    local, path = SystemClock(), file_of(settings)
    node, gates = Ids(local)(), _gates(settings)
    if path is None:
        return await _opened_server(settings, gates, node=node, local=local)
    store = SqliteStore(path, node=node, settings=gates)
    return Database(
        settings=settings,
        store=store,
        retention=SqliteRetention(store),
        erasure=SqliteErasure(store),
        clock=local,
        new_id=Ids(local),
        credits=SqliteCreditBook(store),
        alerts=SqliteAlertBook(store),
        people=SqlitePeople(store),
        options=SqliteOptions(store),
        events=SqliteEvents(store, ids=Ids(local)),
        suppressions=SqliteSuppressions(store, ids=Ids(local)),
        webhooks=SqliteWebhooks(store),
        statistics=SqliteStatistics(store),
        accounts=SqliteAccess(store),
        search=SqliteSearch(store),
        insight=SqliteInsight(store),
        path=path,
    )


async def _opened_server(
    settings: Settings, gates: GateSettings, *, node: str, local: Clock
) -> Database:
    try:
        from terkirim.store.postgres.access import PostgresAccess
        from terkirim.store.postgres.alerts import PostgresAlertBook
        from terkirim.store.postgres.credits import PostgresCreditBook
        from terkirim.store.postgres.erasing import PostgresErasure
        from terkirim.store.postgres.events import PostgresEvents
        from terkirim.store.postgres.insight import PostgresInsight
        from terkirim.store.postgres.options import PostgresOptions
        from terkirim.store.postgres.people import PostgresPeople
        from terkirim.store.postgres.search import PostgresSearch
        from terkirim.store.postgres.statistics import PostgresStatistics
        from terkirim.store.postgres.store import PostgresStore
        from terkirim.store.postgres.suppressions import PostgresSuppressions
        from terkirim.store.postgres.upkeep import PostgresRetention
        from terkirim.store.postgres.webhooks import PostgresWebhooks
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigError(
            "TERKIRIM_DATABASE: PostgreSQL needs the package asyncpg: "
            "install it with `pip install 'terkirim[postgres]'`"
        ) from None
    address = settings.database.read  # read again at each connection: a password may change
    store = await PostgresStore.open(address, node=node, settings=gates, clock=local)
    return Database(
        settings=settings,
        store=store,
        retention=PostgresRetention(store),
        erasure=PostgresErasure(store),
        clock=store.clock,
        new_id=Ids(store.clock),
        credits=PostgresCreditBook(store),
        alerts=PostgresAlertBook(store),
        people=PostgresPeople(store),
        options=PostgresOptions(store),
        events=PostgresEvents(store, ids=Ids(store.clock)),
        suppressions=PostgresSuppressions(store, ids=Ids(store.clock)),
        webhooks=PostgresWebhooks(store),
        accounts=PostgresAccess(store),
        search=PostgresSearch(store),
        insight=PostgresInsight(store),
        statistics=PostgresStatistics(store),
    )


async def peeked(settings: Settings, names: Collection[str]) -> dict[str, str]:
    """Return options without opening the store: nothing is made, changed or complained of."""
    path = file_of(settings)
    if path is not None:
        return peeked_in_file(path, names)
    try:
        from terkirim.store.postgres.options import peeked as peeked_on_server
    except ModuleNotFoundError:  # no asyncpg: who opens the database says so
        return {}
    return await peeked_on_server(settings.database.read, names)


def _gates(settings: Settings) -> GateSettings:
    rates = () if settings.rate is None else parse_rates(settings.rate)
    limited = [name for name in providers_named(settings) if rates and name != SANDBOX]
    return GateSettings(
        routes=settings.providers_by_route,
        breaker=BreakerSettings(after=settings.breaker_after, cool_down=settings.breaker_cool_down),
        limits=dict.fromkeys(limited, rates),
        zone=settings.time_zone,
        concurrency=settings.concurrency,
        probe_for=settings.lease,
        diverts_to=diverts_to(settings),
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
