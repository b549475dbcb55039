"""Ids: UUIDv7 (RFC 9562, section 5.7), so that they sort by time and say nothing else."""

import re

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def uuid7(at_ms: int, bits: int) -> str:
    """Return the UUIDv7 of a Unix time in milliseconds and 74 random bits."""
    high, low = bits >> 62 & 0xFFF, bits & (1 << 62) - 1
    digits = f"{at_ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_uuid7(text: str) -> bool:
    """Return whether the text is such an id, in lower case; of something that is gone, too."""
    return _UUID7.fullmatch(text) is not None
