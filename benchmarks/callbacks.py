"""Callbacks taken in, kept and applied: alone, and with the dispatcher busy beside them.

A served gateway and an emulated Mailketing run as processes of their own on this machine; this one
posts the callbacks. CPU is that of the served process, by the kernel's count.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import apsw
import uvloop

from terkirim.compose import Gateway
from terkirim.domain.email import Draft

KEY = "tk_bench_0123456789abcdef0123456789abcdef"
SECRET = "bench-secret"
TERKIRIM = str(Path(sys.executable).with_name("terkirim"))
LINES = 200  # connections
AHEAD = 1  # requests on each that wait for their answer: a server reads no further before
LIMIT = 300.0  # seconds after which a phase is given up
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = ("emailopen", "emailclick", "emailopen", "unsubscribe", "bounce")


class Line(asyncio.Protocol):
    """Posts its share of the requests, `AHEAD` of them at a time, and counts the answers."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.requests = requests
        self.sent = self.answered = self.refused = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.post()

    def post(self) -> None:
        upto = min(self.answered + AHEAD, len(self.requests))
        if self.sent < upto:
            self.transport.write(b"".join(self.requests[self.sent : upto]))
            self.sent = upto

    def data_received(self, data: bytes) -> None:
        answers = data.count(b"HTTP/1.1 ")
        self.answered += answers
        self.refused += answers - data.count(b"HTTP/1.1 200")
        if self.answered >= len(self.requests):
            self.transport.close()
        elif self.sent - self.answered <= AHEAD // 2:
            self.post()

    def connection_lost(self, error) -> None:
        if not self.done.done():
            self.done.set_result(error)


class Place:
    """One folder with a database, a served gateway and an emulator."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.database = folder / "bench.db"
        self.web_port, emulator_port = free_port(), free_port()
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TERKIRIM_", "MAILKETING_", "CRON_"))
        }
        self.env = clean | {
            "TERKIRIM_DATABASE": f"sqlite:///{self.database}",
            "TERKIRIM_PORT": str(self.web_port),
            "TERKIRIM_API_KEY": KEY,
            "MAILKETING_API_KEY": "emulated",
            "MAILKETING_API_URL": f"http://127.0.0.1:{emulator_port}/api/v2",
            "MAILKETING_FROM_EMAIL": "toko@example.com",
            "MAILKETING_WEBHOOK_SECRET": SECRET,
        }
        self.started("emulate", "--port", str(emulator_port))
        self.server = self.started("serve")
        self.wait_ready()

    def started(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = self.stack.enter_context((self.folder / f"{arguments[0]}.log").open("ab"))
        child = subprocess.Popen(
            [TERKIRIM, *arguments], env=self.env, cwd=self.folder, stdout=log, stderr=log
        )
        self.stack.callback(stop, child)
        return child

    def wait_ready(self) -> None:
        for _ in range(300):
            try:
                urllib.request.urlopen(
                    f"http://127.0.0.1:{self.web_port}/health/ready", timeout=5
                ).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        sys.exit("the gateway did not start: " + (self.folder / "serve.log").read_text())

    def cpu(self) -> float:
        """Return the seconds of CPU that the served process has used."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def ask(self, sql: str):
        with closing(apsw.Connection(str(self.database))) as db:
            db.set_busy_timeout(5_000)
            return next(iter(db.execute(sql)))[0]

    def until(self, sql: str, wanted: int) -> None:
        began = time.monotonic()
        while self.ask(sql) != wanted:
            if time.monotonic() - began > LIMIT:
                sys.exit(f"gave up after {LIMIT:.0f} s: {sql}")
            time.sleep(0.02)


async def submitted(place: Place, count: int, *, name: str) -> list[tuple[str, str]]:
    """Put e-mails on disk from this process; return (id, recipient)."""
    given = {
        "database": place.env["TERKIRIM_DATABASE"],
        "mailketing_api_key": "emulated",
        "mailketing_from_email": "toko@example.com",
    }
    pairs: list[tuple[str, str]] = []
    async with Gateway.open(work=False, **given) as gateway:
        for start in range(0, count, 500):
            drafts = [
                Draft(
                    to=f"{name}{number}@example.com",
                    subject=f"Halo {number}",
                    html="<p>Halo</p>",
                    tags=[{"name": "campaign", "value": name}],
                )
                for number in range(start, min(start + 500, count))
            ]
            done = await gateway.send(drafts, owner="bench")
            pairs += [(email.id, email.to[0].email) for email in done.emails]
    return pairs


