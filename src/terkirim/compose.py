"""The only place that names concrete parts: builds the `Gateway` from settings."""

import os
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Unpack

import msgspec

from terkirim.compose_desk import Desk, desk_over
from terkirim.content.drafts import DraftRules, checked
from terkirim.content.fetching import Fetcher, FetchRules, needs_fetching
from terkirim.content.outgoing import outgoing
from terkirim.content.signed_urls import KEY_BYTES, Links, SigningKey
from terkirim.delivery.dispatcher import Dispatcher, DispatchSettings
from terkirim.delivery.following import Following
from terkirim.delivery.submit import Submit, Submitted
from terkirim.delivery.submit import idempotency_key as key_in_scope
from terkirim.delivery.worker import Worker, WorkerSettings
from terkirim.domain.email import Addresses, Draft, Email, EmailOptions
from terkirim.domain.errors import ConfigError
from terkirim.domain.ids import uuid7
from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.rates import parse_rates
from terkirim.policy.retry import RetrySchedule
from terkirim.ports import Clock, IdempotencyKey, Provider, Store
from terkirim.providers.registry import build
from terkirim.reports.health import HealthRules
from terkirim.reports.watch import Watch
from terkirim.schedule.periodic import Scheduler
from terkirim.settings import Settings, load
from terkirim.store.gating import GateSettings
from terkirim.store.sqlite.store import SqliteStore

SANDBOX = "sandbox"
_SQLITE = "sqlite:///"
ID_BYTES, SPARE_BITS = 10, 6  # 74 bits are random
IDS_AT_ONCE = 512
_LIBRARY = "library"  # the owner of what Python code hands over


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
        clock: Clock,
        new_id: Callable[[], str],
        signing_key: SigningKey,
        watch: Watch,
        fetcher: Fetcher,
        desk: Desk,
        scheduler: Scheduler,
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.new_id = new_id
        self.signing_key = signing_key
        self.submit = submit
        self.watch = watch
        self.desk = desk
        self._fetcher = fetcher
        self._scheduler = scheduler
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
        gateway = _built(settings if settings is not None else load(**given))
        try:
            if work:
                gateway.start()
            yield gateway
        finally:
            await gateway.close()

    @property
    def is_sandbox(self) -> bool:
        """True while the default route ends in the sandbox: nothing is really sent."""
        return SANDBOX in self.settings.providers_by_route["default"]

    @property
    def health_rules(self) -> HealthRules:
        """What the settings say to `reports.health`."""
        return HealthRules(
            is_sandbox=SANDBOX in self.settings.providers_by_route["default"],
            diverts=self.settings.on_invalid_key == SANDBOX,
            min_free=self.settings.min_free_disk,
        )

    def start(self) -> None:
        """Begin to send what waits, in the running loop."""
        self._is_working = True
        self._worker.start()
        self.watch.start()
        self._scheduler.start()

    async def close(self) -> None:
        """Stop leasing, finish what is in the air within the grace period, close the database."""
        await self.watch.stop()
        await self._scheduler.stop()
        if self._is_working:
            self._is_working = False
            await self._worker.stop(within=self.settings.grace)
        for provider in self._providers.values():
            await provider.close()
        await self.store.close()

    def check(self, draft: Draft, *, owner: str) -> None:
        """Raise InvalidEmail if the draft would be refused; nothing is stored."""
        self.submit.check(draft, now=self.clock.now(), owner=owner)

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
    ) -> Submitted:
        """Put drafts on disk together, or none of them."""
        if any(needs_fetching(draft.attachments) for draft in drafts):
            if key is not None and (known := await self.store.repeat_of(key, now=self.clock.now())):
                return Submitted(answer=known.answer, is_repeat=True, emails=())
            drafts = [await self.with_files(draft) for draft in drafts]
        return await self.submit(drafts, owner=owner, answer=answer, key=key)


def _built(settings: Settings) -> Gateway:
    clock, dice = SystemClock(), Random()  # noqa: S311 - jitter is no secret
    routes = settings.providers_by_route
    new_id = Ids(clock)
    database = settings.database.read()
    if not database.startswith(_SQLITE):
        raise ConfigError(
            "TERKIRIM_DATABASE: this version keeps its mail in SQLite; give sqlite:///FILE"
        )
    path = Path(database.removeprefix(_SQLITE)).absolute()
    names = tuple(dict.fromkeys(name for route in routes.values() for name in route))
    providers = {name: build(name, _options(name, settings), clock=clock) for name in names}
    rates = () if settings.rate is None else parse_rates(settings.rate)
    gates = GateSettings(
        routes=routes,
        breaker=BreakerSettings(after=settings.breaker_after, cool_down=settings.breaker_cool_down),
        limits={name: rates for name in names if rates and name != SANDBOX},
        zone=settings.time_zone,
        concurrency=settings.concurrency,
        probe_for=settings.lease,
    )
    store = SqliteStore(path, node=new_id(), settings=gates)
    signing_key = SigningKey(_signing_secret(settings, path))
    links = (
        None
        if settings.public_url is None
        else Links(public_url=settings.public_url, key=signing_key)
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
            schedule=RetrySchedule(
                quick=settings.retry_waits,
                tail=settings.retry_tail,
                retry_for=settings.retry_for,
                jitter=settings.retry_jitter,
            ),
        ),
    )
    worker = Worker(
        dispatcher=dispatcher,
        outbox=store,
        gates=store,
        providers=providers,
        clock=clock,
        settings=WorkerSettings(
            unclear_wait=settings.unclear_wait, pause_probe=settings.pause_probe
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
    )
    desk = desk_over(store, clock=clock, new_id=new_id)
    return Gateway(
        settings=settings,
        store=store,
        providers=providers,
        submit=submit,
        worker=worker,
        clock=clock,
        new_id=new_id,
        signing_key=signing_key,
        fetcher=Fetcher(FetchRules(allowed=settings.fetch, most=rules.max_attachments)),
        desk=desk,
        scheduler=Scheduler(desk.jobs, upkeep=store, clock=clock),
        watch=Watch(store, diverts=settings.on_invalid_key == SANDBOX),
    )


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


def _signing_secret(settings: Settings, database: Path) -> bytes:
    """Return the set key, or the one that is kept beside the database, made at the first start."""
    if settings.signing_key is not None:
        return settings.signing_key.read().encode()
    path = database.with_name(database.name + ".signing-key")
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(KEY_BYTES * 2), "utf-8")
    return path.read_text("utf-8").encode()
