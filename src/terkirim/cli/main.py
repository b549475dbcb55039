"""`terkirim`: its commands by name, so that a start waits only for the parts that are used."""

import sys

import click

from terkirim.cli.exits import ended
from terkirim.cli.later import LaterCommands
from terkirim.domain.version import __version__

_SERVING = "terkirim.cli.serving"
COMMANDS = {
    "serve": (_SERVING, "Run web, dispatcher and scheduler in one process."),
    "worker": (_SERVING, "Run a dispatcher alone, without web."),
    "send": ("terkirim.cli.send", "Put one e-mail on disk, or one for each row of a CSV file."),
    "messages": ("terkirim.cli.messages", "Look at messages, send them again, stop them."),
    "events": ("terkirim.cli.events", "Look at what providers said of mail, read it once more."),
    "suppressions": (
        "terkirim.cli.suppressions",
        "See, add and remove the addresses that are not sent to.",
    ),
    "webhooks": ("terkirim.cli.webhooks", "Tell your own app what happens; see and repeat it."),
    "providers": ("terkirim.cli.providers", "See how providers stand, pause and resume them."),
    "credits": ("terkirim.cli.credits", "See credits, how long they last, and what can be paid."),
    "statistics": (
        "terkirim.cli.statistics",
        "See what became of mail, how long it took, what was retried.",
    ),
    "alerts": ("terkirim.cli.alerts", "See alerts and who was told; try the channels."),
    "activity": ("terkirim.cli.activity", "See who did what, newest first."),
    "keys": ("terkirim.cli.keys", "Make, list and revoke API keys."),
    "users": ("terkirim.cli.users", "Add, list and remove people: who signs in, who is alerted."),
    "doctor": ("terkirim.cli.doctor", "Check all that mail depends on, and say what mends it."),
    "emulate": (_SERVING, "Run a local Mailketing that fails on demand."),
}


@click.group(
    cls=LaterCommands,
    later=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Exit codes: 0 done, 1 refused or not found, 2 wrong usage or setting, "
    "3 the database cannot be used now, 130 interrupted.",
)
@click.version_option(__version__, message="%(version)s")
def app() -> None:
    """Sends e-mail durably: what was acknowledged is never lost."""


def main() -> None:
    """Run the command line and exit with a code that scripts can use."""
    sys.exit(ended(app, sys.argv[1:]))
