"""What `make bench` runs, and which reading stands beside which peer's."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """A figure program: its command in full, and what makes it short."""

    full: str
    short: str

    @property
    def title(self) -> str:
        return self.full.removeprefix("benchmarks.")

    def words(self, *, is_short: bool) -> list[str]:
        return shlex.split(f"{self.full} {self.short}" if is_short else self.full)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: our reading, the goal in words, and readings of peers by name.

    `*` in a reading's name stands for a count: the history of a short run is shorter.
    """

    name: str
    reading: str
    goal: str = ""
    peers: tuple[str, ...] = ()
    is_lower_better: bool = False


_FEW = "--n 2000"
_SHORT_PAST = "--history 200000"
PROGRAMS = (
    Program("benchmarks.accept --database sqlite", _FEW),
    Program("benchmarks.peers.bare", _FEW),
    Program("benchmarks.accept --database postgres", _FEW),
    Program("benchmarks.peers.pgqueuer --n 6000", "--n 500"),
    Program("benchmarks.peers.huey --n 4000", "--n 500"),
    Program("benchmarks.peers.django_post_office --n 4000", "--n 500"),
    Program("benchmarks.peers.procrastinate --n 2000", "--n 200"),
    Program("benchmarks.accept --database sqlite --per-call 100 --callers 10", _FEW),
    Program("benchmarks.accept --database postgres --per-call 100 --callers 10", _FEW),
    Program("benchmarks.peers.pgqueuer --per-call 100 --callers 10 --workers 2", _FEW),
    Program("benchmarks.accept --database sqlite --workers 2", _FEW),
    Program("benchmarks.accept --database postgres --workers 2", _FEW),
    Program("benchmarks.accept --database postgres --per-call 100 --callers 10 --workers 2", _FEW),
    Program("benchmarks.posts", "--seconds 2"),
    Program("benchmarks.posts --send", "--seconds 2"),
    Program("benchmarks.posts --send --workers 1", "--seconds 2"),
    Program("benchmarks.peers.postfix --n 6000", "--n 500"),
    Program("benchmarks.accept --delay-ms 50 --concurrency 200", _FEW),
    Program("benchmarks.accept --delay-ms 50 --concurrency 1000", "--n 4000"),
    Program("benchmarks.peers.bare --delay-ms 50 --in-air 1000", "--n 4000"),
    Program("benchmarks.callbacks", "--seconds 2 --mails 10000"),
    Program("benchmarks.history", f"--n 2000 {_SHORT_PAST} --waiting 100000 --rounds 1"),
    Program(
        "benchmarks.history --database postgres --history 1000000",
        f"--n 2000 {_SHORT_PAST} --waiting 100000 --rounds 1",
    ),
    Program("benchmarks.footprint", f"--seconds 2 --delay-ms 500 --in-air 200 {_SHORT_PAST}"),
    Program("benchmarks.reports", _SHORT_PAST),
    Program("benchmarks.reports --database postgres --history 1000000", _SHORT_PAST),
    Program("benchmarks.pages", _SHORT_PAST),
)

_ONE = tuple(
    f"{name}, 1 per call: settled"
    for name in ("PgQueuer", "Huey", "django-post-office", "Procrastinate")
)
_ONE_CPU = tuple(name.replace(": settled", ": CPU") for name in _ONE)
_BULK, _BULK_CPU = ("PgQueuer, 100 per call: settled",), ("PgQueuer, 100 per call: CPU",)
_BARE = "bare parts, 1 per call: settled"
_BARE_CPU, _BARE_SLOW = (
    "bare parts, 1 per call: CPU",
    "bare parts, 1 per call, 50 ms, 1000 in the air",
)
_POSTFIX, _POSTFIX_CPU = "Postfix, accept and relay: settled", "Postfix, accept and relay: CPU"


def _accept_rows(database: str, name: str, *, one: str, bulk: str) -> tuple[Row, ...]:
    first, second = f"terkirim, 1 per call, {database}", f"terkirim, 100 per call, {database}"
    single, many = f"one per call, {name}", f"100 per call, {name}"
    return (
        Row(single, f"{first}: settled", one, _ONE),
        Row(f"{single}: CPU", f"{first}: CPU", "", _ONE_CPU, is_lower_better=True),
        Row(f"{single}: accept p50", f"{first}: accept p50"),
        Row(f"{single}: accept p99", f"{first}: accept p99"),
        Row(f"{single}: peak memory, callers included", f"{first}: peak memory"),
        Row(many, f"{second}: settled", bulk, _BULK),
        Row(f"{many}: CPU", f"{second}: CPU", "", _BULK_CPU, is_lower_better=True),
    )


