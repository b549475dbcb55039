"""Postfix: accepts by SMTP, keeps each mail on disk, relays it to a sink. As root, on loopback.

`python -m benchmarks.peers.postfix --n 10000 --sessions 100`; with smtp-source and smtp-sink, which
ship with it.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.peers.course import GIVE_UP_AFTER, LOOK_EVERY
from benchmarks.shared.children import STARTS_WITHIN, child
from benchmarks.shared.letters import SENDER, SIZE, recipient
from benchmarks.shared.machine import tree_cpu
from benchmarks.shared.places import free_port, run_folder
from benchmarks.shared.readings import CPU, PER_SECOND, Reading, arguments, refuse_unless, report

WAITING = ("maildrop", "incoming", "active", "deferred")
# As quick as it can be with its durability: no flow delay, many deliveries at once.
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/state
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.localdomain
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
smtpd_tls_security_level = none
smtp_tls_security_level = none
disable_dns_lookups = yes
relayhost = [127.0.0.1]:{sink}
in_flow_delay = 0s
default_process_limit = 200
initial_destination_concurrency = 50
default_destination_concurrency_limit = 200
smtpd_client_connection_count_limit = 0
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup  unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr    unix n - n 300 1 qmgr
tlsmgr  unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce  unix - - n - 0 bounce
defer   unix - - n - 0 bounce
trace   unix - - n - 0 bounce
verify  unix - - n - 1 verify
flush   unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp    unix - - n - - smtp
relay   unix - - n - - smtp
showq   unix n - n - - showq
error   unix - - n - - error
retry   unix - - n - - error
discard unix - - n - - discard
anvil   unix - - n - 1 anvil
scache  unix - - n - 1 scache
"""


def measure(options: argparse.Namespace) -> list[Reading]:
    _refuse_where_it_cannot_run()
    with run_folder() as folder, _sink(folder) as sink, _postfix(folder, sink) as (port, master):
        cpu, began = tree_cpu([master]), time.perf_counter()
        _submit(port, options)
        accepting = time.perf_counter() - began
        while _waits(folder / "queue"):
            waited = time.perf_counter() - began
            refuse_unless(waited < GIVE_UP_AFTER, f"Postfix: unfinished after {waited:.0f} s")
            time.sleep(LOOK_EVERY)
        seconds, spent = time.perf_counter() - began, tree_cpu([master]) - cpu
        relayed = re.findall(r"mesg=(\d+)", (folder / "sink.log").read_text("utf-8"))
        refuse_unless(int(relayed[-1]) >= options.n, f"Postfix relayed {relayed[-1]}")
        name = "Postfix, accept and relay"
        return [
            Reading(f"{name}: settled", options.n / seconds, PER_SECOND),
            Reading(f"{name}: CPU", spent / options.n * 1e6, CPU),
            Reading(f"{name}: accepted", options.n / accepting, PER_SECOND),
        ]


def _refuse_where_it_cannot_run() -> None:
    if os.geteuid() != 0:
        sys.exit("Postfix runs for root only")
    missing = [name for name in ("postfix", "smtp-source", "smtp-sink") if not shutil.which(name)]
    if missing:
        sys.exit("Postfix is missing: apt-get install postfix")


@contextmanager
def _sink(folder: Path) -> Iterator[int]:
    port = free_port()
    command = ["smtp-sink", "-c", "-u", "postfix", f"127.0.0.1:{port}", "1000"]
    with child(command, log=folder / "sink.log"):
        _wait_for_port(port)
        yield port


@contextmanager
def _postfix(folder: Path, sink: int) -> Iterator[tuple[int, int]]:
    """Run a Postfix of its own; give its port and the process id of its master."""
    port, etc = free_port(), folder / "etc"
    folder.chmod(0o755)
    for name in (etc, folder / "queue", folder / "state"):
        name.mkdir()
    shutil.chown(folder / "state", "postfix")
    daemons = subprocess.run(
        ["postconf", "-h", "-d", "daemon_directory"], capture_output=True, text=True, check=True
    ).stdout.strip()
    main = _MAIN.format(folder=folder, daemons=daemons, sink=sink)
    (etc / "main.cf").write_text(main, "utf-8")
    (etc / "master.cf").write_text(_MASTER.format(port=port), "utf-8")
    log = folder / "postfix.log"
    try:
        with log.open("ab") as file:
            command = ["postfix", "-c", str(etc), "start"]
            subprocess.run(command, stdout=file, stderr=file, check=True)
        _wait_for_port(port)
        yield port, int((folder / "queue" / "pid" / "master.pid").read_text("utf-8"))
    finally:
        subprocess.run(["postfix", "-c", str(etc), "stop"], capture_output=True, check=False)


def _submit(port: int, options: argparse.Namespace) -> None:
    command = ["smtp-source", "-d", "-s", str(options.sessions), "-m", str(options.n)]
    command += ["-l", str(SIZE), "-f", SENDER, "-t", recipient(1), f"127.0.0.1:{port}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _waits(queue: Path) -> bool:
    return any(files for name in WAITING for _, _, files in os.walk(queue / name))


def _wait_for_port(port: int) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def main() -> None:
    parser = arguments(__doc__, n=10_000, sessions=100)
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
