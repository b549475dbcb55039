"""Channels by URL: read with their levels, checked by name, never shown with their secrets."""

from datetime import UTC, datetime

import pytest

from terkirim.alerts.channels import all_channels, channels_in, masked, refuse_unknown
from terkirim.domain.alert import Severity
from terkirim.ports.people import User

TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12345"


def user(name="budi", url=TELEGRAM, role="admin"):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return User(id=name, name=name, email="a@b.co", role=role, created_at=now, alert_url=url)


def test_addresses_have_commas_between_and_a_level_before_them_where_wanted():
    text = f"{TELEGRAM}, critical|json://host/a,b , WARNING|mailto://u:p@h.co?to=a@b.co,c@d.co,"
    channels = channels_in(text)
    assert [(one.url, one.lowest) for one in channels] == [
        (TELEGRAM, Severity.INFO),
        ("json://host/a,b", Severity.CRITICAL),
        ("mailto://u:p@h.co?to=a@b.co,c@d.co", Severity.WARNING),
    ]


def test_a_channel_is_named_by_its_place_and_shows_no_secret():
    (one,) = channels_in(f"critical|{TELEGRAM}")
    assert one.shown == "1: tgram://***"
    assert "abcdefg" not in f"{one!r} {one.key}"
    assert one.key == channels_in(TELEGRAM)[0].key  # a level more or less is the same channel


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense-s3cret", "address 1 is no Apprise URL"),
        ("loud|json://s3cret/x", r"address 1 \(json://\*\*\*\): `loud` is no level"),
        ("", "address 1"),
    ],
)
def test_what_is_no_address_is_refused_by_its_place(text, says):
    with pytest.raises(ValueError, match=says) as caught:
        channels_in(text)
    assert "s3cret" not in str(caught.value)


def test_a_kind_that_apprise_does_not_know_is_refused_by_name_without_its_secret():
    with pytest.raises(ValueError, match=r"2: pigeon://\*\*\*.*no kind") as caught:
        refuse_unknown(channels_in(f"{TELEGRAM},pigeon://s3cret/coop"))
    assert "s3cret" not in str(caught.value)


def test_an_address_that_misses_a_part_is_refused():
    with pytest.raises(ValueError, match="misses a part"):
        refuse_unknown(channels_in("tgram://x"))


def test_every_admin_has_a_channel_of_their_own_and_none_is_told_twice():
    reader = user("didi", "json://d/x", "viewer")
    users = [user("ani", "json://host/ani"), user("budi"), user("cici", None), reader]
    channels, faults = all_channels(TELEGRAM, users)
    assert [one.shown for one in channels] == ["1, budi: tgram://***", "ani: json://***"]
    assert faults == []


@pytest.mark.parametrize(
    ("listed", "own", "lowest"),
    [
        ("critical|json://host/x", "warning|json://host/x", Severity.WARNING),
        ("warning|json://host/x", "critical|json://host/x", Severity.WARNING),
        ("critical|json://host/x", "json://host/x", Severity.INFO),
        ("json://host/x,emergency|json://host/x", "critical|json://host/x", Severity.INFO),
    ],
)
def test_a_channel_that_stands_twice_hears_what_any_of_its_owners_wants(listed, own, lowest):
    (channel,), faults = all_channels(listed, [user("ani", own)])
    assert (channel.lowest, channel.url, faults) == (lowest, "json://host/x", [])
    assert channel.shown.endswith(", ani: json://***")


def test_a_channel_that_cannot_be_read_does_not_silence_the_others():
    channels, faults = all_channels(f"{TELEGRAM},loud|json://s3cret/x", [user("eko", "s3cret")])
    assert [one.shown for one in channels] == ["1: tgram://***"]
    assert len(faults) == 2
    assert "s3cret" not in " ".join(faults)
    assert all_channels("", []) == ([], [])


def test_no_part_of_an_address_is_left_in_a_text():
    url = "https://user%40x:pass-word@host.example/hook/tok%2Fen?key=v4lue"
    text = f"POST {url} failed: pass-word, user@x, tok/en, v4lue, host.example, hook"
    told = masked(text, url)
    for secret in ("pass-word", "user@x", "tok/en", "v4lue", "host.example"):
        assert secret not in told
    assert told.startswith("POST")
