"""Processes that share a SQLite file write in turn; nobody waits long for one that stands still."""

import fcntl
import os
import threading
import time

import pytest

from terkirim.store.sqlite import fair_lock
from terkirim.store.sqlite.fair_lock import REST, FairLock

ROUNDS = 20


@pytest.fixture(autouse=True)
def _database(tmp_path):
    (tmp_path / "t.db").touch()


def test_who_waits_is_next_however_fast_the_other_comes_back(tmp_path):
    """A lock that is free for an instant only would be taken again by who has just let it go."""
    turns, done = [], set()

    def often(name, other):
        lock = FairLock(tmp_path / "t.db")
        for _ in range(ROUNDS):
            with lock.held():
                turns.append(name)
                while other not in done and not somebody_waits(tmp_path / "t.db.lock.d" / ".next"):
                    time.sleep(0.001)
        done.add(name)

    threads = [threading.Thread(target=often, args=names) for names in ("ab", "ba")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert turns in (["a", "b"] * ROUNDS, ["b", "a"] * ROUNDS)


def somebody_waits(path):
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


class Standstill:
    """A clock that goes on by as much as somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 100.0, 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept += seconds


@pytest.mark.parametrize("name", [".next", ".writes"])
def test_one_that_stands_still_is_waited_for_once_and_then_not_for_a_while(tmp_path, name):
    clock = Standstill()
    lock = FairLock(tmp_path / "t.db", patience=2.0, clock=clock, sleep=clock.sleep)
    with (tmp_path / "t.db.lock.d" / name).open() as still:
        fcntl.flock(still, fcntl.LOCK_EX)
        with lock.held():
            assert clock.slept == pytest.approx(2.0, abs=0.01)
        with lock.held():
            assert clock.slept == pytest.approx(2.0, abs=0.01)
    clock.now += REST
    with lock.held():  # it takes its turn again
        assert somebody_waits(tmp_path / "t.db.lock.d" / ".writes")
    assert clock.slept == pytest.approx(2.0, abs=0.01)


def test_a_lock_lets_go_after_an_error(tmp_path):
    lock, other = FairLock(tmp_path / "t.db"), FairLock(tmp_path / "t.db")
    with pytest.raises(ValueError, match="broken"), lock.held():
        raise ValueError("broken")
    with other.held():
        pass
    lock.close()
    other.close()


def test_where_files_cannot_be_locked_nobody_waits(tmp_path, monkeypatch):
    clock = Standstill()
    lock = FairLock(tmp_path / "t.db", clock=clock, sleep=clock.sleep)

    def refused(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with lock.held():
        assert clock.slept == 0.0


def test_files_that_another_user_made_are_gone_without(tmp_path, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fair_lock, "opened_here", refused)
    clock = Standstill()
    lock = FairLock(tmp_path / "t.db", clock=clock, sleep=clock.sleep)
    with lock.held():
        assert clock.slept == 0.0
    lock.close()


def test_files_that_root_makes_belong_to_the_owner_of_the_database(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    FairLock(tmp_path / "t.db").close()
    owner = (tmp_path / "t.db").stat()
    assert given == [(owner.st_uid, owner.st_gid)] * 2
