"""Ids: UUIDv7 (RFC 9562, section 5.7), so that they sort by time and say nothing else."""


def uuid7(at_ms: int, bits: int) -> str:
    """Return the UUIDv7 of a Unix time in milliseconds and 74 random bits."""
    high, low = bits >> 62 & 0xFFF, bits & (1 << 62) - 1
    digits = f"{at_ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
