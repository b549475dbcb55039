"""A year of sending in a minute: are run-outs told in time, once, and never for nothing?

The real monitor, policy and store, on a clock of their own. The sender has a weekly rhythm, grows,
has quiet weeks and campaign days; the person who tops up is sometimes early, sometimes too late.
"""

import asyncio
import logging
import os
import random
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from terkirim.alerts.notify import Notify
from terkirim.credits.monitor import Monitor, MonitorSettings
from terkirim.credits.standings import Standings
from terkirim.domain.alert import Purpose, Severity
from terkirim.domain.outcome import Deferred
from terkirim.language.manners import Manners
from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.conditions import CREDITS_LEVEL, CREDITS_RUN_OUT
from terkirim.ports.alerts import AlertFilter, Channel
from terkirim.store.counting import Counts
from terkirim.store.gate_settings import GateSettings
from terkirim.store.sqlite.alerts import SqliteAlertBook
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.sqlite.credits import SqliteCreditBook
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import micros

JAKARTA = ZoneInfo("Asia/Jakarta")
START = datetime(2026, 1, 4, 17, 0, tzinfo=UTC)  # Monday, midnight in Jakarta
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEAR_HOURS = 364 * 24
AFTER_HOURS = 90 * 24  # what would have come after it, to judge the last alerts by
LEAD = 3 * DAY
PER_BOUNCE = 30
# Whole weeks and holidays: (day of the year, days, share of the usual mail).
QUIET = ((80, 10, 0.08), (180, 7, 0.3), (355, 9, 0.15))
BY_HOUR = (1, 1, 1, 1, 1, 3, 6, 9, 12, 14, 13, 11, 9, 11, 12, 11, 9, 8, 8, 9, 8, 5, 3, 2)
BY_DAY = (1.1, 1.05, 1.0, 1.0, 1.1, 0.45, 0.3)


@dataclass
class Clock:
    """A clock that the year moves."""

    present: datetime

    def now(self):
        return self.present

    def monotonic(self):
        return self.present.timestamp()


@dataclass
class Account:
    """The provider's side: its true balance; one question in fifty finds it unwell."""

    left: int
    dice: random.Random

    async def balance(self, **_):
        return Deferred("HTTP 503") if self.dice.random() < 0.02 else self.left


@dataclass
class Mailbox:
    """Two people: one hears everything, one only what is critical. Writing fails now and then."""

    dice: random.Random
    got: list = field(default_factory=list)

    async def tell(self, channel, *, title, **_):
        if self.dice.random() < 0.05:
            return "no answer in time"
        self.got.append((channel.key, title))
        return ""


class Silence:
    def balances(self):
        return []


@dataclass
class Demand:
    """What would be sent each hour if credits had no end, and what is scheduled when."""

    usual: list
    bounced: list
    campaign: list
    announced: dict  # at which hour the campaigns of which hours are scheduled
    is_quiet: list

    @classmethod
    def of(cls, dice, *, weekly=70_000, growth_a_month=0.04, noise=0.12):
        total = sum(BY_HOUR) * sum(BY_DAY)
        usual, is_quiet = [], []
        for hour in range(YEAR_HOURS + AFTER_HOURS):
            day = hour // 24
            if hour % 24 == 0:
                mood = dice.lognormvariate(0, noise)
            share = BY_HOUR[hour % 24] * BY_DAY[day % 7] / total
            quiet = next((s for first, days, s in QUIET if first <= day < first + days), 1.0)
            level = weekly * (1 + growth_a_month) ** (day / 30) * share * quiet * mood
            usual.append(max(round(dice.gauss(level, level**0.5)), 0))
            is_quiet.append(quiet < 1)
        campaign, announced = [0] * len(usual), {}
        for month in range(1, 12):
            first = (month * 30 + dice.randrange(20)) * 24 + 9
            if is_quiet[first]:
                continue
            size = dice.randrange(15_000, 40_000)
            hours = range(first, first + 4)
            for hour in hours:
                campaign[hour] = size // 4
            announced[first - dice.randrange(3, 6) * 24] = hours
        bounced = [sum(dice.random() < 0.004 for _ in range(count)) for count in usual]
        return cls(usual, bounced, campaign, announced, is_quiet)

    def cost(self, hour):
        return self.usual[hour] + self.campaign[hour] + PER_BOUNCE * self.bounced[hour]


