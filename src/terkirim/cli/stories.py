"""Messages as lines of text: a page of them, and one with all that happened to it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from terkirim.cli.screen import Screen, columns, printable, wrapped
from terkirim.domain.phrase import Phrase, phrase
from terkirim.domain.record import MessageRow, Story
from terkirim.ports import ProviderStatus
from terkirim.reports.story import Moment, next_step, state_in_words, timeline

_STATE_WIDTH = 10  # of the longest, "complained" and "suppressed"
_MEANS: Mapping[str, Phrase] = {
    "requeue": phrase("sends it again"),
    "accept": phrase("counts it as sent"),
    "cancel": phrase("stops it"),
}


def listed_lines(screen: Screen, rows: Sequence[MessageRow], *, cursor: str | None) -> list[str]:
    """Return two lines or more for each message, and how to see the page after this one."""
    if not rows:
        return [screen.say("No messages.")]
    lines = [line for row in rows for line in _listed(screen, row)]
    if cursor is not None:
        lines += ["", screen.say("Older ones: the same command with --cursor {id}", id=cursor)]
    return lines


def story_lines(
    screen: Screen,
    story: Story,
    *,
    now: datetime,
    route: Sequence[ProviderStatus],
    is_reserved: bool,
) -> list[str]:
    """Return the whole story of a message, its next step on top."""
    say, message = screen.say, story.message
    step = next_step(story, now=now, route=route, is_reserved=is_reserved)
    lines = [f"{message.id}: {say(state_in_words(message))} ({message.state})"]
    lines += wrapped(say(step.says), first="", others="")
    if message.due_at is not None and message.due_at > now:
        lines.append(say("That is at {at}.", at=screen.at(message.due_at)))
    if message.is_cancel_wanted:
        lines.append(say("A cancel is noted: it ends as soon as it was not taken."))
    lines += [f"  {line}" for line in _commands(screen, step.may, message)]
    lines += ["", *_facts(screen, story), ""]
    for moment in timeline(story):
        lines += _moment(screen, moment)
    return lines


def _listed(screen: Screen, row: MessageRow) -> Iterator[str]:
    yield f"{row.id}  {row.state:<{_STATE_WIDTH}}  {screen.at(row.created_at)}"
    marks = [screen.say("sandbox")] if row.is_sandbox else []
    if row.attempts:
        marks.append(screen.say.many("{count} attempt", "{count} attempts", count=row.attempts))
    yield "    " + "  ".join([printable(row.recipient), *marks])
    if row.reason:
        yield from wrapped(row.reason)


def _commands(screen: Screen, actions: Sequence[str], message: MessageRow) -> list[str]:
    if not actions:
        return []
    sandbox = " --sandbox" if message.is_sandbox else ""
    return columns(
        [
            (f"terkirim messages {action} {message.id}{sandbox}", screen.say(_MEANS[action]))
            for action in actions
        ]
    )


def _facts(screen: Screen, story: Story) -> list[str]:
    say, message, email = screen.say, story.message, story.email
    facts = [
        (say("To"), message.recipient),
        (say("From"), str(email.sender)),
        (say("Subject"), email.subject),
        (say("E-mail"), "" if email.id == message.id else email.id),
        (say("Attachments"), ", ".join(one.filename for one in email.attachments)),
        (say("Tags"), ", ".join(f"{name}={value}" for name, value in email.tags)),
        (say("Campaign"), email.campaign or ""),
        (say("Expires"), "" if message.expires_at is None else screen.at(message.expires_at)),
        (say("Not carried"), "; ".join(email.warnings)),
    ]
    shown = [(label, value) for label, value in facts if value]
    width = max(len(label) for label, _ in shown) + 2
    lines = []
    for label, value in shown:
        lines += wrapped(value, first=label.ljust(width), others=" " * width)
    return lines


def _moment(screen: Screen, moment: Moment) -> list[str]:
    lines = wrapped(f"{screen.at(moment.at)}  {screen.say(moment.says)}", first="")
    for detail in moment.details:
        lines += wrapped(detail)
    return lines
