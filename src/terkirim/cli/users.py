"""`terkirim users`: the people who can sign in to the dashboard, and what each may do there."""

import sys
from typing import Any

import click

from terkirim.access.passwords import Passwords, fault_in
from terkirim.access.roles import ROLES, VIEWER
from terkirim.access.sign_in import NAME_LIMIT
from terkirim.cli.desk import Desk, desk
from terkirim.cli.exits import DONE
from terkirim.cli.screen import json_option, printable
from terkirim.database import Database
from terkirim.domain.errors import NotFound, WrongState
from terkirim.ports.people import User

_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group()
def users() -> None:
    """Add, list and remove the people of the dashboard."""


@users.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default=VIEWER, show_default=True)
@click.option("--email", default="", help="Where this person is reached.")
@_password_stdin
@json_option
def add(name: str, role: str, email: str, *, password_stdin: bool, as_json: bool) -> int:
    """Add a person; on a terminal the password is asked for."""
    wanted = name.strip()
    if not wanted or not wanted.isprintable() or len(wanted) > NAME_LIMIT:
        says = f"give 1 to {NAME_LIMIT} characters that can be printed"
        raise click.BadParameter(says, param_hint="NAME")
    at = desk(as_json=as_json)
    password = _password(at, wanted, is_piped=password_stdin)

    async def added(database: Database) -> User:
        user = User(
            id=database.new_id(),
            name=wanted,
            email=email.strip(),
            role=role,
            created_at=database.clock.now(),
            password_hash=None if password is None else await Passwords().hashed(password),
        )
        if not await database.accounts.add_user(user):
            raise WrongState(f"there is a person named {wanted!r} already", state="known")
        return user

    user = at.ask(added)
    at.screen.answer(_shape(user), [at.screen.say("{name} is added.", name=printable(wanted))])
    if password is None:
        says = at.screen.say("Nobody can sign in as {name}: there is no password yet.", name=wanted)
        at.screen.note(f"{says} terkirim users password {printable(wanted)}")
    return DONE


@users.command()
@click.argument("name")
@_password_stdin
@json_option
def password(name: str, password_stdin: bool, as_json: bool) -> int:
    """Give a person another password; they are signed out everywhere."""
    at = desk(as_json=as_json)
    text = _password(at, name, is_piped=password_stdin)
    if text is None:
        raise click.UsageError("give --password-stdin, or run this on a terminal")

    async def changed(database: Database) -> User:
        user = await _found(database, name)
        await database.accounts.set_password(user.id, await Passwords().hashed(text))
        await database.accounts.end_sessions_of(user.id)
        return user

    user = at.ask(changed)
    says = at.screen.say("{name} has another password, and must sign in again.", name=user.name)
    at.screen.answer(_shape(user), [says])
    return DONE


@users.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List everybody."""
    at = desk(as_json=as_json)
    people = at.ask(lambda database: database.accounts.users())
    lines = [
        f"{printable(one.name)}  {one.role}  {printable(one.email)}".rstrip() for one in people
    ]
    nobody = at.screen.say("Nobody: `terkirim users add NAME --role admin` adds the first one.")
    document = {"object": "list", "data": [_shape(one) for one in people]}
    at.screen.answer(document, lines or [nobody])
    return DONE


@users.command()
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> int:
    """Remove a person, who is signed out at once."""
    at = desk(as_json=as_json)

    async def removed(database: Database) -> User:
        user = await _found(database, name)
        if not await database.accounts.drop_user(user.id):
            says = f"{name!r} is the last admin who can sign in: add another one first"
            raise WrongState(says, state=user.role)
        return user

    user = at.ask(removed)
    says = at.screen.say("{name} is removed, and signed out everywhere.", name=user.name)
    at.screen.answer(_shape(user), [says])
    return DONE


async def _found(database: Database, name: str) -> User:
    user = await database.accounts.find_user(name.strip())
    if user is None:
        raise NotFound(f"there is nobody named {name!r}: see `terkirim users list`")
    return user


def _password(at: Desk, name: str, *, is_piped: bool) -> str | None:
    """Return the password from standard input, or asked for on a terminal; None: neither."""
    if is_piped:
        text = sys.stdin.read().rstrip("\r\n")
    elif sys.stdin.isatty():
        text = click.prompt(at.screen.say("Password"), hide_input=True, confirmation_prompt=True)
    else:
        return None
    fault = fault_in(text, name=name.strip())
    if fault is not None:
        raise click.BadParameter(at.screen.say(fault), param_hint="PASSWORD")
    return text


def _shape(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "can_sign_in": user.password_hash is not None,
        "created_at": user.created_at.isoformat(),
    }
