"""Where settings come from: the environment, then a file; each secret `X` also as `X_FILE`."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, get_args

from dotenv.parser import Binding, parse_stream
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from terkirim.settings.secret import Secret
from terkirim.settings.values import SecretFile

FILE_SUFFIX = "_FILE"


def variables_of(field: FieldInfo) -> list[str]:
    """Return the names of the variables that set a field, the first one for sentences."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias)]


def is_secret(field: FieldInfo) -> bool:
    """Return whether a field is one that may come from a file of its own."""
    return _names_secret(field.annotation)


class Environment(EnvSettingsSource):
    """The process's variables."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value, or the file that it stands in."""
        found = super().get_field_value(field, field_name)
        return _or_its_file(found, field, self.env_vars)


class ConfigFile(DotEnvSettingsSource):
    """The lines `NAME=value` of a file; `unreadable_lines` tells of the others."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value, or the file that it stands in."""
        found = super().get_field_value(field, field_name)
        return _or_its_file(found, field, self.env_vars)


def unreadable_lines(file: Path) -> list[int]:
    """Return the numbers of the lines of which nobody knows what they set."""
    return [
        _line_of(one)
        for one in parse_stream(StringIO(file.read_text(encoding="utf-8")))
        if one.error or (one.key is not None and one.value is None)
    ]


@contextmanager
def unheard() -> Iterator[None]:
    """Keep what python-dotenv says of such lines off the log meanwhile: it does not say whose."""
    log = logging.getLogger("dotenv.main")
    was_disabled, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = was_disabled


def _line_of(statement: Binding) -> int:
    written = statement.original.string
    blank = written[: len(written) - len(written.lstrip())]  # lines before it belong to it
    return statement.original.line + blank.count("\n")


def _or_its_file(
    found: tuple[Any, str, bool], field: FieldInfo, variables: Mapping[str, str | None]
) -> tuple[Any, str, bool]:
    value, key, is_complex = found
    if not is_secret(field):
        return found
    for name in variables_of(field):
        path = variables.get(name + FILE_SUFFIX)
        if path:
            return SecretFile(Path(path).expanduser(), is_both=value is not None), name, False
    return value, key, is_complex


def _names_secret(annotation: Any) -> bool:
    return annotation is Secret or any(map(_names_secret, get_args(annotation)))
