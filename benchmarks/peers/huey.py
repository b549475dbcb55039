"""Huey on SQLite, its commits synced to disk: one task per e-mail, a consumer that posts.

`python -m benchmarks.peers.huey --n 3000`
"""

import argparse
import logging
import sys
import time
from pathlib import Path

from huey import SqliteHuey
from huey.constants import WORKER_THREAD
from pyreqwest.client import SyncClientBuilder

from benchmarks.peers.course import Peer, measured
from benchmarks.shared.children import STARTS_WITHIN, child
from benchmarks.shared.letters import mailketing_body
from benchmarks.shared.places import run_folder
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import Reading, arguments, refuse_unless, report

POLLED_EVERY = 0.02  # seconds between looks of an idle worker


def measure(options: argparse.Namespace) -> list[Reading]:
    with run_folder() as folder, provider(folder) as partner:
        file = folder / "huey.db"
        command = [sys.executable, "-m", "benchmarks.peers.huey", "--work", str(file)]
        command += ["--provider", partner.url, "--threads", str(options.threads)]
        log = folder / "worker.log"
        with child(command, log=log) as worker:
            _wait_until_it_runs(log)
            queue = SqliteHuey(filename=str(file), fsync=True, results=False)
            send = queue.task()(send_with(partner.url))

            def submit() -> None:
                for number in range(options.n):
                    send(mailketing_body(number))

            peer = Peer(
                name="Huey, 1 per call",
                submit=submit,
                # A task leaves the table before it runs, so only the provider knows the end.
                is_drained=lambda: partner.seen() >= options.n,
                pids=[worker.pid],
            )
            return measured(peer, partner, n=options.n)


def send_with(provider_url: str):
    """Return the task, by the name that both processes know."""
    client = SyncClientBuilder().http1_only().no_proxy().build()

    def send(body: dict[str, str]) -> None:
        request = client.post(f"{provider_url}/send").header("x-api-token", "bench")
        response = request.body_json(body).build().send()
        if response.status != 200:
            raise RuntimeError(f"the provider answered {response.status}")

    return send


def work(file: str, provider_url: str, threads: int) -> None:
    """Run the consumer until it is terminated."""
    logging.basicConfig(level=logging.WARNING)
    queue = SqliteHuey(filename=file, fsync=True, results=False)
    queue.task()(send_with(provider_url))
    consumer = queue.create_consumer(
        workers=threads,
        worker_type=WORKER_THREAD,
        periodic=False,
        initial_delay=POLLED_EVERY,
        max_delay=POLLED_EVERY,
    )
    print("runs", flush=True)
    consumer.run()


def _wait_until_it_runs(log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while "runs" not in log.read_text("utf-8"):
        refuse_unless(time.monotonic() < end, "the worker did not start")
        time.sleep(0.05)


def main() -> None:
    parser = arguments(__doc__, n=3_000, threads=4)
    parser.add_argument("--work", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--provider", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.provider, options.threads)
    else:
        report(measure(options), options.into)


if __name__ == "__main__":
    main()
