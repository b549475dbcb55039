"""Tells people, once: every notice is a row before it is a message, one for each channel."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from terkirim.alerts import texts
from terkirim.alerts.changes import Scene, changes_of
from terkirim.domain.alert import Alert, Condition, Delivery, DeliveryState, Purpose, Severity
from terkirim.language import phrase
from terkirim.language.manners import Manners
from terkirim.logs import Logger
from terkirim.policy.alerting import Move, Step, moves, wait_before
from terkirim.ports import Clock
from terkirim.ports.alerts import AlertBook, AlertChange, Channel, Messenger

TELL_WITHIN = timedelta(seconds=30)  # one channel
LEASE = timedelta(seconds=90)  # a process that dies while it tells leaves the notice to the next
AT_ONCE = 8  # notices
SUMMARY = "summary"
GONE = "the channel was taken out of the settings"

Standing = Mapping[str, Mapping[str, Any]]
_log = Logger("terkirim.alerts")


class Notify:
    """The alarms: keeps what is wrong, and writes to every channel that wants to know."""

    def __init__(
        self,
        *,
        book: AlertBook,
        channels: Callable[[], Awaitable[list[Channel]]],
        messenger: Messenger,
        manners: Manners,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._book = book
        self._channels = channels
        self._messenger = messenger
        self._manners = manners
        self._clock = clock
        self._new_id = new_id

    async def settle(
        self,
        conditions: Sequence[Condition],
        *,
        kinds: Collection[str],
        standing: Standing | None = None,
    ) -> None:
        opened = await self._book.open_alerts()
        steps = moves(opened, conditions, kinds=kinds, now=self._clock.now())
        await self._make(steps, opened, standing or {})

    async def raise_(self, condition: Condition) -> None:
        await self.settle([condition], kinds=())

    async def end(self, kind: str, subject: str = "") -> None:
        opened = await self._book.open_alerts()
        steps = [
            Move(Step.FORGET if one.raised_at is None else Step.END, one, None)
            for one in opened
            if one.kind == kind and one.subject == subject
        ]
        await self._make(steps, opened, {})

    async def open(self, kinds: Collection[str]) -> list[Alert]:
        return await self._book.open_alerts(kinds)

    async def summarise(self, day: str, text: texts.Text) -> bool:
        """Tell the summary of a day; False where that was done before, by whichever node."""
        scene = await self._scene([], {})
        condition = Condition(kind=SUMMARY, subject=day, severity=Severity.INFO)
        alert = replace(
            scene.alert(condition, text, since=scene.now), id=summary_id(day), ended_at=scene.now
        )
        notices = scene.notices(alert, Purpose.SUMMARY)
        change = AlertChange(starts=alert, notices=notices)
        return await self._book.change([change], now=scene.now) > 0

    async def channels(self) -> list[Channel]:
        """Return every channel that alerts go to now."""
        return await self._channels()

    def in_words(self, alert: Alert) -> texts.Text:
        """Return what an alert says, for a reader of any language; as it was said, if unknown."""
        condition = Condition(
            kind=alert.kind, subject=alert.subject, severity=alert.severity, facts=alert.facts
        )
        try:
            return texts.told(condition)
        except KeyError:  # of another version, which had other kinds or facts
            as_said = (phrase("{says}", says=one) for one in (alert.title, alert.body))
            return texts.Text(*as_said)

    def says(self, condition: Condition) -> str:
        """Return what is said of a condition, in the installation's language."""
        text, say = texts.told(condition), self._manners.say
        return f"{say(text.title)}. {say(text.body)}"

    async def test(self) -> list[tuple[Channel, str]]:
        """Write to every channel now, and return what each answered; "": it took the text."""
        channels = await self._channels()
        answers = await asyncio.gather(*(self._tested(channel) for channel in channels))
        return list(zip(channels, answers, strict=True))

    async def deliver(self) -> int:
        """Send notices that are due; return how many were tried."""
        due = await self._book.take_due(now=self._clock.now(), lease_for=LEASE, limit=AT_ONCE)
        if due:
            channels = {channel.key: channel for channel in await self._channels()}
            await asyncio.gather(*(self._deliver(one, channels.get(one.channel)) for one in due))
        return len(due)

    async def _make(
        self, steps: Sequence[Move], opened: Sequence[Alert], standing: Standing
    ) -> None:
        if not steps:
            return
        scene = await self._scene(opened, standing, steps)
        await self._book.change(list(changes_of(steps, scene)), now=scene.now)
        for move in steps:
            self._log(move)

    async def _scene(
        self, opened: Sequence[Alert], standing: Standing, steps: Sequence[Move] = ()
    ) -> Scene:
        names = [move.condition.name for move in steps if move.condition is not None]
        return Scene(
            now=self._clock.now(),
            opened=opened,
            channels=await self._channels(),
            standing=standing,
            told=await self._book.last_told(names) if names else {},
            say=self._manners.say,
            new_id=self._new_id,
        )

    def _log(self, move: Move) -> None:
        """Say it in the log too: it is all that a gateway without channels has."""
        if move.condition is not None and move.step in {Step.RAISE, Step.WORSEN}:
            text = texts.told(move.condition)
            _log.warning(
                "alert",
                condition=move.condition.name,
                severity=move.condition.severity,
                says=self._manners.say(text.title),
            )
        elif move.alert is not None and move.step is Step.END:
            _log.info("alert over", condition=move.alert.condition)

    async def _tested(self, channel: Channel) -> str:
        text, say = texts.tested(channel.lowest), self._manners.say
        return await self._messenger.tell(
            channel,
            title=say(text.title),
            body=say(text.body),
            severity=Severity.INFO,
            within=TELL_WITHIN,
        )

    async def _deliver(self, one: Delivery, channel: Channel | None) -> None:
        if channel is None:
            await self._note(one, DeliveryState.FAILED, GONE, timedelta(0))
            return
        answer = await self._messenger.tell(
            channel, title=one.title, body=one.body, severity=one.severity, within=TELL_WITHIN
        )
        if not answer:
            await self._note(one, DeliveryState.SENT, "", timedelta(0))
            return
        wait = wait_before(one.attempts)
        _log.warning("a channel failed", channel=channel.shown, reason=answer)
        state = DeliveryState.FAILED if wait is None else DeliveryState.WAITING
        await self._note(one, state, answer, wait or timedelta(0))

    async def _note(
        self, one: Delivery, state: DeliveryState, answer: str, wait: timedelta
    ) -> None:
        at = self._clock.now() + wait
        await self._book.note_delivery(one, state=state, answer=answer, at=at)


def summary_id(day: str) -> str:
    """Return the id of a day's summary: the same on every node, so that it is told once."""
    return f"{SUMMARY}-{day}"
