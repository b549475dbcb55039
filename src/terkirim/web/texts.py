"""Makes texts of strangers harmless to read: nothing hides, nothing turns the line around."""

import json
import re
import unicodedata

from markupsafe import Markup, escape

_JOINERS = frozenset("\u200c\u200d")  # of emoji, and of scripts that need them
_KEPT = frozenset("\n\t")
_CODE = re.compile(r"`([^`]+)`")
MASK = "•••"


def plain(text: str) -> str:
    """Return a text with what cannot be seen made visible: U+202E turns a line around."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"⟦{ord(c):04X}⟧" if _is_hidden(c) else c for c in text)


def escaped(document: str) -> str:
    """Return JSON in which what cannot be seen stands as an escape, so that it may be copied."""
    return "".join(json.dumps(c)[1:-1] if _is_hidden(c) else c for c in document)


def one_line(text: str, *, most: int = 300) -> str:
    """Return a text for a table: in one line, cut where it is longer than anybody reads."""
    line = plain(text.replace("\r", " ").replace("\n", " "))
    return line if len(line) <= most else line[:most] + "…"


def masked(address: str) -> str:
    """Return an address of which only the domain can be read."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}{MASK}{at}{domain}" if at else MASK


def without_addresses(text: str, *addresses: str) -> str:
    """Return a text in which these addresses are masked, whatever their case."""
    for address in addresses:
        if address:
            text = re.sub(re.escape(address), masked(address), text, flags=re.IGNORECASE)
    return text


def coded(text: str) -> Markup:
    """Return a sentence with what stands between backticks set as code; all else is escaped."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped here


def _is_hidden(character: str) -> bool:
    if character in _JOINERS or character in _KEPT:
        return False
    return unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs"} or character == "\u2028"
