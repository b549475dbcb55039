"""`terkirim webhooks deliveries` and `replay`: what was told, how that went, and once more."""

import click

from terkirim.api.webhook_shapes import attempts_shape, delivery_shape, summary_shape
from terkirim.cli.cursors import cursor_option
from terkirim.cli.desk import desk
from terkirim.cli.exits import DONE
from terkirim.cli.screen import Screen, json_option, wrapped
from terkirim.cli.times import instant_of
from terkirim.cli.told import telling_of
from terkirim.database import Database
from terkirim.domain.phrase import phrase
from terkirim.domain.webhook import WebhookAnswer, WebhookDelivery, WebhookState
from terkirim.ports.webhooks import DeliveryFilter
from terkirim.webhooks.endpoints import ALL_STATES, UNFINISHED

MOST = 1_000
_STATES = {
    WebhookState.WAITING: phrase("waits"),
    WebhookState.DELIVERED: phrase("delivered"),
    WebhookState.FAILED: phrase("given up"),
    WebhookState.HELD: phrase("held: the webhook was disabled"),
}


@click.command()
@click.argument("webhook", metavar="ID")
@click.option("--state", type=click.Choice([one.value for one in WebhookState]), help="Only those.")
@click.option("--event", "event", metavar="ID", help="One of them, with its body and attempts.")
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
@cursor_option("one")
@json_option
def deliveries(
    *,
    webhook: str,
    state: str | None,
    event: str | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> int:
    """List what a webhook was told, newest first."""
    if event is not None:
        return _one(webhook, event, as_json=as_json)
    at = desk(as_json=as_json)

    async def found(database: Database) -> list[WebhookDelivery]:
        which = DeliveryFilter(
            endpoint_id=(await database.webhooks.endpoint(webhook)).id,
            limit=limit + 1,
            after=cursor,
            state=None if state is None else WebhookState(state),
        )
        return await database.webhooks.deliveries(which)

    rows = at.ask(found)
    page = rows[:limit]
    more = page[-1].payload.id if len(rows) > limit else None
    document = {
        "object": "list",
        "has_more": more is not None,
        "next_cursor": more,
        "data": [summary_shape(one) for one in page],
    }
    lines = [line for one in page for line in _lines(at.screen, one)]
    if more is not None:
        lines += ["", at.screen.say("Older ones: the same command with --cursor {id}", id=more)]
    at.screen.answer(document, lines or [at.screen.say("Nothing was told to it.")])
    return DONE


@click.command()
@click.argument("webhook", metavar="ID")
@click.option("--event", "event", metavar="ID", help="One of what was told.")
@click.option("--since", metavar="TIME", help="Or all that failed or was held since then.")
@click.option("--until", metavar="TIME", help="And not after this; if not given, now.")
@click.option("--all", "is_all", is_flag=True, help="Also what arrived.")
@json_option
def replay(
    *,
    webhook: str,
    event: str | None,
    since: str | None,
    until: str | None,
    is_all: bool,
    as_json: bool,
) -> int:
    """Tell a webhook again, under the same ids."""
    if (event is None) == (since is None):
        raise click.UsageError("give --event or --since, one of the two")
    at = desk(as_json=as_json)
    begins = None if since is None else instant_of(since, "--since", at.screen.zone)
    ends = None if until is None else instant_of(until, "--until", at.screen.zone)

    async def replayed(database: Database) -> int:
        async with telling_of(database) as telling:
            if begins is None:
                await telling.desk.replay(webhook, event or "")
                return 1
            states = ALL_STATES if is_all else UNFINISHED
            return await telling.desk.replay_range(webhook, since=begins, until=ends, states=states)

    count = at.ask(replayed)
    says = at.screen.say.many("{count} is told again.", "{count} are told again.", count=count)
    at.screen.answer({"replayed": count}, [says])
    return DONE


def outcome_line(screen: Screen, answer: WebhookAnswer) -> list[str]:
    """Return how an attempt ended, as lines."""
    took = f"{answer.duration_us / 1_000:.0f} ms"
    said = f"HTTP {answer.code}" if answer.code is not None else answer.reason
    more = f"  {answer.reason}" if answer.code is not None and answer.reason else ""
    lines = wrapped(f"{screen.at(answer.at)}  {said}{more}  {took}")
    return [*lines, *wrapped(answer.answer)] if answer.answer else lines


def _one(webhook: str, event: str, *, as_json: bool) -> int:
    at = desk(as_json=as_json)

    async def found(database: Database) -> tuple[WebhookDelivery, list[WebhookAnswer]]:
        one = await database.webhooks.delivery(webhook, event)
        return one, await database.webhooks.attempts(webhook, event)

    one, attempts = at.ask(found)
    document = {**delivery_shape(one), "attempts_made": attempts_shape(event, attempts)}
    lines = [*_lines(at.screen, one, is_whole=True), *wrapped(one.payload.body)]
    lines += [line for answer in attempts for line in outcome_line(at.screen, answer)]
    at.screen.answer(document, lines)
    return DONE


def _lines(screen: Screen, one: WebhookDelivery, *, is_whole: bool = False) -> list[str]:
    say = screen.say
    head = f"{screen.at(one.payload.at)}  {one.payload.type}  {say(_STATES[one.state])}"
    lines = [head, f"    {one.payload.id}"]
    if one.due_at is not None:
        lines += wrapped(say("next attempt {at}", at=screen.at(one.due_at)))
    if one.last is not None and not is_whole:
        lines += outcome_line(screen, one.last)
    return lines
