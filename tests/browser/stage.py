"""A served gateway with an emulated Mailketing behind it, filled as a shop's would be."""

import json
import subprocess
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import apsw

from terkirim.store.counting import Counts, Rollups
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.times import HOUR_US
from tests.acceptance.conftest import TERKIRIM, Served, free_port

SECRET = "rahasia-toko"  # of callbacks
ADMIN, PASSWORD = "ani", "kopi susu gula aren"
EVENTS = ["email.sent", "email.delivered", "email.opened", "email.bounced", "email.failed"]
PEOPLE = ("Budi Santoso", "Siti Rahma", "Dewi Lestari", "Agus Wijaya", "Putri Ayu", "Rizky Pratama")
LETTER = """<div style="font-family:sans-serif;max-width:520px">
<h2 style="color:#0f766e">Toko Maju</h2>
<p>Halo {name},</p><p>Pesanan <b>{order}</b> sudah kami kirim dan akan tiba dalam 2 hari.</p>
<p><a href="https://example.com/lacak">Lacak pesanan</a></p></div>"""


class Hook(BaseHTTPRequestHandler):
    """Where alerts go: takes whatever is posted."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args):
        """Say nothing."""


class Stage:
    """Emulator and gateway; `settings` are the gateway's own variables."""

    def __init__(self, folder: Path, *, is_sandbox: bool = False, **settings: str) -> None:
        self.folder = folder
        self.emulator_port, self.hook_port = free_port(), free_port()
        self.emulator = None
        self.hook = None
        real = {
            "MAILKETING_API_KEY": "emulated",
            "MAILKETING_WEBHOOK_SECRET": SECRET,
            "TERKIRIM_ALERT_URLS": f"json://127.0.0.1:{self.hook_port}/toko",
            "MAILKETING_API_URL": f"http://127.0.0.1:{self.emulator_port}/api/v2",
        }
        quick = {"TERKIRIM_RETRY_WAITS": "600ms,700ms", "TERKIRIM_RETRY_JITTER": "0"}
        own = {} if is_sandbox else real
        self.served = Served(folder, **{"TERKIRIM_LANGUAGE": "id"} | own | quick | settings)
        self.url = self.served.url

    def start(self):
        if "MAILKETING_API_KEY" in self.served.env:
            log = (self.folder / "emulator.log").open("wb")
            command = [TERKIRIM, "emulate", "mailketing", "--port", str(self.emulator_port)]
            self.emulator = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
            log.close()
            self._wait_for_emulator()
            self._open_hook()
        self.served.start()
        return self

    def stop(self):
        self.served.stop()
        if self.emulator is not None:
            self.emulator.terminate()
            self.emulator.wait(30)
        if self.hook is not None:
            self.hook.shutdown()
            self.hook.server_close()

    @property
    def first_link(self):
        return (self.folder / "t.db.first-admin").read_text().strip()

    def add_user(self, name=ADMIN, password=PASSWORD, role="admin"):
        done = subprocess.run(
            [TERKIRIM, "users", "add", name, "--role", role, "--password-stdin"],
            env=self.served.env, cwd=self.folder, input=password, text=True, capture_output=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def fail(self, **faults):
        """Let the emulator fail from here on; nothing: well again."""
        usual = {"error_500": 0, "error_503": 0, "rate_limited": 0, "accept_and_drop": 0}
        self._control("faults", usual | faults)

    def top_up(self, credits_):
        """Let the emulator have so many credits."""
        self._control("credits", {"credits": credits_})

    def check_credits(self):
        """Let the gateway ask for the balance."""
        status, answer = self.served.call("POST", "/v1/credits/check")
        assert status == 200, answer

    def hear(self, word, message_id, to, **fields):
        """Post a callback as Mailketing does."""
        body = {"type": word, "email": to, "message_id": message_id} | fields
        request = urllib.request.Request(
            f"{self.url}/api/webhooks/mailketing?secret={SECRET}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()

    def add_webhook(self):
        """Tell an app of ours, which takes whatever is posted."""
        body = {"endpoint": f"http://127.0.0.1:{self.hook_port}/terkirim", "events": EVENTS}
        status, answer = self.served.call("POST", "/v1/webhooks", body)
        assert status == 200, answer

    def unapprove(self, *senders):
        self._control("unapproved", {"senders": list(senders)})

    def resume(self, provider, sender=""):
        """Use a provider again, or a sender of it."""
        path, body = f"/v1/providers/{provider}/resume", {"sender": sender} if sender else {}
        status, answer = self.served.call("POST", path, body)
        assert status == 200, answer

    def send(self, to="budi@example.com", subject="Halo", **fields):
        body = {"from": "Toko Maju <toko@example.com>", "to": to, "subject": subject}
        status, answer = self.served.call(
            "POST", "/v1/emails", body | {"html": "<p>x</p>"} | fields
        )
        assert status == 200, answer
        return answer["id"]

    def settled(self, message_id, states=("accepted", "dead", "held", "suppressed")):
        """Return a message's story once it stands in one of these states."""
        give_up_at = time.monotonic() + 30
        while time.monotonic() < give_up_at:
            _, story = self.served.call("GET", f"/v1/messages/{message_id}")
            if story["state"] in states:
                return story
            time.sleep(0.05)
        raise AssertionError(story)

    def fill(self):
        """Send what a shop sends; some of it fails, some is held, some waits."""
        sent = []
        for at in range(24):
            person, order = PEOPLE[at % len(PEOPLE)], f"TM-{10_400 + at}"
            to = f"{person.split()[0].lower()}@{'example.com' if at % 3 else 'gmail.example'}"
            kinds = (("Pesanan {} sudah dikirim", "order"), ("Kode masuk Anda", "otp"),
                     ("Bukti pembayaran {}", "receipt"))  # fmt: skip
            subject, kind = kinds[at % 3]
            sent.append(
                self.send(
                    to, subject.format(order), html=LETTER.format(name=person, order=order),
                    text=f"Halo {person}, pesanan {order} sudah kami kirim.",
                    tags=[{"name": "kind", "value": kind}],
                )
            )  # fmt: skip
        for one in sent:
            self.settled(one)
        self.hear_of(sent)
        return sent

    def hear_of(self, sent):
        """Let some be opened, clicked and bounced; some callbacks are about no message."""
        for at, one in enumerate(sent[:12]):
            _, story = self.served.call("GET", f"/v1/messages/{one}")
            self.hear("emailopen", one, story["recipient"], n=at)
            if at % 3 == 0:
                self.hear("emailclick", one, story["recipient"], link_clicked=f"https://e.com/{at}")
        _, story = self.served.call("GET", f"/v1/messages/{sent[-1]}")
        self.hear("bounce", sent[-1], story["recipient"], reason="550 5.1.1 user unknown")
        self.hear("emailopen", "elsewhere-1", "tamu@example.com")
        self.hear("survey", "elsewhere-2", "tamu@example.com")

    def wear_out(self, count=3):
        """Make messages fail to the last attempt (with TERKIRIM_RETRY_TAIL=off)."""
        self.fail(error_503=1)
        ids = [self.send(f"p{at}@example.com", f"Promo {at}") for at in range(count)]
        for one in ids:
            self.settled(one)
        self.fail()
        return ids

    def hold(self):
        """Make one message that may have been sent and waits for a decision."""
        self.fail(accept_and_drop=1)
        held = self.send("rina@example.com", "Kode masuk Anda", if_unclear="hold")
        self.settled(held)
        self.fail()
        return held

    def remember(self, days=90, left=430_000):
        """Write counts of a busy past, so that charts and figures have something to show.

        The balances of the last month led to `left` credits.
        """
        db = apsw.Connection(str(self.folder / "t.db"))
        db.set_busy_timeout(10_000)
        now = int(time.time()) // 3600
        rows = []
        for hour in range(now - days * 24, now):
            local = (hour + 7) % 24
            sent = int(90 + 260 * max(0, 1 - abs(local - 13) / 8)) + hour * 37 % 23
            if (hour // 24 + 4) % 7 == 6:
                sent //= 3
            sent = sent * (9 + (now - hour) // 168 % 4) // 10  # no week is as the one before
            rows += [
                (hour, "submitted", "transactional", sent),
                (hour, "outcome", "mailketing:accepted:1", sent - sent // 30),
                (hour, "outcome", "mailketing:deferred:1", sent // 30),
                (hour, "outcome", "mailketing:accepted:2", sent // 32),
                (hour, "reason", "deferred:503", sent // 40),
                (hour, "reason", "deferred:429", sent // 90),
                (hour, "reason", "unclear:504", 1 if hour % 5 == 0 else 0),
                (hour, "state", "accepted", sent - sent // 400),
                (hour, "state", "dead", sent // 120 if hour % 11 == 0 else 0),
                (hour, "event_first", "mailketing:accepted", sent - sent // 30 + sent // 32),
                (hour, "event_first", "mailketing:delivered", sent // 2),
                (hour, "event_first", "mailketing:opened", sent // 2),
                (hour, "event_first", "mailketing:clicked", sent // 9),
                (hour, "event_first", "mailketing:bounced", 1 if hour % 4 == 0 else 0),
                (hour, "wait", "84", sent // 40),
                (hour, "wait", "91", sent // 90),
            ]
        balances, used = [], 0
        for hour in range(now - 1, now - 30 * 24, -1):
            used += sum(row[3] for row in rows if row[0] == hour and row[2].endswith(":accepted"))
            if hour % 6 == 0:
                balances.append((hour * 3_600_000_000, left + used))
        counts = Counts()
        for hour, kind, key, count in rows:
            counts.add(hour * HOUR_US, kind, key, count)
        with db:
            write_counts(db, Rollups("past", ZoneInfo("Asia/Jakarta"), places=1), counts)
            db.executemany(
                """INSERT INTO balances VALUES ('mailketing', ?, 'check', ?, '', '', 0, 0)
                ON CONFLICT DO NOTHING""",
                balances,
            )
        db.close()

    def _control(self, name, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.emulator_port}/control/{name}",
            data=json.dumps(body).encode(),
            method="POST",
        )
        urllib.request.urlopen(request, timeout=10).close()

    def _open_hook(self):
        self.hook = ThreadingHTTPServer(("127.0.0.1", self.hook_port), Hook)
        Thread(target=self.hook.serve_forever, daemon=True).start()

    def _wait_for_emulator(self):
        for _ in range(200):
            try:
                urllib.request.urlopen(
                    f"http://127.0.0.1:{self.emulator_port}/control/ledger", timeout=5
                ).close()
            except OSError:
                assert self.emulator.poll() is None, (self.folder / "emulator.log").read_text()
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the emulator did not start")
