"""What people may choose at run time, where neither the environment nor the file sets it."""

from collections.abc import Mapping
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from terkirim.content.fields import nearest
from terkirim.domain.phrase import Phrase, phrase
from terkirim.language import LANGUAGES
from terkirim.settings.model import Settings
from terkirim.settings.sources import variables_of

LANGUAGE, TIME_ZONE = "language", "time_zone"
CHOICES = (LANGUAGE, TIME_ZONE)  # fields of the settings, and names of the options
_OWN_TO_A_MACHINE = frozenset({"localtime", "Factory"})
_SHOWN = 64  # characters of what was not understood


def open_choices(settings: Settings) -> tuple[str, ...]:
    """Return what people may choose: what nobody set for this process."""
    return tuple(name for name in CHOICES if name not in settings.model_fields_set)


def chosen(settings: Settings, kept: Mapping[str, str]) -> tuple[str, ZoneInfo]:
    """Return the language and the time zone that hold: what is set, else kept, else the default.

    A kept value that this program, or this machine's list of zones, does not know is passed over.
    """
    known = {name: value for name, value in kept.items() if name in open_choices(settings)}
    language = known.get(LANGUAGE)
    zone = _zone_named(known.get(TIME_ZONE, ""))
    return (
        language if language in LANGUAGES else settings.language,
        settings.time_zone if zone is None else zone,
    )


def fault_in(settings: Settings, name: str, value: str) -> Phrase | None:
    """Return why this may not be chosen, None where it may. The first call reads many files."""
    if name not in open_choices(settings):
        variable = variables_of(Settings.model_fields[name])[0]
        return phrase("`{variable}` sets this: change it there.", variable=variable)
    if name == LANGUAGE:
        return None if value in LANGUAGES else phrase("Choose one of the languages.")
    if value in zone_names():
        return None
    meant = nearest(value, zone_names())
    if meant is None:
        return phrase("`{text}` is no time zone such as Asia/Jakarta.", text=value[:_SHOWN])
    return phrase(
        "`{text}` is no time zone such as Asia/Jakarta. Did you mean {meant}?",
        text=value[:_SHOWN],
        meant=meant,
    )


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Return the IANA names that this machine knows, in order. The first call reads many files."""
    return tuple(sorted(available_timezones() - _OWN_TO_A_MACHINE))


def _zone_named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):
        return None
