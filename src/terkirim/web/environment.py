"""The settings as a page shows them: what each is, what it means, and never a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from terkirim.language import Voice
from terkirim.policy.rates import Rate
from terkirim.settings import Settings
from terkirim.settings.secret import Secret
from terkirim.settings.sources import variables_of

HIDDEN = "••••••••"
_SIZES = frozenset({"max_body", "min_free_disk"})
_MB = 1_000_000
_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One setting; `value` "" where it has none, `is_set` where somebody chose it."""

    variable: str
    value: str
    meaning: str
    is_set: bool
    is_secret: bool


def shown_settings(settings: Settings, say: Voice, *, chosen: Mapping[str, str]) -> list[Shown]:
    """Return every setting, in the order of the documentation; `chosen` holds in place of some."""
    return [
        Shown(
            variable=variables_of(field)[0],
            value=chosen.get(name) or _value(settings, name, say),
            meaning=say(str(field.description)),
            is_set=name in settings.model_fields_set,
            is_secret=isinstance(getattr(settings, name), Secret),
        )
        for name, field in Settings.model_fields.items()
    ]


def _value(settings: Settings, name: str, say: Voice) -> str:
    value = getattr(settings, name)
    if name == "database":
        return settings.database_shown
    if isinstance(value, Rate):
        return value.name
    if name in _SIZES:
        megabytes = value / _MB
        whole = round(megabytes)
        return f"{say.number(whole if whole == megabytes else megabytes)} MB"
    return "off" if value == () else _written(value, say)


def _written(value: Any, say: Voice) -> str:
    match value:
        case Secret():
            return HIDDEN
        case timedelta():
            return _spoken(value, say)
        case Mapping():
            return "; ".join(f"{key}={_written(one, say)}" for key, one in value.items())
        case tuple():
            return ", ".join(_written(one, say) for one in value)
        case bool():
            return str(value).lower()
        case Rate():
            value = f"{value.count}/{value.unit}"
    return "" if value is None else str(value)


def _spoken(span: timedelta, say: Voice) -> str:
    if span % _SECOND:
        return f"{say.number(round(span / _MILLISECOND))} ms"
    return say.span(span)
