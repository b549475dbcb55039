"""`terkirim send`: one e-mail, or a letter to every row of a CSV."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from terkirim.cli.desk import desk
from terkirim.cli.letter import Options, letter_of
from terkirim.cli.many import send_many
from terkirim.cli.screen import json_option
from terkirim.cli.single import send_one
from terkirim.domain.email import IfUnclear, Priority, Stream

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


def _choice(values: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([value.value for value in values])


@click.command()
@click.option("--to", metavar="ADDRESS", multiple=True, help="Who gets it; repeatable.")
@click.option("--cc", metavar="ADDRESS", multiple=True, help="Repeatable.")
@click.option("--bcc", metavar="ADDRESS", multiple=True, help="Repeatable.")
@click.option("--csv", "csv_file", type=_FILE, help="Or a file with a row for each recipient.")
@click.option("--column", metavar="NAME", help="The column of addresses, if not `email`.")
@click.option("--key", metavar="NAME", help="The column that tells rows apart, if not the address.")
@click.option("--campaign", metavar="NAME", help="Name of the run: no row of it goes twice.")
@click.option("--subject", required=True, help="With --csv it may hold {{ column }}.")
@click.option("--html", type=_FILE, help="File with the HTML letter.")
@click.option("--text", help="The letter as plain text, alone or beside the HTML.")
@click.option("--from", "sender", metavar="ADDRESS", help="If not MAILKETING_FROM_EMAIL.")
@click.option("--reply-to", metavar="ADDRESS", multiple=True, help="Repeatable.")
@click.option("--attach", type=_FILE, multiple=True, help="A file to go with it; repeatable.")
@click.option("--scheduled-at", metavar="TIME", help="2026-08-17T09:00:00+07:00, or `in 2h`.")
@click.option("--expires-in", metavar="SPAN", help="Not sent after it, such as 10m.")
@click.option("--priority", type=_choice(Priority), help="If not normal.")
@click.option("--stream", type=_choice(Stream), help="If not transactional.")
@click.option("--if-unclear", type=_choice(IfUnclear), help="Where nobody knows whether it went.")
@click.option("--route", metavar="NAME", help="One of TERKIRIM_ROUTES.")
@click.option("--dry-run", is_flag=True, help="Store nothing; show what would go.")
@click.option("--wait", is_flag=True, help="Follow the one e-mail until it has gone, or not.")
@json_option
def send(as_json: bool, **given: Any) -> int:
    """Put one e-mail on disk, or one for each row of a CSV file.

    `terkirim serve` or `worker` sends them. The columns of the CSV are the variables of the letter;
    rows that cannot go are listed in FILE.bad.csv, which can be mended and sent in turn.
    """
    options = Options(**given)
    options.refuse_contradictions()
    at = desk(as_json=as_json)
    letter = letter_of(options, now=at.clock.now())
    if options.csv_file is None:
        return send_one(at, options, letter)
    return send_many(at, options, letter, source=options.csv_file)
