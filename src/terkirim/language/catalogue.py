"""Reads a gettext catalogue (.po) as it stands: no step of a build, and no library at run time."""

import json
from importlib import resources


def catalogue(language: str) -> dict[str, str]:
    """Return the translation of each English source text; of a plural, the only form it has."""
    text = resources.files("terkirim.language").joinpath(f"{language}.po").read_text("utf-8")
    return translations_in(text)


def translations_in(text: str) -> dict[str, str]:
    """Return what a catalogue with a single plural form says, by source text (of two, the first).

    Its header, its comments and entries without a translation are left out.
    """
    entries: list[dict[str, str]] = []
    keyword = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith('"'):
            keyword, _, line = line.partition(" ")  # noqa: PLW2901 - the rest is a quoted text
            if keyword == "msgid":
                entries.append({})
        # The escapes that gettext's tools write (\n, \t, \", \\) are JSON's.
        entries[-1][keyword] = entries[-1].get(keyword, "") + json.loads(line)
    found = {one["msgid"]: one.get("msgstr") or one.get("msgstr[0]", "") for one in entries}
    return {source: translated for source, translated in found.items() if source and translated}
