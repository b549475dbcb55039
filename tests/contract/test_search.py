"""Messages are found by what they are, indexed or not, and what is forgotten is found no more."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from terkirim.domain.email import Address
from terkirim.domain.ids import uuid7
from terkirim.domain.message import State
from terkirim.domain.outcome import Rejected, Unclear
from terkirim.domain.search import AddressWish, Part, Search, Word
from terkirim.ports import MessageFilter
from terkirim.reports.listing import listed
from terkirim.store import searching
from terkirim.store.queries import Queries
from terkirim.store.sqlite import search as sqlite_search
from tests.contract.conftest import SECOND, START, Node, SqliteFile, an_email

MINUTE = 60 * SECOND


@pytest.fixture
def search(database, node):
    return database.search(node)


@pytest.fixture
def insight(database, node):
    return database.insight(node)


def mail(at, to, subject="Halo", *, sender="toko@example.com", **options):
    """An email that was handed over `at` minutes after the start."""
    now = START + at * MINUTE
    id_ = uuid7(int(now.timestamp() * 1_000), at)
    email = an_email(to=(to,), now=now, **options)
    (message,) = email.messages
    return replace(
        email, id=id_, subject=subject, sender=Address(sender),
        messages=(replace(message, id=id_),), content=replace(email.content, id=id_),
    )  # fmt: skip


SHOP = (
    mail(1, "budi@example.com", "Pesanan sudah dikirim", tags=(("kind", "order"),)),
    mail(2, "Budiman@Contoh.id", "Kode masuk", sender="otp@toko.id", tags=(("kind", "otp"),)),
    mail(3, "siti@example.com", "Pesanan é dibatalkan"),
    mail(4, "budi@sub.example.com", "Struk"),
)


def to(text, part):
    return Search(to=(AddressWish(text, part),))


@pytest.mark.parametrize("is_indexed", [False, True], ids=["not indexed yet", "indexed"])
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Search(), [4, 3, 2, 1]),
        (to("budi@example.com", Part.WHOLE), [1]),
        (to("budiman@contoh.id", Part.WHOLE), [2]),
        (to("bud", Part.START), [4, 2, 1]),
        (to("example.com", Part.DOMAIN), [3, 1]),
        (to("contoh.id", Part.START_OR_DOMAIN), [2]),
        (Search(sender=(AddressWish("toko.id", Part.DOMAIN),)), [2]),
        (Search(words=(Word("pesanan"),)), [3, 1]),
        (Search(words=(Word("pesanan"), Word("e"))), [3]),
        (Search(words=(Word("dib", is_start=True),)), [3]),
        (Search(words=(Word("dib"),)), []),
        (Search(tags=("kind",)), [2, 1]),
        (Search(tags=("KIND=otp",)), [2]),
        (Search(ids=(SHOP[2].id, "unknown")), [3]),
        (Search(after=START + 2.5 * MINUTE), [4, 3]),
        (Search(before=START + 2.5 * MINUTE, words=(Word("pesanan"),)), [1]),
        (Search(after=START + 2.5 * MINUTE, words=(Word("pesanan"),)), [3]),
        (Search(states=frozenset({State.QUEUED}), words=(Word("struk"),)), [4]),
        (Search(states=frozenset({State.DEAD})), []),
        (Search(is_sandbox=True), []),
    ],
)  # fmt: skip
async def test_a_search_finds_what_it_asks_for(node, search, *, wanted, found, is_indexed):
    await node.accept(*SHOP)
    if is_indexed:
        assert await search.index(now=START + 5 * MINUTE) == len(SHOP)
        assert await search.index(now=START + 5 * MINUTE) == 0
    findings = await search.find(wanted, limit=10)
    assert [SHOP.index(by_id(one)) + 1 for one in findings.rows] == found
    assert findings.looked_to is None


def by_id(one):
    return next(email for email in SHOP if email.id == one.message.id)


async def test_pages_go_on_where_the_last_one_ended_across_the_edge_of_the_index(node, search):
    mails = [mail(at, f"p{at}@example.com", "Undangan") for at in range(1, 11)]
    await node.accept(*mails)
    await search.index(now=START + 6 * MINUTE)  # five of the ten are old enough
    for wanted in (Search(), Search(words=(Word("undangan"),)), to("p", Part.START)):
        seen, older = [], None
        while True:
            page = await search.find(wanted, limit=3, older_than=older)
            seen += [one.message.id for one in page.rows]
            older = page.looked_to
            if older is None:
                break
        assert seen == [one.id for one in reversed(mails)]


async def test_a_search_that_looked_at_enough_says_where_it_stopped(node, search, monkeypatch):
    monkeypatch.setattr(searching, "LOOKED_AT_ONCE", 4)
    mails = [mail(at, f"p{at}@example.com") for at in range(1, 11)]
    await node.accept(*mails)
    wanted = Search(states=frozenset({State.ACCEPTED}))
    first = await search.find(wanted, limit=3)
    assert (first.rows, first.looked_to) == ((), mails[6].id)
    second = await search.find(wanted, limit=3, older_than=first.looked_to)
    third = await search.find(wanted, limit=3, older_than=second.looked_to)
    assert (second.looked_to, third.looked_to) == (mails[2].id, None)


async def test_states_are_those_of_now(node, search):
    dead, held, sent = mail(1, "a@example.com"), mail(2, "b@example.com"), mail(3, "c@example.com")
    await node.accept(dead, held, sent)
    now = START + 4 * MINUTE
    by_id = {work.lease.message_id: work for work in await node.take(now=now)}
    await node.settle(by_id[dead.id], Rejected("no"), now=now)
    await node.settle(by_id[sent.id], now=now)
    await node.settle(by_id[held.id], Unclear("broken"), now=now)
    for state, email in (
        (State.DEAD, dead), (State.UNCLEAR, held), (State.ACCEPTED, sent),
    ):  # fmt: skip
        found = await search.find(Search(states=frozenset({state})), limit=5)
        assert [one.message.id for one in found.rows] == [email.id]
    everything = frozenset({State.DEAD, State.UNCLEAR})
    found = await search.find(Search(states=everything), limit=5)
    assert [one.message.id for one in found.rows] == [held.id, dead.id]


async def test_what_is_erased_leaves_the_index(database, node, search):
    await node.accept(*SHOP)
    await search.index(now=START + 5 * MINUTE)
    term = "tbudiz40zexamplez2ezcom"
    assert await database.has_term(node, term)
    erasure = database.erasure(node)
    await erasure.erase([SHOP[0].id], address="budi@example.com", now=START + 6 * MINUTE)
    assert await search.index(now=START + 5 * MINUTE) == 1
    assert await search.index(now=START + 5 * MINUTE) == 0
    assert not await database.has_term(node, term)
    assert (await search.find(to("budi@example.com", Part.WHOLE), limit=5)).rows == ()
    assert len((await search.find(to("bud", Part.START), limit=5)).rows) == 2


async def test_what_is_deleted_leaves_the_index_alone(database, node, search):
    await node.accept(*SHOP)
    await search.index(now=START + 5 * MINUTE)
    for one in SHOP[1:3]:
        await database.write(node, "DELETE FROM messages WHERE id = :id", id=one.id)
    assert await search.index(now=START + 5 * MINUTE) == 2
    assert await database.indexed(node) == [SHOP[0].id, SHOP[3].id]
    assert not await database.has_term(node, "tsitiz40zexamplez2ezcom")
    found = await search.find(to("example.com", Part.DOMAIN), limit=5)
    assert [one.message.id for one in found.rows] == [SHOP[0].id]


async def test_two_nodes_that_index_at_once_index_each_message_once(
    database, node, search, open_node
):
    await node.accept(*SHOP)
    other = database.search(await open_node("b"))
    now = START + 5 * MINUTE
    await asyncio.gather(*(one.index(now=now) for one in (search, other, search, other)))
    assert await database.indexed(node) == [one.id for one in SHOP]


async def test_a_piece_that_another_node_has_written_meanwhile_is_not_written_again(tmp_path):
    file = SqliteFile(tmp_path / "search.db")
    node, other = [Node(await file.opened(name)) for name in "ab"]
    await node.accept(*SHOP)
    now = START + 5 * MINUTE
    piece = await node.store.search(lambda db: sqlite_search._piece(db, young=searching.floor(now)))
    assert await file.search(other).index(now=now) == len(SHOP)
    await node.store.write_alone(lambda db: sqlite_search._keep(db, piece=piece))
    assert await file.indexed(node) == [one.id for one in SHOP]
    for one in (node, other):
        await one.store.close()


async def test_words_that_no_database_can_keep_find_nothing(node, search, insight):
    await node.accept(*SHOP)
    await search.index(now=START + 5 * MINUTE)
    odd = (
        to("budi\0", Part.START),
        to("b" * 5_000, Part.WHOLE),
        Search(ids=("\0",)),
        Search(tags=("k" * 5_000,)),
        Search(words=(Word("'\\:*|&"),)),
    )
    for one in odd:
        assert (await search.find(one, limit=5)).rows == ()
    assert len((await search.find(Search(), limit=5, older_than="\0")).rows) == len(SHOP)
    assert await insight.stopped(limit=5, older_than="\0") == []


async def test_dead_and_held_mail_is_listed_newest_first_with_what_is_kept(database, node, insight):
    mails = [mail(at, f"p{at}@example.com") for at in range(1, 4)]
    await node.accept(*mails)
    now = START + 4 * MINUTE
    for work in await node.take(now=now):
        await node.settle(work, Rejected("no such address", field="recipient"), now=now)
    gone = mails[1].id
    await database.write(node, "DELETE FROM contents WHERE id = :id", id=gone)
    stopped = await insight.stopped(limit=10)
    assert [(one.id, one.is_kept) for one in stopped] == [
        (mails[2].id, True), (mails[1].id, False), (mails[0].id, True),
    ]  # fmt: skip
    assert [one.id for one in await insight.stopped(limit=10, older_than=gone)] == [mails[0].id]
    assert await insight.count_stopped() == {State.DEAD: 3, State.HELD: 0}
    attempts = await insight.last_attempts("first", limit=2)
    assert [one.message_id for one in attempts] == [mails[2].id, mails[1].id]


async def test_counts_are_summed_over_the_hours_that_have_begun(node, insight):
    await node.accept(*SHOP)
    hour = timedelta(hours=1)
    sums = await insight.sums(("submitted",), since=START, until=START + SECOND)
    assert sums == [("submitted", "transactional", 4)]
    assert await insight.sums(("submitted",), since=START + hour, until=START + 2 * hour) == []


@pytest.mark.parametrize(
    ("spelt", "gathered", "common"), [(1, 50, 1), (1, 2, 1), (200, 2_000, 300)]
)  # fmt: skip
async def test_a_beginning_is_found_however_many_words_go_on_from_it(
    node, search, monkeypatch, *, spelt, gathered, common
):
    monkeypatch.setattr(sqlite_search, "SPELT_OUT", spelt)
    monkeypatch.setattr(sqlite_search, "GATHERED", gathered)
    monkeypatch.setattr(searching, "COMMON", common)
    others = [mail(at, f"x{at}@example.com", "Lain") for at in range(1, 4)]
    wanted = [mail(at, f"p{at}@example.com", f"Undangan{at}") for at in range(4, 9)]
    await node.accept(*others, *wanted)
    await search.index(now=START + 20 * MINUTE)
    for one in (to("p", Part.START), Search(words=(Word("undang", is_start=True),))):
        found = await search.find(one, limit=10)
        assert [row.message.id for row in found.rows] == [row.id for row in reversed(wanted)]


PLANS = {
    "sqlite": (
        ("ids_by_terms", "SCAN search_terms VIRTUAL TABLE INDEX"),
        ("ids_that_stand_so", "SEARCH m USING"),
        ("emails_of_messages", "SEARCH m USING"),
        ("ids_all", "SEARCH messages USING PRIMARY KEY"),
    ),
    "postgres": (
        ("blocks_with", "Bitmap Index Scan on search_blocks_terms"),
        ("ids_in_blocks", "search_blocks_pkey on search_blocks b"),
        ("ids_that_stand_so", "using messages_pkey on messages"),
        ("emails_of_messages", "using messages_pkey on messages"),
        ("ids_all", "Index Only Scan Backward using messages_pkey"),
    ),
}


async def test_messages_to_one_address_are_found_by_an_index_among_many(database, node, search):
    mails = [mail(at, f"p{at % 100}@example.com") for at in range(1, 1_001)]
    await node.accept(*mails)
    while await search.index(now=START + 2_000 * MINUTE):
        pass
    kind = "sqlite" if isinstance(database, SqliteFile) else "postgres"
    sql = Queries(f"terkirim.store.{kind}", "search.sql")
    term = "tp7z40zexamplez2ezcom"
    nothing = "[]" if kind == "sqlite" else []
    bound = {"match": term, "together": term, "high": "g", "low": "", "most": 20, "wishes": 1}
    bound |= {"ids": nothing, "rows": "[]", "is_sandbox": None, "states": None}
    if kind == "postgres":
        bound["blocks"] = []
        await database.write(node, "ANALYZE messages")
    for name, step in PLANS[kind]:
        plan = await database.plan(node, sql[name], **bound)
        assert step in plan, f"{name}: {plan}"
        assert "SCAN m" not in plan
        assert "Seq Scan" not in plan
    which = {"recipient": "P7@example.com", "log": node.store, "search": search}
    rows = await listed(MessageFilter(limit=3), **which)
    assert [one.id for one in rows] == [mails[at - 1].id for at in (907, 807, 707)]
    older = await listed(MessageFilter(limit=3, after=rows[-1].id), **which)
    newer = await listed(MessageFilter(limit=2, before=older[0].id), **which)
    assert [one.recipient for one in older] == ["p7@example.com"] * 3
    assert [one.id for one in newer] == [one.id for one in rows[1:]]
