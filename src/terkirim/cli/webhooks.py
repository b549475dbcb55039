"""`terkirim webhooks`: the addresses of your own app that are told what happens."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from terkirim.api.webhook_shapes import answer_shape, endpoint_shape
from terkirim.cli.desk import Desk, desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.noting import person
from terkirim.cli.screen import Screen, json_option, wrapped
from terkirim.cli.told import telling_of, who_disabled
from terkirim.cli.webhook_log import deliveries, outcome_line, replay
from terkirim.database import Database
from terkirim.domain.webhook import Endpoint, WebhookType
from terkirim.webhooks.endpoints import EndpointDesk

T = TypeVar("T")
_events_option = click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([one.value for one in WebhookType]),
    metavar="TYPE",
    help="Such as email.bounced; if not given, everything. Repeatable.",
)
_id_argument = click.argument("webhook", metavar="ID")


@click.group()
def webhooks() -> None:
    """Tell your own app what happens; see and repeat it."""


@webhooks.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List the webhooks, oldest first."""
    at = desk(as_json=as_json)
    rows = at.ask(lambda database: database.webhooks.endpoints())
    document = {"object": "list", "data": [endpoint_shape(one) for one in rows]}
    lines = [line for one in rows for line in _lines(at.screen, one)]
    nothing = at.screen.say("No webhooks: `terkirim webhooks add URL` tells your app what happens.")
    at.screen.answer(document, lines or wrapped(nothing, first="", others=""))
    return DONE


@webhooks.command()
@click.argument("url")
@_events_option
@click.option("--secret", metavar="WHSEC", help="One that you have; if not given, one is made.")
@json_option
def add(*, url: str, events: tuple[str, ...], secret: str | None, as_json: bool) -> int:
    """Tell this address what happens, and print the secret."""
    at = desk(as_json=as_json)
    made = _changed(at, lambda on: on.add(url, events, who=person(), secret=secret))
    _answer_secret(at, made.endpoint.id, made.secret)
    return DONE


@webhooks.command()
@_id_argument
@json_option
def show(webhook: str, as_json: bool) -> int:
    """Show a webhook; its secret is not shown again."""
    at = desk(as_json=as_json)
    one = at.ask(lambda database: database.webhooks.endpoint(webhook))
    at.screen.answer(endpoint_shape(one), _lines(at.screen, one))
    return DONE


@webhooks.command()
@_id_argument
@click.option("--url", metavar="URL", help="Another address.")
@_events_option
@click.option("--all-events", is_flag=True, help="Everything, from now on.")
@json_option
def change(
    *, webhook: str, url: str | None, events: tuple[str, ...], all_events: bool, as_json: bool
) -> int:
    """Change where a webhook leads, or what it is told of."""
    at = desk(as_json=as_json)
    types = () if all_events else events or None
    one = _changed(at, lambda on: on.change(webhook, who=person(), url=url, types=types))
    at.screen.answer(endpoint_shape(one), _lines(at.screen, one))
    return DONE


@webhooks.command()
@_id_argument
@json_option
def rotate(webhook: str, as_json: bool) -> int:
    """Sign by a new secret, and for 24 hours by the old one too."""
    at = desk(as_json=as_json)
    secret = _changed(at, lambda on: on.rotate(webhook, who=person()))
    _answer_secret(at, webhook, secret)
    return DONE


@webhooks.command()
@_id_argument
@json_option
def enable(webhook: str, as_json: bool) -> int:
    """Deliver again; what was held meanwhile waits for a replay."""
    return _switched(webhook, is_enabled=True, as_json=as_json)


@webhooks.command()
@_id_argument
@json_option
def disable(webhook: str, as_json: bool) -> int:
    """Deliver nothing more; what happens is held."""
    return _switched(webhook, is_enabled=False, as_json=as_json)


@webhooks.command()
@_id_argument
@json_option
def remove(webhook: str, as_json: bool) -> int:
    """Remove a webhook, with all that was told to it."""
    at = desk(as_json=as_json)
    _changed(at, lambda on: on.remove(webhook, who=person()))
    document = {"object": "webhook", "id": webhook, "deleted": True}
    at.screen.answer(document, [at.screen.say("{id} is gone.", id=webhook)])
    return DONE


@webhooks.command()
@_id_argument
@json_option
def test(webhook: str, as_json: bool) -> int:
    """Send a test event now, and print the answer.

    The exit code is 1 where it did not arrive.
    """
    at = desk(as_json=as_json)
    id_, end = _changed(at, lambda on: on.test(webhook))
    found = {"delivered": end.answer.is_success, **answer_shape(end.answer)}
    document = {"object": "webhook_event", "id": id_, **found}
    at.screen.answer(document, outcome_line(at.screen, end.answer))
    return DONE if end.answer.is_success else REFUSED


webhooks.add_command(deliveries)
webhooks.add_command(replay)


def _switched(webhook: str, *, is_enabled: bool, as_json: bool) -> int:
    at = desk(as_json=as_json)
    one = _changed(at, lambda on: on.change(webhook, who=person(), is_enabled=is_enabled))
    at.screen.answer(endpoint_shape(one), _lines(at.screen, one))
    return DONE


def _changed(at: Desk, what: Callable[[EndpointDesk], Awaitable[T]]) -> T:
    """Return what the endpoints' desk makes of it."""

    async def changed(database: Database) -> T:
        async with telling_of(database) as telling:
            return await what(telling.desk)

    return at.ask(changed)


def _answer_secret(at: Desk, webhook: str, secret: str) -> None:
    say = at.screen.say
    document = {"object": "webhook", "id": webhook, "signing_secret": secret}
    lines = [
        webhook,
        secret,
        *wrapped(say("The secret is shown this once: keep it where your app verifies.")),
    ]
    at.screen.answer(document, lines)


def _lines(screen: Screen, one: Endpoint) -> list[str]:
    say = screen.say
    state = say("enabled") if one.is_enabled else say("disabled")
    lines = [f"{one.id}  {state}", *wrapped(one.url)]
    told = ", ".join(one.types) if one.types else say("told of everything")
    lines += wrapped(told)
    if one.why_disabled is not None:
        lines += wrapped(who_disabled(screen.say, one))
    elif one.failing_since is not None:
        since = say("failing since {since}", since=screen.at(one.failing_since))
        count = say.many("{count} failure", "{count} failures", count=one.failures)
        lines += wrapped(f"{since}, {count}")
    if one.old_secret_until is not None:
        until = screen.at(one.old_secret_until)
        lines += wrapped(say("the secret before this one signs too, until {until}", until=until))
    return lines
