"""A CSV of recipients goes out through a Mailketing that fails, across a `kill -9`.

Then its callbacks are followed, and its credits run out. Everything runs on this machine, in a
folder of its own, and ends by itself; with `KEEP=1` the gateway can be looked at until Ctrl-C.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path

import apsw

from benchmarks.demo_followed import Followed, hook, settings

MESSAGES = int(os.environ.get("MESSAGES", "10000"))
FAULTS = (
    "429=0.01,500=0.02,502=0.01,503=0.015,reset=0.01,"
    "drop=0.01,half=0.005,html200=0.005,html503=0.015"
)
TERKIRIM = str(Path(sys.executable).with_name("terkirim"))
LETTER = """<h1>Halo {{ nama }}</h1><p>Pesanan {{ pesanan }} sudah kami kirim ke {{ kota }}.
Terima kasih sudah berbelanja di Toko Maju.</p>"""
LIMIT = 150.0  # seconds after which the demo gives up and says what is missing


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops it stops all of it
    with tempfile.TemporaryDirectory(prefix="terkirim-demo-") as folder, ExitStack() as stack:
        place = Path(folder)
        emulator_port, web_port = free_port(), free_port()
        control = f"http://127.0.0.1:{emulator_port}/control"
        env = os.environ | {
            "TERKIRIM_DATABASE": f"sqlite:///{place}/demo.db",
            "TERKIRIM_PORT": str(web_port),
            "TERKIRIM_API_KEY": "tk_demo_0123456789abcdef0123456789abcdef",
            "MAILKETING_API_KEY": "emulated",
            "MAILKETING_API_URL": f"http://127.0.0.1:{emulator_port}/api/v2",
            "MAILKETING_FROM_EMAIL": "toko@example.com",
            "MAILKETING_FROM_NAME": "Toko Maju",
            # Shortened, so that the demo ends soon; in earnest 2 s, 6 s, 18 s, the tail, and 60 s.
            "TERKIRIM_RETRY_WAITS": "200ms,600ms,1800ms",
            "TERKIRIM_RETRY_TAIL": "2s",
            "TERKIRIM_UNCLEAR_WAIT": "2s",
            "TERKIRIM_LEASE": "10s",
            "TERKIRIM_TIMEOUT": "4s",
            "TERKIRIM_CONCURRENCY": "50",
        }
        recipients = write_files(place)
        started(stack, ["emulate", "--port", str(emulator_port), "--faults", FAULTS], env, place)
        wait_for(f"{control}/ledger")
        began = time.monotonic()
        print(f"{MESSAGES} recipients in a CSV; {share_of(FAULTS):.0%} of all calls will fail.")
        csv, html = str(place / "pelanggan.csv"), str(place / "surat.html")
        letter = [
            "send",
            "--csv",
            csv,
            "--html",
            html,
            "--subject",
            "Pesanan {{ pesanan }}",
            "--campaign",
            "demo",
        ]
        print(run(letter, env, place))
        print("The same command again sends nobody twice:", run(letter, env, place), flush=True)

        first = started(stack, ["serve"], env, place)
        in_air = killed_half_way(first, control, place, began)
        second = started(stack, ["serve"], env, place)
        wait_for(f"http://127.0.0.1:{web_port}/health/ready")
        until(lambda: counts(place)["unfinished"] == 0, began)
        seconds = time.monotonic() - began

        report(
            place,
            recipients,
            ledger=ask(f"{control}/ledger"),
            messages=ask(f"{control}/ledger/messages"),
            in_air=in_air,
            seconds=seconds,
        )
        stop(second)

        follow(stack, env, place, control)
        print(f"\n{time.monotonic() - began:.1f} s for both parts.")
        show(f"http://127.0.0.1:{web_port}", place)


def killed_half_way(
    gateway: subprocess.Popen[bytes], control: str, place: Path, began: float
) -> int:
    """Return how many requests were in the air as it died."""
    until(lambda: ask(f"{control}/ledger")["distinct"] >= MESSAGES // 2, began)
    until(lambda: counts(place)["leased"] > 0, began, every=0.002)  # none while a 429 is waited out
    gateway.send_signal(signal.SIGKILL)
    gateway.wait()
    in_air = counts(place)["leased"]
    print(f"kill -9 half-way: {in_air} requests were in the air. Starting again ...", flush=True)
    return in_air


def follow(stack: ExitStack, env: dict[str, str], place: Path, control: str) -> None:
    """Run the second part; end the demo where it is not as the emulator's ledger says."""
    alerts, notices = stack.enter_context(hook())
    told = env | settings(alerts)
    started(stack, ["serve"], told, place)
    gateway = f"http://127.0.0.1:{env['TERKIRIM_PORT']}"
    wait_for(f"{gateway}/health/ready")
    part = Followed(
        place=place,
        gateway=gateway,
        control=control,
        notices=notices,
        send=lambda words: run(words, told, place),
    )
    part.prepare()
    part.run_down()
    part.top_up()
    part.listen()
    part.report()
    if part.wrong:
        sys.exit("NOT GREEN: " + "; ".join(part.wrong))


