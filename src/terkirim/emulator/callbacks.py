"""What Mailketing posts after a while: bounces, opens, clicks, in the shapes it is known by."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import Url

from terkirim.emulator.ledger import Letter
from terkirim.ports import Clock

SENDERS = 8  # callbacks that are posted at once
TIMEOUT = timedelta(seconds=10)
REASONS = (
    "550 5.1.1 user unknown",
    "452 4.2.2 mailbox full",
    "554 5.7.1 blocked using zen.spamhaus.org",
)
_LINK = "https://example.com/promo"
# Of each shape, the words for what happened; what a shape cannot say is not posted.
_REAL = {
    "opened": "emailopen",
    "clicked": "emailclick",
    "bounced": "bounce",
    "unsubscribed": "unsubscribe",
}
_DOCUMENTED = {
    "delivered": "delivered",
    "opened": "open",
    "clicked": "click",
    "bounced": "bounce",
    "complained": "spam",
}
_WORDS = {"real": _REAL, "documented": _DOCUMENTED, "flat": _DOCUMENTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    """What is posted to `url` ("": nothing), and when. Shares are of all messages, from 0 to 1.

    The first callback of a message comes `after_seconds` after it was taken, and each further one
    as much later; `shuffled` draws every time from twice that span instead. `twice` is the share of
    callbacks that come a second time. `shape`: real, documented or flat; only the last two can say
    delivered and complained, only the first unsubscribed.
    """

    url: str = ""
    shape: str = "real"
    after_seconds: float = 1.0
    bounced: float = 0.0
    delivered: float = 1.0
    opened: float = 0.0
    clicked: float = 0.0
    complained: float = 0.0
    unsubscribed: float = 0.0
    twice: float = 0.0
    shuffled: bool = False
    as_form: bool = False

    def __post_init__(self) -> None:
        if self.shape not in _WORDS:
            raise ValueError(f"shape: give one of {', '.join(_WORDS)}")
        if self.url and not _is_address(self.url):
            raise ValueError("url: give an address such as http://127.0.0.1:8625/callbacks")
        for name in (*_DOCUMENTED, "unsubscribed", "twice"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: give a share from 0 to 1")
        if self.after_seconds < 0:
            raise ValueError("after_seconds: give 0 or more")

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return this plan with some of it changed.

        Raises:
            ValueError: a name is unknown, or a value wrong.
        """
        for name in changes.keys() - {field.name for field in fields(self)}:
            raise ValueError(f"{name}: callbacks have no such setting")
        # A value of a wrong type is a `msgspec.ValidationError`, which is a ValueError.
        return msgspec.convert({**asdict(self), **changes}, type(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One callback that is to be posted `after` seconds."""

    kind: str
    after: float
    reason: str = ""


Due = tuple[CallbackPlan, Callback, Letter, datetime]  # the last is when it happened


def planned(plan: CallbackPlan, dice: random.Random) -> Iterator[Callback]:
    """Yield what will be said about one message: it bounces, or is delivered and perhaps read."""
    happened = ["bounced"] if dice.random() < plan.bounced else list(_read(plan, dice))
    said = [kind for kind in happened if kind in _WORDS[plan.shape]]
    for place, kind in enumerate(said, start=1):
        reason = dice.choice(REASONS) if kind == "bounced" else ""
        repeats = 2 if dice.random() < plan.twice else 1
        for repeat in range(repeats):
            wait = plan.after_seconds * (place + repeat)
            if plan.shuffled:
                wait = plan.after_seconds * 2 * dice.random()
            yield Callback(kind=kind, after=wait, reason=reason)


def body_of(
    callback: Callback, letter: Letter, *, shape: str, at: datetime, dice: random.Random
) -> dict[str, Any]:
    """Return the callback as Mailketing would post it; only v2's carry the message id."""
    known = {"email": letter.recipient}
    if letter.version != 1:
        known["message_id"] = letter.message
    word = _WORDS[shape][callback.kind]
    if shape == "real":
        known |= {"type": word, "date": at.strftime("%Y-%m-%d %H:%M:%S")}
        known |= {"reason": callback.reason} if callback.reason else {}
        return known | ({"link_clicked": _LINK} if callback.kind == "clicked" else {})
    known |= {"timestamp": at.isoformat(), "tracking_id": f"{dice.getrandbits(64):016x}"}
    known |= _details(callback)
    return {"event": word, **known} if shape == "flat" else {"event": word, "data": known}


class Callbacks:
    """Posts callbacks while it is open; `counts` says how many were posted, and how many failed.

    `said` has what was posted of each message, by (message, recipient) as in the ledger.
    """

    def __init__(self, plan: CallbackPlan, *, clock: Clock, seed: int) -> None:
        self.plan = plan
        self.counts: Counter[str] = Counter()
        self.said: dict[tuple[str, str], set[Callback]] = {}
        self._clock = clock
        self._dice = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
        self._due: asyncio.Queue[Due] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def tell(self, letter: Letter) -> None:
        """Plan what will be said about a message that was just taken."""
        plan = self.plan
        if not plan.url:
            return
        if not self._tasks:
            self._tasks = [asyncio.ensure_future(self._post_all())]
        for callback in planned(plan, self._dice):
            self._waiting += 1
            self._is_idle.clear()
            self._arm(plan, callback, letter)

    async def idle(self) -> None:
        """Return when all that is planned was posted."""
        await self._is_idle.wait()

    async def close(self) -> None:
        """Drop what is planned, and end."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    def _arm(self, plan: CallbackPlan, callback: Callback, letter: Letter) -> None:
        # What happened then is dated so, however late it is posted.
        at = self._clock.now() + timedelta(seconds=callback.after)

        def due() -> None:
            self._timers.discard(timer)
            self._due.put_nowait((plan, callback, letter, at))

        timer = asyncio.get_running_loop().call_later(callback.after, due)
        self._timers.add(timer)

    async def _post_all(self) -> None:
        client = ClientBuilder().no_proxy().follow_redirects(enable=False).timeout(TIMEOUT).build()
        async with client, asyncio.TaskGroup() as senders:
            for _ in range(SENDERS):
                senders.create_task(self._post_each(client))

    async def _post_each(self, client: Client) -> None:
        while True:
            plan, callback, letter, at = await self._due.get()
            body = body_of(callback, letter, shape=plan.shape, at=at, dice=self._dice)
            ending = await _posted(client, plan, body)
            self.counts[ending] += 1
            if ending == "posted":
                self.said.setdefault((letter.message, letter.recipient), set()).add(callback)
            self._waiting -= 1
            if self._waiting == 0:
                self._is_idle.set()


def _is_address(text: str) -> bool:
    return Url.is_valid(text) and Url(text).scheme in {"http", "https"} and Url(text).has_host


def _read(plan: CallbackPlan, dice: random.Random) -> Iterator[str]:
    for kind in ("delivered", "opened", "clicked", "complained", "unsubscribed"):
        if dice.random() < getattr(plan, kind):
            yield kind


async def _posted(client: Client, plan: CallbackPlan, body: Mapping[str, Any]) -> str:
    kind, written = _written(body, as_form=plan.as_form)
    request = client.post(plan.url).header("content-type", kind).body_bytes(written)
    try:
        answer = await request.build().send()
    except PyreqwestError:
        return "failed"
    return "posted" if answer.status < 300 else "failed"  # noqa: PLR2004 - HTTP's own limit


def _details(callback: Callback) -> dict[str, str]:
    match callback.kind:
        case "bounced":
            bounce_type = "HARD" if callback.reason.startswith("550") else "SOFT"
            return {"bounce_type": bounce_type, "bounce_reason": callback.reason}
        case "opened":
            return {"ip_address": "192.0.2.1", "user_agent": "Mozilla/5.0"}
        case "clicked":
            return {"ip_address": "192.0.2.1", "user_agent": "Mozilla/5.0", "url": _LINK}
        case "complained":
            return {"complaint_type": "abuse"}
        case _:
            return {}


def _written(body: Mapping[str, Any], *, as_form: bool) -> tuple[str, bytes]:
    if not as_form:
        return "application/json", msgspec.json.encode(body)
    flat = {**body, **body.get("data", {})}
    flat.pop("data", None)
    return "application/x-www-form-urlencoded", urlencode(flat).encode()
