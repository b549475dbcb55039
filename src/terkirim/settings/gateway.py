"""Where a gateway is and the key to it, as the environment of its callers says."""

import os
from pathlib import Path

from terkirim.domain.errors import ConfigError
from terkirim.settings.secret import Secret

URL = "TERKIRIM_URL"
KEY = "TERKIRIM_API_KEY"
KEY_FILE = "TERKIRIM_API_KEY_FILE"


def gateway_url() -> str | None:
    """Return the address of TERKIRIM_URL, None where it is not set."""
    return os.environ.get(URL) or None  # noqa: TID251 - settings are read here and nowhere else


def gateway_key() -> Secret | None:
    """Return TERKIRIM_API_KEY, or what stands in the file of TERKIRIM_API_KEY_FILE.

    Raises:
        ConfigError: both are set, or the file cannot be read.
    """
    key = os.environ.get(KEY)  # noqa: TID251 - as above
    path = os.environ.get(KEY_FILE)  # noqa: TID251 - as above
    if key and path:
        raise ConfigError(f"{KEY}: is set itself and by a file (`_FILE`); keep one of the two")
    if not path:
        return Secret(key.strip()) if key else None
    try:
        return Secret.from_file(Path(path).expanduser())
    except ValueError as error:
        raise ConfigError(f"{KEY_FILE}: {error}") from None
