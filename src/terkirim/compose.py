"""The only place that names concrete parts: builds the `Gateway` from settings."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any, Unpack

import msgspec
import structlog

from terkirim.access.kept import kept_secret
from terkirim.compose_credits import Lookout, lookout_over
from terkirim.compose_desk import Desk, desk_over
from terkirim.content.addresses import normalised
from terkirim.content.drafts import DraftRules, checked
from terkirim.content.fetching import Fetcher, FetchRules, needs_fetching
from terkirim.content.outgoing import outgoing
from terkirim.content.signed_urls import KEY_BYTES, Links, SigningKey
from terkirim.database import Database, SystemClock, diverts_to, opened, providers_named
from terkirim.delivery.dispatcher import Dispatcher, DispatchSettings
from terkirim.delivery.erasing import Forgotten, forget
from terkirim.delivery.following import Following
from terkirim.delivery.submit import Submit, Submitted
from terkirim.delivery.submit import idempotency_key as key_in_scope
from terkirim.delivery.tally import Tally
from terkirim.delivery.worker import Worker, WorkerSettings
from terkirim.domain.email import DEFAULT_ROUTE, Addresses, Draft, Email, EmailOptions
from terkirim.domain.errors import CannotBePaid, ConfigError
from terkirim.policy.retry import RetrySchedule
from terkirim.ports import Clock, IdempotencyKey, Provider, Store
from terkirim.ports.retention import Erasure
from terkirim.providers.overhearing import Overhearing
from terkirim.providers.registry import build, callback_readers
from terkirim.reports.health import SANDBOX, HealthRules
from terkirim.reports.watch import Watch
from terkirim.schedule.periodic import Scheduler
from terkirim.schedule.retention import retention_jobs
from terkirim.settings import Settings, load
from terkirim.tracking.parts import Tracking
from terkirim.tracking.worker import TrackingSettings

_log = structlog.get_logger("terkirim.gateway")
SIGNING_KEY = "secret:signing_key"  # an option; one that begins with `secret:` is never shown
_LIBRARY = "library"  # the owner of what Python code hands over


def _ids(emails: Sequence[Email]) -> list[str]:
    return [email.id for email in emails]


class Gateway(Following):
    """Takes e-mails, keeps them, sends them: the whole product without its doors."""

    def __init__(  # noqa: PLR0913 - the parts are put together once, below
        self,
        *,
        settings: Settings,
        store: Store,
        providers: Mapping[str, Provider],
        submit: Submit,
        worker: Worker,
        tally: Tally,
        clock: Clock,
        new_id: Callable[[], str],
        signing_key: SigningKey,
        watch: Watch,
        fetcher: Fetcher,
        lookout: Lookout,
        desk: Desk | None,
        scheduler: Scheduler,
        erasure: Erasure,
        tracking: Tracking,
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.new_id = new_id
        self.signing_key = signing_key
        self.submit = submit
        self.tally = tally
        self.watch = watch
        self._desk = desk
        self._fetcher = fetcher
        self.lookout = lookout
        self._scheduler = scheduler
        self._erasure = erasure
        self.tracking = tracking
        self._providers = providers
        self._worker = worker
        self._is_working = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings | None = None, *, work: bool = True, **given: Any
    ) -> AsyncIterator["Gateway"]:
        """Open the database and begin to send; `given` names single settings.

        With `work=False` mail is taken and kept, and another process sends it.

        Raises:
            ConfigError: a setting is wrong, or the database cannot be used as it is.
        """
        gateway = await _opened(settings if settings is not None else load(**given))
        try:
            if work:
                await gateway.find_lost_routes()
                gateway.start()
            yield gateway
        finally:
            await gateway.close()

    @property
    def has_desk(self) -> bool:
        """True where the database keeps what the pages need: people's sessions, a search."""
        return self._desk is not None

    @property
    def desk(self) -> Desk:
        """What people at the pages need.

        Raises:
            ConfigError: this database does not keep it.
        """
        if self._desk is None:
            raise ConfigError("TERKIRIM_DATABASE: the pages need SQLite as yet")
        return self._desk

    @property
    def in_air(self) -> int:
        """How many requests of this process are on their way."""
        return self._worker.in_air

    @property
    def is_sandbox(self) -> bool:
        """True while mail of the default route ends in the sandbox: nothing is really sent."""
        return self.watch.is_sandboxed(DEFAULT_ROUTE)

    async def find_lost_routes(self) -> None:
        """Send over the default route what waits on routes that the settings no longer have."""
        total = 0
        while moved := await self.store.reroute():
            total += moved
        if total:
            _log.warning("mail of routes that are no more goes over the default one", count=total)

    def start(self) -> None:
        """Begin to send what waits, in the running loop."""
        self._is_working = True
        self._worker.start()
        self.watch.start()
        self._scheduler.start()
        self.tracking.start()

    async def close(self) -> None:
        """Stop leasing, finish what is in the air within the grace period, close the database."""
        await self.watch.stop()
        await self._scheduler.stop()
        if self._is_working:
            self._is_working = False
            await self._worker.stop(within=self.settings.grace)
            await self.tracking.stop()
        for provider in self._providers.values():
            await provider.close()
        await self.store.close()

    def check(self, draft: Draft, *, owner: str) -> None:
        """Raise InvalidEmail if the draft would be refused; nothing is stored."""
        self.submit.check(draft, now=self.clock.now(), owner=owner)

    async def erase(self, address: str) -> Forgotten:
        """Forget one address: stop what waits for it, and take it out of all that is kept.

        Suppressions stay. A letter to several keeps its text, and loses the address.

        Raises:
            InvalidEmail: it is no address.
        """
        wanted = normalised(address.strip(), "address")
        return await forget(self._erasure, wanted, clock=self.clock)

    async def with_files(self, draft: Draft) -> Draft:
        """Return the draft with the attachments that it names by `path` fetched.

        Raises:
            InvalidEmail: an address is not allowed, does not answer, or its file is too large.
        """
        if not needs_fetching(draft.attachments):
            return draft
        return replace(draft, attachments=await self._fetcher.filled(draft.attachments))

    async def send_email(
        self,
        *,
        to: Addresses,
        subject: str,
        html: str | None = None,
        text: str | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[EmailOptions],
    ) -> str:
        """Put one e-mail on disk and return its id; it is sent from there.

        `sender` defaults to MAILKETING_FROM_EMAIL. A second call with the same `idempotency_key`,
        within a day, sends nothing and returns the first one's id.

        Raises:
            InvalidEmail: a field is wrong; nothing was stored.
            IdempotencyConflict: the key was used with other fields.
            StoreUnavailable: the database cannot be used now; nothing was stored.
        """
        draft = Draft(to=to, subject=subject, html=html, text=text, **options)
        key = None
        if idempotency_key is not None:
            if not needs_fetching(
                draft.attachments
            ):  # a wrong field is named before it is compared
                self.check(draft, owner=_LIBRARY)
            key = key_in_scope(idempotency_key, owner=_LIBRARY, route="send_email", payload=draft)
        submitted = await self.send([draft], owner=_LIBRARY, key=key)
        ids: list[str] = msgspec.json.decode(submitted.answer)
        return ids[0]

    async def send(
        self,
        drafts: Sequence[Draft],
        *,
        owner: str,
        answer: Callable[[Sequence[Email]], Any] = _ids,
        key: IdempotencyKey | None = None,
        is_forced: bool = False,
    ) -> Submitted:
        """Put drafts on disk together, or none of them; `is_forced`: unpaid broadcasts too."""
        if any(needs_fetching(draft.attachments) for draft in drafts):
            if key is not None and (known := await self.store.repeat_of(key, now=self.clock.now())):
                return Submitted(answer=known.answer, is_repeat=True, emails=())
            drafts = [await self.with_files(draft) for draft in drafts]
        try:
            return await self.submit(
                drafts, owner=owner, answer=answer, key=key, is_forced=is_forced
            )
        except CannotBePaid:
            if key is not None and (known := await self.store.repeat_of(key, now=self.clock.now())):
                return Submitted(answer=known.answer, is_repeat=True, emails=())
            raise


