"""Says by alarms which endpoints were disabled for their failures, and forgets what is old."""

import asyncio
from datetime import timedelta

from terkirim.logs import Logger
from terkirim.policy.conditions import ENDPOINT_DISABLED, endpoint_disabled
from terkirim.ports import Clock
from terkirim.ports.alerts import Alarms
from terkirim.ports.webhooks import WebhookEndpoints, WebhookLog

FORGOTTEN_AT_ONCE = 200  # payloads in one transaction
REST = 0.02  # seconds between two pieces, in which mail is accepted, claimed and settled

_log = Logger("terkirim.webhooks")


async def look(endpoints: WebhookEndpoints, alarms: Alarms) -> None:
    """Raise an alarm for each endpoint that was disabled by itself; end those of all others."""
    found = [
        endpoint_disabled(one.id, url=one.url, reason=one.why_disabled)
        for one in await endpoints.endpoints()
        if one.why_disabled
    ]
    await alarms.settle(found, kinds={ENDPOINT_DISABLED})


async def forget(log: WebhookLog, *, keep: timedelta, clock: Clock) -> None:
    """Delete what was told longer ago than it is kept, piece by piece."""
    before, total = clock.now() - keep, 0
    while count := await log.forget(before=before, limit=FORGOTTEN_AT_ONCE):
        total += count
        await asyncio.sleep(REST)
    if total:
        _log.info("forgot what webhooks were told", count=total)
