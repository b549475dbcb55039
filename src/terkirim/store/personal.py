"""How one person's address is taken out of what is kept; the same for every database."""

import re
from typing import Any

NOBODY = "erased"


def pattern_of(address: str) -> re.Pattern[str]:
    """Match the address, and not another one that it is a part of."""
    return re.compile(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE)


def without(value: Any, pattern: re.Pattern[str]) -> Any:
    """Return the JSON value without the address: pairs of (address, name) lose both."""
    match value:
        case [str(email), str()] if pattern.fullmatch(email):
            return [NOBODY, ""]
        case list():
            return [without(one, pattern) for one in value]
        case dict():
            return {name: without(one, pattern) for name, one in value.items()}
        case str() if pattern.search(value):
            return NOBODY
        case _:
            return value
