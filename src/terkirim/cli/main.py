"""`terkirim`: its commands, and what their exit codes mean.

0 done · 1 refused or not found · 2 wrong usage or setting · 3 the database cannot be used now.
"""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from terkirim.domain.errors import ConfigError, StoreUnavailable, TerkirimError
from terkirim.domain.version import __version__

app = App(
    name="terkirim",
    help="Sends e-mail durably: what was acknowledged is never lost.",
    version=__version__,
)
# By name, so that `--help` does not wait for the parts that a command needs.
app.command("terkirim.cli.messages:messages", help="Look at messages, send them again, stop them.")
app.command("terkirim.cli.events:events", help="Look at what providers said, read it once more.")
app.command(
    "terkirim.cli.suppressions:suppressions",
    help="Addresses that are not sent to: look, add, remove, import, export.",
)
app.command("terkirim.cli.send:send", help="Put one e-mail on disk, or one for each row of a CSV.")


@app.command
def serve(
    *,
    host: Annotated[str | None, Parameter(help="Address to listen on.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on.")] = None,
) -> None:
    """Run web, dispatcher and scheduler in one process."""
    import uvloop

    from terkirim.serve import serve as run
    from terkirim.settings import load

    given = {"host": host, "port": port}
    settings = load(**{name: value for name, value in given.items() if value is not None})
    uvloop.run(run(settings))


@app.command
def worker() -> None:
    """Run a dispatcher alone, without web."""
    import uvloop

    from terkirim.serve import work
    from terkirim.settings import load

    uvloop.run(work(load()))


@app.command
def emulate(
    provider: str = "mailketing",
    *,
    host: str = "127.0.0.1",
    port: int = 8626,
    faults: Annotated[str, Parameter(help="For example 429=0.02,500=0.02,drop=0.02.")] = "",
    token: Annotated[str, Parameter(help="The key that it accepts.")] = "emulated",  # noqa: S107 - a word
) -> None:
    """Run a local Mailketing that fails on demand, for demos and tests."""
    if provider != "mailketing":
        raise ConfigError("emulate: only `mailketing` can be emulated")
    import uvloop

    from terkirim.emulator.server import emulate as run

    uvloop.run(run(host=host, port=port, faults=faults, token=token))


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except ConfigError as error:
        _exit(2, error)
    except StoreUnavailable as error:
        _exit(3, error)
    except TerkirimError as error:
        _exit(1, error)


def _exit(code: int, error: Exception) -> None:
    print(f"terkirim: {error}", file=sys.stderr)
    sys.exit(code)
