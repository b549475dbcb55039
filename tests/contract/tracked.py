"""What the tests of events and suppressions share: a node that takes callbacks, and its tables."""

import json
from datetime import timedelta
from itertools import count

from terkirim.content.addresses import normalised
from terkirim.domain.outcome import Accepted
from terkirim.providers.mailketing import MailketingCallbacks
from terkirim.store.sqlite.events import SqliteEvents
from terkirim.store.sqlite.suppressions import SqliteSuppressions
from terkirim.tracking.parts import Tracking
from terkirim.tracking.worker import TrackingSettings
from tests.contract.conftest import START, Node, new_id

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

    def __init__(self, store):
        super().__init__(store)
        self.clock = TestClock()
        self.tracking = Tracking(
            callbacks=SqliteEvents(store, ids=new_id),
            suppressions=SqliteSuppressions(store, ids=new_id),
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
        await self.store.write_alone(
            lambda db: db.execute(
                "UPDATE messages SET provider = 'mailketing' WHERE email_id = ?", (email.id,)
            )
        )

    async def message(self, id_):
        return (await self.store.story(id_)).message

    async def rows(self, sql, *bound):
        return await self.store.read(lambda db: list(db.execute(sql, bound)))

    async def rows_of_plan(self, sql, bound):
        """Return the steps in which SQLite would answer."""
        return await self.store.read(
            lambda db: [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", bound)]
        )

    async def count_of(self, table):
        ((count_,),) = await self.rows(f"SELECT count(*) FROM {table}")
        return count_

    async def counted(self, kind):
        """Return the rollups of a kind, whatever their hour."""
        sql = "SELECT key, sum(count) FROM rollups WHERE kind = ? GROUP BY key"
        return {key: n for key, n in await self.rows(sql, kind) if n}

    async def suppressed(self):
        found = await self.rows("SELECT address, stream, reason FROM suppressions ORDER BY address")
        return [tuple(row) for row in found]
