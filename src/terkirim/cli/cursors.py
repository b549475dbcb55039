"""Where a list goes on: the id that the page before ended with."""

from collections.abc import Callable
from typing import Any

import click

from terkirim.domain.ids import is_uuid7


def cursor_option(row: str) -> Callable[[Any], Any]:
    """Return the decorator for the option; its row may be gone since, for ids sort by time."""
    says = f"Go on after this {row}, the last of a page."
    return click.option("--cursor", metavar="ID", callback=_id_of_a_row, help=says)


def _id_of_a_row(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    cursor = value.strip().lower()
    if not is_uuid7(cursor):
        says = f"{value[:40]!r} is no id of a row; give the one that a page ended with"
        raise click.BadParameter(says, ctx=ctx, param=param)
    return cursor
