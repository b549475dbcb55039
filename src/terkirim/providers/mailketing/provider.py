"""Mailketing as a provider: sends one mail by one request, and asks for the balance."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo
from zoneinfo import ZoneInfo

from terkirim.domain.email import Carries, OutgoingMessage
from terkirim.domain.errors import ConfigError
from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    Outcome,
    OutOfCredits,
    ProviderFault,
    Rejected,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.ports import Clock
from terkirim.ports.checkup import Checkup
from terkirim.providers.http import Answer, HttpClient, is_url
from terkirim.providers.mailketing.answers import Reader, kept_answer, outcome_of
from terkirim.providers.mailketing.checkup import findings
from terkirim.providers.mailketing.content import MAX_ATTACHMENTS
from terkirim.providers.mailketing.key import Key, KeySource
from terkirim.providers.mailketing.reply import reply_in
from terkirim.providers.mailketing.times import said_at
from terkirim.providers.mailketing.versions import Version, Version1, Version2

SPARE_CONNECTIONS = 2  # so that the balance can be asked while every mail's connection is taken

_VERSION_AT_END = re.compile(r"/v([12])$")
_MORE_THAN_A_PATH = re.compile(r"[?#@]")  # a query, a fragment, or a password that logs would show


@dataclass(frozen=True, slots=True, kw_only=True)
class MailketingSettings:
    """How an account is reached.

    `key` is read at each call, so that a key that changes in its file counts at once. A `base_url`
    that ends in `/v1` or `/v2` chooses the version itself. `timeout` is the longest `within` that
    callers use, `connections` how many mails are sent at once. `zone` is where the account's day
    begins. `collapse_newlines`: v1 only.
    """

    key: Callable[[], str] = field(repr=False)
    base_url: str = "https://api.mailketing.co.id/api"
    version: int = 1
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Asia/Jakarta"))
    timeout: timedelta = timedelta(seconds=30)
    connections: int = 200
    proxy: str | None = field(default=None, repr=False)
    collapse_newlines: bool = False


class Mailketing:
    """The provider. What it cannot carry was refused or warned of at submission: it is left out."""

    name = "mailketing"
    carries = Carries(attachments=MAX_ATTACHMENTS, needs_public_url=True)

    def __init__(self, settings: MailketingSettings, *, clock: Clock) -> None:
        """Raises ConfigError: the base URL, the version or the proxy cannot be used."""
        self._base_url, number = _address(settings)
        self._settings = settings
        self._http = HttpClient(
            timeout=settings.timeout,
            connections=settings.connections + SPARE_CONNECTIONS,
            proxy=settings.proxy,
        )
        self._version: Version = (
            Version1(self._http, self._base_url, collapse=settings.collapse_newlines)
            if number == 1
            else Version2(self._http, self._base_url)
        )
        self._key = KeySource(settings.key)
        self._zone = settings.zone
        self._clock = clock

    def __repr__(self) -> str:
        return f"Mailketing({self._base_url!r})"

    async def send(self, message: OutgoingMessage, *, within: timedelta) -> Outcome | ProviderFault:
        key = self._usable_key()
        if not isinstance(key, Key):
            return key
        try:
            answer = await self._version.send(message, key=key, within=within)
        except ValueError:  # before anything left; its text would repeat the mail's
            return Rejected("the mail has text that cannot be written as UTF-8", field="content")
        if not isinstance(answer, Answer):
            return answer
        own_id = message.id if self._version.repeats_id else None
        reader = self._reader(key, sender=message.sender.email, message_id=own_id)
        outcome = outcome_of(answer, reader)
        if isinstance(outcome, Unclear):  # it may be another mail's, and this one's may follow
            self._http.hang_up_last()
        return outcome

    async def probe(
        self, *, within: timedelta, sender: str | None = None
    ) -> Outcome | ProviderFault:
        """Ask for the balance, or for `sender` among the approved ones.

        A balance that cannot be read shows that the key is good, and no more: Accepted without
        credits. And it says nothing about a daily limit: its pause ends at QuotaReached.until.
        """
        if sender is not None:
            return await self._approved(sender, within)
        outcome = await self._credits(within)
        if isinstance(outcome, Accepted) and outcome.credits == 0:
            return OutOfCredits("the balance is 0", answer=outcome.answer)
        return outcome

    async def balance(
        self, *, within: timedelta
    ) -> int | Deferred | Rejected | Unclear | ProviderFault:
        """Return the credits left, or why they are not known; a fault is never a balance of 0."""
        outcome = await self._credits(within)
        if not isinstance(outcome, Accepted):
            return outcome
        if outcome.credits is None:
            return Unclear("the answer names no plausible balance", answer=outcome.answer)
        return outcome.credits

    async def checkup(self, *, sender: str | None, within: timedelta) -> Checkup:
        """Ask for all that mail depends on, and under version 1 whether version 2 would do."""
        if isinstance(self._version, Version2):
            found = await findings(self, None, sender=sender, set_by="", within=within)
        else:
            address = self._settings.base_url.strip().rstrip("/")
            base = f"{address.removesuffix('/v1')}/v2"
            is_in_address = address.endswith("/v1")
            set_by = f"MAILKETING_API_URL={base}" if is_in_address else "MAILKETING_API_VERSION=2"
            second = Mailketing(replace(self._settings, base_url=base), clock=self._clock)
            found = await findings(self, second, sender=sender, set_by=set_by, within=within)
            await second.close()
        answer = await self._http.get(self._base_url, within=within, headers={})
        said = said_at(answer) if isinstance(answer, Answer) else None
        return Checkup(findings=found, provider_time=said)

    async def close(self) -> None:
        await self._http.close()

    async def _credits(self, within: timedelta) -> Outcome | ProviderFault:
        key = self._usable_key()
        if not isinstance(key, Key):
            return key
        answer = await self._version.credits(key=key, within=within)
        return outcome_of(answer, self._reader(key)) if isinstance(answer, Answer) else answer

    async def _approved(self, sender: str, within: timedelta) -> Outcome | ProviderFault:
        key = self._usable_key()
        if not isinstance(key, Key):
            return key
        answer = await self._version.senders(key=key, within=within)
        if not isinstance(answer, Answer):
            return answer
        reader = self._reader(key, sender=sender)
        outcome = outcome_of(answer, reader)
        if not isinstance(outcome, Accepted):
            return outcome
        return _among_senders(answer, reader)

    def _usable_key(self) -> Key | Unauthorised:
        try:
            key = self._key.current()
        except (OSError, ConfigError) as error:
            return Unauthorised(f"the key cannot be read: {error}")
        if not key.can_be_sent:
            return Unauthorised("the key is empty, or has characters that no request can carry")
        return key

    def _reader(self, key: Key, *, sender: str = "", message_id: str | None = None) -> Reader:
        return Reader(
            sender=sender,
            clock=self._clock,
            zone=self._zone,
            address=self._base_url,
            masked=key.masked,
            message_id=message_id,
        )


def _among_senders(answer: Answer, reader: Reader) -> Accepted | SenderRefused | Unclear:
    reply = reply_in(answer.body)
    approved = None if reply is None else reply.senders
    kept = kept_answer(answer, reader)
    if approved is None:
        return Unclear("the answer is no list of senders", answer=kept)
    sender = reader.sender.lower()
    domain = sender.rpartition("@")[2]
    if {sender, domain, f"@{domain}"} & {entry.strip().lower() for entry in approved}:
        return Accepted(answer=kept)
    return SenderRefused(
        f"{reader.sender} is not among the approved senders", sender=reader.sender, answer=kept
    )


def _address(settings: MailketingSettings) -> tuple[str, int]:
    """Return the base URL with its version, and the number of that version."""
    base_url = settings.base_url.strip().rstrip("/")
    if not is_url(base_url) or _MORE_THAN_A_PATH.search(base_url):
        raise ConfigError("Mailketing's base URL must look like https://api.mailketing.co.id/api")
    chosen = _VERSION_AT_END.search(base_url)
    if chosen is not None:
        return base_url, int(chosen[1])
    if settings.version not in {1, 2}:
        raise ConfigError("Mailketing's API has the versions 1 and 2")
    return f"{base_url}/v{settings.version}", settings.version
