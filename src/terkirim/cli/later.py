"""A group whose commands are imported when they are run: `--help` needs their names alone."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.exceptions import NoSuchCommand


class LaterCommands(click.Group):
    """`later` has for each command the module that defines it under the same name, and its help."""

    def __init__(self, *, later: Mapping[str, tuple[str, str]], **given: Any) -> None:
        super().__init__(**given)
        self.later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which the help shows them."""
        del ctx
        return list(self.later)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command that is asked for."""
        del ctx
        if cmd_name not in self.later:
            return None
        command: click.Command = getattr(import_module(self.later[cmd_name][0]), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where there is none of this name."""
        if not args[0].startswith("-") and args[0] not in self.later:
            raise NoSuchCommand(args[0], possibilities=self.later, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names with their sentences."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in self.later.items()])
