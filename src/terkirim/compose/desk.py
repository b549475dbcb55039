"""Builds what people at the pages need beside the gateway: accounts, a search, a look at faults."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe

from terkirim.access.sign_in import SignIn
from terkirim.database import Database
from terkirim.ports.access import Accounts
from terkirim.ports.people import ActivityLog, UserBook
from terkirim.ports.search import Insight, MessageSearch
from terkirim.schedule.periodic import Job

INDEX_EVERY = timedelta(seconds=5)
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The parts; `jobs` is the periodic work that they need."""

    accounts: Accounts
    sign_in: SignIn
    users: UserBook
    activity: ActivityLog
    search: MessageSearch
    insight: Insight
    jobs: tuple[Job, ...]


def desk_over(database: Database) -> Desk:
    """Return the desk over an open database."""
    accounts, search, clock = database.accounts, database.search, database.clock

    async def index() -> None:
        """Index piece by piece, and rest twice as long between them: mail goes first."""
        began = clock.monotonic()
        while await search.index(now=clock.now()):
            await asyncio.sleep(2 * (clock.monotonic() - began))
            began = clock.monotonic()

    return Desk(
        accounts=accounts,
        sign_in=SignIn(
            accounts,
            clock=clock,
            new_token=lambda: token_urlsafe(_TOKEN_BYTES),
            new_id=database.new_id,
        ),
        users=accounts,
        activity=accounts,
        search=search,
        insight=database.insight,
        jobs=(Job(name="search index", every=INDEX_EVERY, work=index),),
    )
