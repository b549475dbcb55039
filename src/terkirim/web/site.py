"""What every page goes through: who asks, may they, is the form ours, and what if it breaks."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import HTTPRouteHandler, get, post

from terkirim.access.roles import OPERATOR, VIEWER, may_act
from terkirim.access.sign_in import form_token
from terkirim.compose import Gateway
from terkirim.domain.phrase import phrase
from terkirim.language import speak
from terkirim.web.cookies import LANGUAGE, SESSION, THEME, cookie, is_own_origin, is_secure
from terkirim.web.errors import error_page
from terkirim.web.files import Files
from terkirim.web.forms import sent
from terkirim.web.lines import Lines
from terkirim.web.pulse import Pulse
from terkirim.web.rendering import Templates
from terkirim.web.speaking import language_of
from terkirim.web.visit import HTML, Denied, Http, Visit

THEMES = ("auto", "light", "dark")
LARGEST_FORM = 100_000  # bytes
Answer = Callable[[Visit], Awaitable[Response[Any]]]


class Site:
    """Makes handlers out of pages."""

    def __init__(self, gateway: Gateway, files: Files) -> None:
        self.gateway = gateway
        self.files = files
        self._templates = Templates(files)
        self.pulse = Pulse(gateway)
        self.lines = Lines()

    def get(self, path: str, *, role: str | None = VIEWER) -> Callable[[Answer], HTTPRouteHandler]:
        """Return a decorator that makes a page; `role` None: for everybody."""

        def decorated(answer: Answer) -> HTTPRouteHandler:
            async def handle(request: Request[Any, Any, Any]) -> Response[Any]:
                return await self._answered(request, answer, role)

            return get(path)(handle)

        return decorated

    def post(
        self, path: str, *, role: str | None = OPERATOR, most_bytes: int | None = None
    ) -> Callable[[Answer], HTTPRouteHandler]:
        """Return a decorator that makes a change; its form must be ours. `role` as in `get`.

        `most_bytes` is for a form that takes files; None: it takes none, and is short.
        """

        def decorated(answer: Answer) -> HTTPRouteHandler:
            async def checked(visit: Visit) -> Response[Any]:
                takes_files = most_bytes is not None
                await self._read_form(visit, needs_token=role is not None, takes_files=takes_files)
                response = await answer(visit)
                self.pulse.forget()
                return response

            async def handle(request: Request[Any, Any, Any]) -> Response[Any]:
                return await self._answered(request, checked, role)

            most = LARGEST_FORM if most_bytes is None else most_bytes
            return post(path, status_code=200, request_max_body_size=most)(handle)

        return decorated

    def error(self, request: Http, error: Exception) -> Response[Any]:
        """Return the page for an error that no page met, such as a body that is too large."""
        visit = self.visit(request)
        if isinstance(error, MethodNotAllowedException) and request.method == "GET":
            # Somebody came back to the address of a form, by a reload or by their history.
            return self._finished(
                visit, visit.go("/" if visit.place == visit.path else visit.place)
            )
        return self._finished(visit, error_page(visit, error))

    def visit(self, request: Http) -> Visit:
        """Return who asks, and how they want to be spoken to."""
        settings, cookies, headers = self.gateway.settings, request.cookies, request.headers
        query = dict(request.query_params.items())
        language, is_chosen = language_of(
            query,
            cookies.get(LANGUAGE),
            headers.get("accept-language", ""),
            usual=self.gateway.desk.choices.manners.say.language,
        )
        secure = is_secure(headers, scheme=request.scope["scheme"], public_url=settings.public_url)
        wishes = (query.get("theme"), cookies.get(THEME), THEMES[0])
        visit = Visit(
            request=request,
            gateway=self.gateway,
            templates=self._templates,
            say=speak(language),
            theme=next(one for one in wishes if one in THEMES),
            is_secure=secure,
            token=cookies.get(SESSION, ""),
        )
        if is_chosen:
            visit.cookies.append(cookie(LANGUAGE, language, is_secure=secure))
        if query.get("theme") in THEMES:
            visit.cookies.append(cookie(THEME, visit.theme, is_secure=secure))
        return visit

    async def _answered(self, request: Http, answer: Answer, role: str | None) -> Response[Any]:
        visit = self.visit(request)
        try:
            if visit.token:
                visit.session = await self.gateway.desk.sign_in.who(visit.token)
            if role is not None:
                if visit.session is None:
                    return self._finished(visit, _to_sign_in(visit))
                refuse_role(visit, role)
                visit.health = await self.pulse.health()
            response = await answer(visit)
        except Exception as error:  # noqa: BLE001 - each has its page
            response = error_page(visit, error)
        return self._finished(visit, response)

    async def _read_form(self, visit: Visit, *, needs_token: bool, takes_files: bool) -> None:
        headers = visit.request.headers
        if not is_own_origin(headers, public_url=self.gateway.settings.public_url):
            raise _not_ours()
        try:
            form = await sent(visit.request, takes_files=takes_files)
        except ValueError:
            raise _not_ours() from None
        visit.form, visit.files = form.fields, form.files
        if needs_token and visit.form.get("csrf") != form_token(visit.token):
            raise _not_ours()

    @staticmethod
    def _finished(visit: Visit, response: Response[Any]) -> Response[Any]:
        for one in visit.cookies:
            response.set_cookie(one)
        return response


def _not_ours() -> Denied:
    return Denied(
        403,
        phrase("This form was not sent by a page of this dashboard, or the page is too old."),
        phrase("Open the page again, and send the form from there."),
    )


def refuse_role(visit: Visit, role: str) -> None:
    """End the request where the reader's role does not include another one."""
    if not may_act(visit.role, role):
        raise Denied(
            403,
            phrase("Your role, {role}, may not do this.", role=visit.role),
            phrase("Ask an admin: roles are given under Settings."),
        )


def _to_sign_in(visit: Visit) -> Response[Any]:
    request = visit.request
    if request.method != "GET" or visit.is_partial:
        target = "/login"
    else:
        target = f"/login?{urlencode({'next': visit.href()})}" if visit.href() != "/" else "/login"
    if visit.is_partial:
        return Response(b"", status_code=200, media_type=HTML, headers={"hx-redirect": target})
    return Response(b"", status_code=303, media_type=HTML, headers={"location": target})
