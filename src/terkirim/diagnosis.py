"""Asks everything that mail depends on and tells what it found; one fault hides no other."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from terkirim.compose import Gateway, providers_of
from terkirim.content.signed_urls import Links
from terkirim.database import SystemClock, file_system_of
from terkirim.domain.email import Attachment
from terkirim.domain.errors import ConfigError, StoreUnavailable
from terkirim.domain.finding import Finding
from terkirim.ports import Provider
from terkirim.ports.checkup import Checkup
from terkirim.reports.doctor.clock import of_clock
from terkirim.reports.doctor.database import of_failure, of_place, of_store
from terkirim.reports.doctor.reach import of_public_url
from terkirim.reports.doctor.sending import of_backlog, of_provider, of_standing
from terkirim.reports.doctor.settings import of_sandbox, of_sender, of_settings
from terkirim.settings import Settings

WITHIN = timedelta(seconds=10)  # for each question to the outside
_NOTHING = Attachment(
    filename="doctor.txt", content_type="text/plain", sha256="0" * 64, size=0
)  # an attachment that nobody has


@dataclass(frozen=True, slots=True)
class _Inside:
    """What was found in the database, and what other questions need of it."""

    findings: list[Finding]
    newest: datetime | None = None
    link: str = ""


async def diagnosed(settings: Settings, *, zone: tzinfo, unknown: list[str]) -> list[Finding]:
    """Return what was found, in the order in which mail meets it; `unknown` variables included."""
    clock = SystemClock()
    try:
        providers = list(providers_of(settings, clock=clock).values())
    except ConfigError as error:  # then no gateway can be opened either
        return of_settings(error.faults, unknown)
    now = clock.now()
    inside, checkups = await asyncio.gather(_inside(settings, now), _checkups(settings, providers))
    is_needed = any(one.carries.needs_public_url for one in providers)
    return [
        *of_settings((), unknown),
        *of_sandbox(settings.providers_by_route),
        *of_place(settings.database_shown, file_system_of(settings)),
        *inside.findings,
        *of_clock(
            now,
            zone=zone,
            newest=inside.newest,
            provider_time=next((one.provider_time for one in checkups if one.provider_time), None),
        ),
        *of_sender(settings.mailketing_from_email),
        *(finding for one in checkups for finding in one.findings),
        *await of_public_url(
            settings.public_url, link=inside.link, is_needed=is_needed, within=WITHIN
        ),
    ]


async def _inside(settings: Settings, now: datetime) -> _Inside:
    try:
        async with Gateway.open(settings, work=False) as gateway:
            store = gateway.store
            found = await of_store(store, min_free=settings.min_free_disk)
            found += of_standing(await store.providers(now=now), now=now)
            found += of_backlog(await store.backlog(now=now), now=now)
            newest = [one.created_at for one in await store.emails(limit=1)]
            links = Links(public_url=settings.public_url or "", key=gateway.signing_key)
            return _Inside(found, next(iter(newest), None), links.url(_NOTHING, now=now))
    except (ConfigError, StoreUnavailable, OSError) as error:
        return _Inside([of_failure(error)])


async def _checkups(settings: Settings, providers: list[Provider]) -> list[Checkup]:
    sender = settings.mailketing_from_email
    try:
        return [await of_provider(one, sender=sender, within=WITHIN) for one in providers]
    finally:
        for one in providers:
            await one.close()
