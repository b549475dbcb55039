"""The gateway itself: the whole product without its doors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Unpack

import msgspec

from terkirim.access.setting_key import SettingKey
from terkirim.compose.building import Parts, built
from terkirim.content.addresses import normalised
from terkirim.content.fetching import needs_fetching
from terkirim.delivery.erasing import Forgotten, forget
from terkirim.delivery.following import Following
from terkirim.delivery.submit import Submitted
from terkirim.delivery.submit import idempotency_key as key_in_scope
from terkirim.domain.email import DEFAULT_ROUTE, Addresses, Draft, Email, EmailOptions
from terkirim.domain.errors import CannotBePaid
from terkirim.logs import Logger
from terkirim.ports import IdempotencyKey
from terkirim.settings import Settings, load

_log = Logger("terkirim.gateway")
_LIBRARY = "library"  # the owner of what Python code hands over


def _ids(emails: Sequence[Email]) -> list[str]:
    return [email.id for email in emails]


class Gateway(Following):
    """Takes e-mails, keeps them, sends them: the whole product without its doors."""

    def __init__(self, parts: Parts) -> None:
        self.settings = parts.settings
        self.store = parts.store
        self.clock = parts.clock
        self.new_id = parts.new_id
        self.signing_key = parts.signing_key
        self.setting_key = SettingKey(parts.settings.api_key_now)
        self.submit = parts.submit
        self.tally = parts.tally
        self.watch = parts.watch
        self.lookout = parts.lookout
        self.tracking = parts.tracking
        self.webhooks = parts.webhooks
        self.desk = parts.desk
        self.statistics = parts.statistics
        self._fetcher = parts.fetcher
        self._scheduler = parts.scheduler
        self._erasure = parts.erasure
        self._providers = parts.providers
        self._worker = parts.worker
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
        gateway = cls(await built(settings if settings is not None else load(**given)))
        try:
            if work:
                await gateway.find_lost_routes()
                gateway.start()
            yield gateway
        finally:
            await gateway.close()

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
        self.webhooks.start()

    async def close(self) -> None:
        """Stop leasing, finish what is in the air within the grace period, close the database."""
        await self.watch.stop()
        await self._scheduler.stop()
        if self._is_working:
            self._is_working = False
            grace = self.settings.grace
            await asyncio.gather(self._worker.stop(within=grace), self.webhooks.stop(within=grace))
            await self.tracking.stop()
        await self.webhooks.close()
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
        answer_with: Callable[[str, Sequence[Email], frozenset[str]], str] | None = None,
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
                drafts,
                owner=owner,
                answer=answer,
                answer_with=answer_with,
                key=key,
                is_forced=is_forced,
            )
        except CannotBePaid:
            if key is not None and (known := await self.store.repeat_of(key, now=self.clock.now())):
                return Submitted(answer=known.answer, is_repeat=True, emails=())
            raise
