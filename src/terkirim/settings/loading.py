"""Reads the settings at the start, and says everything that is wrong with them at once."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from terkirim.content.fields import nearest
from terkirim.domain.errors import ConfigError
from terkirim.language import LANGUAGES
from terkirim.settings.gateway import URL
from terkirim.settings.model import PREFIX, Settings
from terkirim.settings.sources import (
    FILE_SUFFIX,
    ConfigFile,
    is_secret,
    unheard,
    unreadable_lines,
    variables_of,
)

CONFIG = "TERKIRIM_CONFIG"
USUAL_CONFIG = Path("terkirim.env")  # in the working directory, beside the database


def load(**given: Any) -> Settings:
    """Return the settings: what is given here, then the environment, then the file.

    `given` names fields of `Settings`. The file is the one that TERKIRIM_CONFIG names, else
    `terkirim.env` in the working directory where there is one.

    Raises:
        ConfigError: with a sentence for each setting that is wrong, and for each line of the file
            that cannot be read; none shows a secret.
    """
    config = _config_file()
    faults = [] if config is None else _faults_of_lines(config)
    try:
        with unheard():
            settings = Settings(**given | {"_env_file": config})
    except ValidationError as error:
        faults += [_sentence(one) for one in error.errors(include_url=False, include_input=False)]
    if faults:
        raise ConfigError(*faults)
    return settings


def language_as_far_as_known() -> str:
    """Return the language to speak where the settings are too wrong to be loaded."""
    name = variables_of(Settings.model_fields["language"])[0]
    with unheard():
        written = ConfigFile(Settings, env_file=_config_file_or_none()).env_vars
    value = (os.environ.get(name) or written.get(name) or "").strip().lower()  # noqa: TID251 - settings are read here and nowhere else
    return value if value in LANGUAGES else str(Settings.model_fields["language"].default)


def unknown_variables() -> list[str]:
    """Return a sentence for each TERKIRIM_ variable that nobody reads, with the nearest name."""
    written = ConfigFile(Settings, env_file=_config_file()).env_vars
    known = frozenset(_known_variables())
    unknown = sorted(
        name
        for name in {*os.environ, *written}  # noqa: TID251 - settings are read here and nowhere else
        if name.startswith(PREFIX) and name not in known
    )
    return [_unknown_sentence(name, known) for name in unknown]


def _config_file() -> Path | None:
    named = os.environ.get(CONFIG)  # noqa: TID251 - settings are read here and nowhere else
    if not named and not USUAL_CONFIG.is_file():
        return None
    path = Path(named).expanduser() if named else USUAL_CONFIG
    try:
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{CONFIG}: the file {path} cannot be read: {reason}") from None
    return path


def _config_file_or_none() -> Path | None:
    try:
        return _config_file()
    except ConfigError:
        return None


def _faults_of_lines(config: Path) -> list[str]:
    return [
        f"{config}: line {number} cannot be read; write NAME=value, and quotes in pairs"
        for number in unreadable_lines(config)
    ]


def _sentence(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    field = Settings.model_fields.get(name)
    variable = name if field is None else variables_of(field)[0]
    if error["type"] == "extra_forbidden":
        meant = nearest(name, Settings.model_fields)
        return f"{name}: there is no such setting" + ("" if meant is None else f"; `{meant}`?")
    reason = error.get("ctx", {}).get("error", error["msg"])
    return f"{variable}: {reason}"


def _known_variables() -> Iterable[str]:
    yield CONFIG
    yield URL  # its callers' own, often in the same environment
    for field in Settings.model_fields.values():
        for name in variables_of(field):
            yield name
            if is_secret(field):
                yield name + FILE_SUFFIX


def _unknown_sentence(name: str, known: Iterable[str]) -> str:
    # Without the prefix, which alone would make all names look alike.
    by_rest = {one.removeprefix(PREFIX): one for one in known}
    meant = nearest(name.removeprefix(PREFIX), by_rest)
    hint = "" if meant is None else f"; did you mean {by_rest[meant]}?"
    return f"{name} is not a setting and was ignored{hint}"
