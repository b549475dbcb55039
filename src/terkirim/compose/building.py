"""Puts the parts of a gateway together over an open database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random

from terkirim.compose.choices import Choices
from terkirim.compose.desk import Desk, desk_over
from terkirim.compose.lookout import LOOK_EVERY, Lookout, lookout_over
from terkirim.compose.providers import providers_of
from terkirim.compose.signing import signing_secret
from terkirim.content.addresses import normalised
from terkirim.content.drafts import DraftRules, checked
from terkirim.content.fetching import Fetcher, FetchRules, resolved
from terkirim.content.outgoing import outgoing
from terkirim.content.signed_urls import Links, SigningKey
from terkirim.database import Database, SystemClock, diverts_to, opened
from terkirim.delivery.dispatcher import Dispatcher, DispatchSettings
from terkirim.delivery.submit import Submit
from terkirim.delivery.tally import Tally
from terkirim.delivery.worker import Worker, WorkerSettings
from terkirim.domain.email import DEFAULT_ROUTE, Draft, Email
from terkirim.policy.retry import RetrySchedule
from terkirim.ports import Clock, Provider, Store
from terkirim.ports.retention import Erasure
from terkirim.ports.statistics import Statistics
from terkirim.providers.overhearing import Overhearing
from terkirim.providers.registry import callback_readers
from terkirim.reports.health import SANDBOX, HealthRules
from terkirim.reports.watch import Watch
from terkirim.schedule.periodic import Job, Scheduler
from terkirim.schedule.retention import HOURLY, retention_jobs
from terkirim.settings import Settings
from terkirim.tracking.parts import Tracking
from terkirim.tracking.worker import TrackingSettings
from terkirim.webhooks.courier import CourierSettings
from terkirim.webhooks.parts import Telling
from terkirim.webhooks.watch import forget, look


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that a gateway stands on; who builds it closes the providers and the store."""

    settings: Settings
    store: Store
    providers: Mapping[str, Provider]
    submit: Submit
    worker: Worker
    tally: Tally
    clock: Clock
    new_id: Callable[[], str]
    signing_key: SigningKey
    watch: Watch
    fetcher: Fetcher
    lookout: Lookout
    desk: Desk
    scheduler: Scheduler
    erasure: Erasure
    tracking: Tracking
    webhooks: Telling
    statistics: Statistics


async def built(settings: Settings) -> Parts:
    """Open the database that the settings name, and build the parts over it.

    Raises:
        ConfigError: a setting is wrong, or the database cannot be used as it is.
        StoreUnavailable: it cannot be opened or written now.
    """
    providers = {
        name: Overhearing(one, clock=SystemClock())
        for name, one in providers_of(settings, clock=SystemClock()).items()
    }
    database = await opened(settings)
    try:
        choices = Choices(settings, options=database.options, clock=database.clock)
        await choices.read()
        key = SigningKey(await signing_secret(database))
        return _parts(database, providers, key, desk_over(database, choices))
    except BaseException:
        await database.store.close()
        raise


def _parts(
    database: Database, providers: Mapping[str, Overhearing], signing_key: SigningKey, desk: Desk
) -> Parts:
    settings, tally = database.settings, Tally()
    lookout = lookout_over(database, providers, desk.choices.manners)
    rules = _draft_rules(settings, providers)
    return Parts(
        settings=settings,
        store=database.store,
        providers=providers,
        submit=_submit(database, rules, lookout),
        worker=_worker(database, providers, signing_key, tally),
        tally=tally,
        clock=database.clock,
        new_id=database.new_id,
        signing_key=signing_key,
        watch=_watch(database),
        fetcher=Fetcher(FetchRules(allowed=settings.fetch, most=rules.max_attachments)),
        lookout=lookout,
        desk=desk,
        scheduler=Scheduler(
            _jobs(database, lookout, desk), upkeep=database.store, clock=database.clock
        ),
        erasure=database.erasure,
        tracking=_tracking(database),
        webhooks=_webhooks(database),
        statistics=database.statistics,
    )


