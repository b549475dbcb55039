"""How a command ends: its exit code, and one sentence (or one JSON document) on standard error.

0 done · 1 refused or not found, wholly or in part · 2 wrong usage or setting · 3 the database
cannot be used now, the same command may be repeated · 130 interrupted · 141 nobody reads any more.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click

from terkirim.domain.errors import (
    ConfigError,
    InvalidEmail,
    NotFound,
    StoreUnavailable,
    TerkirimError,
    WrongState,
)

DONE = 0
REFUSED = 1
MISUSED = 2
UNAVAILABLE = 3
INTERRUPTED = 130  # 128 + SIGINT, as shells count
UNREAD = 141  # 128 + SIGPIPE

_JSON = "--json"
# The first that fits; an error's built-in kin (`StoreUnavailable` is an OSError) stands below it.
_ENDS: tuple[tuple[type[Exception], tuple[int, str]], ...] = (
    (click.ClickException, (MISUSED, "usage_error")),
    (ConfigError, (MISUSED, "config_error")),
    (StoreUnavailable, (UNAVAILABLE, "service_unavailable")),
    (NotFound, (REFUSED, "not_found")),
    (WrongState, (REFUSED, "wrong_state")),
    (OSError, (REFUSED, "file_error")),
)


def ended(app: click.Command, arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; a bug is raised as it is."""
    output = sys.stdout
    try:
        code = app.main(arguments, prog_name="terkirim", standalone_mode=False)
        output.flush()
    except BrokenPipeError:
        return _unread(output)
    except SystemExit:
        if sys.stdout is output:
            raise  # shell completion, which has said all
        return _unread(output)  # click met the broken pipe first, and put a mute in place
    except (click.Abort, KeyboardInterrupt) as error:
        return _aborted(error)
    except (click.ClickException, TerkirimError, OSError) as error:
        return _failed(error, as_json=_asks_for_json(arguments))
    return code if isinstance(code, int) else DONE


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Return whether the caller wants JSON, also where the rest of the line cannot be read."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return _JSON in own


def _aborted(error: BaseException) -> int:
    if isinstance(error, click.Abort) and isinstance(error.__cause__, EOFError):
        return REFUSED  # a question that nobody answered
    return INTERRUPTED


def _failed(error: Exception, *, as_json: bool) -> int:
    code, name = _code_and_name(error)
    if as_json:
        document = {"name": name, "message": _message(error), **_details(error), "exit_code": code}
        print(json.dumps({"error": document}, ensure_ascii=False), file=sys.stderr)
    elif isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
    else:
        print(f"terkirim: {_message(error)}{_hint(error)}", file=sys.stderr)
    return code


def _code_and_name(error: Exception) -> tuple[int, str]:
    if isinstance(error, InvalidEmail):
        return REFUSED, error.kind
    return next((end for kind, end in _ENDS if isinstance(error, kind)), (REFUSED, "refused"))


def _message(error: Exception) -> str:
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return "a command is missing"
        case click.ClickException():
            return error.format_message()
        case TerkirimError():
            return str(error)
        case OSError(strerror=str(why), filename=str(path)):
            return f"{path}: {why}"
    return str(error)


def _details(error: Exception) -> dict[str, Any]:
    match error:
        case ConfigError(faults=faults):
            return {"faults": list(faults)}
        case InvalidEmail(field=field) if field:
            return {"field": field}
        case WrongState(state=state):
            return {"state": state}
    return {}


def _hint(error: Exception) -> str:
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return ""
    return f"\nTry: {error.ctx.command_path} --help"


def _unread(output: TextIO) -> int:
    """Let Python's own last flush write into nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)
    return UNREAD
