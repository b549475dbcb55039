"""What a check found: how something stands, and the sentence that mends it."""

from dataclasses import dataclass
from enum import StrEnum

from terkirim.domain.phrase import Phrase


class Level(StrEnum):
    """A fault stops mail, or loses it; a warning will, or may surprise; the rest is well."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a diagnosis; `check` is a word for scripts, `mends` is None where all is well."""

    check: str
    level: Level
    says: Phrase
    mends: Phrase | None = None
