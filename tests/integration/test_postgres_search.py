"""The search index of PostgreSQL: what it reads, what comes late, what it may be given."""

import pytest

from terkirim.domain.search import AddressWish, Part, Search, Word
from terkirim.store.postgres.indexing import SETTLED
from terkirim.store.postgres.search import PostgresSearch
from tests.contract.conftest import START, Node, PostgresDatabase
from tests.contract.test_search import MINUTE, mail

BLOCK = 20
FEW, MANY = 400, 20_000  # messages in the history
FILL = """
WITH old AS (
    SELECT n, lpad(to_hex(1_700_000_000_000 + n), 12, '0') AS ms FROM generate_series(:first::int, :last::int) n
), named AS (
    SELECT n, substr(ms, 1, 8) || '-' || substr(ms, 9) || '-7000-8000-000000000000' AS id FROM old
), filled AS (
    INSERT INTO emails
    SELECT id, 'o', '', 's@example.com', 'Pesanan ' || n, '{}', NULL, 'default', 1,
        'transactional', 'resend', 0, NULL, NULL, NULL, NULL, id FROM named
)
INSERT INTO messages SELECT id, id, 'p' || n || '@example.com', 'to', NULL, 'accepted', 0 FROM named;
"""  # noqa: E501 - one statement
SEARCHES = (
    Search(to=(AddressWish("p7@example.com", Part.WHOLE),)),
    Search(to=(AddressWish("nobody@example.com", Part.WHOLE),)),
    Search(to=(AddressWish("p39", Part.START),)),
    Search(to=(AddressWish("example.com", Part.DOMAIN),)),
    Search(words=(Word("pesanan"), Word("7"))),
)


@pytest.fixture
async def database(postgres):
    return PostgresDatabase(await postgres.database())


@pytest.fixture
async def node(database):
    node = Node(await database.opened("a"))
    yield node
    await node.store.close()


async def fill(database, first, last):
    node = Node(await database.opened("filling"))
    await node.store.write_alone(lambda db: db.rows(FILL, first=first, last=last))
    while await PostgresSearch(node.store).index(now=START):
        pass
    await node.store.close()


def searching(node):
    return PostgresSearch(node.store, block=BLOCK)


async def test_a_search_reads_as_little_in_a_long_history_by_the_plans_of_a_short_one(database):
    await fill(database, 1, FEW)
    node = Node(await database.opened("a"))
    for one in SEARCHES:
        await PostgresSearch(node.store).find(one, limit=20)
    kept = await database.sessions()
    await fill(database, FEW + 1, MANY)
    before = await database.rows_read(kept=kept)
    found = [await PostgresSearch(node.store).find(one, limit=20) for one in SEARCHES]
    await node.store.close()
    assert [len(one.rows) for one in found] == [1, 0, 20, 20, 1]
    read = await database.rows_read() - before
    assert read < MANY / 2


async def test_mail_whose_commit_came_late_enters_the_index_when_all_is_settled(database, node):
    mails = [mail(at, f"p{at}@example.com") for at in range(1, 2 * BLOCK + 1)]
    late = mails.pop(3)
    await node.accept(*mails)
    now = START + (BLOCK + 2) * MINUTE
    assert await searching(node).index(now=now) == BLOCK
    await node.accept(late)
    assert not await searching(node).index(now=now)
    wanted = Search(to=(AddressWish(late.messages[0].recipient, Part.WHOLE),))
    assert not (await searching(node).find(wanted, limit=1)).rows
    assert await searching(node).index(now=now + SETTLED) == 1
    assert (await searching(node).find(wanted, limit=1)).rows
    indexed = await database.indexed(node)
    assert indexed == sorted([one.id for one in mails[: len(indexed) - 1]] + [late.id])
    assert not await searching(node).index(now=now + SETTLED)


async def test_what_fills_no_block_waits_and_is_found_all_the_same(database, node):
    mails = [mail(at, "budi@example.com") for at in range(1, BLOCK + 3)]
    await node.accept(*mails)
    assert await searching(node).index(now=START + 60 * MINUTE) == BLOCK
    assert not await searching(node).index(now=START + 60 * MINUTE)
    wanted = Search(to=(AddressWish("budi@example.com", Part.WHOLE),))
    found = await searching(node).find(wanted, limit=100)
    assert [one.message.id for one in found.rows] == [one.id for one in reversed(mails)]


async def test_terms_that_never_meet_in_one_message_find_nothing(node):
    mails = [
        mail(at, f"{'budi' if at % 2 else 'siti'}@example.com", "Ganjil" if at % 2 else "Genap")
        for at in range(1, 4 * BLOCK + 1)
    ]
    await node.accept(*mails)
    while await searching(node).index(now=START + 5 * BLOCK * MINUTE):
        pass
    budi = (AddressWish("bud", Part.START_OR_DOMAIN),)
    for word, count in ((Word("genap"), 0), (Word("gan", is_start=True), 2 * BLOCK)):
        found = await searching(node).find(Search(to=budi, words=(word,)), limit=100)
        assert len(found.rows) == count
