"""Settings: where they come from, what is refused, and that no secret ever shows."""

import os
import pickle
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from terkirim.domain.email import Address, IfUnclear
from terkirim.domain.errors import ConfigError
from terkirim.settings import (
    Secret,
    Settings,
    language_as_far_as_known,
    load,
    unknown_variables,
)
from terkirim.settings.sources import is_secret, variables_of

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"
HUSH = "hush-hush-hush-hush"
FIRST, SECOND, THIRD = (timedelta(seconds=one) for one in (2, 6, 18))


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in [*os.environ]:
        if name.startswith(("TERKIRIM_", "MAILKETING_", "CRON_SECRET")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def faults_of(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load()
    return caught.value.faults


def test_the_defaults_are_the_documented_ones():
    settings = load()

    assert settings.database.read() == "sqlite:///terkirim.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 8625)
    assert settings.retry_waits == (FIRST, SECOND, THIRD)
    assert settings.retry_tail[-1] == timedelta(hours=4)
    assert settings.retry_for == timedelta(hours=24)
    assert settings.retry_jitter == 0.2
    assert settings.if_unclear is IfUnclear.RESEND
    assert settings.concurrency == 200
    assert settings.time_zone.key == "Asia/Jakarta"
    assert settings.rate is None
    assert settings.default_sender is None


def test_without_a_key_mail_goes_to_the_sandbox():
    assert load().providers_by_route == {"default": ("sandbox",)}
    assert load(mailketing_api_key="k").providers_by_route == {"default": ("mailketing",)}


def test_the_environment_is_read_in_all_its_forms(monkeypatch):
    monkeypatch.setenv("TERKIRIM_RETRY_WAITS", "1s, 500ms,1m 30s")
    monkeypatch.setenv("TERKIRIM_RETRY_TAIL", "off")
    monkeypatch.setenv("TERKIRIM_MAX_BODY", "2GiB")
    monkeypatch.setenv("TERKIRIM_RATE", "10/s,400/d")
    monkeypatch.setenv("TERKIRIM_IF_UNCLEAR", "Hold")
    monkeypatch.setenv("TERKIRIM_PUBLIC_URL", "https://mail.example.co.id/gate/")
    monkeypatch.setenv("TERKIRIM_ROUTES", "otp=mailketing,sandbox;news=sandbox")
    monkeypatch.setenv("MAILKETING_API_KEY", HUSH)
    monkeypatch.setenv("MAILKETING_FROM_EMAIL", "toko@contoh.co.id")
    monkeypatch.setenv("MAILKETING_FROM_NAME", "Toko Kita")
    monkeypatch.setenv("MAILKETING_WEBHOOK_TOKEN", HUSH)
    settings = load()

    assert settings.retry_waits == (
        timedelta(seconds=1),
        timedelta(milliseconds=500),
        timedelta(seconds=90),
    )
    assert settings.retry_tail == ()
    assert settings.max_body == 2 * 2**30
    assert settings.rate == "10/s,400/d"
    assert settings.if_unclear is IfUnclear.HOLD
    assert settings.public_url == "https://mail.example.co.id/gate"
    assert settings.default_sender == Address("toko@contoh.co.id", "Toko Kita")
    assert settings.mailketing_webhook_secret.read() == HUSH
    assert settings.providers_by_route == {
        "default": ("mailketing",),
        "otp": ("mailketing", "sandbox"),
        "news": ("sandbox",),
    }


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    monkeypatch.setenv("TERKIRIM_PORT", "")
    monkeypatch.setenv("MAILKETING_API_KEY", "")

    assert load().port == 8625
    assert load().mailketing_api_key is None


def test_an_argument_beats_the_environment_and_that_the_file(monkeypatch, tmp_path):
    config = tmp_path / "my.env"
    config.write_text("# ours\nTERKIRIM_PORT=1\nTERKIRIM_HOST='file'\nTERKIRIM_LANGUAGE=en\n")
    monkeypatch.setenv("TERKIRIM_CONFIG", str(config))
    monkeypatch.setenv("TERKIRIM_PORT", "2")
    monkeypatch.setenv("TERKIRIM_HOST", "environment")
    settings = load(port=3)

    assert (settings.port, settings.host, settings.language) == (3, "environment", "en")


def test_a_file_in_the_working_directory_is_found(tmp_path):
    (tmp_path / "terkirim.env").write_text("TERKIRIM_PORT=4\n")

    assert load().port == 4


@pytest.mark.parametrize(
    "line",
    [
        f"MAILKETING_API_KEY: {HUSH}",
        f"MAILKETING_API_KEY:{HUSH}",
        f"MAILKETING_API_KEY {HUSH}",
        f'MAILKETING_API_KEY="{HUSH}',
        f"={HUSH}",
        "MAILKETING_API_KEY",
    ],
)
def test_a_line_that_cannot_be_read_is_a_fault_beside_all_others(monkeypatch, caplog, line):
    text = f"# ours\n\nTERKIRIM_PORT=x\n  \n\n{line}\n"
    Path("c.env").write_text(text, "utf-8")
    faults = faults_of(monkeypatch, TERKIRIM_CONFIG="c.env", TERKIRIM_GRACE="x")

    assert faults[0] == "c.env: line 6 cannot be read; write NAME=value, and quotes in pairs"
    assert [one.partition(":")[0] for one in faults[1:]] == ["TERKIRIM_PORT", "TERKIRIM_GRACE"]
    assert HUSH not in "".join(faults)
    language_as_far_as_known()
    assert caplog.records == []  # python-dotenv has no word of its own


def test_what_can_be_read_of_a_file_is_read_as_before():
    lines = (
        "\ufeff# ours",
        "export TERKIRIM_PORT = 4 # a port",
        "TERKIRIM_GRACE=",
        "HOME_OF=/srv",
        'TERKIRIM_HOST="${HOME_OF}"',
        "MAILKETING_FROM_NAME='Toko # Kita'",
    )
    Path("terkirim.env").write_text("\n".join(lines), "utf-8")
    settings = load()

    assert (settings.port, settings.host) == (4, "/srv")
    assert settings.grace == timedelta(seconds=25)
    assert settings.mailketing_from_name == "Toko # Kita"


def test_a_file_that_is_no_text_is_refused_wherever_it_is_found():
    Path("terkirim.env").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match=r"terkirim\.env cannot be read: it is not UTF-8 text"):
        load()


def test_a_named_file_must_exist(monkeypatch):
    monkeypatch.setenv("TERKIRIM_CONFIG", "nowhere.env")

    with pytest.raises(ConfigError, match=r"TERKIRIM_CONFIG: the file nowhere\.env cannot be read"):
        load()


def test_all_faults_are_told_at_once_each_by_its_variable(monkeypatch):
    faults = faults_of(
        monkeypatch,
        TERKIRIM_RETRY_WAITS="2",
        TERKIRIM_PORT="x",
        TERKIRIM_TIME_ZONE="Asia/Jakata",
        CRON_SECRET_FILE="/nowhere",
        MAILKETING_API_VERSION="3",
        TERKIRIM_RATE="10 an hour",
    )

    assert [fault.partition(":")[0] for fault in faults] == [
        "TERKIRIM_PORT",
        "TERKIRIM_TIME_ZONE",
        "MAILKETING_API_VERSION",
        "CRON_SECRET",
        "TERKIRIM_RETRY_WAITS",
        "TERKIRIM_RATE",
    ]
    assert "did you mean Asia/Jakarta?" in faults[1]


def test_an_unknown_provider_is_told_by_its_setting_with_all_others(monkeypatch):
    faults = faults_of(
        monkeypatch,
        TERKIRIM_ROUTE="mailketing,nope",
        TERKIRIM_ROUTES="otp=sandbox,mailketng",
        TERKIRIM_GRACE="x",
    )

    known = "known: mailketing, sandbox"
    route, routes, grace = faults
    assert route.startswith(f"TERKIRIM_ROUTE: there is no provider `nope`; {known}; names mailketi")
    assert routes == f"TERKIRIM_ROUTES: there is no provider `mailketng`; {known}"
    assert grace.startswith("TERKIRIM_GRACE: ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TERKIRIM_DATABASE", "mysql://root@host/db", "must look like sqlite:///"),
        ("TERKIRIM_DATABASE", "sqlite://terkirim.db", "three slashes"),
        ("TERKIRIM_DATABASE", "terkirim.db", "must look like"),
        ("TERKIRIM_API_KEY", "two words", "without spaces"),
        ("TERKIRIM_SIGNING_KEY", "short", "at least 16 bytes"),
        ("TERKIRIM_PUBLIC_URL", "mail.example.id", "https://"),
        ("TERKIRIM_PUBLIC_URL", "https://user@mail.example.id", "without user"),
        ("TERKIRIM_PUBLIC_URL", "https://mail.example.id:99999", "https://"),
        ("TERKIRIM_PROXY", "proxy:3128", "http://proxy"),
        ("TERKIRIM_RETRY_FOR", "0s", "longer than nothing"),
        ("TERKIRIM_RETRY_FOR", "-2s", "no span of time"),
        ("TERKIRIM_RETRY_TAIL", "1m,", "no span of time"),
        ("TERKIRIM_RETRY_JITTER", "-1", "greater than or equal"),
        ("TERKIRIM_LEASE", "1s", "at least 4s"),
        ("TERKIRIM_ROUTE", "sandbox,sandbox", "twice"),
        ("TERKIRIM_ROUTE", "Sand Box", "no name"),
        ("TERKIRIM_ROUTE", "mailketing", "MAILKETING_API_KEY is not set"),
        ("TERKIRIM_ROUTES", "otp=mailketing", "MAILKETING_API_KEY is not set"),
        ("TERKIRIM_ROUTES", "otp", "must look like"),
        ("TERKIRIM_ROUTES", "a=sandbox;a=sandbox", "twice"),
        ("TERKIRIM_ROUTES", "default=sandbox", "TERKIRIM_ROUTE"),
        ("TERKIRIM_MAX_BODY", "forty", "number of bytes"),
        ("TERKIRIM_MAX_BODY", "4 potatoes", "number of bytes"),
        ("TERKIRIM_NOT_CARRIED", "drop", "'refuse' or 'warn'"),
        ("MAILKETING_FROM_EMAIL", "toko", "@-sign"),
        ("MAILKETING_FROM_NAME", "a\nb", "line break"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_right(monkeypatch, name, value, said):
    (fault,) = faults_of(monkeypatch, **{name: value})

    assert fault.startswith(f"{name}: ")
    assert said in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TERKIRIM_API_KEY", f"{HUSH} {HUSH}"),
        ("MAILKETING_API_KEY", f"{HUSH}\u00e9"),
        ("TERKIRIM_DATABASE", f"mysql://root:{HUSH}@host/db"),
        ("TERKIRIM_PROXY", f"ftp://root:{HUSH}@host"),
        ("CRON_SECRET", f"{HUSH}\n{HUSH}"),
    ],
)
def test_a_fault_never_shows_the_secret(monkeypatch, name, value):
    assert HUSH not in "".join(faults_of(monkeypatch, **{name: value}))


