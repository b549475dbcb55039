"""Two served gateways on one PostgreSQL, as processes of their own."""

import asyncio
import signal
import stat

import pytest

from tests.acceptance.conftest import Served

MAIL = {
    "from": "Toko <toko@example.com>",
    "to": "budi@example.com",
    "subject": "Halo",
    "html": "<p>x</p>",
}


@pytest.fixture
def pair(postgres, tmp_path):
    """Two nodes that were started at once, each in a folder of its own, without a key."""
    url = asyncio.run(postgres.empty_database())
    nodes = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        node = Served(folder, TERKIRIM_DATABASE=url)
        del node.env["TERKIRIM_API_KEY"]
        nodes.append(node)
    for node in nodes:
        node.spawn()
    for node in nodes:
        node.wait()
    yield nodes
    for node in nodes:
        node.stop()


def test_two_nodes_share_one_first_key_and_what_one_takes_the_other_sends(pair):
    files = [node.folder / "terkirim.api-key" for node in pair]
    (made,) = [file for file in files if file.exists()]
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert sorted(path.name for node in pair for path in node.folder.glob("*.api-key*")) == [
        "terkirim.api-key"
    ]
    key = made.read_text().strip()
    assert all(key not in (node.folder / "serve.log").read_text() for node in pair)

    one, other = pair
    _, sent = one.call("POST", "/v1/emails", MAIL, key=key)
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    status, email = other.call("GET", f"/v1/emails/{sent['id']}", key=key)
    assert (status, email["to"]) == (200, ["budi@example.com"])
    _, again = other.call("POST", "/v1/emails", MAIL, key=key)
    assert again["id"] != sent["id"]


def test_the_password_is_never_shown(postgres, tmp_path):
    url = f"postgresql://postgres:hush-hush@/nowhere?host={postgres.folder}"
    node = Served(tmp_path, TERKIRIM_DATABASE=url)
    node.spawn()
    assert node.process.wait(30) == 2
    log = (tmp_path / "serve.log").read_text()
    assert "has no such database" in log
    assert "hush-hush" not in log
    assert "Traceback" not in log
