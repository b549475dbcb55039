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


def post(url: str, *, seconds: int, connections: int, folder: Path) -> Posted:
    """Post single e-mails on kept connections for that long, each the next after its answer."""
    html = folder / "letter.html"
    html.write_text(HTML, "utf-8")
    script = Path(__file__).with_name("post.lua")
    command = [_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(script), url, "--", str(html), KEY, SENDER]
    before = os.times()
    ran = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, check=True
    )
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Posted(**json.loads(ran.stdout.strip().splitlines()[-1]), cpu=cpu)


def _wrk() -> str:
    return shutil.which("wrk") or sys.exit("wrk is missing: apt-get install wrk")
