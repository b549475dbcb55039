"""Runs a campaign from the command line: its progress, its numbers, its list of bad rows."""

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from terkirim.cli.bad_rows import BadRows
from terkirim.cli.campaign import OWNER, Campaign, Survey, Trial, campaign_name, surveyed
from terkirim.cli.costs import say_what_it_costs
from terkirim.cli.desk import Desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.letter import Options
from terkirim.cli.preview import preview, preview_lines
from terkirim.cli.screen import SANDBOX_MODE, printable, wrapped
from terkirim.cli.submitting import submitted
from terkirim.compose import Gateway
from terkirim.content.recipient_list import FIELD, RecipientList
from terkirim.domain.email import Email
from terkirim.domain.errors import InvalidEmail


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One campaign before it starts: the file is examined, nothing is stored."""

    at: Desk
    source: Path
    recipients: RecipientList
    letter: dict[str, Any]
    options: Options
    name: str
    bad: BadRows
    survey: Survey

    def campaign(self, gateway: Gateway) -> Campaign:
        return Campaign(
            gateway=gateway,
            recipients=self.recipients,
            letter=self.letter,
            name=self.name,
            bad=self.bad,
        )


@dataclass(frozen=True, slots=True)
class _Done:
    campaign: Campaign
    warnings: tuple[str, ...]
    is_sandbox: bool


def send_many(at: Desk, options: Options, letter: dict[str, Any], *, source: Path) -> int:
    """Send the letter to every row of the file; return the exit code."""
    if sys.stderr.isatty():
        at.screen.note(at.screen.say("Reading {file} ...", file=printable(source.name)))
    with source.open("rb") as file:
        recipients = RecipientList(file, column=options.column, key=options.key)
        with BadRows(source, recipients.layout) as bad:
            run = _Run(
                at=at,
                source=source,
                recipients=recipients,
                letter=letter,
                options=options,
                name=options.campaign or campaign_name(source, letter, key=options.key),
                bad=bad,
                survey=surveyed(recipients, letter, bad),
            )
            return _shown(run) if options.dry_run else _sent(run)


def _shown(run: _Run) -> int:
    trial, email = submitted(run.at.settings, lambda gateway: _tried(run, gateway))
    document = {
        "dry_run": True,
        "campaign": run.name,
        "rows": trial.good,
        "duplicates": run.survey.duplicates,
        "bad_rows": run.bad.count - run.survey.duplicates,
        "not_sent": [{"line": line, "reason": why} for line, why in run.bad.first],
        "first": None if email is None else preview(email),
    }
    run.at.screen.answer(document, _trial_lines(run, trial, email))
    run.at.screen.note(run.at.screen.say("Nothing was stored: this was a trial."))
    return _code(run)


async def _tried(run: _Run, gateway: Gateway) -> tuple[Trial, Email | None]:
    """Return what the run would do, refused as the run would be, and its first e-mail."""
    campaign = run.campaign(gateway)
    campaign.warnings()
    await _say_what_it_costs(run, gateway)
    trial = await campaign.tried(run.survey)
    if trial.first is None:
        return trial, None
    email, _ = gateway.submit.check(trial.first, now=gateway.clock.now(), owner=OWNER)
    return trial, email


def _trial_lines(run: _Run, trial: Trial, email: Email | None) -> list[str]:
    screen, bad = run.at.screen, run.bad
    summary = screen.say(
        "{rows} e-mails would go, as campaign {name}; {bad} rows would not.",
        rows=trial.good,
        name=run.name,
        bad=bad.count,
    )
    lines = wrapped(summary, first="", others="")
    for line, why in bad.first:
        lines += wrapped(f"line {line}: {why}", first="  ")
    if (others := bad.count - len(bad.first)) > 0:
        lines.append("  " + screen.say.many("{count} more", "{count} more", count=others))
    if email is not None:
        lines += ["", screen.say("The first one:"), "", *preview_lines(screen, email)]
    return lines


def _sent(run: _Run) -> int:
    if run.bad.count:
        _refuse_unwritable(run.source.parent, run.bad.count)
    done = submitted(run.at.settings, lambda gateway: _put_on_disk(run, gateway))
    campaign, is_sandbox = done.campaign, done.is_sandbox
    kept = run.bad.keep()
    tally, survey = campaign.tally, run.survey
    document = {
        "campaign": run.name,
        "queued": tally.queued,
        "sent_before": tally.sent_before,
        "suppressed": tally.suppressed,
        "duplicates": survey.duplicates,
        "bad_rows": run.bad.count - survey.duplicates,
        "bad_rows_file": None if kept is None else str(kept),
        "warnings": list(done.warnings),
        "sandbox": is_sandbox,
    }
    run.at.screen.answer(document, _lines(run, campaign, kept))
    if is_sandbox:
        run.at.screen.note(run.at.screen.say(SANDBOX_MODE))
    return _code(run)


def _code(run: _Run) -> int:
    """Return the exit code: a row that repeats another one leaves nobody out."""
    return REFUSED if run.bad.count > run.survey.duplicates else DONE


async def _put_on_disk(run: _Run, gateway: Gateway) -> _Done:
    screen, campaign = run.at.screen, run.campaign(gateway)
    warnings = campaign.warnings()
    for warning in warnings:
        screen.note(f"! {printable(warning)}")
    await _say_what_it_costs(run, gateway)
    is_hidden = screen.as_json or not sys.stderr.isatty()
    label = screen.say("Queueing")
    try:
        with click.progressbar(
            length=run.survey.good, label=label, hidden=is_hidden, file=sys.stderr
        ) as bar:
            await campaign.run(run.survey, advance=bar.update)
    except asyncio.CancelledError:  # Ctrl-C, as the loop hands it on
        screen.note(
            screen.say(
                "Stopped: {count} e-mails are queued. The same command goes on from there.",
                count=campaign.tally.queued,
            )
        )
        raise
    return _Done(campaign, warnings, gateway.is_sandbox)


async def _say_what_it_costs(run: _Run, gateway: Gateway) -> None:
    screen, rows = run.at.screen, run.survey.good
    await say_what_it_costs(gateway, screen, run.options, rows=rows, campaign=run.name)


def _refuse_unwritable(folder: Path, count: int) -> None:
    """Refuse before anything is sent where the list of bad rows would be lost."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        problem = f"{count} rows cannot go, and their list cannot be written beside the file"
        raise InvalidEmail(FIELD, f"{problem}: {error.strerror}") from None


def _lines(run: _Run, campaign: Campaign, kept: Path | None) -> list[str]:
    say, tally, survey = run.at.screen.say, campaign.tally, run.survey
    lines = []
    if survey.duplicates:
        says = say.many(
            "{count} row repeats an address that stands above it.",
            "{count} rows repeat an address that stands above them.",
            count=survey.duplicates,
        )
        lines += wrapped(says, first="", others="")
    if kept is not None:
        says = say.many(
            "{count} row was not sent and is listed in {file}: mend it and send that file.",
            "{count} rows were not sent and are listed in {file}: mend them and send that file.",
            count=run.bad.count,
            file=printable(str(kept)),
        )
        lines += wrapped(says, first="", others="")
    parts = [
        say.many("{count} e-mail queued", "{count} e-mails queued", count=tally.queued),
        say("{count} sent before", count=tally.sent_before),
    ]
    if tally.suppressed:
        parts.append(say("{count} suppressed", count=tally.suppressed))
    campaign_of = say("campaign {name}", name=run.name)
    return [*lines, f"{', '.join(parts)} ({campaign_of})"]
