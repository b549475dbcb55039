"""Sends one e-mail: checked, put on disk, and followed to its end where that was asked for."""

import asyncio
from dataclasses import dataclass
from typing import Any

from terkirim.cli.desk import Desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.letter import Options
from terkirim.cli.preview import preview, preview_lines
from terkirim.cli.screen import SANDBOX_MODE, printable
from terkirim.cli.submitting import submitted
from terkirim.compose import Gateway
from terkirim.domain.email import Draft, Email
from terkirim.domain.message import UNFINISHED, State
from terkirim.domain.record import MessageRow
from terkirim.reports.story import state_in_words

OWNER = "cli"
LOOK_EVERY = 0.2  # seconds
_GONE_WELL = frozenset({State.ACCEPTED, State.DELIVERED})
_ON_ITS_WAY = UNFINISHED - {State.HELD}


@dataclass(frozen=True, slots=True)
class _Sent:
    email: Email
    messages: tuple[MessageRow, ...]
    warnings: tuple[str, ...]
    is_sandbox: bool


def send_one(at: Desk, options: Options, letter: dict[str, Any]) -> int:
    """Put the e-mail on disk, or show what it would be; return the exit code."""
    draft = Draft(**letter, to=list(options.to), cc=list(options.cc), bcc=list(options.bcc))
    if options.dry_run:
        return _show(at, draft)
    sent = submitted(
        at.settings, lambda gateway: _sent(gateway, at, draft, is_followed=options.wait)
    )
    say = at.screen.say
    lines = [
        f"{one.id}: {say(state_in_words(one))} ({one.state})  {printable(one.recipient)}"
        for one in sent.messages
    ]
    at.screen.answer(_document(sent), lines)
    if sent.is_sandbox:
        at.screen.note(say(SANDBOX_MODE))
    is_well = all(one.state in _GONE_WELL for one in sent.messages)
    return DONE if is_well or not options.wait else REFUSED


def _show(at: Desk, draft: Draft) -> int:
    async def checked(gateway: Gateway) -> Email:
        email, _ = gateway.submit.check(draft, now=gateway.clock.now(), owner=OWNER)
        return email

    email = submitted(at.settings, checked)
    at.screen.answer({"dry_run": True, **preview(email)}, preview_lines(at.screen, email))
    at.screen.note(at.screen.say("Nothing was stored: this was a trial."))
    return DONE


async def _sent(gateway: Gateway, at: Desk, draft: Draft, *, is_followed: bool) -> _Sent:
    receipt = await gateway.send([draft], owner=OWNER)
    email = receipt.emails[0]
    row = await gateway.store.email(email.id, with_content=False)
    warnings = await _warnings(gateway, email)
    for warning in warnings:
        at.screen.note(f"! {printable(warning)}")
    if is_followed:
        at.screen.note(
            at.screen.say("{id} is kept on disk. Following it; Ctrl-C stops that.", id=email.id)
        )
    while is_followed and any(one.state in _ON_ITS_WAY for one in row.messages):
        await asyncio.sleep(LOOK_EVERY)
        row = await gateway.store.email(email.id, with_content=False)
    return _Sent(email, row.messages, warnings, gateway.is_sandbox)


async def _warnings(gateway: Gateway, email: Email) -> tuple[str, ...]:
    reserve = gateway.lookout.reserve
    await reserve.look()
    waits = reserve.says(email.route, email.priority)
    return email.warnings if waits is None else (*email.warnings, waits)


def _document(sent: _Sent) -> dict[str, Any]:
    messages = [
        {"id": one.id, "recipient": one.recipient, "state": one.state, "reason": one.reason or None}
        for one in sent.messages
    ]
    return {
        "id": sent.email.id,
        "messages": messages,
        "warnings": list(sent.warnings),
        "sandbox": sent.is_sandbox,
    }
