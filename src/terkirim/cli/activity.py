"""`terkirim activity`: who did what, when."""

import json
from collections.abc import Mapping
from typing import Any

import click

from terkirim.api.credit_shapes import activity_shape
from terkirim.cli.desk import desk
from terkirim.cli.exits import DONE
from terkirim.cli.screen import Screen, json_option, wrapped
from terkirim.database import Database
from terkirim.domain.alert import Activity

MOST = 1_000


@click.command()
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Older rows than the one of this id.")
@json_option
def activity(limit: int, after: str | None, as_json: bool) -> int:
    """See who did what, newest first."""
    at = desk(as_json=as_json)

    async def found(database: Database) -> list[Activity]:
        return await database.people.activity(limit=limit + 1, after=after)

    rows = at.ask(found)
    shown = rows[:limit]
    document = {
        "object": "list",
        "has_more": len(rows) > limit,
        "data": [activity_shape(one) for one in shown],
    }
    lines = [line for one in shown for line in _lines(at.screen, one)]
    if len(rows) > limit:
        lines.append(at.screen.say("Older ones: --after {id}", id=shown[-1].id))
    at.screen.answer(document, lines or [at.screen.say("Nothing was done yet.")])
    return DONE


def _lines(screen: Screen, one: Activity) -> list[str]:
    subject = f"  {one.subject}" if one.subject else ""
    lines = wrapped(f"{screen.at(one.at)}  {one.who}  {one.what}{subject}", first="")
    facts = _facts(one.facts)
    return [*lines, *wrapped(facts)] if facts else lines


def _facts(facts: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in facts.items() if value is not None and value != ""}
    return ", ".join(f"{name} {_written(value)}" for name, value in shown.items())


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
