"""Webhooks as a command finds them in the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from terkirim.content.fetching import resolved
from terkirim.database import Database
from terkirim.domain.remarks import retold
from terkirim.domain.webhook import Endpoint
from terkirim.language import Voice
from terkirim.webhooks.courier import CourierSettings
from terkirim.webhooks.parts import Telling


@asynccontextmanager
async def telling_of(database: Database) -> AsyncIterator[Telling]:
    """Give the webhooks of a database; what waits is delivered by whoever serves it."""
    telling = Telling(
        book=database.webhooks,
        reach=database.settings.webhook_reach,
        resolve=resolved,
        clock=database.clock,
        new_id=database.new_id,
        settings=CourierSettings(),
    )
    try:
        yield telling
    finally:
        await telling.close()


def who_disabled(say: Voice, endpoint: Endpoint) -> str:
    """Return why an endpoint is disabled, as a sentence."""
    if not endpoint.why_disabled:
        return say("disabled by a person")
    return say("disabled by itself: {reason}", reason=retold(endpoint.why_disabled))
