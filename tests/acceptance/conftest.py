"""A served gateway and an emulator as processes of their own, as users run them."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.command import OURS, Command, run_here

KEY = "tk_test_0123456789abcdef0123456789abcdef"
TERKIRIM = str(Path(sys.executable).with_name("terkirim"))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Served:
    """One running `terkirim serve`."""

    def __init__(self, folder, **settings):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TERKIRIM_", "MAILKETING_", "CRON_"))
        }
        self.env = clean | {
            "TERKIRIM_DATABASE": f"sqlite:///{folder}/t.db",
            "TERKIRIM_API_KEY": KEY,
            "TERKIRIM_LANGUAGE": "en",
            "MAILKETING_FROM_EMAIL": "toko@example.com",
            **settings,
        }
        self.folder = folder
        self.process = None

    def start(self):
        self.spawn()
        return self.wait()

    def spawn(self):
        command = [TERKIRIM, "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        log = (self.folder / "serve.log").open("ab")
        self.process = subprocess.Popen(
            command, env=self.env, cwd=self.folder, stdout=log, stderr=log
        )
        log.close()

    def wait(self):
        for _ in range(1_200):
            try:
                urllib.request.urlopen(f"{self.url}/health/ready", timeout=5).close()
            except OSError:
                assert self.process.poll() is None, (self.folder / "serve.log").read_text()
                time.sleep(0.05)
            else:
                return self
        raise AssertionError((self.folder / "serve.log").read_text())

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def cli(self, *arguments):
        """Return how a command beside the gateway ended."""
        return run_here(arguments, env=self.env, folder=self.folder)

    def call(self, method, path, body=None, *, key=KEY, **headers):
        """Return (status, JSON)."""
        sent = (
            None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        request = urllib.request.Request(f"{self.url}{path}", data=sent, method=method)
        if key is not None:
            request.add_header("authorization", f"Bearer {key}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    one = Served(tmp_path_factory.mktemp("served")).start()
    yield one
    one.stop()


@pytest.fixture
def terkirim(tmp_path, monkeypatch):
    """Return the command line over an empty database."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    return Command(tmp_path)
