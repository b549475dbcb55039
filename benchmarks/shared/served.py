"""`terkirim serve` as users run it, as a process of its own."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared.children import STARTS_WITHIN, child, clean_environment, wait_for
from benchmarks.shared.databases import Database
from benchmarks.shared.letters import SENDER
from benchmarks.shared.machine import tree_cpu, tree_memory
from benchmarks.shared.places import free_port
from benchmarks.shared.provider import Provider
from terkirim import Gateway
from terkirim.ports import Pause

KEY = "tk_bench_0123456789abcdef0123456789abcdef"
TERKIRIM = str(Path(sys.executable).with_name("terkirim"))


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that answers; `started_within` is from its start until it was ready, in seconds."""

    url: str
    pids: tuple[int, ...]
    started_within: float

    def cpu(self) -> float:
        """Return the CPU seconds of every process, the database's included."""
        return tree_cpu(self.pids)

    def memory(self) -> int:
        """Return the bytes that every process holds now, the database's included."""
        return tree_memory(self.pids)


@contextmanager
def served(store: Database, partner: Provider, **settings: str) -> Iterator[Served]:
    """Run `terkirim serve` beside the block; `settings` are variables of its environment."""
    port, log = free_port(), store.folder / "serve.log"
    env = _environment(store, partner) | settings
    began = time.perf_counter()
    with child([TERKIRIM, "serve", "--port", str(port)], log=log, env=env) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/health/ready", process, log=log)
        started = time.perf_counter() - began
        yield Served(url, (process.pid, *store.pids), started)


@contextmanager
def workers(store: Database, partner: Provider, count: int, **settings: str) -> Iterator[list[int]]:
    """Run so many `terkirim worker` beside the block; their pids."""
    env = _environment(store, partner) | settings
    with ExitStack() as stack:
        pids = []
        for number in range(count):
            log = store.folder / f"worker-{number}.log"
            process = stack.enter_context(child([TERKIRIM, "worker"], log=log, env=env))
            end = time.monotonic() + STARTS_WITHIN
            while b'"working"' not in log.read_bytes():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"no worker:\n{log.read_text('utf-8', 'replace')[-2_000:]}")
                time.sleep(0.01)
            pids.append(process.pid)
        yield pids


def _environment(store: Database, partner: Provider) -> dict[str, str]:
    return clean_environment() | {
        "TERKIRIM_DATABASE": store.url,
        "TERKIRIM_API_KEY": KEY,
        "MAILKETING_API_KEY": "bench",
        "MAILKETING_API_URL": partner.url,
        "MAILKETING_FROM_EMAIL": SENDER,
    }


def pause(store: Database) -> None:
    """Pause the provider by hand, so that mail is taken and nothing goes out."""

    async def paused() -> None:
        async with Gateway.open(database=store.url, work=False) as gateway:
            await gateway.store.pause(
                Pause(
                    provider="mailketing",
                    sender="",
                    fault="by hand",
                    reason="accept only",
                    since=gateway.clock.now(),
                    until=None,
                )
            )

    asyncio.run(paused())
