"""`terkirim` run over a database of its own, and mail put into states."""

import asyncio
import contextvars
import io
import json
import os
import subprocess
import sys
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from unittest import mock

from terkirim.cli.exits import ended
from terkirim.cli.main import app
from terkirim.compose import Gateway
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import ClaimWish

TERKIRIM = str(Path(sys.executable).with_name("terkirim"))
OURS = ("TERKIRIM_", "MAILKETING_", "CRON_")


class Command:
    """The command line in one folder. `en` is spoken unless a test says otherwise."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.database = f"sqlite:///{folder}/t.db"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.env = clean | {
            "TERKIRIM_DATABASE": self.database,
            "TERKIRIM_LANGUAGE": "en",
            "MAILKETING_FROM_EMAIL": "toko@example.com",
            **settings,
        }

    def __call__(self, *arguments, stdin="", **settings):
        """Return how the command ended."""
        return run_here(arguments, env=self.env | settings, folder=self.folder, stdin=stdin)

    def process(self, *arguments, stdin="", **settings):
        """Return the finished process of its own."""
        return subprocess.run(
            [TERKIRIM, *arguments],
            env=self.env | settings,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def json(self, *arguments, code=0, **settings):
        """Return the one document that the command prints."""
        done = self(*arguments, "--json", **settings)
        assert done.returncode == code, done
        return json.loads(done.stdout)

    def error(self, *arguments, **settings):
        """Return the one document that the command prints on standard error."""
        done = self(*arguments, "--json", **settings)
        assert done.stdout == ""
        error = json.loads(done.stderr)["error"]
        assert error["exit_code"] == done.returncode != 0
        return error

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, "utf-8")
        return str(path)

    def send(self, **options):
        """Put one e-mail on disk, as the library does; return its id."""
        draft = {"to": "budi@example.com", "subject": "Halo", "html": "<p>x</p>", **options}
        draft.setdefault("sender", "toko@example.com")
        return self.inside(lambda gateway: gateway.send_email(**draft))

    def end(self, *results):
        """Lease what is due and let the attempts end as told, in their order."""

        async def ended(gateway):
            now = gateway.clock.now()
            wish = ClaimWish(limit=len(results), now=now, lease_for=timedelta(seconds=60))
            claim = await gateway.store.claim(wish)
            for work, result in zip(claim.works, results, strict=True):
                facts = Facts(
                    now=now,
                    started_at=now,
                    duration_us=120_000,
                    schedule=RetrySchedule(jitter=0.0),
                    unclear_wait=timedelta(seconds=60),
                    spread=0.0,
                    route=("sandbox",),
                )
                await gateway.store.settle(verdict(work.lease, result, facts))

        self.inside(ended)

    def inside(self, ask):
        """Return what `ask` finds in a gateway of this process over the same database."""

        async def asked():
            async with Gateway.open(database=self.database, work=False) as gateway:
                return await ask(gateway)

        return asyncio.run(asked())


def run_here(arguments, *, env, folder, stdin=""):
    """Return how the command ended; it runs in this process, which saves its start."""
    with surroundings(env, folder, stdin) as (out, err):
        code = contextvars.copy_context().run(exit_code, arguments)
    return subprocess.CompletedProcess(arguments, code, text_of(out), text_of(err))


@contextmanager
def surroundings(env, folder, stdin):
    """Give this process another's environment, folder and streams meanwhile."""
    encoding = env.get("PYTHONIOENCODING", "utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    with (
        mock.patch.dict(os.environ, env, clear=True),
        mock.patch.object(sys, "stdin", given),
        chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        yield out, err


def exit_code(arguments):
    try:
        return ended(app, arguments)
    except SystemExit as end:
        return end.code


def text_of(stream):
    return stream.buffer.getvalue().decode()
