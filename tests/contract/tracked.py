"""What the tests of events and suppressions share: a node that takes callbacks, and its tables."""

import json
from datetime import timedelta
from itertools import count

from terkirim.content.addresses import normalised
from terkirim.domain.outcome import Accepted
from terkirim.providers.mailketing import MailketingCallbacks
from terkirim.tracking.parts import Tracking
from terkirim.tracking.worker import TrackingSettings
from tests.contract.conftest import START, Node

MINUTE = timedelta(minutes=1)
LATER = START + MINUTE  # after an acceptance, and no scanner's time
_links = count(1)


class TestClock:
    """A clock that stands where the test puts it."""

    __test__ = False

    def __init__(self, at=LATER):
        self.at = at

    def now(self):
        return self.at

    def monotonic(self):
        return self.at.timestamp()


class TrackedNode(Node):
    """One process's store with its tracking, driven by hand: nothing runs in the background."""

    def __init__(self, store, database):
        super().__init__(store)
        self._database = database
        self.clock = TestClock()
        hearing = database.hearing(store)
        self.tracking = Tracking(
            callbacks=hearing.events,
            suppressions=hearing.suppressions,
            readers=[MailketingCallbacks()],
            secret=lambda: "rahasia",
            check=normalised,
            upkeep=store,
            clock=self.clock,
            settings=TrackingSettings(),
        )
        self.events = self.tracking.events
        self.intake = self.tracking.intake
        self.applier = self.tracking.applier

    async def post(self, body, *, apply=True):
        """Take a callback in; return whether it was new."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        is_new = await self.intake.take("mailketing", raw)
        if apply:
            await self.applier.apply_kept()
        return is_new

    async def say(self, word, email, *, at=LATER, apply=True, **fields):
        """Post the real shape about the first message of an email."""
        body = {"type": word, "email": email.to[0].email, "message_id": email.messages[0].id}
        body |= {"date": at.isoformat(), "link_clicked": f"https://example.com/{next(_links)}"}
        return await self.post({**body, **fields}, apply=apply)

    async def sent(self, email, *, ref="ref", now=START):
        """Accept an email, lease it, and settle it as accepted by the provider `mailketing`."""
        await self.accept(email)
        (work,) = await self.take(now=now)
        await self.settle(work, Accepted(ref), now=now)
        await self.say_by_mailketing(email)

    async def say_by_mailketing(self, email):
        """Let all that was sent of an email have gone by the provider whose callbacks are read."""
        of_it = "(SELECT id FROM messages WHERE email_id = :id)"
        await self.write(
            f"UPDATE attempts SET provider = 'mailketing' WHERE message_id IN {of_it}", id=email.id
        )
        sql = "UPDATE messages SET provider = 'mailketing' WHERE email_id = :id"
        await self.write(sql, id=email.id)

    async def message(self, id_):
        return (await self.store.story(id_)).message

    async def rows(self, sql, **bound):
        return await self._database.rows(self, sql, **bound)

    async def write(self, sql, **bound):
        await self._database.write(self, sql, **bound)

    async def activity(self):
        """Return the activity log, oldest first: who, what, about what, and the facts."""
        rows = await self.rows("SELECT who, what, subject, facts FROM activity ORDER BY id")
        return [(who, what, subject, json.loads(facts)) for who, what, subject, facts in rows]

    async def count_of(self, table):
        ((count_,),) = await self.rows(f"SELECT count(*) FROM {table}")
        return count_

    async def counted(self, kind):
        """Return the rollups of a kind, whatever their hour."""
        sql = "SELECT key, sum(count) FROM rollups WHERE kind = :kind GROUP BY key"
        return {key: n for key, n in await self.rows(sql, kind=kind) if n}

    async def suppressed(self):
        return await self.rows("SELECT address, stream, reason FROM suppressions ORDER BY address")
