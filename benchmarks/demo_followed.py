"""The second part of the demo: what the provider says of its mail, and an account that runs empty.

The credits are few and sent quickly, and a check is asked for every moment, as an outside cron may
do each hour: the gateway's own looks, a minute apart, would take longer than the demo.
"""

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import apsw

CREDITS, LETTERS, CODES, TOPPED_UP = 1_200, 1_400, 250, 50_000
KEY = "tk_demo_0123456789abcdef0123456789abcdef"
SECRET = "the-secret-of-the-callbacks"
SENDER = "toko@example.com"
# Callbacks come that many seconds after the mail, and one after another; a scanner's open would
# come within a second of the delivery, and is not counted.
AFTER = 1.5
SAID = {"bounced": 0.03, "delivered": 0.95, "opened": 0.5, "clicked": 0.2, "complained": 0.003}
# The faults of the first part; from now on the provider answers as it should.
FAULTS = ("429", "500", "502", "503", "reset", "drop", "half", "html200", "html503")
LEVELS = {"warning": 800, "critical": 450, "emergency": 150}
# What an alert of each level says, so that it is known again among the others.
SAYS = {
    "warning": "reached the warning level",
    "critical": "reached the critical level",
    "emergency": "last credits are kept",
}
LIMIT = 60.0  # seconds for each step


