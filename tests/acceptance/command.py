"""`terkirim` run as a process of its own over a database of its own, and mail put into states."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

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
        """Return the finished process."""
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