async def _opened(settings: Settings) -> Gateway:
    providers = {
        name: Overhearing(one, clock=SystemClock())
        for name, one in providers_of(settings, clock=SystemClock()).items()
    }
    database = await opened(settings)
    try:
        return _built(database, providers, SigningKey(await _signing_secret(database)))
    except BaseException:
        await database.store.close()
        raise


def _built(
    database: Database, providers: Mapping[str, Overhearing], signing_key: SigningKey
) -> Gateway:
    settings = database.settings
    dice = Random()  # noqa: S311 - jitter is no secret
    routes = settings.providers_by_route
    store, clock, new_id = database.store, database.clock, database.new_id
    lookout = lookout_over(database, providers)
    links = (
        None
        if settings.public_url is None
        else Links(public_url=settings.public_url, key=signing_key)
    )
    tally = Tally()
    schedule = RetrySchedule(
        quick=settings.retry_waits,
        tail=settings.retry_tail,
        retry_for=settings.retry_for,
        jitter=settings.retry_jitter,
    )
    dispatcher = Dispatcher(
        outbox=store,
        providers=providers,
        routes=routes,
        outgoing=lambda work, now: outgoing(work, links=links, now=now),
        clock=clock,
        dice=dice.random,
        settings=DispatchSettings(
            concurrency=settings.concurrency,
            lease_for=settings.lease,
            request_within=settings.timeout,
            unclear_wait=settings.unclear_wait,
            schedule=schedule,
            observe=tally,
        ),
    )
    worker = Worker(
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
    rules = DraftRules(
        carries={
            route: tuple(providers[name].carries for name in names)
            for route, names in routes.items()
        },
        default_sender=settings.default_sender,
        if_unclear=settings.if_unclear,
        has_public_url=settings.public_url is not None,
        not_carried=settings.not_carried,
    )

    def check(draft: Draft, *, now: datetime, owner: str) -> tuple[Email, Mapping[str, bytes]]:
        found = checked(draft, ids=new_id, now=now, owner=owner, rules=rules)
        return found.email, found.files

    submit = Submit(
        store=store,
        check=check,
        clock=clock,
        free_bytes=store.free_bytes,
        min_free=settings.min_free_disk,
        afford=lookout.preflights.refuse if lookout.standings.providers else None,
    )
    desk = desk_over(database)
    return Gateway(
        settings=settings,
        store=store,
        providers=providers,
        submit=submit,
        worker=worker,
        tally=tally,
        clock=clock,
        new_id=new_id,
        signing_key=signing_key,
        fetcher=Fetcher(FetchRules(allowed=settings.fetch, most=rules.max_attachments)),
        desk=desk,
        scheduler=Scheduler(
            [
                *retention_jobs(
                    database.retention,
                    clock=clock,
                    keep_content=settings.keep_content,
                    keep_messages=settings.keep_messages,
                ),
                *lookout.jobs,
                *(() if desk is None else desk.jobs),
            ],
            upkeep=store,
            clock=clock,
        ),
        tracking=_tracking(settings, database),
        erasure=database.erasure,
        watch=Watch(
            store,
            routes=routes,
            rules=HealthRules(
                is_sandbox=SANDBOX in routes[DEFAULT_ROUTE],
                diverts=diverts_to(settings) is not None,
                min_free=settings.min_free_disk,
            ),
        ),
        lookout=lookout,
    )


def providers_of(settings: Settings, *, clock: Clock) -> dict[str, Provider]:
    """Return every provider on a route, by name; who calls it closes them.

    Raises:
        ConfigError: one is unknown, or an option of it cannot be used.
    """
    names = providers_named(settings)
    return {name: build(name, _options(name, settings), clock=clock) for name in names}


def _options(name: str, settings: Settings) -> Mapping[str, Any]:
    if name == SANDBOX or settings.mailketing_api_key is None:
        return {}
    return {
        "key": settings.mailketing_api_key.read,
        "base_url": settings.mailketing_api_url,
        "version": settings.mailketing_api_version,
        "timeout": min(settings.timeout, settings.lease / 2),
        "connections": settings.concurrency,
        "proxy": None if settings.proxy is None else settings.proxy.read(),
        "collapse_newlines": settings.mailketing_collapse_newlines,
    }


async def _signing_secret(database: Database) -> bytes:
    """Return the set key, or the one that all nodes of a database share."""
    if database.settings.signing_key is not None:
        return database.settings.signing_key.read().encode()
    if database.path is None:
        return (await database.store.keep_option(SIGNING_KEY, _new_secret())).encode()
    path = database.path.with_name(database.path.name + ".signing-key")
    return kept_secret(path, _new_secret).encode()


def _new_secret() -> str:
    return secrets.token_urlsafe(KEY_BYTES * 2)


def _tracking(settings: Settings, database: Database) -> Tracking:
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
