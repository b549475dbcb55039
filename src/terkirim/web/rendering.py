"""Fills the templates: everything is escaped, every sentence goes through the catalogue."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from terkirim.domain.remarks import retold
from terkirim.domain.version import __version__
from terkirim.reports.troubles import all_is_well, in_words
from terkirim.web import words
from terkirim.web.files import Files
from terkirim.web.nav import PLACES
from terkirim.web.texts import coded, one_line, plain


class Templates:
    """The templates of all pages, parsed when they are first used."""

    def __init__(self, files: Files) -> None:
        self._environment = Environment(
            loader=PackageLoader("terkirim.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "coded": coded,
            "plain": _isolated,
            "line": _isolated_line,
        }
        self._environment.globals |= {
            "file": files.url,
            "places": PLACES,
            "in_words": in_words,
            "retold": retold,
            "all_is_well": all_is_well,
            "labels": words.STATES,
            "outcome_labels": words.OUTCOMES,
            "role_labels": words.ROLES,
            "role_meanings": words.ROLE_MEANINGS,
            "scope_labels": words.SCOPES,
            "view_labels": words.VIEWS,
            "breaker_labels": words.BREAKERS,
            "mends": words.MENDS,
            "webhook_states": words.WEBHOOK_STATES,
            "webhook_reasons": words.WEBHOOK_REASONS,
            "webhook_types": words.WEBHOOK_TYPES,
            "severity_labels": words.SEVERITIES,
            "delivery_labels": words.DELIVERIES,
            "purpose_labels": words.PURPOSES,
            "event_labels": words.EVENTS,
            "code_labels": words.CODES,
            "match_labels": words.MATCHES,
            "why_labels": words.WHYS,
            "stream_labels": words.STREAMS,
            "priority_labels": words.PRIORITIES,
            "version": __version__,
        }

    def fill(self, template: str, values: dict[str, Any]) -> bytes:
        """Return the page as it is sent."""
        return self._environment.get_template(template).render(values).encode()


def _isolated(text: str) -> Markup:
    """Return a stranger's text: visible throughout, and its direction ends where it ends."""
    return Markup("<bdi>{}</bdi>").format(escape(plain(text)))


def _isolated_line(text: str, most: int = 300) -> Markup:
    return Markup("<bdi>{}</bdi>").format(escape(one_line(text, most=most)))