def requests_for(pairs: Sequence[tuple[str, str]], count: int, *, secret: str) -> list[bytes]:
    """Return posts, each a different event; the link makes two alike ones differ."""
    made = []
    for number in range(count):
        id_, recipient = pairs[number % len(pairs)]
        kind = KINDS[number // len(pairs) % len(KINDS)]
        fields = {"type": kind, "email": recipient, "message_id": id_}
        fields |= {"date": "2026-01-05 10:00:00", "link_clicked": f"https://example.com/{number}"}
        fields |= {"reason": "452 4.2.2 mailbox full"} if kind == "bounce" else {}
        body = json.dumps(fields).encode()
        head = (
            f"POST /api/webhooks/mailketing?secret={secret} HTTP/1.1\r\nhost: x\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def posted(port: int, requests: Sequence[bytes]) -> int:
    """Post them all; return how many were refused."""
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(lambda n=n: Line(requests[n::LINES]), "127.0.0.1", port))[1]
        for n in range(LINES)
    ]
    async with asyncio.timeout(LIMIT):
        await asyncio.gather(*(line.done for line in lines))
    missing = sum(len(line.requests) - line.answered for line in lines)
    if missing:
        sys.exit(f"{missing} callbacks got no answer")
    return sum(line.refused for line in lines)


def measured(place: Place, requests: Sequence[bytes], *, events: int) -> tuple[float, float, float]:
    """Post; return seconds until all was acknowledged, until all was applied, and CPU used."""
    cpu, began = place.cpu(), time.monotonic()
    refused = uvloop.run(posted(place.web_port, requests))
    acknowledged = time.monotonic() - began
    if events:
        place.until("SELECT count(*) FROM events", events)
    if bool(refused) != (events == 0):
        sys.exit(f"{refused} callbacks were refused")
    return acknowledged, time.monotonic() - began, place.cpu() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=40_000, help="callbacks in each phase")
    count = parser.parse_args().n
    messages = max(count // 4, 1)
    with tempfile.TemporaryDirectory(prefix="terkirim-callbacks-") as folder, ExitStack() as stack:
        place = Place(Path(folder), stack)
        run(place, count, messages)


def run(place: Place, count: int, messages: int) -> None:
    cpu, began = place.cpu(), time.monotonic()
    first = asyncio.run(submitted(place, messages, name="a"))
    place.until("SELECT count(*) FROM outbox", 0)
    each_send = (place.cpu() - cpu) / messages
    say("messages sent, no callbacks", messages, time.monotonic() - began, each_send)

    acknowledged, applied, used = measured(
        place, requests_for(first, count, secret=SECRET), events=count
    )
    say("callbacks acknowledged, nothing beside", count, acknowledged, None)
    say("  kept and applied", count, applied, used / count)

    second = asyncio.run(submitted(place, messages, name="b"))
    place.until("SELECT count(*) FROM outbox", 0)
    asyncio.run(submitted(place, messages * 3, name="c"))  # what the dispatcher is busy with
    left = place.ask("SELECT count(*) FROM outbox")
    acknowledged, applied, used = measured(
        place, requests_for(second, count, secret=SECRET), events=2 * count
    )
    sent = left - place.ask("SELECT count(*) FROM outbox")
    say("callbacks acknowledged, dispatcher busy", count, acknowledged, None)
    say("  kept and applied", count, applied, (used - sent * each_send) / count)
    say("  messages sent meanwhile", sent, applied, None)
    place.until("SELECT count(*) FROM outbox", 0)

    refused, _, used = measured(place, requests_for(second, 10_000, secret="wrong"), events=0)
    say("callbacks with a wrong secret", 10_000, refused, used / 10_000)
    print(f"rows kept of these: {place.ask('SELECT count(*) FROM callbacks') - 2 * count}")


def say(what: str, count: int, seconds: float, cpu: float | None) -> None:
    each = "" if cpu is None else f"{cpu * 1e6:8.0f} µs CPU each"
    print(f"{what:42}{count:>8}  {seconds:6.2f} s {count / seconds:>8,.0f}/s {each}", flush=True)


def stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


if __name__ == "__main__":
    main()
