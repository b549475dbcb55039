"""Accounts, sessions and failed tries, as every store must keep them."""

import asyncio
from datetime import timedelta

import pytest

from terkirim.policy.strikes import FIRST_WAIT, LONGEST_WAIT
from terkirim.ports.access import Session
from terkirim.ports.people import User
from tests.contract.conftest import SECOND, START

HOUR = timedelta(hours=1)
FREE = {"a": 3}


@pytest.fixture
def books(database, node):
    return database.access(node)


def user(name, role="admin", *, kept="x"):
    return User(
        id=f"id-{name}", name=name, email="", role=role, created_at=START,
        password_hash=kept,
    )  # fmt: skip


def session_of(one, hash_="t", *, lasts=24 * HOUR):
    return Session(hash=hash_, user=one, made_at=START, seen_at=START, until=START + lasts)


async def test_a_session_lasts_while_it_is_used_and_never_past_its_end(books):
    ani = user("ani")
    await books.add_user(ani)
    await books.open_session(session_of(ani, lasts=5 * HOUR))

    async def is_open(at):
        return await books.session("t", now=START + at, idle_for=2 * HOUR) is not None

    assert await is_open(HOUR)
    assert not await is_open(2 * HOUR)  # idle
    await books.touch_session("t", now=START + HOUR)
    assert await is_open(2 * HOUR)
    await books.touch_session("t", now=START + 4.5 * HOUR)
    assert not await is_open(5 * HOUR)  # over, however much it is used


async def test_a_session_shows_its_person_as_they_are_now_and_ends_with_them(books):
    ani, budi = user("ani"), user("budi")
    await books.add_user(ani)
    await books.add_user(budi)
    await books.open_session(session_of(budi))
    assert await books.set_role(budi.id, "viewer")
    found = await books.session("t", now=START, idle_for=HOUR)
    assert found.user.role == "viewer"
    assert await books.drop_user(budi.id)
    assert await books.session("t", now=START, idle_for=HOUR) is None


async def test_all_sessions_of_a_person_end_but_one(books):
    ani = user("ani")
    await books.add_user(ani)
    for token in ("t", "u", "v"):
        await books.open_session(session_of(ani, token))
    assert await books.end_sessions_of(ani.id, but="u") == 2
    assert await books.session("u", now=START, idle_for=HOUR) is not None
    await books.end_session("u")
    assert await books.session("u", now=START, idle_for=HOUR) is None


async def test_sessions_that_are_over_are_forgotten_when_the_next_one_opens(books, database, node):
    ani = user("ani")
    await books.add_user(ani)
    await books.open_session(session_of(ani, "old", lasts=-HOUR))
    await books.open_session(session_of(ani, "new"))
    assert await database.rows(node, "SELECT hash FROM sessions") == [("new",)]


async def test_the_last_admin_who_can_sign_in_stays_one(books):
    ani, budi = user("ani"), user("budi", kept=None)
    await books.add_user(ani)
    await books.add_user(budi)
    assert not await books.set_role(ani.id, "viewer")
    assert not await books.drop_user(ani.id)
    eko = user("eko", kept=None)
    await books.add_user(eko)
    assert await books.drop_user(eko.id)  # never could
    assert await books.set_password(budi.id, "y")
    assert await books.set_role(ani.id, "viewer")


async def test_a_name_is_found_whatever_its_case(books):
    await books.add_user(user("Ani"))
    assert (await books.find_user("aNI")).name == "Ani"
    assert not await books.add_user(user("ani"))


async def test_a_first_link_is_good_once_and_until_somebody_can_sign_in(books):
    await books.keep_first_link("one", until=START + HOUR)
    await books.keep_first_link("two", until=START + HOUR)
    assert await books.is_first_link("one", now=START)
    assert not await books.is_first_link("one", now=START + HOUR)
    assert not await books.is_first_link("three", now=START)
    assert not await books.add_first_user(user("ani"), link_hash="three", now=START)
    assert await books.add_first_user(user("ani"), link_hash="one", now=START)
    assert await books.can_anybody_sign_in()
    assert not await books.is_first_link("two", now=START)
    assert not await books.add_first_user(user("budi"), link_hash="two", now=START)


async def test_whoever_could_not_sign_in_can_become_the_first_admin(books):
    await books.add_user(user("ani", "viewer", kept=None))
    await books.keep_first_link("one", until=START + HOUR)
    assert await books.add_first_user(user("ani"), link_hash="one", now=START)
    ani = await books.find_user("ani")
    assert (ani.role, ani.password_hash) == ("admin", "x")


async def test_tries_are_counted_before_they_are_known_to_fail(books):
    for _ in range(3):
        assert await books.take_try(FREE, now=START) is None
    assert await books.take_try(FREE, now=START) == START + FIRST_WAIT
    later = START + FIRST_WAIT
    assert await books.take_try(FREE, now=later) is None  # the wait is over: one more
    assert await books.take_try(FREE, now=later) == later + 2 * FIRST_WAIT


async def test_a_lock_grows_to_a_quarter_of_an_hour_and_is_forgotten_after_an_hour(books):
    waits, now = [], START
    for _ in range(9):
        await books.take_try(FREE, now=now)
        until = await books.take_try(FREE, now=now)
        if until is not None:
            waits.append((until - now) // FIRST_WAIT)
            now = until
    assert waits == [1, 2, 4, 8, 15, 15, 15, 15]
    assert LONGEST_WAIT == 15 * FIRST_WAIT
    assert await books.take_try(FREE, now=now + HOUR + SECOND) is None
    assert await books.take_try(FREE, now=now + HOUR + SECOND) is None


async def test_a_success_forgives_its_own_tries_and_gives_the_others_one_back(books):
    limits = {"together": 3, "address": 4}
    for _ in range(2):
        await books.take_try(limits, now=START)
    await books.take_try(limits, now=START)
    await books.forgive("together", given_back=["address"])
    assert await books.take_try(limits, now=START) is None
    assert await books.take_try(limits, now=START) is None
    assert await books.take_try(limits, now=START) is not None  # the fourth of the address


async def test_two_nodes_count_each_others_tries(database, open_node):
    a, b = [database.access(await open_node(name)) for name in "ab"]
    answers = await asyncio.gather(*(one.take_try(FREE, now=START) for one in (a, b) * 4))
    assert answers.count(None) == 3
    assert set(answers) == {None, START + FIRST_WAIT}


async def test_two_admins_who_take_the_role_from_each_other_at_once_leave_one(database, open_node):
    a, b = [database.access(await open_node(name)) for name in "ab"]
    ani, budi = user("ani"), user("budi")
    await a.add_user(ani)
    await a.add_user(budi)
    done = await asyncio.gather(a.set_role(ani.id, "viewer"), b.drop_user(budi.id))
    assert sorted(done) == [False, True]


async def test_two_first_links_used_at_once_make_one_admin(database, open_node):
    a, b = [database.access(await open_node(name)) for name in "ab"]
    for link in ("one", "two"):
        await a.keep_first_link(link, until=START + HOUR)
    done = await asyncio.gather(
        a.add_first_user(user("ani"), link_hash="one", now=START),
        b.add_first_user(user("budi"), link_hash="two", now=START),
    )
    assert sorted(done) == [False, True]
    assert len(await a.users()) == 1


async def test_a_name_that_no_database_can_keep_is_nobodys(books):
    assert await books.find_user("ani\0") is None
