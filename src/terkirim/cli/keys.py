"""`terkirim keys`: who may call the gateway, and with which rights."""

import secrets
from collections.abc import Callable
from typing import Any

import click

from terkirim.access.keys import KEY_BYTES, SCOPES, key_text, new_key
from terkirim.access.setting_key import NAME, TAKEN, SettingKey
from terkirim.cli.desk import desk
from terkirim.cli.exits import DONE
from terkirim.cli.noting import note
from terkirim.cli.screen import Screen, json_option, printable
from terkirim.database import Database
from terkirim.domain.errors import NotFound, WrongState
from terkirim.ports import KeyRow

NAME_LIMIT = 100  # characters


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("send",),
    show_default=True,
    help="What it may do; repeatable. admin includes the others.",
)
@json_option
def make(name: str, scopes: tuple[str, ...], as_json: bool) -> int:
    """Make a key and print it, this once."""
    if not name.strip() or not name.isprintable() or len(name) > NAME_LIMIT:
        wanted = f"give 1 to {NAME_LIMIT} characters that can be printed"
        raise click.BadParameter(wanted, param_hint="NAME")
    if name.strip() == NAME:
        raise click.BadParameter(f"it {TAKEN}", param_hint="NAME")
    at = desk(as_json=as_json)
    text = key_text(secrets.token_bytes(KEY_BYTES))

    async def made(database: Database) -> KeyRow:
        row = new_key(
            name.strip(), scopes, now=database.clock.now(), new_id=database.new_id(), text=text
        )
        await database.store.add_key(row)
        await note(database, "key made", row.name, scopes=",".join(scopes))
        return row

    row = at.ask(made)
    at.screen.answer({**_shape(row), "token": text}, [text])
    at.screen.note(at.screen.say("Keep it now: it is not shown again. Its id is {id}", id=row.id))
    return DONE


@keys.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List all keys, revoked ones too."""
    at = desk(as_json=as_json)
    rows = at.ask(lambda database: database.store.keys())
    is_in_force = SettingKey(at.settings.api_key_now).is_in_force
    listed = [{**_shape(row), "in_force": is_in_force(row)} for row in rows]
    document = {"object": "list", "data": listed}
    at.screen.answer(document, _lines(at.screen, rows, is_in_force))
    return DONE


@keys.command()
@click.argument("key_id", metavar="ID")
@json_option
def revoke(key_id: str, as_json: bool) -> int:
    """Revoke a key, at once and for good."""
    at = desk(as_json=as_json)

    async def revoked(database: Database) -> KeyRow:
        is_done = await database.store.revoke_key(key_id, now=database.clock.now())
        row = next((one for one in await database.store.keys() if one.id == key_id), None)
        if row is None:
            raise NotFound(f"there is no key with the id {key_id}: see `terkirim keys list`")
        if not is_done:
            raise WrongState(f"the key {row.name!r} was revoked before", state="revoked")
        await note(database, "key revoked", row.name)
        return row

    row = at.ask(revoked)
    says = at.screen.say("{name} is revoked: nobody can use it any more.", name=row.name)
    at.screen.answer(_shape(row), [says])
    return DONE


def _lines(screen: Screen, rows: list[KeyRow], is_in_force: Callable[[KeyRow], bool]) -> list[str]:
    if not rows:
        return [screen.say("No keys: `terkirim keys make NAME` makes one.")]
    lines = []
    for row in rows:
        lines.append(f"{row.id}  {row.prefix}…  {printable(row.name)}")
        facts = [
            ",".join(sorted(row.scopes)),
            screen.say("made {at}", at=screen.at(row.created_at)),
        ]
        if row.revoked_at is not None:
            facts.append(screen.say("revoked {at}", at=screen.at(row.revoked_at)))
        elif not is_in_force(row):
            facts.append(screen.say("no longer in the settings, refused"))
        lines.append("    " + "  ".join(facts))
    return lines


def _shape(row: KeyRow) -> dict[str, Any]:
    """Return a key as `GET /v1/api-keys` answers it; revoked ones are listed here too."""
    return {
        "object": "api_key",
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": sorted(row.scopes),
        "created_at": row.created_at.isoformat(),
        "revoked_at": None if row.revoked_at is None else row.revoked_at.isoformat(),
    }