def test_a_secret_is_masked_wherever_it_could_appear():
    settings = load(
        api_key=HUSH, mailketing_api_key=HUSH, database=f"postgresql://me:{HUSH}@host/db"
    )
    shown = [
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        f"{settings.api_key:>40}",
        str(settings.api_key),
    ]

    assert HUSH not in "".join(shown)
    assert settings.api_key.read() == HUSH
    assert settings.database_shown == "postgresql://me@host/db"
    with pytest.raises(TypeError):
        pickle.dumps(settings.api_key)


def test_every_secret_can_come_from_a_file(monkeypatch, tmp_path):
    path = tmp_path / "secret"
    path.write_text(f"postgresql://{HUSH}\n")
    monkeypatch.setenv("TERKIRIM_DATABASE_FILE", str(path))
    monkeypatch.setenv("MAILKETING_WEBHOOK_TOKEN_FILE", str(path))
    settings = load()

    assert settings.database.read() == f"postgresql://{HUSH}"
    assert settings.mailketing_webhook_secret.read() == f"postgresql://{HUSH}"


def test_a_secret_may_come_from_a_file_that_the_config_names(tmp_path):
    (tmp_path / "key").write_text(HUSH)
    (tmp_path / "terkirim.env").write_text("MAILKETING_API_KEY_FILE=key\n")

    assert load().mailketing_api_key.read() == HUSH


