"""What a run will cost, said before it starts."""

from terkirim.cli.letter import Options
from terkirim.cli.screen import Screen, wrapped
from terkirim.compose import Gateway
from terkirim.domain.email import DEFAULT_ROUTE, Priority, Stream
from terkirim.domain.errors import CannotBePaid
from terkirim.reports.credits import preflight_in_words


async def say_what_it_costs(
    gateway: Gateway, screen: Screen, options: Options, *, rows: int, campaign: str
) -> None:
    """Say whether the rows that were not sent before can be paid, or how many go out.

    Raises:
        CannotBePaid: they are a broadcast, cannot be paid, and nobody forces them.
    """
    found = await gateway.lookout.preflights.of_run(
        rows,
        campaign=campaign,
        route=options.route or DEFAULT_ROUTE,
        priority=Priority(options.priority or Priority.NORMAL),
    )
    if found is None:
        return
    for line in wrapped(screen.say(preflight_in_words(found)), first="", others=""):
        screen.note(line)
    is_broadcast = options.stream == Stream.BROADCAST
    if found.is_enough is False and is_broadcast and not options.force:
        raise CannotBePaid(found)
