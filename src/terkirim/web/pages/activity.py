"""Who did what, and when."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.alert import AT_COMMAND_LINE, COMMAND_LINE, Activity
from terkirim.domain.phrase import Phrase, phrase
from terkirim.language import Voice
from terkirim.web import words
from terkirim.web.site import Site
from terkirim.web.visit import Visit

ON_A_PAGE = 50
_DEEDS: Mapping[str, Phrase] = {
    "signed in": phrase("signed in"),
    "signed out": phrase("signed out"),
    "sign-in refused": phrase("was refused: wrong name or password"),
    "sign-in locked out": phrase("was locked out after too many wrong tries"),
    "first admin made": phrase("became the first admin"),
    "message requeued": phrase("queued a message again"),
    "messages requeued": phrase("queued messages again"),
    "message cancelled": phrase("cancelled a message"),
    "message moved": phrase("moved a message to another time"),
    "message counted as sent": phrase("counted a held message as sent"),
    "messages exported": phrase("exported messages"),
    "sandboxed messages sent": phrase("sent sandboxed messages in earnest"),
    "provider paused": phrase("paused a provider"),
    "provider resumed": phrase("resumed a provider"),
    "test sent": phrase("sent a test e-mail"),
    "credits checked": phrase("asked for the balance"),
    "alerts tested": phrase("tested the channels of alerts"),
    "alert raised": phrase("raised an alert"),
    "alert over": phrase("an alert is over"),
    "suppressed": phrase("suppressed an address"),
    "unsuppressed": phrase("let an address in again"),
    "suppressions imported": phrase("imported suppressions"),
    "suppressions exported": phrase("exported suppressions"),
    "callbacks replayed": phrase("replayed callbacks"),
    "callback replayed": phrase("replayed a callback"),
    "callback refused": phrase("callbacks were refused"),
    "webhook endpoint added": phrase("added a webhook"),
    "webhook endpoint changed": phrase("changed a webhook"),
    "webhook endpoint enabled": phrase("enabled a webhook"),
    "webhook endpoint disabled": phrase("disabled a webhook"),
    "webhook endpoint removed": phrase("removed a webhook"),
    "webhook secret changed": phrase("changed the secret of a webhook"),
    "webhook tested": phrase("sent a test event"),
    "webhook replayed": phrase("had a webhook told again"),
    "key made": phrase("made an API key"),
    "key revoked": phrase("revoked an API key"),
    "user added": phrase("added a person"),
    "user removed": phrase("removed a person"),
    "role changed": phrase("changed a role"),
    "password changed": phrase("changed a password"),
    "language changed": phrase("changed the language of the installation"),
    "time zone changed": phrase("changed the time zone of the installation"),
}

# What is not a person: the command line, and the gateway itself.
_OURSELVES: Mapping[str, Phrase] = {
    "cli": phrase("the command line"),  # as it was noted before the person was
    COMMAND_LINE: phrase("the command line"),
    "schedule": phrase("the schedule"),
    "terkirim": phrase("Terkirim itself"),
}
_FACTS: Mapping[str, Phrase] = {
    "address": phrase("from address"),
    "asked": phrase("looked at"),
    "count": phrase("count"),
    "credits": phrase("credits"),
    "entered": phrase("entered"),
    "matched": phrase("found their message"),
    "note": phrase("note"),
    "refused": phrase("left out"),
    "role": phrase("role"),
    "scopes": phrase("rights"),
    "sender": phrase("sender"),
    "severity": phrase("level"),
    "source": phrase("source"),
    "stream": phrase("stops"),
    "times": phrase("how often"),
    "types": phrase("events"),
    "title": phrase("title"),
    "unchanged": phrase("there already"),
    "until": phrase("until"),
    "why": phrase("because"),
}
_VALUES: Mapping[str, Mapping[str, Phrase]] = {
    "role": words.ROLES,
    "severity": words.SEVERITIES,
    "stream": words.STREAMS,
    "why": words.WHYS,
}


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @site.get("/activity")
    async def activity(visit: Visit) -> Response[Any]:
        before, after = _place(visit.query.get("older", ""))
        found = await site.gateway.desk.activity.activity(
            limit=ON_A_PAGE + 1, before=before, after=after
        )
        rows, has_more = found[:ON_A_PAGE], len(found) > ON_A_PAGE
        return visit.page(
            "activity.html",
            place="/activity",
            rows=rows,
            deed=_deed,
            facts=_facts,
            who=await _who(site),
            older=visit.href(older=f"{rows[-1].at.isoformat()}~{rows[-1].id}")
            if has_more
            else None,
            newest=None if "older" not in visit.query else visit.href(older=None),
        )

    return [activity]


def _deed(row: Activity) -> Phrase | str:
    """Return what was done in words; what other parts note is shown as they note it."""
    return _DEEDS.get(row.what, row.what)


def _facts(row: Activity, say: Voice) -> str:
    shown = {name: value for name, value in row.facts.items() if value != "" and value is not None}
    return ", ".join(
        f"{say(_FACTS[name]) if name in _FACTS else name}: {_written(name, value, say)}"
        for name, value in shown.items()
    )


def _written(name: str, value: Any, say: Voice) -> str:
    known = _VALUES.get(name, {})
    match value:
        case str() if value in known:
            return say(known[value])
        case str():
            return value
        case int() if not isinstance(value, bool):
            return say.number(value)
    return json.dumps(value, ensure_ascii=False)


async def _who(site: Site) -> Callable[[Activity, Voice], str]:
    """Return who did something, in words: the name of a key where its id is kept."""
    names = {key.id: key.name for key in await site.gateway.store.keys()}

    def in_words(row: Activity, say: Voice) -> str:
        key = names.get(row.who.removeprefix("key "))
        if key is not None:
            return say("API key {name}", name=key)
        if row.who.endswith(AT_COMMAND_LINE):
            name = row.who.removesuffix(AT_COMMAND_LINE)
            return say("{name} on the command line", name=name)
        return say(_OURSELVES[row.who]) if row.who in _OURSELVES else row.who

    return in_words


def _place(text: str) -> tuple[datetime | None, str | None]:
    """Return the instant and the id of the row after which the page begins; None: the newest."""
    instant, _, id_ = text.partition("~")
    try:
        at = datetime.fromisoformat(instant)
    except ValueError:
        return None, None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)), id_
