"""The load generator: wrk, one thread of C with ready-made requests, so that it costs little."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared.children import clean_environment
from benchmarks.shared.letters import HTML, SENDER
from benchmarks.shared.readings import refuse_unless
from benchmarks.shared.served import KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What the load generator saw: `p50` and `p99` in ms; `cpu` are its own seconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int
    broken: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Pressure:
    """How much is posted: on so many kept connections, each the next after its answer."""

    seconds: int
    connections: int


def post_emails(url: str, pressure: Pressure, *, folder: Path) -> Posted:
    """Post single e-mails of 2 KB."""
    html = folder / "letter.html"
    html.write_text(HTML, "utf-8")
    return _run(url, pressure, "post.lua", str(html), KEY, SENDER)


def post_clicks(url: str, pressure: Pressure, *, mails: Path, path: str) -> Posted:
    """Post callbacks for mails, which stand in a file as "id address" lines."""
    return _run(url, pressure, "callback.lua", str(mails), path)


def _run(url: str, pressure: Pressure, script: str, *given: str) -> Posted:
    wrk = shutil.which("wrk") or sys.exit("wrk is missing: apt-get install wrk")
    command = [wrk, "-t1", f"-c{pressure.connections}", f"-d{pressure.seconds}s"]
    command += ["--timeout", "30s", "-s", str(Path(__file__).with_name(script)), url, "--", *given]
    before = os.times()
    ran = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, check=True
    )
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    posted = Posted(**json.loads(ran.stdout.strip().splitlines()[-1]), cpu=cpu)
    refuse_unless(posted.requests > 0, "nothing was answered")
    refuse_unless(posted.refused == 0, f"{posted.refused} posts were refused")
    refuse_unless(posted.broken == 0, f"{posted.broken} posts broke")
    return posted
