"""What `make bench` runs, and which reading stands beside which peer's."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """A figure program: its command in full, and with small numbers."""

    full: str
    short: str

    @property
    def title(self) -> str:
        return self.full.removeprefix("benchmarks.")

    def words(self, *, is_short: bool) -> list[str]:
        return shlex.split(f"{self.full} {self.short}" if is_short else self.full)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: our reading, the goal in words, and readings of peers by name."""

    name: str
    reading: str
    goal: str = ""
    peers: tuple[str, ...] = ()
    is_lower_better: bool = False


_FEW = "--n 2000"
PROGRAMS = (
    Program("benchmarks.accept --database sqlite --per-call 1", _FEW),
    Program("benchmarks.accept --database sqlite --per-call 100 --callers 10", _FEW),
    Program("benchmarks.accept --database postgres --per-call 1", _FEW),
    Program("benchmarks.accept --database postgres --per-call 100 --callers 10", _FEW),
    Program("benchmarks.peers.pgqueuer --per-call 1", "--n 500"),
    Program("benchmarks.peers.pgqueuer --per-call 100 --callers 10 --workers 2", _FEW),
    Program("benchmarks.posts", "--seconds 2"),
    Program("benchmarks.posts --send", "--seconds 2"),
)

_ONE_PER_CALL = ("PgQueuer, 1 per call: settled",)
_BULK = ("PgQueuer, 100 per call: settled",)
ROWS = (
    Row(
        "one per call, SQLite",
        "terkirim, 1 per call, sqlite: settled",
        "7,000",
        _ONE_PER_CALL,
    ),
    Row("  its CPU", "terkirim, 1 per call, sqlite: CPU", "", ("PgQueuer, 1 per call: CPU",), True),
    Row("  accept p50", "terkirim, 1 per call, sqlite: accept p50"),
    Row("  accept p99", "terkirim, 1 per call, sqlite: accept p99"),
    Row("  peak memory", "terkirim, 1 per call, sqlite: peak memory", "200"),
    Row("100 per call, SQLite", "terkirim, 100 per call, sqlite: settled", "", _BULK),
    Row(
        "one per call, PostgreSQL",
        "terkirim, 1 per call, postgres: settled",
        "6,000",
        _ONE_PER_CALL,
    ),
    Row("100 per call, PostgreSQL", "terkirim, 100 per call, postgres: settled", "ratio 1", _BULK),
    Row("single posts, accept only", "terkirim, single posts, sqlite: answered", "5,000"),
    Row("  p50", "terkirim, single posts, sqlite: p50"),
    Row("  p99", "terkirim, single posts, sqlite: p99", "< 80"),
    Row("  its CPU", "terkirim, single posts, sqlite: CPU"),
    Row(
        "single posts in, sent beside",
        "terkirim, single posts, sent beside, sqlite: settled",
        "4,000",
    ),
    Row("  its CPU", "terkirim, single posts, sent beside, sqlite: CPU"),
)
