"""Where settings come from: the environment, then a file; each secret `X` also as `X_FILE`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

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
    """The lines `NAME=value` of a file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value, or the file that it stands in."""
        found = super().get_field_value(field, field_name)
        return _or_its_file(found, field, self.env_vars)


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
