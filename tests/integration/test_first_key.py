"""The first key: made once, shown to a person or left for the owner, never in the log."""

import json
import stat

import pytest
import structlog
from structlog.testing import capture_logs

from terkirim.access.kept import write_for_owner
from terkirim.access.keys import hash_of
from terkirim.access.setting_key import NAME
from terkirim.compose import Gateway
from terkirim.serve import configure_logs, first_admin, first_key
from terkirim.settings import Secret
from tests.integration.door import KEY, Door


@pytest.fixture
def opening(tmp_path):
    return lambda **given: Gateway.open(work=False, database=f"sqlite:///{tmp_path}/k.db", **given)


async def test_without_a_terminal_it_stands_in_a_file_for_its_owner_only(opening, tmp_path, capsys):
    async with opening() as gateway:
        with capture_logs() as told:
            await first_key(gateway)
        path = tmp_path / "k.db.api-key"
        key = path.read_text().strip()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        row = await gateway.store.find_key(hash_of(key))
        assert row.scopes == {"send", "read", "admin"}
        assert [one["path"] for one in told] == [str(path)]
        assert capsys.readouterr() == ("", "")
        assert key not in repr(told)


async def test_on_a_terminal_it_is_shown_and_left_nowhere(opening, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    async with opening() as gateway:
        await first_key(gateway)
        key = capsys.readouterr().err.rpartition(" ")[2].strip()
        assert await gateway.store.find_key(hash_of(key)) is not None
    assert not (tmp_path / "k.db.api-key").exists()


async def test_there_is_one_first_key_however_often_and_on_however_many_nodes(opening):
    async with opening() as gateway, opening() as other:
        await first_key(gateway)
        await first_key(other)
        await first_key(gateway)
        assert len(await gateway.store.keys()) == 1


async def test_a_key_of_the_settings_is_kept_and_no_other_is_made(opening, tmp_path):
    async with opening(api_key="tk_from_the_settings") as gateway:
        await first_key(gateway)
        await first_key(gateway)
        (row,) = await gateway.store.keys()
        assert row.hash == hash_of("tk_from_the_settings")
    assert not (tmp_path / "k.db.api-key").exists()


async def test_a_key_of_the_settings_that_was_revoked_stays_revoked(opening):
    async with opening(api_key="tk_from_the_settings") as gateway:
        await first_key(gateway)
        (row,) = await gateway.store.keys()
        await gateway.store.revoke_key(row.id, now=gateway.clock.now())
        await first_key(gateway)
        (row,) = await gateway.store.keys()
        assert row.revoked_at is not None


async def status_by(door, key):
    return (await door.call("GET", "/v1/emails", key=key)).status


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/k.db"
    return await request.getfixturevalue("postgres").database()


async def test_a_key_that_is_replaced_in_its_file_opens_nothing_and_the_new_one_does(
    database, tmp_path
):
    path = tmp_path / "key"
    path.write_text("tk_a\n")
    settings = {"work": False, "database": database, "api_key": Secret.from_file(path)}
    async with Gateway.open(**settings) as gateway:
        await first_key(gateway)
        door = await Door.to(gateway)
        assert (await status_by(door, "tk_a"), await status_by(door, "tk_b")) == (200, 403)
        write_for_owner(path, "tk_b")
        assert (await status_by(door, "tk_a"), await status_by(door, "tk_b")) == (403, 200)
        assert await status_by(door, KEY) == 200  # a key that was made is no affair of the file
        listed = (await door.call("GET", "/v1/api-keys")).json["data"]
        assert [one["name"] for one in listed].count(NAME) == 1
    settings["api_key"] = Secret.from_file(path)
    async with Gateway.open(**settings) as gateway:
        await first_key(gateway)
        door = Door(gateway)
        assert (await status_by(door, "tk_a"), await status_by(door, "tk_b")) == (403, 200)
        write_for_owner(path, "tk_a")
        assert (await status_by(door, "tk_a"), await status_by(door, "tk_b")) == (200, 403)


async def test_a_key_that_left_the_settings_opens_nothing_and_another_is_made(opening, tmp_path):
    async with opening(api_key="tk_from_the_settings") as gateway:
        await first_key(gateway)
    async with opening() as gateway:
        await first_key(gateway)
        door = Door(gateway)
        assert await status_by(door, "tk_from_the_settings") == 403
        made = (tmp_path / "k.db.api-key").read_text().strip()
        assert await status_by(door, made) == 200


async def test_a_revoked_key_of_the_settings_opens_nothing(opening):
    async with opening(api_key="tk_from_the_settings") as gateway:
        await first_key(gateway)
        (row,) = await gateway.store.keys()
        await gateway.store.revoke_key(row.id, now=gateway.clock.now())
        assert await status_by(Door(gateway), "tk_from_the_settings") == 403


async def test_no_other_key_gets_the_name_of_that_of_the_settings(opening):
    async with opening() as gateway:
        door = await Door.to(gateway)
        refused = await door.call("POST", "/v1/api-keys", {"name": NAME})
        assert (refused.status, refused.name) == (422, "validation_error")


async def test_a_start_on_a_terminal_shows_a_new_link_in_the_language_of_the_installation(
    opening, tmp_path, capsys, monkeypatch
):
    async with opening() as gateway:
        await first_admin(gateway)
        old = (tmp_path / "k.db.first-admin").read_text().strip().rpartition("=")[2]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    async with opening(language="id") as gateway:
        await first_admin(gateway)
        says, _, new = capsys.readouterr().err.strip().rpartition("=")
        assert says.startswith("Buat admin pertama dasbor (sekali pakai, hari ini): http://")
        assert new != old
        for one in (new, old):  # another node may have shown the one before
            assert await gateway.desk.sign_in.is_first(one)


async def test_once_somebody_can_sign_in_a_start_leaves_no_link(opening, tmp_path):
    async with opening() as gateway:
        await first_admin(gateway)
        path = tmp_path / "k.db.first-admin"
        link = path.read_text().strip().rpartition("=")[2]
        assert await gateway.desk.sign_in.enter_first(link, "ani", "kopi susu gula aren")
        await first_admin(gateway)
        assert not path.exists()
        assert not await gateway.desk.sign_in.is_first(link)


@pytest.fixture
def logging_as_served():
    before = structlog.get_config()
    yield configure_logs
    structlog.configure(**before)


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_traceback_in_the_log_shows_no_values(
    logging_as_served, capsys, monkeypatch, is_terminal
):
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    logging_as_served()
    try:
        _broken("tk_" + "hunter2")
    except RuntimeError:
        structlog.get_logger("x").exception("broke")
    printed = capsys.readouterr().out
    assert "RuntimeError: 10" in printed
    assert "tk_hunter2" not in printed
    if not is_terminal:
        (line,) = printed.splitlines()
        assert json.loads(line)["event"] == "broke"


def _broken(secret):
    raise RuntimeError(len(secret))
