"""A lookout over a SQLite file, with a clock, a balance and channels of the test's own."""

from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from terkirim.alerts.conditions import Conditions
from terkirim.alerts.notify import Notify
from terkirim.credits.monitor import Monitor, MonitorSettings
from terkirim.credits.preflight import Preflights
from terkirim.credits.reserve import Reserve
from terkirim.credits.standings import Standings
from terkirim.credits.statistics import Statistics
from terkirim.domain.alert import Severity
from terkirim.language.manners import Manners
from terkirim.policy.breaker import BreakerSettings
from terkirim.ports.alerts import AlertFilter, Channel
from terkirim.store.counting import Counts
from terkirim.store.gate_settings import GateSettings
from terkirim.store.sqlite.alerts import SqliteAlertBook
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.sqlite.credits import SqliteCreditBook
from terkirim.store.sqlite.people import SqlitePeople
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import micros

START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)  # a Monday, ten in the morning in Jakarta
JAKARTA = ZoneInfo("Asia/Jakarta")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GATES = GateSettings(
    routes={"default": ("mailketing",), "trial": ("sandbox",)},
    breaker=BreakerSettings(after=3),
    zone=JAKARTA,
)
EVERYTHING = Channel(key="all", shown="1: all://***", url="all://s3cret")
CRITICAL = Channel(key="crit", shown="2: crit://***", url="crit://s3cret", lowest=Severity.CRITICAL)


class TestClock:
    __test__ = False

    def __init__(self):
        self.present = START

    def now(self):
        return self.present

    def monotonic(self):
        return self.present.timestamp()

    def pass_(self, span):
        self.present += span


class Source:
    """A provider that says what the test tells it to."""

    def __init__(self, says=429_405):
        self.says = says
        self.asked = 0

    async def balance(self, *, within):
        assert within > timedelta()
        self.asked += 1
        return self.says


class Mailbox:
    """Keeps what each channel took; a channel in `broken` answers with that instead."""

    def __init__(self):
        self.got = []
        self.broken = {}

    async def tell(self, channel, *, title, body, severity, within):
        answer = self.broken.get(channel.key, "")
        if not answer:
            self.got.append((channel.key, title))
        return answer

    def titles(self, key="all"):
        return [title for channel, title in self.got if channel == key]


class Silence:
    def __init__(self):
        self.said = []

    def balances(self):
        said, self.said = self.said, []
        return said


class Watched:
    """All that watches, put together as `compose.lookout` does."""

    def __init__(self, path, *, node="a", gates=GATES, language="en"):
        self.clock = TestClock()
        self.source = Source()
        self.mailbox = Mailbox()
        self.ears = Silence()
        self.manners = Manners(language, JAKARTA)
        self.channels = [EVERYTHING, CRITICAL]
        self.free = 10**12
        self.store = SqliteStore(path, node=node, settings=gates)
        self.book = SqliteCreditBook(self.store)
        self.alert_book = SqliteAlertBook(self.store)
        self.people = SqlitePeople(self.store)
        numbers = count(1)
        self.notify = Notify(
            book=self.alert_book,
            channels=self._channels,
            messenger=self.mailbox,
            manners=self.manners,
            clock=self.clock,
            new_id=lambda: f"{node}-{next(numbers):06}",
        )
        settings = MonitorSettings()
        self.standings = Standings(
            providers=("mailketing",),
            routes=gates.routes,
            book=self.book,
            alarms=self.notify,
            clock=self.clock,
            levels=settings.levels,
        )
        self.monitor = Monitor(
            sources={"mailketing": self.source},
            standings=self.standings,
            book=self.book,
            alarms=self.notify,
            ears=self.ears,
            clock=self.clock,
            settings=settings,
        )
        self.conditions = Conditions(
            gates=self.store,
            book=self.alert_book,
            credit_book=self.book,
            prepaid=("mailketing",),
            free_bytes=self._free,
            min_free=10**8,
            alarms=self.notify,
            clock=self.clock,
        )
        self.preflights = Preflights(
            standings=self.standings, book=self.book, routes=gates.routes, clock=self.clock
        )
        self.reserve = Reserve(providers=("mailketing",), routes=gates.routes, book=self.book)
        self.statistics = Statistics(
            book=self.book, alerts=self.alert_book, manners=self.manners, per_bounce=30
        )

    async def count(self, kind, key, number, *, at=None):
        """Count up a rollup, as settling and tracking do."""
        counts = Counts()
        counts.add(micros(at or self.clock.now()), kind, key, number)
        await self.store.write_alone(lambda db: write_counts(db, self.store.counting, counts))

    async def send(self, number, *, at=None):
        await self.count("event_first", "mailketing:accepted", number, at=at)

    async def history(self, *, days=30, an_hour=100):
        """Count an even use of credits up to now."""
        hours = range(1, days * 24 + 1)
        counts = Counts()
        for ago in hours:
            at = micros(self.clock.now() - ago * HOUR)
            counts.add(at, "event_first", "mailketing:accepted", an_hour)
        await self.store.write_alone(lambda db: write_counts(db, self.store.counting, counts))

    async def check(self, says=None):
        """Let the provider say a balance, and everybody hear what follows."""
        if says is not None:
            self.source.says = says
        self.clock.pass_(timedelta(microseconds=1))  # two readings never share an instant
        (standing,) = await self.monitor.check()
        await self.deliver()
        return standing

    async def look(self):
        (standing,) = await self.monitor.look()
        await self.deliver()
        return standing

    async def deliver(self):
        while await self.notify.deliver():
            pass

    async def alerts(self, **changes):
        span = {"since": START - 400 * DAY, "until": self.clock.now() + DAY}
        return await self.alert_book.alerts(AlertFilter(**span | changes))

    async def _channels(self):
        return self.channels

    async def _free(self):
        return self.free
