"""Speaks to people in Bahasa Indonesia or English; what machines read stays English.

The English sentence in the code is the source: `say("{count} messages wait", count=n)`. Its
translation stands in `id.po`, which `make language` brings up to date after the code changed.
"""

from terkirim.domain.phrase import Phrase, phrase, phrases, proper
from terkirim.language.voice import LANGUAGES, Voice, speak

__all__ = ["LANGUAGES", "Phrase", "Voice", "phrase", "phrases", "proper", "speak"]
