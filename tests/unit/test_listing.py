"""Messages to one address are listed by a search, in pages that go both ways."""

import pytest

from terkirim.domain.message import State
from terkirim.domain.record import MessageRow
from terkirim.domain.search import AddressWish, Findings, Found, Part, Search
from terkirim.ports import MessageFilter
from terkirim.reports.listing import listed
from tests.contract.conftest import START

EVERY = "987654321"  # ids, newest first
WANTED = "96421"


def row(id_):
    return MessageRow(
        id=id_, email_id=id_, recipient="x", kind="to", state=State.QUEUED, created_at=START,
        attempts=0,
    )  # fmt: skip


class TwoAtATime:
    """A search that looks at two messages, and finds some of them."""

    def __init__(self):
        self.asked = set()

    async def find(self, search, *, limit, older_than=None):
        self.asked.add(search)
        left = [id_ for id_ in EVERY if older_than is None or id_ < older_than]
        found = [
            Found(message=row(id_), subject="", sender="") for id_ in left[:2] if id_ in WANTED
        ]
        is_cut = len(found) > limit
        looked_to = found[limit - 1].message.id if is_cut else left[1] if len(left) > 2 else None
        return Findings(rows=tuple(found[:limit]), looked_to=looked_to)


class NoLog:
    async def messages(self, which):
        raise AssertionError(which)


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (MessageFilter(limit=9), "96421"),
        (MessageFilter(limit=3), "964"),
        (MessageFilter(limit=2, after="4"), "21"),
        (MessageFilter(limit=2, before="2"), "64"),
        (MessageFilter(limit=9, before="3"), "964"),
        (MessageFilter(limit=9, after="6", before="1"), "42"),
    ],
    ids=["all", "the newest", "older", "newer", "all that is newer", "between"],
)
async def test_a_page_is_filled_look_by_look(which, found):
    search = TwoAtATime()
    rows = await listed(which, recipient="Budi@Example.com", log=NoLog(), search=search)
    assert "".join(one.id for one in rows) == found
    assert search.asked == {Search(to=(AddressWish("budi@example.com", Part.WHOLE),))}


async def test_all_that_is_asked_is_searched_for():
    search = TwoAtATime()
    which = MessageFilter(states=(State.DEAD,), email_id="e", is_sandbox=False)
    await listed(which, recipient="a@b.id", log=NoLog(), search=search)
    (asked,) = search.asked
    assert (asked.states, asked.ids, asked.is_sandbox) == (frozenset({State.DEAD}), ("e",), False)
