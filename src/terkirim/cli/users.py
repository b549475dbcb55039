"""`terkirim users`: the people who are told of alerts, and who may sign in."""

import sys
from typing import Any

import click

from terkirim.access.password_rule import fault_in
from terkirim.access.roles import ADMIN, ROLES
from terkirim.cli.desk import Desk, desk
from terkirim.cli.exits import DONE
from terkirim.cli.noting import note
from terkirim.cli.screen import Screen, json_option, printable
from terkirim.content.addresses import normalised
from terkirim.database import Database
from terkirim.domain.errors import NotFound, WrongState
from terkirim.ports.people import User

NAME_LIMIT = 100  # characters
URL_LIMIT = 2_000


@click.group()
def users() -> None:
    """Add, list and remove people: who signs in, who is alerted."""


@users.command()
@click.argument("name")
@click.option("--email", metavar="ADDRESS", default="", help="Where they can be written to.")
@click.option(
    "--alert-url",
    metavar="URL",
    help="Where alerts reach an admin: an Apprise URL, also as critical|tgram://...",
)
@click.option("--role", type=click.Choice(ROLES), default=ADMIN, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input.")
@json_option
def add(
    *, name: str, email: str, alert_url: str | None, role: str, password_stdin: bool, as_json: bool
) -> int:
    """Add a person; an admin is told of alerts."""
    at = desk(as_json=as_json)
    address = normalised(email.strip(), "--email") if email.strip() else ""
    wanted = _name(name), address, _alert_url(alert_url)
    password = _password(at, wanted[0], is_piped=password_stdin)

    async def added(database: Database) -> User:
        now = database.clock.now()
        user = User(
            id=database.new_id(),
            name=wanted[0],
            email=wanted[1],
            role=role,
            created_at=now,
            alert_url=wanted[2],
            password_hash=None if password is None else await _hashed(password),
        )
        if not await database.people.add_user(user):
            raise WrongState(f"there is a user {user.name!r} already", state="taken")
        await note(database, "user added", user.name, role=role)
        return user

    user = at.ask(added)
    says = at.screen.say("{name} is added.", name=printable(user.name))
    at.screen.answer(_shape(user), [says])
    return DONE


@users.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@json_option
def password(name: str, password_stdin: bool, as_json: bool) -> int:
    """Give a person another password; they are signed out everywhere."""
    at = desk(as_json=as_json)
    text = _password(at, name, is_piped=password_stdin)
    if text is None:
        raise click.UsageError("give --password-stdin, or run this on a terminal")

    async def changed(database: Database) -> User:
        accounts = database.accounts
        user = await accounts.find_user(name)
        if user is None:
            raise NotFound(f"there is no user {name!r}: see `terkirim users list`")
        await accounts.set_password(user.id, await _hashed(text))
        await accounts.end_sessions_of(user.id)
        await note(database, "password changed", user.name)
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
    rows = at.ask(lambda database: database.people.users())
    document = {"object": "list", "data": [_shape(row) for row in rows]}
    at.screen.answer(document, _lines(at.screen, rows))
    return DONE


@users.command()
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> int:
    """Remove a person, at once: nothing is told to them any more."""
    at = desk(as_json=as_json)

    async def removed(database: Database) -> None:
        if not await _is_removed(database):
            raise NotFound(f"there is no user {name!r}: see `terkirim users list`")
        await note(database, "user removed", name)

    async def _is_removed(database: Database) -> bool:
        user = await database.accounts.find_user(name)
        if user is not None and not await database.accounts.drop_user(user.id):
            says = f"{name!r} is the last admin who can sign in: add another one first"
            raise WrongState(says, state=user.role)
        return user is not None

    at.ask(removed)
    says = at.screen.say("{name} is removed.", name=printable(name))
    at.screen.answer({"object": "user", "name": name, "removed": True}, [says])
    return DONE


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > NAME_LIMIT:
        wanted = f"give 1 to {NAME_LIMIT} characters that can be printed"
        raise click.BadParameter(wanted, param_hint="NAME")
    return text.strip()


def _alert_url(text: str | None) -> str | None:
    if text is None:
        return None
    if len(text) > URL_LIMIT:
        wanted = f"give at most {URL_LIMIT} characters"
        raise click.BadParameter(wanted, param_hint="--alert-url")
    from terkirim.compose.lookout import refuse_unknown_channel

    try:
        refuse_unknown_channel(text)
    except ValueError as error:  # its text shows no secret
        raise click.BadParameter(str(error), param_hint="--alert-url") from None
    return text.strip()


def _password(at: Desk, name: str, *, is_piped: bool) -> str | None:
    """Return the password from standard input, or asked for on a terminal; None: neither."""
    if is_piped:
        text = sys.stdin.read().rstrip("\r\n")
    elif sys.stdin.isatty():
        text = click.prompt(at.screen.say("Password"), hide_input=True, confirmation_prompt=True)
    else:
        return None
    fault = fault_in(text, name=name)
    if fault is not None:
        raise click.BadParameter(at.screen.say(fault), param_hint="PASSWORD")
    return text


async def _hashed(password: str) -> str:
    from terkirim.access.passwords import Passwords  # argon2 is loaded where a hash is made

    return await Passwords().hashed(password)


def _lines(screen: Screen, rows: list[User]) -> list[str]:
    if not rows:
        return [screen.say("No users: `terkirim users add NAME --email ADDRESS` adds one.")]
    lines = []
    for row in rows:
        lines.append(f"{printable(row.name)}  {printable(row.email)}  {row.role}")
        if row.alert_shown is not None:
            lines.append(f"    {row.alert_shown}")
    return lines


def _shape(row: User) -> dict[str, Any]:
    return {
        "object": "user",
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "role": row.role,
        "alert_url": row.alert_shown,
        "can_sign_in": row.password_hash is not None,
        "created_at": row.created_at.isoformat(),
    }
