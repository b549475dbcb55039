"""A provider as a process of its own, which answers like Mailketing v2 as cheaply as possible.

nginx with a static answer where it is installed; else, and where answers take their time, a small
server of our own.
"""

import json
import re
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared.children import child, clean_environment, wait_for
from benchmarks.shared.machine import tree_cpu
from benchmarks.shared.places import free_port

ANSWER = json.dumps(
    {
        "success": True,
        "data": {"message_id": "0f8a54b7c1", "credits": 429_405},
        "message": "Email queued successfully",
    }
)
_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.error crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;
  client_body_buffer_size 64k; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location /seen {{ stub_status; }}
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""


@dataclass(slots=True)
class Provider:
    """A running provider; `kind` says what it is. `looks`: how often it was asked what it saw."""

    kind: str
    port: int
    pid: int
    looks: int = 1  # it was asked whether it had started

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v2"

    def cpu(self) -> float:
        """Return the CPU seconds that it used."""
        return tree_cpu([self.pid])

    def seen(self) -> int:
        """Return how many mails it took; nginx cannot tell them from questions for the balance."""
        return int(self._counts()[2]) - self.looks

    def peak(self) -> int:
        """Return how many requests it held at once at most; only a slow one knows."""
        return int(self._counts()[3])

    def _counts(self) -> list[str]:
        """Return what it counted: connections twice as nginx does, requests, the most at once."""
        self.looks += 1
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/seen", timeout=10) as answer:
            counts = re.findall(r"\d+", answer.read().decode())
        return counts[1:] if self.kind == "nginx" else counts


@contextmanager
def provider(folder: Path, *, delay_ms: int = 0) -> Iterator[Provider]:
    """Run a provider beside the block; each answer takes `delay_ms`."""
    port, log = free_port(), folder / "provider.log"
    nginx = _nginx() if delay_ms == 0 else None
    if nginx is None:
        own = Path(__file__).with_name("answerer.py")
        command = [sys.executable, str(own), str(port), str(delay_ms), ANSWER]
    else:
        conf = folder / "nginx.conf"
        conf.write_text(_NGINX.format(folder=folder, port=port, answer=ANSWER), "utf-8")
        command = [nginx, "-p", str(folder), "-c", str(conf)]
    with child(command, log=log, env=clean_environment()) as process:
        wait_for(f"http://127.0.0.1:{port}/seen", process, log=log)
        yield Provider("nginx" if nginx else "own server", port, process.pid)


def _nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
