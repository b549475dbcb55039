"""django-post-office on PostgreSQL: one `mail.send` per call, a worker that sends what is queued.

`python -m benchmarks.peers.django_post_office --n 3000 --callers 4`
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db import connection
from pyreqwest.client import SyncClient, SyncClientBuilder

from benchmarks.peers.course import Peer, measured
from benchmarks.shared.children import child
from benchmarks.shared.databases import database
from benchmarks.shared.letters import HTML, SENDER, recipient, subject
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import Reading, arguments, refuse_unless, report

BATCH = 500
THREADS = 4
LOOK_EVERY = 0.02  # seconds between looks of an idle worker
UNFINISHED = "SELECT EXISTS (SELECT 1 FROM post_office_email WHERE status IS DISTINCT FROM 0)"


class Backend(BaseEmailBackend):
    """Posts each mail to the provider, as Mailketing's API wants it."""

    client: SyncClient
    url: str

    def send_messages(self, email_messages) -> int:
        for mail in email_messages:
            body = {
                "from_email": mail.from_email,
                "recipient": mail.to[0],
                "subject": mail.subject,
                "content": mail.body,  # without a text part the HTML is the body
            }
            request = self.client.post(self.url).header("x-api-token", "bench")
            if request.body_json(body).build().send().status != 200:
                raise RuntimeError("the provider refused")
        return len(email_messages)


def measure(options: argparse.Namespace) -> list[Reading]:
    with database("postgres") as store, provider(store.folder) as partner:
        configure(store.url, partner.url)
        call_command("migrate", verbosity=0)
        command = [sys.executable, "-m", "benchmarks.peers.django_post_office"]
        command += ["--work", store.url, "--provider", partner.url]
        with child(command, log=store.folder / "worker.log") as worker:
            peer = Peer(
                name="django-post-office, 1 per call",
                submit=lambda: _submit(options.n, options.callers),
                is_drained=lambda: not store.one(UNFINISHED),
                pids=[*store.pids, worker.pid],
            )
            readings = measured(peer, partner, n=options.n)
        refuse_unless(
            store.one("SELECT count(*) FROM post_office_email") == options.n, "mails are missing"
        )
        return readings


def configure(url: str, provider_url: str) -> None:
    """Set Django up for this database and this provider."""
    parts = urlsplit(url)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path.lstrip("/"),
                "USER": parts.username,
                "HOST": parse_qs(parts.query).get("host", [parts.hostname])[0],
                "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["post_office"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        SECRET_KEY="bench",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        POST_OFFICE={
            "BACKENDS": {"default": "benchmarks.peers.django_post_office.Backend"},
            "BATCH_SIZE": BATCH,
            "THREADS_PER_PROCESS": THREADS,
            "LOG_LEVEL": 0,
        },
        LOGGING_CONFIG=None,
    )
    django.setup()
    # By the name that Django knows it by: as a program, this module is `__main__` too.
    backend = import_module("benchmarks.peers.django_post_office").Backend
    backend.client = SyncClientBuilder().http1_only().no_proxy().build()
    backend.url = f"{provider_url}/send"


def _submit(n: int, callers: int) -> None:
    numbers = iter(range(n))

    def calls() -> None:
        from post_office import mail

        for number in numbers:
            mail.send(
                recipient(number), SENDER, subject=subject(number), html_message=HTML, message=""
            )
        connection.close()

    with ThreadPoolExecutor(callers) as pool:
        for call in [pool.submit(calls) for _ in range(callers)]:
            call.result()


def work(url: str, provider_url: str) -> None:
    """Send what is queued, until terminated."""
    configure(url, provider_url)
    from post_office.mail import send_queued

    while True:
        if not any(send_queued()):
            time.sleep(LOOK_EVERY)


def main() -> None:
    parser = arguments(__doc__, n=3_000, callers=4)
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--provider", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.provider)
    else:
        report(measure(options), options.into)


if __name__ == "__main__":
    main()
