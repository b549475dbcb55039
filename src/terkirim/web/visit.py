"""One request of one reader: who it is, what is asked, in which language, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Request, Response
from litestar.datastructures import Cookie

from terkirim.access.roles import ADMIN, OPERATOR, may_act
from terkirim.access.sign_in import form_token
from terkirim.compose import Gateway
from terkirim.domain.alert import Activity
from terkirim.domain.phrase import Phrase
from terkirim.language import Voice
from terkirim.ports.access import Session
from terkirim.reports.causes import told
from terkirim.web.cookies import NOTICE, cookie, notice_in, notice_text
from terkirim.web.moments import Moments
from terkirim.web.places import base_url
from terkirim.web.rendering import Templates
from terkirim.web.texts import masked, without_addresses

Http = Request[Any, Any, Any]
HTML = "text/html"
_SEEN_ONLY = ("lang", "theme")  # parameters that mean the reader, not the page


@dataclass(slots=True, kw_only=True)
class Visit:
    """What a page is told of its request.

    `form` and `files` are empty unless something is to be changed. `token` is what the browser's
    session cookie holds, "" for nobody. `health` is what the strip on top of every page says, None
    where nobody is signed in.
    """

    request: Http
    gateway: Gateway
    templates: Templates
    say: Voice
    theme: str
    is_secure: bool
    token: str = ""
    session: Session | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    health: Any = None
    cookies: list[Cookie] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The address that was asked for, without its query."""
        return self.request.scope["path"]

    @property
    def place(self) -> str:
        """The page that an address belongs to: where a change was asked for, there is no page."""
        return f"/{self.path.split('/', 2)[1]}"

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the address; of one that is repeated, the last."""
        return dict(self.request.query_params.items())

    @property
    def is_partial(self) -> bool:
        """True where a script asks for a part of the page."""
        return "hx-request" in self.request.headers

    @property
    def name(self) -> str:
        """The name of who is signed in, "" for nobody."""
        return "" if self.session is None else self.session.user.name

    @property
    def role(self) -> str:
        """What the reader may do, "" for nobody."""
        return "" if self.session is None else self.session.user.role

    @property
    def is_operator(self) -> bool:
        """True for who may change mail and providers."""
        return may_act(self.role, OPERATOR)

    @property
    def is_admin(self) -> bool:
        """True for who may change keys and people."""
        return may_act(self.role, ADMIN)

    @property
    def is_masked(self) -> bool:
        """True where addresses and contents are not shown to this reader."""
        return self.gateway.settings.mask_addresses and not self.is_operator

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.gateway.clock.now()

    @property
    def moments(self) -> Moments:
        """Writes instants for this reader."""
        return Moments(self.say, zone=self.zone, now=self.gateway.clock.now)

    @property
    def zone(self) -> ZoneInfo:
        """Whose clock times are told by."""
        return self.gateway.desk.choices.manners.zone

    def may(self, role: str) -> bool:
        """Return whether the reader's role includes another one."""
        return may_act(self.role, role)

    def at(self, address: str) -> str:
        """Return an address as this reader may see it."""
        return masked(address) if self.is_masked else address

    def hidden(self, text: str, *addresses: str) -> str:
        """Return a text as this reader may see it."""
        return without_addresses(text, *addresses) if self.is_masked else text

    def reason(self, text: str, *addresses: str) -> str:
        """Return why a message waits or ended, in words for this reader."""
        return self.hidden(self.say(told(text)), *addresses)

    def page(self, template: str, /, *, status: int = 200, **values: Any) -> Response[bytes]:
        """Return a page, or a part of one."""
        notice = notice_in(self.request.cookies)
        if notice and not self.is_partial:
            self.cookies.append(cookie(NOTICE, "", is_secure=self.is_secure, seconds=0))
        given = self._given() | {"notice": "" if self.is_partial else notice} | values
        content = self.templates.fill(template, given)
        return Response(content, status_code=status, media_type=HTML)

    def part(self, template: str, /, **values: Any) -> str:
        """Return a part of a page as text, for one that is open."""
        return self.templates.fill(template, self._given() | values).decode()

    def go(self, path: str, says: str = "") -> Response[bytes]:
        """Return the way to another page, on which a sentence tells what was done."""
        if says:
            self.cookies.append(
                cookie(NOTICE, notice_text(says), is_secure=self.is_secure, seconds=60)
            )
        header = "hx-redirect" if self.is_partial else "location"
        status = 200 if self.is_partial else 303
        return Response(b"", status_code=status, media_type=HTML, headers={header: path})

    def href(self, **changes: str | None) -> str:
        """Return this page's address with some parameters changed, or (None) left out."""
        kept = {name: value for name, value in self.query.items() if name not in _SEEN_ONLY}
        query = {name: value for name, value in (kept | changes).items() if value is not None}
        path = self.path if self.request.method == "GET" else self.place
        return f"{path}?{urlencode(query)}" if query else path

    async def note(self, what: str, subject: str = "", **facts: Any) -> None:
        """Keep in the activity log what this reader did."""
        activity = Activity(at=self.now, who=self.name, what=what, subject=subject, facts=facts)
        await self.gateway.desk.activity.note(activity)

    async def note_folded(self, what: str, subject: str, **facts: Any) -> None:
        """Keep what may come often: within an hour it is one row that counts."""
        activity = Activity(at=self.now, who=self.name, what=what, subject=subject, facts=facts)
        await self.gateway.desk.activity.note(activity, is_folded=True)

    def _given(self) -> dict[str, Any]:
        moments = self.moments
        return {
            "visit": self,
            "say": self.say,
            "many": self.say.many,
            "number": self.say.number,
            "span": self.say.span,
            "at": self.at,
            "moments": moments,
            "now": self.now,
            "csrf": form_token(self.token) if self.token else "",
            "health": self.health,
            "is_sandbox": self.gateway.is_sandbox,
            "base_url": base_url(self.gateway.settings),
        }


@dataclass(frozen=True, slots=True)
class Denied(Exception):  # noqa: N818 - it ends a request, it is no fault of ours
    """Ends a request: `status`, what is the matter, and what the reader can do about it."""

    status: int
    says: Phrase
    mends: Phrase
