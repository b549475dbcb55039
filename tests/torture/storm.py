"""A storm: careful callers post mail while the gateway's processes are killed again and again."""

import http.client
import json
import random
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager

from tests.acceptance.conftest import KEY, TERKIRIM, Served, free_port

FAULTS = "429=0.01,500=0.02,503=0.01,reset=0.01,drop=0.02,half=0.01,html200=0.005,slow=0.01"
SETTINGS = {
    "MAILKETING_API_KEY": "emulated",
    "TERKIRIM_RETRY_WAITS": "100ms,300ms,900ms",
    "TERKIRIM_RETRY_TAIL": "1s",
    "TERKIRIM_UNCLEAR_WAIT": "1s",
    "TERKIRIM_LEASE": "6s",
    "TERKIRIM_TIMEOUT": "2s",
    "TERKIRIM_CONCURRENCY": "50",
    "TERKIRIM_BREAKER_COOL_DOWN": "500ms",
}
ENDS_WITHIN = 90.0  # seconds for what is left to go out, after the last kill


class Storm:
    """One gateway with an emulated provider, its callers, and whoever kills it."""

    def __init__(self, folder, **settings):
        self.emulator_port = free_port()
        api = {"MAILKETING_API_URL": f"http://127.0.0.1:{self.emulator_port}/api/v2"}
        self.served = Served(folder, **(SETTINGS | api | settings))
        self.acknowledged = {}  # recipient -> id, as the gateway answered it
        self._is_over = threading.Event()

    @contextmanager
    def emulator(self):
        command = [TERKIRIM, "emulate", "--port", str(self.emulator_port), "--faults", FAULTS]
        process = subprocess.Popen(command, cwd=self.served.folder)
        try:
            self._until(lambda: self.ask("ledger") is not None, within=20)
            yield
        finally:
            process.terminate()
            process.wait(20)

    def ask(self, name):
        """Return what the emulator's control endpoint says, None while it is not up."""
        url = f"http://127.0.0.1:{self.emulator_port}/control/{name}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            return None

    def rage(self, *, kills, seconds, callers=4):
        """Post without pause and kill the gateway `kills` times, then let it finish."""
        dice = random.Random(kills)
        self.served.start()
        threads = [threading.Thread(target=self._call, args=(n,)) for n in range(callers)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(kills):
                time.sleep(seconds * (0.5 + dice.random()))  # the weather, not a wait for something
                self.served.process.kill()
                self.served.process.wait()
                self.served.start()
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()
        self._until(self._is_finished, within=ENDS_WITHIN)

    def _is_finished(self):
        waiting = ("queued", "leased", "unclear", "held")
        pages = [self.served.call("GET", f"/v1/messages?state={one}&limit=1") for one in waiting]
        return not any(page["data"] for _, page in pages)

    def _call(self, caller):
        """Post mail after mail, each under its own key until it is acknowledged."""
        number = 0
        while not self._is_over.is_set():
            number += 1
            recipient = f"p{caller}-{number}@example.com"
            while (answer := self._posted(recipient)) is None:
                time.sleep(0.02)  # the gateway is down: a caller's own pause
            self.acknowledged[recipient] = answer["id"]

    def _posted(self, recipient):
        line = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=10)
        mail = {"from": "t@example.com", "to": recipient, "subject": "Halo", "html": "<p>Halo</p>"}
        headers = {"authorization": f"Bearer {KEY}", "idempotency-key": recipient}
        try:
            line.request("POST", "/v1/emails", json.dumps(mail), headers)
            answer = line.getresponse()
            body = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            line.close()
        return body if answer.status == 200 else None

    @staticmethod
    def _until(is_so, *, within):
        give_up_at = time.monotonic() + within
        while not is_so():
            assert time.monotonic() < give_up_at, f"not so within {within} s"
            time.sleep(0.1)