class Hook(BaseHTTPRequestHandler):
    """Keeps the notices that Apprise posts to it."""

    notices: list[dict[str, str]]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.notices.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def hook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Give the address of a receiver of alerts on this machine, and what it was told."""
    notices: list[dict[str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("DemoHook", (Hook,), {"notices": notices}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/", notices
    finally:
        server.shutdown()
        server.server_close()


def settings(alerts: str) -> dict[str, str]:
    """Return what the gateway is told beside the settings of the first part."""
    return {
        "TERKIRIM_LANGUAGE": "en",
        "TERKIRIM_ALERT_URLS": alerts,
        "MAILKETING_WEBHOOK_SECRET": SECRET,
        "TERKIRIM_CREDITS_BOUNCE": "0",
        "TERKIRIM_RATE": "100/s",  # so slowly that a check falls into each level
        "TERKIRIM_PAUSE_PROBE": "1s",
        **{f"TERKIRIM_CREDITS_{name.upper()}": str(count) for name, count in LEVELS.items()},
    }


@dataclass
class Followed:
    """The run: where the gateway and the emulator are, and what was seen."""

    place: Path
    gateway: str
    control: str
    notices: list[dict[str, str]]
    send: Callable[[list[str]], str]
    wrong: list[str] = field(default_factory=list)
    waited_while_empty: int = 0
    accepted_before: int = 0

    def prepare(self) -> None:
        """Let the emulator answer as it should, have few credits, and post callbacks."""
        put(f"{self.control}/faults", dict.fromkeys(FAULTS, 0))
        put(f"{self.control}/credits", {"credits": CREDITS})
        url = f"{self.gateway}/api/webhooks/mailketing?secret={SECRET}"
        plan = {"url": url, "shape": "documented", "after_seconds": AFTER, **SAID}
        put(f"{self.control}/callbacks", plan)
        self.accepted_before = self.statistics()["accepted"]

    def run_down(self) -> None:
        """Send until the credits are used up, and a while longer."""
        self.check()
        print(f"\n{CREDITS:,} credits are left, and {LETTERS:,} letters wait for them:")
        print(self.send(_letter(self.place)), flush=True)
        self.until(lambda: len(self.told(SAYS["emergency"])) > 0, "the emergency level is told")
        print(
            "The last credits are kept for mail of high priority. Codes still go out.", flush=True
        )
        self.until(self.is_still, "mail of normal priority rests")
        for start in range(0, CODES, 50):
            mails = [_code(number) for number in range(start, start + 50)]
            put(f"{self.gateway}/v1/emails/batch", mails, method="POST")
        self.until(lambda: "Saldo tidak cukup" in self.ledger()["refused"], "the account is empty")
        self.until(self.is_still, "everything rests")
        self.waited_while_empty = self.waiting()
        used = CREDITS - self.credits()
        print(f"{used:,} credits are used up, and {self.waited_while_empty:,} messages wait.")

    def top_up(self) -> None:
        """Buy credits, and see all of it go out."""
        put(f"{self.control}/credits", {"credits": TOPPED_UP})
        print(f"{TOPPED_UP:,} credits were bought ...", flush=True)
        self.until(lambda: self.waiting() == 0, "all mail goes out")
        self.until(lambda: bool(self.told("credits are fine again")), "the recovery is told")

    def listen(self) -> None:
        """Wait until every callback was posted and applied."""
        last = time.monotonic()
        total = -1
        while time.monotonic() - last < 2 * AFTER or self.unapplied():
            if (now := sum(self.ledger()["callbacks"].values())) != total:
                total, last = now, time.monotonic()
            time.sleep(0.2)

    def report(self) -> None:
        """Compare with the emulator's ledger, and print the table."""
        said = [set(one["said"]) for one in ask(f"{self.control}/ledger/callbacks")]
        expected = Counter(word for words in said for word in _implied(words))
        found, latency = self.statistics(), self.latency()
        sent = found["accepted"] - self.accepted_before
        self.expect("mails of this part", sent, LETTERS + CODES)
        for name in SAID:
            self.expect(name, found[name], expected[name])
        self.expect("states", self.states(), self.states_of_ledger())
        for level, words in SAYS.items():
            self.expect(f"alerts of the level {level}", len(self.told(words)), 1)
        self.expect("recovery notices", len(self.told("credits are fine again")), 1)
        self.expect("mail waited while the account was empty", self.waited_while_empty > 0, True)
        rate = lambda name: f"{found[name]:,} ({found[name] / sent:.1%})"  # noqa: E731 - a column
        rows = [
            ("mails", f"{sent:,}"),
            *((f"  {name}", rate(name)) for name in SAID),
            ("callbacks refused or lost", str(self.ledger()["callbacks"].get("failed", 0))),
            ("alerts: warning, critical, emergency, over", "1 each"),
            *((f"  {one['title']}", "") for one in self.notices),
            ("waited while the account was empty", f"{self.waited_while_empty:,}"),
            ("credits at the end, by the provider", f"{self.credits():,}"),
            ("submitted to accepted, both parts: p50", f"{latency['p50_seconds']:.2f} s"),
            ("submitted to accepted, both parts: p99", f"{latency['p99_seconds']:.2f} s"),
        ]
        print()
        for name, value in rows:
            print(f"{name:54}{value:>28}".rstrip())
        if not self.wrong:
            print("What is shown is what the emulator's own ledger says.")

    def expect(self, name: str, found: Any, expected: Any) -> None:
        if found != expected:
            self.wrong.append(f"{name}: {_short(found)}, expected {_short(expected)}")

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Ask for checks of the balance until it is so."""
        began = time.monotonic()
        while not is_so():
            if time.monotonic() - began > LIMIT:
                raise SystemExit(f"gave up after {LIMIT:.0f} s: {what}; told {self.titles()}")
            self.check()
            time.sleep(0.15)

    def check(self) -> None:
        put(f"{self.gateway}/api/admin/email-credits", {}, method="POST")

    def told(self, words: str) -> list[dict[str, str]]:
        return [one for one in self.notices if words in f"{one['title']} {one['message']}"]

    def titles(self) -> list[str]:
        return [one["title"] for one in self.notices]

    def is_still(self) -> bool:
        """Return whether nothing was sent for a moment."""
        before = self.ledger()["accepted"]
        time.sleep(0.8)
        return self.ledger()["accepted"] == before

    def ledger(self) -> dict[str, Any]:
        return ask(f"{self.control}/ledger")

    def credits(self) -> int:
        answer = put(f"{self.gateway}/api/admin/email-credits", {}, method="POST")
        return int(answer["balance"])

    def waiting(self) -> int:
        return self.one("SELECT count(*) FROM outbox")

    def unapplied(self) -> int:
        return self.one(
            "SELECT (SELECT count(*) FROM callbacks WHERE state IN ('new', 'again'))"
            " + (SELECT count(*) FROM unmatched)"
        )

    def statistics(self) -> dict[str, int]:
        path = "/v1/statistics/delivery?by=provider&days=2"
        return ask(self.gateway + path, key=KEY)["total"]

    def latency(self) -> dict[str, float]:
        return ask(f"{self.gateway}/v1/statistics/latency?days=2", key=KEY)["total"]

    def states(self) -> dict[str, int]:
        own = "recipient LIKE '%@kedua.example.com'"
        sql = f"SELECT state, count(*) FROM messages WHERE {own} GROUP BY state"
        return dict(self.rows(sql))

    def states_of_ledger(self) -> dict[str, int]:
        """Return how many messages are in each state, by what was said of each."""
        said = {one["recipient"]: one for one in ask(f"{self.control}/ledger/callbacks")}
        silent = LETTERS + CODES - len(said)
        states = Counter(map(_state_of, said.values()))
        states["accepted"] += silent
        return {state: count for state, count in states.items() if count}

    def one(self, sql: str) -> int:
        ((count,),) = self.rows(sql)
        return int(count)

    def rows(self, sql: str) -> list[Any]:
        with closing(apsw.Connection(str(self.place / "demo.db"))) as db:
            db.set_busy_timeout(5_000)
            return list(db.execute(sql))


def _letter(place: Path) -> list[str]:
    rows = "\n".join(f"pelanggan{n}@kedua.example.com;Pelanggan {n}" for n in range(LETTERS))
    (place / "kedua.csv").write_text(f"email;nama\n{rows}\n", "utf-8")
    subject = ["--subject", "Promo untuk {{ nama }}", "--text", "Halo {{ nama }}"]
    return ["send", "--csv", str(place / "kedua.csv"), *subject, "--campaign", "kedua"]


def _code(number: int) -> dict[str, Any]:
    return {
        "from": SENDER,
        "to": f"kode{number}@kedua.example.com",
        "subject": "Kode Anda",
        "text": f"{100_000 + number}",
        "priority": "high",
        "tags": [{"name": "kind", "value": "otp"}],
    }


def _implied(said: set[str]) -> set[str]:
    """Return what was said, and that who opens or clicks has got it."""
    return said | {"delivered"} if said & {"opened", "clicked"} else said


def _state_of(one: dict[str, Any]) -> str:
    said = set(one["said"])
    if "complained" in said:
        return "complained"
    return "bounced" if "bounced" in said else "delivered"


def _short(value: Any) -> str:
    return json.dumps(value, default=str)[:300]


def ask(url: str, *, key: str | None = None) -> Any:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def put(url: str, body: Any, *, method: str = "PUT") -> Any:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), method=method, headers=headers
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
