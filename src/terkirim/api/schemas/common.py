"""Texts that several shapes share."""

from typing import Annotated

from msgspec import Meta

LINE = r"^[^\u0000-\u001f\u007f-\u009f]+$"  # no control character
Text = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\u0000]+$")]
