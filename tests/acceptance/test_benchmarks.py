"""The figure programs do what they claim, with tiny numbers; how fast is never asked here."""

import os
import subprocess
import sys
import urllib.request
from contextlib import closing

import apsw
import pytest
from benchmarks.accept import Load, run
from benchmarks.shared import provider as providers
from benchmarks.shared.bulk import add_history, add_waiting
from benchmarks.shared.children import ROOT
from benchmarks.shared.databases import Database, with_schema
from benchmarks.shared.readings import kept

NOW_US = 1_795_000_000_000_000


def readings_of(program, tmp_path, *arguments):
    """Run a figure program as `make bench` does; return its readings by name."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{program}", *arguments, "--into", tmp_path / "read"],
        cwd=ROOT,
        env=os.environ | {"BENCH_FOLDER": str(tmp_path / "kept")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {reading.name: reading.value for reading in kept(tmp_path / "read")}


def test_accept_measures_each_email_from_its_call_to_its_settle(tmp_path):
    read = readings_of("accept", tmp_path, "--n", "30", "--callers", "3")

    for name in ("settled", "accepted", "accept p50", "accept p99", "peak memory"):
        assert read[f"terkirim, 1 per call, sqlite: {name}"] > 0


def test_history_compares_an_empty_database_with_two_full_ones(tmp_path):
    tiny = ("--n", "20", "--history", "2000", "--waiting", "300", "--rounds", "1")

    read = readings_of("history", tmp_path, *tiny)

    for name in ("empty", "2,000 of history", "300 waiting"):
        assert read[f"claim + settle, {name}, sqlite: wall"] > 0


def test_stages_finds_the_cost_of_each_by_thread(tmp_path):
    read = readings_of("stages", tmp_path, "--n", "40")

    for stage in ("check", "accept, check included", "claim", "send", "settle"):
        assert read[f"{stage}, sqlite: wall, not CPU"] > 0


async def test_a_slow_provider_holds_what_is_in_the_air(tmp_path):
    store = Database("sqlite", f"sqlite:///{tmp_path}/mail.db", tmp_path)
    load = Load(n=20, per_call=5, callers=4, concurrency=10)
    with providers.provider(tmp_path, delay_ms=50) as partner:
        course = await run(store, partner, load)

        assert store.accepted() == partner.seen() == 20
        assert store.is_drained()
        assert 1 < partner.peak() <= 10
        assert course.seconds >= 0.1  # 20 mails, 10 at once, 50 ms each
        assert len(course.waits) == 4


def test_without_nginx_our_own_server_answers_the_same_words(tmp_path, monkeypatch):
    monkeypatch.setattr(providers, "_nginx", lambda: None)
    with providers.provider(tmp_path) as partner:
        request = urllib.request.Request(f"{partner.url}/send", data=b"{}" * 2_000)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read().decode() == providers.ANSWER
        assert partner.kind == "own server"
        assert partner.seen() == 1


@pytest.fixture
def store(tmp_path):
    one = Database("sqlite", f"sqlite:///{tmp_path}/mail.db", tmp_path)
    with_schema(one)
    return one


def test_a_made_history_is_what_the_gateway_would_have_written(store):
    add_history(store, count=50, until_us=NOW_US)

    assert store.accepted() == 50
    assert store.is_drained()
    whole = f"""SELECT count(*) FROM messages m JOIN emails e ON e.id = m.email_id
        JOIN contents c ON c.id = e.content_id JOIN attempts a ON a.message_id = m.id
        WHERE m.finished_at < {NOW_US} AND m.created_at < a.started_at"""
    assert store.one(whole) == 50


def test_what_is_made_to_wait_is_due_oldest_first_and_whole(store):
    add_waiting(store, count=50, until_us=NOW_US)

    with closing(apsw.Connection(store.url.removeprefix("sqlite:///"))) as db:
        due = list(
            db.execute(
                """SELECT o.id, o.due_at FROM outbox o JOIN emails e ON e.id = o.email_id
                JOIN contents c ON c.id = e.content_id ORDER BY o.due_at"""
            )
        )
    assert len(due) == 50
    assert due == sorted(due)
    assert due[-1][1] < NOW_US