def _draft_rules(settings: Settings, providers: Mapping[str, Provider]) -> DraftRules:
    return DraftRules(
        carries={
            route: tuple(providers[name].carries for name in names)
            for route, names in settings.providers_by_route.items()
        },
        default_sender=settings.default_sender,
        if_unclear=settings.if_unclear,
        has_public_url=settings.public_url is not None,
        not_carried=settings.not_carried,
    )


def _submit(database: Database, rules: DraftRules, lookout: Lookout) -> Submit:
    store, new_id = database.store, database.new_id

    def check(draft: Draft, *, now: datetime, owner: str) -> tuple[Email, Mapping[str, bytes]]:
        found = checked(draft, ids=new_id, now=now, owner=owner, rules=rules)
        return found.email, found.files

    return Submit(
        store=store,
        check=check,
        clock=database.clock,
        free_bytes=store.free_bytes,
        min_free=database.settings.min_free_disk,
        afford=lookout.preflights.refuse if lookout.standings.providers else None,
    )


def _worker(
    database: Database,
    providers: Mapping[str, Provider],
    signing_key: SigningKey,
    tally: Tally,
) -> Worker:
    settings, store, clock = database.settings, database.store, database.clock
    schedule = RetrySchedule(
        quick=settings.retry_waits,
        tail=settings.retry_tail,
        retry_for=settings.retry_for,
        jitter=settings.retry_jitter,
    )
    links = (
        None
        if settings.public_url is None
        else Links(public_url=settings.public_url, key=signing_key)
    )
    dispatcher = Dispatcher(
        outbox=store,
        providers=providers,
        routes=settings.providers_by_route,
        outgoing=lambda work, now: outgoing(work, links=links, now=now),
        clock=clock,
        dice=Random().random,  # noqa: S311 - jitter is no secret
        settings=DispatchSettings(
            concurrency=settings.concurrency,
            lease_for=settings.lease,
            request_within=settings.timeout,
            unclear_wait=settings.unclear_wait,
            schedule=schedule,
            observe=tally,
        ),
    )
    return Worker(
        dispatcher=dispatcher,
        outbox=store,
        gates=store,
        providers=providers,
        clock=clock,
        settings=WorkerSettings(
            unclear_wait=settings.unclear_wait,
            schedule=schedule,
            pause_probe=settings.pause_probe,
        ),
    )


def _watch(database: Database) -> Watch:
    settings, routes = database.settings, database.settings.providers_by_route
    return Watch(
        database.store,
        routes=routes,
        rules=HealthRules(
            is_sandbox=SANDBOX in routes[DEFAULT_ROUTE],
            diverts=diverts_to(settings) is not None,
            min_free=settings.min_free_disk,
        ),
    )


def _jobs(database: Database, lookout: Lookout, desk: Desk) -> list[Job]:
    settings = database.settings
    return [
        *retention_jobs(
            database.retention,
            clock=database.clock,
            keep_content=settings.keep_content,
            keep_messages=settings.keep_messages,
        ),
        *_webhook_jobs(database, lookout),
        *lookout.jobs,
        *desk.jobs,
    ]


def _webhooks(database: Database) -> Telling:
    return Telling(
        book=database.webhooks,
        reach=database.settings.webhook_reach,
        resolve=resolved,
        clock=database.clock,
        new_id=database.new_id,
        settings=CourierSettings(),
    )


def _webhook_jobs(database: Database, lookout: Lookout) -> list[Job]:
    book, settings = database.webhooks, database.settings
    keep = min(settings.keep_content, settings.keep_messages)
    return [
        Job(name="webhooks look", every=LOOK_EVERY, work=partial(look, book, lookout.alarms)),
        Job(
            name="forget webhooks",
            every=HOURLY,
            work=partial(forget, book, keep=keep, clock=database.clock),
        ),
    ]


def _tracking(database: Database) -> Tracking:
    settings = database.settings
    secret = settings.mailketing_webhook_secret
    return Tracking(
        callbacks=database.events,
        suppressions=database.suppressions,
        readers=callback_readers(),
        secret=lambda: None if secret is None else secret.read(),
        check=normalised,
        upkeep=database.store,
        clock=database.clock,
        settings=TrackingSettings(keep_raw=settings.keep_content, keep_all=settings.keep_messages),
    )
