"""The options of `terkirim send`, and the letter that they describe."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from terkirim.content.times import read_scheduled_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was typed; None and () are options that were not given."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    csv_file: Path | None
    column: str | None
    key: str | None
    campaign: str | None
    subject: str
    html: Path | None
    text: str | None
    sender: str | None
    reply_to: tuple[str, ...]
    attach: tuple[Path, ...]
    scheduled_at: str | None
    expires_in: str | None
    priority: str | None
    stream: str | None
    if_unclear: str | None
    route: str | None
    dry_run: bool
    wait: bool

    def refuse_contradictions(self) -> None:
        """Raise UsageError where options exclude each other."""
        is_many = self.csv_file is not None
        if is_many == bool(self.to):
            raise click.UsageError("give --to for one e-mail, or --csv for many")
        only_one = {"--cc": self.cc, "--bcc": self.bcc, "--wait": self.wait}
        only_many = {"--column": self.column, "--key": self.key, "--campaign": self.campaign}
        for name, value in (only_one if is_many else only_many).items():
            if value:
                other = "--csv" if is_many else "--to"
                raise click.UsageError(f"{name} does not go together with {other}")


def letter_of(options: Options, *, now: datetime) -> dict[str, Any]:
    """Return the fields of a Draft that all recipients share, files read.

    A time such as "in 2 hours" is reckoned once, so that it is the same for every recipient.
    """
    return {
        "sender": options.sender,
        "subject": options.subject,
        "html": None if options.html is None else _text(options.html, "--html"),
        "text": options.text,
        "reply_to": list(options.reply_to) or None,
        "attachments": [
            {"filename": path.name, "content": path.read_bytes()} for path in options.attach
        ]
        or None,
        "scheduled_at": read_scheduled_at(options.scheduled_at, now=now),
        "expires_in": options.expires_in,
        "priority": options.priority,
        "stream": options.stream,
        "if_unclear": options.if_unclear,
        "route": options.route,
    }


def _text(path: Path, option: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8"
        raise click.BadParameter(problem, param_hint=option) from None