def show(gateway: str, place: Path) -> None:
    """Say where the run can be looked at; with KEEP=1 serve it until Ctrl-C."""
    if not os.environ.get("KEEP"):
        print(f"It could be looked at while it ran: {gateway}")
        print("make demo KEEP=1 goes on serving its run until Ctrl-C, with a link to sign in.")
        return
    link = (place / "demo.db.first-admin").read_text("utf-8").strip()
    print(f"Look at this run at {gateway} until Ctrl-C. Sign in, once: {link}", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print("\nThe run and its folder are gone.")


def write_files(place: Path) -> set[str]:
    rows = [
        (f"pelanggan{n}@example.com", f"Pelanggan {n}", f"INV-{n:05}", "Bandung")
        for n in range(MESSAGES)
    ]
    lines = ["email;nama;pesanan;kota", *(";".join(row) for row in rows)]
    (place / "pelanggan.csv").write_text("\ufeff" + "\n".join(lines) + "\n", "utf-8")
    (place / "surat.html").write_text(LETTER, "utf-8")
    return {row[0] for row in rows}


def report(place, recipients, *, ledger, messages, in_air, seconds) -> None:
    db = apsw.Connection(str(place / "demo.db"))
    one = lambda sql: next(iter(db.execute(sql)))  # noqa: E731 - a shorthand for this page
    attempts, retries = one("SELECT count(*), count(*) FILTER (WHERE number > 1) FROM attempts")
    first_tries_failed = one(
        "SELECT count(*) FROM attempts WHERE number = 1 AND outcome <> 'accepted'"
    )[0]
    accepted = one("SELECT count(*) FROM messages WHERE state = 'accepted'")[0]
    waits = sorted(
        row[0] / 1e6
        for row in db.execute(
            """SELECT m.accepted_at - min(a.started_at)
            FROM messages m JOIN attempts a ON a.message_id = m.id
            WHERE m.accepted_at IS NOT NULL GROUP BY m.id"""
        )
    )
    unclear = dict(
        db.execute("SELECT message_id, count(*) FROM attempts WHERE outcome = 'unclear' GROUP BY 1")
    )
    reached = {row["recipient"] for row in messages}
    twice = {row["message"] for row in messages if row["count"] > 1}
    copies = sum(row["count"] - 1 for row in messages if row["message"] in unclear)
    rows = [
        ("messages", MESSAGES, MESSAGES),
        ("accepted by the provider", MESSAGES - first_tries_failed, accepted),
        ("failed", first_tries_failed, MESSAGES - accepted),
        ("attempts", MESSAGES, attempts),
        ("retries", 0, retries),
        ("from first attempt to accepted, p50", "", f"{at(waits, 0.5):.3f} s"),
        ("from first attempt to accepted, p99", "", f"{at(waits, 0.99):.3f} s"),
        ("recovered after kill -9", "", in_air),
        ("lost", first_tries_failed, len(recipients - reached)),
        ("sent twice (the line broke after the request left)", "", copies),
        ("  copies too many by the provider's ledger", "", ledger["duplicates"]),
    ]
    print(f"\n{'':54}{'one attempt':>14}{'Terkirim':>14}")
    for name, single, own in rows:
        print(f"{name:54}{single!s:>14}{own!s:>14}")
    print(f"\n{seconds:.1f} s in all; faults met: {json.dumps(ledger['faults'])}")
    unexplained = sorted(twice - unclear.keys())
    if recipients - reached or accepted != MESSAGES or unexplained:
        sys.exit(f"NOT GREEN: {len(recipients - reached)} lost, unexplained twice: {unexplained}")
    print("Each person got it; only where nobody could know was it sent again.")


def at(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def counts(place: Path) -> dict[str, int]:
    with closing(apsw.Connection(str(place / "demo.db"))) as db:
        db.set_busy_timeout(5_000)
        sql = "SELECT count(*), count(*) FILTER (WHERE state = 'leased') FROM outbox"
        unfinished, leased = next(iter(db.execute(sql)))
        return {"unfinished": unfinished, "leased": leased}


def share_of(faults: str) -> float:
    return sum(float(part.partition("=")[2]) for part in faults.split(","))


def started(
    stack: ExitStack, arguments: list[str], env: dict[str, str], place: Path
) -> subprocess.Popen[bytes]:
    log = stack.enter_context((place / f"{arguments[0]}.log").open("ab"))
    child = subprocess.Popen([TERKIRIM, *arguments], env=env, cwd=place, stdout=log, stderr=log)
    stack.callback(stop, child)
    return child


def stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def run(arguments: list[str], env: dict[str, str], place: Path) -> str:
    done = subprocess.run(
        [TERKIRIM, *arguments], env=env, cwd=place, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"terkirim {arguments[0]} failed: {done.stderr or done.stdout}")
    return done.stdout.strip().splitlines()[-1]


def ask(url: str):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def wait_for(url: str) -> None:
    for _ in range(200):
        try:
            ask(url)
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"{url} did not answer in 20 s")


def until(is_done, began: float, *, every: float = 0.05) -> None:
    while not is_done():
        if time.monotonic() - began > LIMIT:
            sys.exit(f"gave up after {LIMIT:.0f} s")
        time.sleep(every)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


if __name__ == "__main__":
    main()
