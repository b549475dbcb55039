"""Builds what watches over the gateway: credits, alerts, people, and the work of each day."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from terkirim.alerts.channels import all_channels, channel_of, refuse_unknown
from terkirim.alerts.conditions import Conditions
from terkirim.alerts.messenger import AppriseMessenger
from terkirim.alerts.notify import Notify
from terkirim.alerts.summary import Summary
from terkirim.credits.monitor import Monitor, MonitorSettings
from terkirim.credits.preflight import Preflights
from terkirim.credits.reserve import Reserve
from terkirim.credits.standings import Standings
from terkirim.credits.statistics import Statistics
from terkirim.database import Database
from terkirim.language.manners import Manners
from terkirim.logs import Logger
from terkirim.policy.credit import CreditSettings
from terkirim.ports.alerts import AlertBook, Channel
from terkirim.ports.credits import BalanceSource
from terkirim.ports.people import ActivityLog, UserBook
from terkirim.providers.overhearing import Overhearing, ProviderEars
from terkirim.schedule.periodic import Job
from terkirim.settings import Settings

LOOK_EVERY = timedelta(minutes=1)
DELIVER_EVERY = timedelta(seconds=1)
LISTEN_EVERY = timedelta(minutes=5)  # each time a reading: between two of them it is estimated
LOOK_AT_RESERVE_EVERY = timedelta(seconds=1)
LOOK_AT_PAUSES_EVERY = timedelta(seconds=1)

_log = Logger("terkirim.alerts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookout:
    """The parts that watch; each door asks the one that it needs."""

    standings: Standings
    monitor: Monitor
    preflights: Preflights
    reserve: Reserve
    statistics: Statistics
    alarms: Notify
    alert_book: AlertBook
    users: UserBook
    activity: ActivityLog
    jobs: tuple[Job, ...]


def lookout_over(
    database: Database, providers: Mapping[str, Overhearing], manners: Manners
) -> Lookout:
    """Return the lookout over these providers and what their answers say."""
    settings, clock, store = database.settings, database.clock, database.store
    routes = settings.providers_by_route
    sources = {
        name: one.provider
        for name, one in providers.items()
        if isinstance(one.provider, BalanceSource)
    }
    levels = CreditSettings(
        warning=settings.credits_warning,
        critical=settings.credits_critical,
        emergency=settings.credits_emergency,
        per_bounce=settings.credits_bounce,
    )
    credit_book, alert_book, people = database.credits, database.alerts, database.people
    ears = ProviderEars(providers)
    alarms = Notify(
        book=alert_book,
        channels=_channels_of(settings, people),
        messenger=AppriseMessenger(),
        manners=manners,
        clock=clock,
        new_id=database.new_id,
    )
    standings = Standings(
        providers=tuple(sources),
        routes=routes,
        book=credit_book,
        alarms=alarms,
        clock=clock,
        levels=levels,
    )
    monitor = Monitor(
        sources=sources,
        standings=standings,
        book=credit_book,
        alarms=alarms,
        ears=ears,
        clock=clock,
        settings=MonitorSettings(levels=levels, lead=settings.credits_lead),
    )
    conditions = Conditions(
        gates=store,
        book=alert_book,
        credit_book=credit_book,
        prepaid=tuple(sources),
        free_bytes=store.free_bytes,
        min_free=settings.min_free_disk,
        alarms=alarms,
        clock=clock,
    )
    summary = Summary(
        notify=alarms,
        book=alert_book,
        standings=standings.all,
        manners=manners,
        clock=clock,
    )
    reserve = Reserve(providers=tuple(sources), routes=routes, book=credit_book)
    jobs = [
        Job(name="credits", every=settings.credits_every, work=monitor.check),
        Job(name="credits look", every=LOOK_EVERY, work=monitor.look),
        Job(name="credits heard", every=LISTEN_EVERY, work=monitor.listen, is_own=True),
        Job(name="reserve", every=LOOK_AT_RESERVE_EVERY, work=reserve.look, is_own=True),
        Job(name="conditions", every=LOOK_EVERY, work=conditions.look),
        Job(name="pauses", every=LOOK_AT_PAUSES_EVERY, work=conditions.look_at_pauses, is_own=True),
        Job(name="summary", every=LOOK_EVERY, work=summary.tell_when_due),
        Job(name="alerts", every=DELIVER_EVERY, work=alarms.deliver, is_own=True),
    ]
    return Lookout(
        standings=standings,
        monitor=monitor,
        reserve=reserve,
        preflights=Preflights(standings=standings, book=credit_book, routes=routes, clock=clock),
        statistics=Statistics(
            book=credit_book,
            alerts=alert_book,
            manners=manners,
            per_bounce=settings.credits_bounce,
        ),
        alarms=alarms,
        alert_book=alert_book,
        users=people,
        activity=people,
        jobs=tuple(jobs),
    )


def refuse_unknown_channel(address: str) -> None:
    """Raise ValueError, without the address, if Apprise cannot write to it."""
    refuse_unknown([channel_of(address, owner="of this user")])


def _channels_of(settings: Settings, people: UserBook) -> Callable[[], Awaitable[list[Channel]]]:
    async def channels() -> list[Channel]:
        text = "" if settings.alert_urls is None else settings.alert_urls.read()
        found, faults = all_channels(text, await people.users())
        for fault in faults:  # a file that was changed: the others go on
            _log.error("a channel cannot be used", reason=fault)
        return found

    return channels
