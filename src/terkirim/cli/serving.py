"""`terkirim serve`, `worker` and `emulate`: the commands that run until they are stopped."""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
def serve(host: str | None, port: int | None) -> None:
    """Run web, dispatcher and scheduler in one process."""
    import uvloop

    from terkirim.serve import serve as run
    from terkirim.settings import load

    given = {"host": host, "port": port}
    settings = load(**{name: value for name, value in given.items() if value is not None})
    uvloop.run(run(settings))


@click.command()
def worker() -> None:
    """Run a dispatcher alone, without web."""
    import uvloop

    from terkirim.serve import work
    from terkirim.settings import load

    uvloop.run(work(load()))


@click.command()
@click.argument("provider", type=click.Choice(["mailketing"]), default="mailketing")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=8626, show_default=True, help="Port to listen on.")
@click.option("--faults", default="", help="For example 429=0.02,500=0.02,drop=0.02.")
@click.option("--token", default="emulated", show_default=True, help="The key that it accepts.")
@click.option("--callbacks", metavar="PLAN", help="url=http://...,bounced=0.1,twice=1 and so on.")
@click.option(
    "--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Written at the end."
)
def emulate(*, provider: str, callbacks: str | None, ledger: Path | None, **given: Any) -> None:
    """Run a local Mailketing that fails on demand."""
    del provider  # there is one so far, and the word keeps its place for the next
    import uvloop

    from terkirim.emulator.callbacks import CallbackPlan
    from terkirim.emulator.server import emulate as run

    plan = CallbackPlan()
    try:
        plan = plan.changed(_assigned(callbacks or ""))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--callbacks") from None
    uvloop.run(run(**given, callbacks=plan, ledger_path=ledger))


def _assigned(text: str) -> dict[str, Any]:
    """Return what `name=value,name=value` says; numbers and true or false as such."""
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {name.strip(): _value(value.strip()) for name, _, value in pairs}


def _value(text: str) -> str | float | bool:
    if text in {"true", "false"}:
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text