def _past_rows(database: str, name: str) -> tuple[Row, ...]:
    rows = []
    empty = f"claim + settle, empty, {database}"
    for pattern, when in (("* of history", "long history"), ("* waiting", "much waiting")):
        title, line = f"claim + settle, {pattern}, {database}", f"claim and settle, {when}, {name}"
        for part, suffix in (("wall", ""), ("CPU", ": CPU")):
            peers = (f"{empty}: {part}",)
            row = Row(f"{line}{suffix}", f"{title}: {part}", "ratio 1.3", peers, True)
            rows.append(row)
    return tuple(rows)


def _beside_rows() -> tuple[Row, ...]:
    """Workers as processes of their own, as the peers have theirs."""
    few, many = "terkirim, 1 per call, {}, workers beside: 2: settled".format, "100 per call"
    bulk = f"terkirim, {many}, postgres, workers beside: 2: settled"
    return (
        Row("one per call, SQLite, two workers", few("sqlite"), "ratio 5", _ONE),
        Row("one per call, PostgreSQL, two workers", few("postgres"), "ratio 4", _ONE),
        Row(f"{many}, PostgreSQL, two workers", bulk, "ratio 1", _BULK),
    )


_ONE_CALL = "terkirim, 1 per call, sqlite"
_POSTS, _SENT = "terkirim, single posts, sqlite", "terkirim, single posts, sent beside, sqlite"
_ACCEPTED, _BESIDE = "single posts, accept only", "single posts, sent beside"
_SLOW = "terkirim, 1 per call, sqlite, 50 ms, {} in the air".format
_CLICKS, _APPLIED = "callbacks, mail beside", "terkirim, callbacks, mail beside, sqlite"
_SERVE = "terkirim serve, {}, sqlite: {}".format
ROWS = (
    *_accept_rows("sqlite", "SQLite", one="7,000", bulk=""),
    # The goals are half of what bare parts did elsewhere: 7,000 of 14,500, 5,000 of 9,800.
    Row("one per call, SQLite, and bare parts", f"{_ONE_CALL}: settled", "ratio 0.48", (_BARE,)),
    Row("one per call, SQLite, and bare parts: CPU", f"{_ONE_CALL}: CPU", "", (_BARE_CPU,), True),
    *_accept_rows("postgres", "PostgreSQL", one="6,000", bulk="ratio 1"),
    *_beside_rows(),
    Row(_ACCEPTED, f"{_POSTS}: answered", "5,000"),
    Row(f"{_ACCEPTED}: p50", f"{_POSTS}: p50"),
    Row(f"{_ACCEPTED}: p99", f"{_POSTS}: p99", "< 80"),
    Row(f"{_ACCEPTED}: CPU", f"{_POSTS}: CPU"),
    Row(_BESIDE, f"{_SENT}: settled", "4,000", (_POSTFIX,)),
    Row(
        f"{_BESIDE}, one worker more", f"{_SENT}, workers beside: 1: settled", "4,000", (_POSTFIX,)
    ),
    Row(f"{_BESIDE}: p99 of the posts", f"{_SENT}: p99"),
    Row(f"{_BESIDE}: CPU", f"{_SENT}: CPU", "", (_POSTFIX_CPU,), is_lower_better=True),
    Row("provider of 50 ms, 200 in the air", f"{_SLOW(200)}: settled"),
    Row("provider of 50 ms, 1,000 in the air", f"{_SLOW(1000)}: settled", "5,000"),
    Row(
        "provider of 50 ms, 1,000 in the air, and bare parts",
        f"{_SLOW(1000)}: settled",
        "ratio 0.51",
        (f"{_BARE_SLOW}: settled",),
    ),
    Row(_CLICKS, f"{_APPLIED}: applied", "4,000"),
    Row(f"{_CLICKS}: p99 of the posts", f"{_APPLIED}: p99"),
    Row(f"{_CLICKS}: CPU, the mail's included", f"{_APPLIED}: CPU, the mail's included"),
    *_past_rows("sqlite", "SQLite"),
    *_past_rows("postgres", "PostgreSQL"),
    Row("memory of serve, 200 in the air", _SERVE("200 in the air", "peak memory"), "< 200"),
    Row("memory of serve, 1,000 in the air", _SERVE("1000 in the air", "peak memory"), "< 300"),
    Row("terkirim --help", "terkirim --help", "< 300"),
    Row("start of serve on a long history", _SERVE("* of history", "ready"), "< 2,000"),
    Row("slowest question to a long history", "the slowest question, * of history, sqlite", "< 50"),
    Row(
        "slowest question to a long history, PostgreSQL",
        "the slowest question, * of history, postgres",
        "< 50",
    ),
    Row("slowest page of a long history", "the slowest page, * of history", "< 100"),
)
