"""How the installation speaks to people, and by whose clock: what may change while it runs."""

from zoneinfo import ZoneInfo

from terkirim.language.voice import Voice, speak


class Manners:
    """The language and the time zone of a process; whoever holds it sees them change.

    A reader asks at each use and keeps neither. What one person chose for themselves comes first.
    """

    __slots__ = ("say", "zone")

    say: Voice
    zone: ZoneInfo

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.change(language, zone)

    def change(self, language: str, zone: ZoneInfo) -> None:
        """Speak this language from now on, and tell times by this zone.

        Raises:
            ValueError: the language is none of LANGUAGES; nothing has changed.
        """
        self.say, self.zone = speak(language), zone
