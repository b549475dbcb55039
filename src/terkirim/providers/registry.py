"""The providers by name, one line each: the only place that a new provider is entered."""

from collections.abc import Callable, Mapping
from typing import Any

from terkirim.domain.errors import ConfigError
from terkirim.ports import Clock, Provider
from terkirim.ports.tracking import CallbackReader
from terkirim.providers.mailketing import Mailketing, MailketingCallbacks, MailketingSettings
from terkirim.providers.sandbox import Sandbox

# Options are the fields of the provider's own settings record: plain values, never our Settings.
_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], Clock], Provider]] = {
    "mailketing": lambda options, clock: Mailketing(MailketingSettings(**options), clock=clock),
    "sandbox": lambda _options, _clock: Sandbox(),
}

# Those that speak later, and how their callbacks are read.
_READERS: tuple[Callable[[], CallbackReader], ...] = (MailketingCallbacks,)

NAMES = tuple(_BUILDERS)


def build(name: str, options: Mapping[str, Any], *, clock: Clock) -> Provider:
    """Return the provider of that name; call it in the process that sends, never before a fork.

    Raises:
        ConfigError: there is no such provider, or an option's value cannot be used.
        TypeError: the provider has no option of that name.
    """
    builder = _BUILDERS.get(name)
    if builder is None:
        raise ConfigError(f"there is no provider {name!r}; known: {', '.join(NAMES)}")
    return builder(options, clock)


def callback_readers() -> tuple[CallbackReader, ...]:
    """Return a reader for the callbacks of each provider that posts any."""
    return tuple(reader() for reader in _READERS)
