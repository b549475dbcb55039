"""The people who can sign in: added, given another role or password, removed."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.access.password_rule import fault_in
from terkirim.access.roles import ADMIN, ROLES, VIEWER
from terkirim.domain.errors import NotFound
from terkirim.domain.phrase import Phrase, phrase
from terkirim.ports.people import User
from terkirim.web.pages.entry import account_fault
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

Page = Callable[..., Awaitable[Response[Any]]]
_PEOPLE = "/settings?tab=people"


def routes(site: Site, page: Page) -> list[HTTPRouteHandler]:
    """Return the handlers; `page` renders the settings."""
    return [*_adding(site, page), *_changing(site), *_own_password(site, page)]


def _adding(site: Site, page: Page) -> list[HTTPRouteHandler]:
    desk = site.gateway.desk

    @site.post("/settings/people", role=ADMIN)
    async def add(visit: Visit) -> Response[Any]:
        name, role = visit.form.get("name", "").strip(), visit.form.get("role", "")
        fault, bad_field = account_fault(name, visit.form.get("password", ""))
        if fault is None and role not in ROLES:
            fault, bad_field = phrase("Choose one of the roles."), "role"
        if fault is None and not await desk.sign_in.add(
            name, visit.form["password"], role=role, email=""
        ):
            fault, bad_field = phrase("Somebody is called {name} already.", name=name), "name"
        if fault is not None:
            said = {"fault": fault, "bad_field": bad_field, "form": {"name": name, "role": role}}
            return await page(site, visit, tab="people", status=422, **said)
        await visit.note("user added", name, role=role)
        return visit.go(_PEOPLE, visit.say("{name} can sign in now.", name=name))

    return [add]


def _changing(site: Site) -> list[HTTPRouteHandler]:
    desk = site.gateway.desk

    @site.post("/settings/people/{user_id:str}/role", role=ADMIN)
    async def change_role(visit: Visit) -> Response[Any]:
        user, role = await _person(site, visit), visit.form.get("role", "")
        if role not in ROLES:
            raise _wrong(phrase("Choose one of the roles."))
        if not await desk.accounts.set_role(user.id, role):
            raise _last_admin()
        await visit.note("role changed", user.name, role=role)
        says = visit.say("{name} has the role {role} now.", name=user.name, role=role)
        return visit.go(_PEOPLE, says)

    @site.post("/settings/people/{user_id:str}/password", role=ADMIN)
    async def change_password(visit: Visit) -> Response[Any]:
        user, password = await _person(site, visit), visit.form.get("password", "")
        fault = fault_in(password, name=user.name)
        if fault is not None:
            raise _wrong(fault)
        own = "" if visit.session is None else visit.session.hash
        await desk.sign_in.change_password(user.id, password, but=own)
        await visit.note("password changed", user.name)
        says = visit.say("{name} has another password, and must sign in again.", name=user.name)
        return visit.go(_PEOPLE, says)

    @site.post("/settings/people/{user_id:str}/remove", role=ADMIN)
    async def remove(visit: Visit) -> Response[Any]:
        user = await _person(site, visit)
        if not await desk.accounts.drop_user(user.id):
            raise _last_admin()
        await visit.note("user removed", user.name)
        says = visit.say("{name} is removed, and signed out everywhere.", name=user.name)
        return visit.go(_PEOPLE, says)

    return [change_role, change_password, remove]


def _own_password(site: Site, page: Page) -> list[HTTPRouteHandler]:
    desk = site.gateway.desk

    @site.post("/settings/password", role=VIEWER)
    async def own_password(visit: Visit) -> Response[Any]:
        assert visit.session is not None  # noqa: S101 - every role has one
        user, password = visit.session.user, visit.form.get("password", "")
        fault, bad_field = fault_in(password, name=user.name), "password"
        if fault is None and not await desk.sign_in.is_password(
            user, visit.form.get("current", "")
        ):
            fault, bad_field = phrase("The present password is not right."), "current"
        if fault is not None:
            said = {"fault": fault, "bad_field": bad_field}
            return await page(site, visit, tab="you", status=422, **said)
        await desk.sign_in.change_password(user.id, password, but=visit.session.hash)
        await visit.note("password changed", user.name)
        says = visit.say("Your password is changed; other browsers are signed out.")
        return visit.go("/settings?tab=you", says)

    return [own_password]


async def _person(site: Site, visit: Visit) -> User:
    wanted = visit.request.path_params["user_id"]
    for user in await site.gateway.desk.users.users():
        if user.id == wanted:
            return user
    raise NotFound("there is no such person")


def _wrong(fault: Phrase) -> Denied:
    return Denied(422, fault, phrase("Go back, put it right, and send it again."))


def _last_admin() -> Denied:
    return Denied(
        409,
        phrase("This is the last admin who can sign in."),
        phrase("Make somebody else an admin first."),
    )
