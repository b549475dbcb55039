"""Builds what people at the pages need beside the gateway: accounts, a search, a look at faults."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe

from terkirim.access.sign_in import Books, SignIn
from terkirim.ports import Clock
from terkirim.ports.people import ActivityLog, UserBook
from terkirim.ports.search import Insight, MessageSearch
from terkirim.schedule.periodic import Job
from terkirim.store.sqlite.access import SqliteAccess
from terkirim.store.sqlite.insight import SqliteInsight
from terkirim.store.sqlite.search import SqliteSearch
from terkirim.store.sqlite.store import SqliteStore

INDEX_EVERY = timedelta(seconds=5)
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The parts; `jobs` is the periodic work that they need."""

    accounts: Books
    sign_in: SignIn
    users: UserBook
    activity: ActivityLog
    search: MessageSearch
    insight: Insight
    jobs: tuple[Job, ...]


def desk_over(store: SqliteStore, *, clock: Clock, new_id: Callable[[], str]) -> Desk:
    """Return the desk over an open store."""
    books, search = SqliteAccess(store), SqliteSearch(store)

    async def index() -> None:
        while await search.index(now=clock.now()):
            pass  # piece by piece: between two of them whoever waits for the writer has its turn

    return Desk(
        accounts=books,
        sign_in=SignIn(
            books, clock=clock, new_token=lambda: token_urlsafe(_TOKEN_BYTES), new_id=new_id
        ),
        users=books,
        activity=books,
        search=search,
        insight=SqliteInsight(store),
        jobs=(Job(name="search index", every=INDEX_EVERY, work=index),),
    )
