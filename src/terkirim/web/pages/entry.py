"""Signing in and out, and making the first admin."""

import math
from datetime import timedelta
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.access.password_rule import fault_in
from terkirim.access.roles import VIEWER
from terkirim.access.sign_in import NAME_LIMIT, SIGNED_IN_FOR, Refused, SignedIn
from terkirim.domain.phrase import Phrase, phrase
from terkirim.web.cookies import SESSION, cookie
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

_GONE = Denied(
    410,
    phrase("This link was used already, or its time is over."),
    phrase("Start `terkirim serve` again: it makes a new one as long as nobody can sign in."),
)


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    return [*_signing(site), *_beginning(site)]


def _signing(site: Site) -> list[HTTPRouteHandler]:
    desk = site.gateway.desk

    @site.get("/login", role=None)
    async def login(visit: Visit) -> Response[Any]:
        if visit.session is not None:
            return visit.go(_local(visit.query.get("next", "/")))
        return await _form(visit, target=visit.query.get("next", ""))

    @site.post("/login", role=None)
    async def enter(visit: Visit) -> Response[Any]:
        name, target = visit.form.get("name", ""), visit.form.get("next", "")
        found = await desk.sign_in.enter(
            name, visit.form.get("password", ""), address=_address(visit)
        )
        if isinstance(found, Refused):
            await _note_refused(visit, name, found)
            return await _form(visit, target=target, name=name, refused=found)
        _keep(visit, found)
        await visit.note("signed in")
        return visit.go(_local(target))

    @site.post("/logout", role=VIEWER)
    async def leave(visit: Visit) -> Response[Any]:
        if visit.session is not None:
            await desk.sign_in.leave(visit.session)
        await visit.note("signed out")
        visit.cookies.append(cookie(SESSION, "", is_secure=visit.is_secure, seconds=0))
        return visit.go("/login", visit.say("You are signed out."))

    return [login, enter, leave]


def _beginning(site: Site) -> list[HTTPRouteHandler]:
    desk = site.gateway.desk

    @site.get("/first", role=None)
    async def first(visit: Visit) -> Response[Any]:
        link = visit.query.get("link", "")
        if not await desk.sign_in.is_first(link):
            raise _GONE
        return visit.page("first.html", link=link, name="", fault=None)

    @site.post("/first", role=None)
    async def make_first(visit: Visit) -> Response[Any]:
        link, name = visit.form.get("link", ""), visit.form.get("name", "").strip()
        password = visit.form.get("password", "")
        fault, bad_field = account_fault(name, password)
        if fault is not None:
            said = {"name": name, "fault": fault, "bad_field": bad_field}
            return visit.page("first.html", status=422, link=link, **said)
        found = await desk.sign_in.enter_first(link, name, password)
        if found is None:
            raise _GONE
        _keep(visit, found)
        await visit.note("first admin made", name)
        return visit.go("/", visit.say("Welcome. You are the first admin here."))

    return [first, make_first]


def account_fault(name: str, password: str) -> tuple[Phrase | None, str]:
    """Return why an account cannot be so, None where it can, and in which field that stands."""
    fault = name_fault(name)
    return (fault_in(password, name=name), "password") if fault is None else (fault, "name")


def name_fault(name: str) -> Phrase | None:
    """Return why somebody cannot be called so, None where they can."""
    if 0 < len(name) <= NAME_LIMIT and name.isprintable():
        return None
    return phrase("Give a name of 1 to {most} characters.", most=NAME_LIMIT)


async def _form(
    visit: Visit, *, target: str, name: str = "", refused: Refused | None = None
) -> Response[Any]:
    """Return the page to sign in at; with `refused` it says why that failed, and how long."""
    status, wait = 200, timedelta()
    if refused is not None:
        status = 401 if refused.until is None else 429
    if refused is not None and refused.until is not None:
        wait = timedelta(seconds=math.ceil((refused.until - visit.now).total_seconds()))
    answer = visit.page(
        "login.html",
        status=status,
        target=target,
        name=name,
        is_wrong=status == 401,  # noqa: PLR2004 - set above
        wait=wait,
        is_empty=not await visit.gateway.desk.accounts.can_anybody_sign_in(),
    )
    if wait:
        answer.headers["retry-after"] = str(round(wait.total_seconds()))
    return answer


async def _note_refused(visit: Visit, name: str, refused: Refused) -> None:
    """Keep what an attack looks like; many a minute are one row."""
    what = "sign-in refused" if refused.until is None else "sign-in locked out"
    await visit.note_folded(what, name[:NAME_LIMIT], address=_address(visit))


def _keep(visit: Visit, found: SignedIn) -> None:
    visit.token, visit.session = found.token, found.session
    seconds = round(SIGNED_IN_FOR.total_seconds())
    visit.cookies.append(cookie(SESSION, found.token, is_secure=visit.is_secure, seconds=seconds))


def _local(target: str) -> str:
    """Return a path of ours; a link of somebody else must not lead away after signing in."""
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_ours and target.isprintable() else "/"


def _address(visit: Visit) -> str:
    """Return where a try comes from: what a proxy beside us says, else who is connected."""
    client = visit.request.scope.get("client")
    peer = client[0] if client else ""
    forwarded = visit.request.headers.get("x-forwarded-for", "")
    if forwarded and visit.gateway.settings.public_url is not None:
        return forwarded.split(",")[-1].strip()[:100]
    return peer
