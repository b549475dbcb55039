"""Writes to a channel through Apprise: in a thread of its own, because its calls block."""

import asyncio
import contextlib
import logging
import threading
from datetime import timedelta

from terkirim.alerts.channels import masked
from terkirim.domain.alert import Severity
from terkirim.ports.alerts import Channel

ANSWER_LIMIT = 300  # characters of why a channel failed

_TYPES = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "failure",
    Severity.EMERGENCY: "failure",
}


class AppriseMessenger:
    """Every kind of channel that Apprise knows."""

    async def tell(
        self, channel: Channel, *, title: str, body: str, severity: Severity, within: timedelta
    ) -> str:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def told() -> None:
            says = _told(channel, title=title, body=body, severity=severity, within=within)
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_resolve, answer, says)

        # A daemon: a channel that hangs does not keep the process from ending.
        threading.Thread(target=told, name="terkirim-alert", daemon=True).start()
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await answer
        except TimeoutError:
            return "no answer in time"


def _resolve(answer: "asyncio.Future[str]", says: str) -> None:
    if not answer.done():
        answer.set_result(says)


def _told(channel: Channel, *, title: str, body: str, severity: Severity, within: timedelta) -> str:
    try:
        says = _sent(channel.url, title=title, body=body, severity=severity, within=within)
    except Exception as error:  # noqa: BLE001 - a plug-in with a bug is a channel that failed
        says = f"{type(error).__name__}: {error}"
    return masked(says, channel.url)[:ANSWER_LIMIT]


def _sent(url: str, *, title: str, body: str, severity: Severity, within: timedelta) -> str:
    import apprise  # late: 0.2 s and 40 MB, only where there is a channel

    log = logging.getLogger("apprise")
    if not log.handlers:
        log.addHandler(logging.NullHandler())  # not to stderr: what it says is in the result
    asset = apprise.AppriseAsset(
        app_id="Terkirim",
        app_desc="Terkirim",
        async_mode=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        return "the address is of no kind that Apprise knows, or misses a part"
    post = apprise.Apprise(asset=asset)
    post.add(service)
    result = post.notify(
        title=title,
        body=body,
        notify_type=_TYPES[severity],
        body_format=apprise.NotifyFormat.TEXT,
        timeout=within.total_seconds(),
    )
    if result:
        return ""
    said = [entry.message for one in result.results for entry in one.logs()]
    return "; ".join(said) or f"the channel said {result.status.name.lower()}"
