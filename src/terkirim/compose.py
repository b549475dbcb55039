"""The only place that names concrete parts: builds the `Gateway` from settings."""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

from terkirim.content.addresses import normalised
from terkirim.content.drafts import DraftRules, checked
from terkirim.content.outgoing import outgoing
from terkirim.content.signed_urls import KEY_BYTES, Links, SigningKey
from terkirim.delivery.dispatcher import Dispatcher, DispatchSettings
from terkirim.delivery.submit import Submit, Submitted
from terkirim.delivery.worker import Worker, WorkerSettings
from terkirim.domain.email import Draft, Email
from terkirim.domain.errors import ConfigError
from terkirim.domain.ids import uuid7
from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.rates import parse_rates
from terkirim.policy.retry import RetrySchedule
from terkirim.ports import Clock, IdempotencyKey, Provider, Store
from terkirim.providers.registry import build, callback_readers
from terkirim.settings import Settings, load
from terkirim.store.gating import GateSettings
from terkirim.store.sqlite.events import SqliteEvents
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.sqlite.suppressions import SqliteSuppressions
from terkirim.tracking.parts import Tracking
from terkirim.tracking.worker import TrackingSettings

SANDBOX = "sandbox"
_SQLITE = "sqlite:///"
_ID_BITS = 74


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock

    def monotonic(self) -> float:
        return time.monotonic()


def _ids(emails: Sequence[Email]) -> list[str]:
    return [email.id for email in emails]


class Gateway:
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
        tracking: Tracking,
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.new_id = new_id
        self.signing_key = signing_key
        self.submit = submit
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

    def start(self) -> None:
        """Begin to send what waits, in the running loop."""
        self._is_working = True
        self._worker.start()
        self.tracking.start()

    async def close(self) -> None:
        """Stop leasing, finish what is in the air within the grace period, close the database."""
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

    async def send_email(
        self,
        *,
        to: str | Sequence[str],
        subject: str,
        html: str | None = None,
        text: str | None = None,
        idempotency: IdempotencyKey | None = None,
        **options: Any,
    ) -> str:
        """Put one e-mail on disk and return its id; it is sent from there.

        `options` are the other fields of `Draft`; `sender` defaults to MAILKETING_FROM_EMAIL.

        Raises:
            InvalidEmail: a field is wrong; nothing was stored.
            StoreUnavailable: the database cannot be used now; nothing was stored.
        """
        draft = Draft(to=to, subject=subject, html=html, text=text, **options)
        submitted = await self.send([draft], owner="library", key=idempotency)
        return submitted.emails[0].id

    async def send(
        self,
        drafts: Sequence[Draft],
        *,
        owner: str,
        answer: Callable[[Sequence[Email]], Any] = _ids,
        key: IdempotencyKey | None = None,
    ) -> Submitted:
        """Put drafts on disk together, or none of them."""
        return await self.submit(drafts, owner=owner, answer=answer, key=key)


def _built(settings: Settings) -> Gateway:
    clock, dice = SystemClock(), SystemRandom()
    routes = settings.providers_by_route
    new_id = partial(_new_id, clock, dice)
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
    return Gateway(
        settings=settings,
        store=store,
        providers=providers,
        submit=submit,
        worker=worker,
        clock=clock,
        new_id=new_id,
        signing_key=signing_key,
        tracking=_tracking(settings, store, clock=clock, new_id=new_id),
    )


def _tracking(
    settings: Settings, store: SqliteStore, *, clock: Clock, new_id: Callable[[], str]
) -> Tracking:
    secret = settings.mailketing_webhook_secret
    return Tracking(
        callbacks=SqliteEvents(store, ids=new_id),
        suppressions=SqliteSuppressions(store, ids=new_id),
        readers=callback_readers(),
        secret=lambda: None if secret is None else secret.read(),
        check=normalised,
        upkeep=store,
        clock=clock,
        settings=TrackingSettings(keep_raw=settings.keep_content, keep_all=settings.keep_messages),
    )


def _new_id(clock: Clock, dice: SystemRandom) -> str:
    return uuid7(int(clock.now().timestamp() * 1_000), dice.getrandbits(_ID_BITS))


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