@dataclass
class Seen:
    """What the year showed."""

    run_outs: list = field(default_factory=list)  # (at, notice in hours or None)
    top_ups: list = field(default_factory=list)  # (at, size)
    raised: list = field(default_factory=list)  # alerts, oldest first
    told: list = field(default_factory=list)  # notices, as they ended
    true_days: dict = field(default_factory=dict)  # alert id -> days until they would be used up
    quiet_alerts: list = field(default_factory=list)
    written: list = field(default_factory=list)  # (channel, title) that a channel took

    @property
    def late(self):
        return [one for one in self.run_outs if one[1] is None or one[1] < 48]

    def false_ones(self, *, quiet):
        """Return run-outs that were told of, and wrongly.

        The credits would have lasted longer than the late end that was told, and twice the lead.
        """
        return [
            one
            for one in self.raised
            if one.kind == CREDITS_RUN_OUT
            and self.true_days[one.id] > 2 * LEAD / DAY
            and self.true_days[one.id] > (one.facts["late_seconds"] or 10**9) / 86_400
            and (one.id in self.quiet_alerts) is quiet
        ]

    @property
    def recoveries(self):
        """Return what the person who hears everything was told of top-ups."""
        return [
            one for one in self.told if one.purpose is Purpose.RECOVERY and one.channel == "all"
        ]

    @property
    def repeated(self):
        """Conditions that were raised twice between two top-ups."""
        counts = {}
        for one in self.raised:
            cycle = sum(at <= one.raised_at for at, _ in self.top_ups)
            key = (cycle, one.condition, one.severity)
            counts[key] = counts.get(key, 0) + 1
        return {key: count for key, count in counts.items() if count > 1}