def test_a_secret_set_twice_is_refused(monkeypatch, tmp_path):
    (tmp_path / "key").write_text(HUSH)
    (fault,) = faults_of(monkeypatch, CRON_SECRET="a", CRON_SECRET_FILE=str(tmp_path / "key"))

    assert fault.startswith("CRON_SECRET: is set itself and by a file")


def test_a_secret_follows_its_file_and_outlives_a_moment_without_it(tmp_path):
    path = tmp_path / "key"
    path.write_text("first\n")
    secret = Secret.from_file(path)
    assert secret.read() == "first"

    path.write_text("the second one\n")
    assert secret.read() == "the second one"

    path.write_text("")
    assert secret.read() == "the second one"
    path.unlink()
    assert secret.read() == "the second one"

    path.write_text("third\n")
    assert secret.read() == "third"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"a\nb", "more than one line"), (b"\xff", "not UTF-8")],
)
def test_a_file_without_one_line_of_text_is_refused(tmp_path, content, said):
    path = tmp_path / "key"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=said):
        Secret.from_file(path)


def test_a_program_may_give_values_of_their_own_types():
    settings = load(
        retry_waits=[timedelta(seconds=1)],
        retry_tail=(),
        retry_for=timedelta(hours=1),
        time_zone=ZoneInfo("Asia/Makassar"),
        routes={"otp": ("sandbox",)},
        route=["sandbox"],
        api_key=Secret(HUSH),
        proxy="http://proxy.example:3128",
        max_body=1_000,
        signing_key="x" * 16,
    )

    assert settings.retry_waits == (timedelta(seconds=1),)
    assert settings.time_zone.key == "Asia/Makassar"
    assert settings.providers_by_route == {"default": ("sandbox",), "otp": ("sandbox",)}
    assert settings.api_key == Secret(HUSH)
    assert settings.api_key != HUSH
    assert settings.proxy.read() == "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("retry_for", 30, "span of time"),
        ("retry_waits", [], "spans of time"),
        ("retry_waits", 2, "spans of time"),
        ("routes", ["otp"], "must look like"),
        ("route", 7, "names with commas"),
        ("api_key", 7, "one line of text"),
        ("if_unclear", 7, "'resend' or 'hold'"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused(field, value, said):
    with pytest.raises(ConfigError, match=said):
        load(**{field: value})


def test_a_secret_is_no_key_of_a_table():
    with pytest.raises(TypeError):
        hash(Secret(HUSH))


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        load().port = 1


def test_an_unknown_argument_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"prot: there is no such setting; `port`\?"):
        load(prot=1)


def test_unknown_variables_are_told_with_the_nearest_name(monkeypatch, tmp_path):
    monkeypatch.setenv("TERKIRIM_RETYR_FOR", "1h")
    monkeypatch.setenv("TERKIRIM_API_KEY_FILE", "known")
    monkeypatch.setenv("TERKIRIM_URL", "http://known")
    (tmp_path / "terkirim.env").write_text("TERKIRIM_ZZZZZZZZ=1\n")

    assert unknown_variables() == [
        "TERKIRIM_RETYR_FOR is not a setting and was ignored; did you mean TERKIRIM_RETRY_FOR?",
        "TERKIRIM_ZZZZZZZZ is not a setting and was ignored",
    ]


def test_the_documented_table_is_the_code():
    written = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]

    assert written == _rows(), "docs/settings.md wants this table:\n" + "\n".join(_rows())


def _rows() -> list[str]:
    return [_row(*variables_of(field), field=field) for field in Settings.model_fields.values()]


def _row(name: str, *others: str, field) -> str:
    also = "".join(f", also `{one}`" for one in others)
    default = f"`{field.default}`" if field.default else "none"
    mark = " 🔒" if is_secret(field) else ""
    return f"| `{name}`{also}{mark} | {default} | {field.description} |"
