"""What may be chosen at run time, and what holds: set, else kept, else the default."""

from zoneinfo import ZoneInfo

import pytest

from terkirim.language import speak
from terkirim.language.manners import Manners
from terkirim.settings import load
from terkirim.settings.choices import CHOICES, chosen, fault_in, open_choices, zone_names

JAKARTA, TOKYO = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Tokyo")


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("TERKIRIM_LANGUAGE", "TERKIRIM_TIME_ZONE", "TERKIRIM_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_what_nobody_set_may_be_chosen_and_an_empty_variable_sets_nothing(monkeypatch):
    assert open_choices(load()) == CHOICES
    monkeypatch.setenv("TERKIRIM_LANGUAGE", "")
    assert open_choices(load()) == CHOICES


@pytest.mark.parametrize("value", ["id", "en"], ids=["the default", "another value"])
def test_a_variable_closes_its_choice_whatever_its_value(monkeypatch, value):
    monkeypatch.setenv("TERKIRIM_LANGUAGE", value)
    assert open_choices(load()) == ("time_zone",)


def test_a_line_of_the_settings_file_closes_its_choice(tmp_path):
    (tmp_path / "terkirim.env").write_text("TERKIRIM_TIME_ZONE=Asia/Tokyo\n")
    settings = load()
    assert open_choices(settings) == ("language",)
    kept = {"language": "en", "time_zone": "Asia/Makassar"}
    assert chosen(settings, kept) == ("en", TOKYO)
    fault = fault_in(settings, "time_zone", "Asia/Makassar")
    assert speak("en")(fault) == "`TERKIRIM_TIME_ZONE` sets this: change it there."


@pytest.mark.parametrize(
    ("kept", "holds"),
    [
        ({}, ("id", JAKARTA)),
        ({"language": "en", "time_zone": "Asia/Tokyo"}, ("en", TOKYO)),
        ({"language": "fr"}, ("id", JAKARTA)),
        ({"time_zone": "Mars/Base"}, ("id", JAKARTA)),
        ({"time_zone": "/etc/passwd"}, ("id", JAKARTA)),
        ({"time_zone": "Asia"}, ("id", JAKARTA)),
        ({"time_zone": "x" * 9_999}, ("id", JAKARTA)),
        ({"time_zone": "a\0b"}, ("id", JAKARTA)),
        ({"time_zone": ""}, ("id", JAKARTA)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_kept_holds_where_it_is_known(kept, holds):
    assert chosen(load(), kept) == holds


def test_every_zone_on_the_list_may_be_chosen_and_none_that_is_a_machines_own():
    settings = load()
    assert {"Asia/Jakarta", "UTC", "Etc/GMT+7"} <= set(zone_names())
    assert [name for name in zone_names() if fault_in(settings, "time_zone", name)] == []
    assert "localtime" not in zone_names()


def test_manners_that_cannot_be_had_change_nothing():
    manners = Manners("en", TOKYO)
    with pytest.raises(ValueError, match="fr"):
        manners.change("fr", JAKARTA)
    assert (manners.say.language, manners.zone) == ("en", TOKYO)