class Year:
    def __init__(self, folder, seed, *, every=1):
        self.dice = random.Random(seed)
        self.every = every
        self.demand = Demand.of(self.dice)
        self.clock = Clock(START)
        self.account = Account(300_000, random.Random(seed + 1))
        self.mailbox = Mailbox(random.Random(seed + 2))
        gates = GateSettings(
            routes={"default": ("mailketing",)}, breaker=BreakerSettings(), zone=JAKARTA
        )
        self.store = SqliteStore(Path(folder) / f"year-{seed}.db", node="year", settings=gates)
        self.store._connection.execute("PRAGMA synchronous = OFF")  # noqa: SLF001 - no disk is tried
        self.numbers = iter(range(10**9))
        self.alerts = SqliteAlertBook(self.store)
        self.seen = Seen()
        self.waiting = self.shown_waiting = 0  # mail that is due and cannot be paid
        self.top_up_at = self.run_out_hour = None
        book = SqliteCreditBook(self.store)
        self.notify = Notify(
            book=self.alerts,
            channels=self.channels,
            messenger=self.mailbox,
            manners=Manners("en", JAKARTA),
            clock=self.clock,
            new_id=lambda: f"{next(self.numbers):09}",
        )
        settings = MonitorSettings(lead=LEAD)
        standings = Standings(
            providers=("mailketing",),
            routes=gates.routes,
            book=book,
            alarms=self.notify,
            clock=self.clock,
            levels=settings.levels,
        )
        self.monitor = Monitor(
            sources={"mailketing": self.account},
            standings=standings,
            book=book,
            alarms=self.notify,
            ears=Silence(),
            clock=self.clock,
            settings=settings,
        )

    async def channels(self):
        return [
            Channel(key="all", shown="all", url="x://"),
            Channel(key="critical", shown="critical", url="y://", lowest=Severity.CRITICAL),
        ]

    async def run(self):
        for first in range(0, YEAR_HOURS, self.every):
            hours = range(first, first + self.every)
            await self.store.write_alone(partial(self.live_through, hours=hours))
            await self.note_run_out()
            self.top_up_when_due(hours[-1])
            await self.monitor.check()
            await self.note_alerts(hours[-1] + 1)
            while await self.notify.deliver():
                pass
        await self.finish()
        await self.store.close()
        return self.seen

    def live_through(self, db, *, hours):
        for hour in hours:
            self.live(db, hour)
            self.clock.present = START + (hour + 1) * HOUR

    def live(self, db, hour):
        """Send what the hour brings, as far as the credits last; count it as a settle would."""
        counts, at = Counts(), micros(START + hour * HOUR)
        wanted = self.waiting + self.demand.usual[hour] + self.demand.campaign[hour]
        sent = min(wanted, self.account.left)
        bounced = min(self.demand.bounced[hour], (self.account.left - sent) // PER_BOUNCE)
        was_empty = self.account.left == 0
        self.account.left -= sent + bounced * PER_BOUNCE
        if self.account.left < PER_BOUNCE:
            self.account.left = 0
        self.waiting = wanted - sent
        counts.add(at, "event_first", "mailketing:accepted", sent)
        counts.add(at, "event_first", "mailketing:bounced", bounced)
        write_counts(db, self.store.counting, counts)
        self.schedule(db, hour)
        if self.account.left == 0 and not was_empty:
            self.run_out_hour = hour + 1

    def schedule(self, db, hour):
        """Put campaigns into the outbox when they are announced, and take out what was sent."""
        if self.demand.campaign[hour]:
            db.execute("DELETE FROM outbox WHERE email_id = ?", (f"c{hour}",))
        for due in self.demand.announced.get(hour, ()):
            put(db, f"c{due}", self.demand.campaign[due], START + due * HOUR)
        if self.waiting != self.shown_waiting:
            self.shown_waiting = self.waiting
            db.execute("DELETE FROM outbox WHERE email_id = 'w'")
            put(db, "w", self.waiting, START)

    def top_up_when_due(self, hour):
        """Let the person top up, whose turn comes some hours after an alert, or after the end."""
        if self.top_up_at is not None and hour >= self.top_up_at:
            size = self.dice.choice((100_000, 150_000, 200_000, 300_000))
            self.account.left += size
            self.seen.top_ups.append((self.clock.present, size))
            self.top_up_at = None

    async def note_alerts(self, hour):
        for alert in await self.alerts.open_alerts():
            is_new = alert.raised_at == self.clock.present
            if not is_new:
                continue
            self.seen.raised.append(alert)
            self.seen.true_days[alert.id] = self.true_days(hour)
            if self.demand.is_quiet[hour] and self.demand.is_quiet[hour - 24]:
                self.seen.quiet_alerts.append(alert.id)  # on its first day nobody can know
            if alert.kind == CREDITS_RUN_OUT and self.top_up_at is None:
                self.top_up_at = hour + self.dice.choice((20, 40, 60, 10**6))

    async def note_run_out(self):
        hour, self.run_out_hour = self.run_out_hour, None
        if hour is None:
            return
        at = START + hour * HOUR
        told = await self.alerts.open_alerts({CREDITS_RUN_OUT})
        self.seen.run_outs.append((at, (at - told[0].raised_at) / HOUR if told else None))
        if self.top_up_at is None or self.top_up_at > hour + 36:
            self.top_up_at = hour + self.dice.randrange(3, 30)

    def true_days(self, hour):
        """Return after how many days the credits would be used up without a top-up."""
        costs = (self.demand.cost(at) for at in range(hour, hour + AFTER_HOURS))
        left = self.account.left - self.waiting
        ends = (days for days, used in enumerate(accumulate(costs), 1) if used >= left)
        return next(ends, AFTER_HOURS) / 24

    async def finish(self):
        which = AlertFilter(since=START, until=self.clock.present + DAY, limit=10**6)
        for alert in await self.alerts.alerts(which):
            self.seen.told += alert.deliveries
        self.seen.written = self.mailbox.got


def put(db, email_id, count, due_at):
    db.execute(
        "WITH RECURSIVE n (value) AS "
        "(SELECT 1 WHERE :count > 0 UNION ALL SELECT value + 1 FROM n WHERE value < :count) "
        "INSERT INTO outbox (id, email_id, state, route, priority, due_at) "
        "SELECT :id || '-' || value, :id, 'queued', 'default', 1, :at FROM n",
        {"id": email_id, "at": micros(due_at), "count": count},
    )


def report(seen):
    hours = sorted(notice for _, notice in seen.run_outs if notice is not None)
    kinds = [one.kind for one in seen.raised]
    print(f"top-ups                      {len(seen.top_ups)}")
    print(f"run-outs                     {len(seen.run_outs)}")
    if hours:
        middle = hours[len(hours) // 2]
        print(f"told before them, hours      {hours[0]:.0f} at least, {middle:.0f} in the middle")
    print(f"told less than 48 h before   {len(seen.late)}")
    print(f"run-out alerts               {kinds.count(CREDITS_RUN_OUT)}")
    print(f"level alerts                 {kinds.count(CREDITS_LEVEL)}")
    print(f"told twice between top-ups   {len(seen.repeated)}")
    print(f"false ones in quiet weeks    {len(seen.false_ones(quiet=True))}")
    print(f"false ones in other weeks    {len(seen.false_ones(quiet=False))}")
    for one in seen.late:
        before = [top_up for top_up in seen.top_ups if top_up[0] <= one[0]][-1:]
        print("    late", one, before)
    for key, count in seen.repeated.items():
        print("    twice", key, count)
    for one in seen.false_ones(quiet=True) + seen.false_ones(quiet=False):
        print("    false", one.raised_at, one.title, one.body, f"{seen.true_days[one.id]:.1f} d")
    print(f"recovery notices             {len(seen.recoveries)}")


def main():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    seeds = [int(one) for one in sys.argv[1:]] or [1]
    with tempfile.TemporaryDirectory(prefix="terkirim-year-") as folder:
        for seed in seeds:
            seen = asyncio.run(Year(folder, seed, every=int(os.environ.get("EVERY", "1"))).run())
            print(f"seed {seed}")
            report(seen)


if __name__ == "__main__":
    main()
