"""`terkirim doctor`: prints what a diagnosis found, with the sentence that mends it."""

import sys
from typing import Any

import click
import uvloop

from terkirim.cli.desk import manners_of
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.screen import json_option, print_json, wrapped
from terkirim.diagnosis import diagnosed
from terkirim.domain.errors import ConfigError
from terkirim.domain.finding import Finding, Level
from terkirim.domain.phrase import phrase
from terkirim.language import Voice, speak
from terkirim.reports.doctor.settings import of_settings
from terkirim.settings import language_as_far_as_known, load, unknown_variables

_WORDS = {
    Level.OK: phrase("ok"),
    Level.WARNING: phrase("warning"),
    Level.FAULT: phrase("FAULT"),
}


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Check all that mail depends on, and say what mends it.

    Nothing is sent. The exit code is 1 where there is a fault; a warning alone leaves it at 0.
    """
    found, say = _found()
    has_fault = any(one.level is Level.FAULT for one in found)
    if as_json:
        print_json({"ok": not has_fault, "checks": [_shape(one) for one in found]})
    else:
        sys.stdout.writelines(f"{line}\n" for one in found for line in _lines(say, one))
    return REFUSED if has_fault else DONE


def _found() -> tuple[list[Finding], Voice]:
    """Return what was found, and who tells it."""
    try:
        settings, unknown = load(), unknown_variables()
    except ConfigError as error:
        return of_settings(error.faults, ()), speak(language_as_far_as_known())
    manners = manners_of(settings)
    return uvloop.run(diagnosed(settings, zone=manners.zone, unknown=unknown)), manners.say


def _lines(say: Voice, one: Finding) -> list[str]:
    width = max(len(say(word)) for word in _WORDS.values())
    label, indent = f"{say(_WORDS[one.level]):<{width}}  ", " " * (width + 2)
    lines = wrapped(say(one.says), first=label, others=indent)
    if one.mends is not None:
        lines += wrapped(say(one.mends), first=f"{indent}> ", others=f"{indent}  ")
    return lines


def _shape(one: Finding) -> dict[str, Any]:
    say = speak("en")  # JSON is read by programs
    return {
        "check": one.check,
        "level": one.level,
        "message": say(one.says),
        "mend": None if one.mends is None else say(one.mends),
    }
