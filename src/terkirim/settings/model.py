"""Every setting: its name, its default as people would write it, and what it means.

The descriptions are the table of docs/settings.md.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, AliasGenerator, Field, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from terkirim.content.signed_urls import KEY_BYTES
from terkirim.domain.email import DEFAULT_ROUTE, Address, IfUnclear
from terkirim.settings.secret import Secret
from terkirim.settings.sources import ConfigFile, Environment
from terkirim.settings.values import (
    WORD,
    AlertUrls,
    AnySecret,
    ApiRate,
    Database,
    EmailAddress,
    HeaderText,
    Key,
    Names,
    Proxy,
    RateText,
    Routes,
    Size,
    Span,
    Spans,
    Tail,
    WebAddress,
    Zone,
)
from terkirim.store.addresses import shown

PREFIX = "TERKIRIM_"
_OTHERS = ("mailketing_", "cron_")  # names that existing users have
_SHORTEST_LEASE = timedelta(seconds=4)
_SHORTEST_CHECK = timedelta(minutes=1)
_LONGEST_LEAD = timedelta(days=30)


def _variable(field_name: str) -> str:
    return field_name.upper() if field_name.startswith(_OTHERS) else PREFIX + field_name.upper()


def _setting(default: str | None, meaning: str, **rules: Any) -> Any:
    return Field(default, description=meaning, validate_default=True, **rules)


class Settings(BaseSettings):
    """All settings, checked. Fields are named as their variables, less the prefix `TERKIRIM_`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        case_sensitive=True,
        env_prefix=PREFIX,
        env_ignore_empty=True,
        dotenv_filtering="only_existing",
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
        alias_generator=AliasGenerator(validation_alias=_variable),
    )

    database: Database = _setting(
        "sqlite:///terkirim.db", "`sqlite:///FILE`, or `postgresql://user@host/database`"
    )
    api_key: Key | None = _setting(
        None, "a key with every scope, in force while it stands here; none: one is made"
    )
    signing_key: AnySecret | None = _setting(
        None, "signs links to attachments, 16 bytes or more; none: one is made and kept"
    )
    host: str = _setting("127.0.0.1", "the address that `serve` listens on", min_length=1)
    port: int = _setting("8625", "the port that `serve` listens on", ge=0, le=65_535)
    public_url: WebAddress | None = _setting(
        None, "where the outside reaches this gateway; attachments travel as links to it"
    )
    time_zone: Zone = _setting("Asia/Jakarta", "whose midnight ends a day")
    language: Annotated[Literal["id", "en"], WORD] = _setting(
        "id", "what people are answered in: `id` or `en`"
    )
    mask_addresses: bool = _setting(
        "true", "hide addresses and contents from people with the role `viewer`"
    )

    mailketing_api_key: Key | None = _setting(
        None, "the provider's key; none: sandbox mode, nothing is really sent"
    )
    mailketing_api_url: WebAddress = _setting(
        "https://api.mailketing.co.id/api", "a path ending in `/v1` or `/v2` chooses the version"
    )
    mailketing_api_version: int = _setting(
        "1", "`1` or `2`, where the address does not say it", ge=1, le=2
    )
    mailketing_from_email: EmailAddress | None = _setting(None, "the default sender's address")
    mailketing_from_name: HeaderText = _setting("", "the default sender's name")
    mailketing_collapse_newlines: bool = _setting(
        "false", "send HTML without line breaks, for accounts whose v1 garbles them"
    )
    mailketing_webhook_secret: AnySecret | None = _setting(
        None,
        "the secret in the address of the provider's callbacks; none: they are refused",
        validation_alias=AliasChoices("MAILKETING_WEBHOOK_SECRET", "MAILKETING_WEBHOOK_TOKEN"),
    )
    cron_secret: AnySecret | None = _setting(None, "opens `/api/cron/*`")
    proxy: Proxy | None = _setting(None, "the proxy towards providers; none: `*_PROXY` is ignored")

    route: Names | None = _setting(
        None, "providers in their order; none: `mailketing`, or `sandbox` without its key"
    )
    routes: Routes = _setting(
        "", "further routes by name: `otp=mailketing,sandbox;news=mailketing`"
    )
    fetch: Annotated[Literal["public", "any", "off"], WORD] = _setting(
        "public", "attachments given as `path`: fetched from `public` addresses, `any`, or `off`"
    )
    webhook_reach: Annotated[Literal["public", "any"], WORD] = _setting(
        "public", "webhooks go to `public` addresses by https, or to `any`, also of your network"
    )
    not_carried: Annotated[Literal["refuse", "warn"], WORD] = _setting(
        "refuse", "what becomes of mail that no provider carries whole: `refuse` or `warn`"
    )
    on_invalid_key: Annotated[Literal["hold", "sandbox"], WORD] = _setting(
        "hold", "`hold` the mail until the key is put right, or go on in `sandbox` mode, loudly"
    )

    retry_waits: Spans = _setting("2s,6s,18s", "waits before the first retries")
    retry_tail: Tail = _setting(
        "1m,5m,15m,1h,2h,4h", "waits after them, the last one repeated; `off` gives up"
    )
    retry_for: Span = _setting("24h", "the sum of waits after which a message is given up")
    retry_jitter: float = _setting("0.2", "the share by which a wait may grow", ge=0, le=10)
    unclear_wait: Span = _setting("60s", "how long mail that may have been sent waits for an event")
    if_unclear: Annotated[IfUnclear, WORD] = _setting("resend", "then: `resend` or `hold`")
    pause_probe: Span = _setting("60s", "how often a paused provider is asked again")
    breaker_after: int = _setting("20", "faults in a row that shut a provider", ge=1)
    breaker_cool_down: Span = _setting("30s", "for how long, doubling to 5m")
    rate: RateText | None = _setting(
        None,
        "requests to a provider at most, such as `10/s,400/d`; `s` is spread over the second, "
        "`m` and `h` may burst, `d` is a calendar day",
    )

    alert_urls: AlertUrls | None = _setting(
        None, "where alerts go: Apprise URLs with commas between, see Alerts below"
    )
    credits_every: Span = _setting("1h", "how often the balance is read")
    credits_warning: int = _setting("50000", "credits at which the level is `warning`", ge=0)
    credits_critical: int = _setting("10000", "credits at which it is `critical`", ge=0)
    credits_emergency: int = _setting(
        "1000", "credits at which it is `emergency`: the rest is kept for high priority", ge=0
    )
    credits_lead: Span = _setting("3d", "how long before the credits may run out it is told")
    credits_bounce: int = _setting("30", "credits that a bounce costs beside its mail", ge=0)

    concurrency: int = _setting("200", "requests in the air at once", ge=1, le=10_000)
    lease: Span = _setting("120s", "how long a worker may hold a message")
    timeout: Span = _setting("30s", "how long one request may take, at most half a lease")
    grace: Span = _setting("25s", "how long a stop waits for what is in the air")
    api_rate: ApiRate = _setting(
        "20000/s", "requests that one API key may make to one process, such as `100/s`; or `off`"
    )
    max_body: Size = _setting("40MB", "the largest request that is read")
    min_free_disk: Size = _setting("200MB", "below it new mail is refused with 503")
    keep_content: Span = _setting("30d", "how long content is kept after an email's last message")
    keep_messages: Span = _setting("400d", "how long messages and their history are kept")

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - pydantic-settings' own signature
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours reads X_FILE too
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - one file a secret
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from, the strongest first: arguments, environment, file."""
        config = getattr(dotenv_settings, "env_file", None)
        return init_settings, Environment(settings_cls), ConfigFile(settings_cls, env_file=config)

    @property
    def default_sender(self) -> Address | None:
        """The sender of mail that names none."""
        if self.mailketing_from_email is None:
            return None
        return Address(self.mailketing_from_email, self.mailketing_from_name)

    def api_key_now(self) -> str | None:
        """Return the gateway's key as its setting, or its file, has it now."""
        return None if self.api_key is None else self.api_key.read()

    @property
    def providers_by_route(self) -> dict[str, tuple[str, ...]]:
        """Every route that mail may name, with its providers in their order."""
        usual = "sandbox" if self.mailketing_api_key is None else "mailketing"
        return {DEFAULT_ROUTE: self.route or (usual,), **self.routes}

    @property
    def database_shown(self) -> str:
        """The database's address without its password."""
        return shown(self.database.read())

    @field_validator("signing_key")
    @classmethod
    def _long_enough(cls, value: Secret | None) -> Secret | None:
        if value is not None and len(value.read().encode()) < KEY_BYTES:
            raise ValueError(f"must be at least {KEY_BYTES} bytes long")
        return value

    @field_validator("route", "routes")
    @classmethod
    def _with_its_key(cls, value: Any, found: ValidationInfo) -> Any:
        named = _providers_in(value)
        faults = _unknown_providers(named)
        # A key that is wrong stands in no `data`: its own fault is enough.
        if "mailketing" in named and found.data.get("mailketing_api_key", "") is None:
            faults.append("names mailketing, but MAILKETING_API_KEY is not set")
        if faults:
            raise ValueError("; ".join(faults))
        return value

    @field_validator("lease")
    @classmethod
    def _long_lease(cls, value: timedelta) -> timedelta:
        if value < _SHORTEST_LEASE:
            raise ValueError("must be at least 4s, so that a request fits into half of it")
        return value

    @field_validator("credits_critical", "credits_emergency")
    @classmethod
    def _below_the_level_before(cls, value: int, found: ValidationInfo) -> int:
        before = "credits_warning" if found.field_name == "credits_critical" else "credits_critical"
        if value >= found.data.get(before, value + 1):
            raise ValueError(f"must be less than {_variable(before)}")
        return value

    @field_validator("credits_every")
    @classmethod
    def _not_too_often(cls, value: timedelta) -> timedelta:
        if value < _SHORTEST_CHECK:
            raise ValueError("must be at least 1m: each check is a request to the provider")
        return value

    @field_validator("credits_lead")
    @classmethod
    def _not_too_far(cls, value: timedelta) -> timedelta:
        if value > _LONGEST_LEAD:
            raise ValueError("must be at most 30d: nobody knows what is further away")
        return value


def _unknown_providers(named: set[str]) -> list[str]:
    if not named:
        return []
    from terkirim.providers.registry import NAMES  # what sends is slow to load, and seldom named

    return [
        f"there is no provider `{one}`; known: {', '.join(NAMES)}"
        for one in sorted(named.difference(NAMES))
    ]


def _providers_in(value: tuple[str, ...] | dict[str, tuple[str, ...]] | None) -> set[str]:
    match value:
        case None:
            return set()
        case dict():
            return {name for names in value.values() for name in names}
    return set(value)
