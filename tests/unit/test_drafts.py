"""Drafts: every field of every wrong type is refused by name, and nothing is guessed."""

import itertools
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terkirim.content.drafts import Checked, DraftRules, checked
from terkirim.content.fields import nearest, unknown_sentence
from terkirim.domain.email import (
    Address,
    Carries,
    Draft,
    Email,
    IfUnclear,
    NewMessage,
    Priority,
    Stream,
)
from terkirim.domain.errors import InvalidEmail

NOW = datetime(2026, 8, 17, 2, tzinfo=UTC)
MAILKETING = Carries(attachments=3, needs_public_url=True)
ALL = Carries(reply_to=True, headers=True, text=True, content_ids=True, attachments=50)
NOTHING = Carries()
RULES = DraftRules(carries={"default": (ALL,), "otp": (MAILKETING,)})
PLAIN = Draft(sender="Toko <toko@contoh.id>", to="budi@contoh.id", subject="Halo", html="<p>Halo")
_PARTNER = {"campaign": {"row": "1"}, "row": {"campaign": "c"}}  # given together or not at all
FILE = {"filename": "a.txt", "content": b"a"}


def check(draft: Draft = PLAIN, rules: DraftRules = RULES, **changes) -> Checked:
    count = itertools.count(1)
    return checked(
        replace(draft, **changes),
        ids=lambda: f"id-{next(count)}",
        now=NOW,
        owner="key-1",
        rules=rules,
    )


def refused(rules: DraftRules = RULES, **changes) -> InvalidEmail:
    with pytest.raises(InvalidEmail) as caught:
        check(rules=rules, **changes)
    return caught.value


def on(*carries: Carries, **rules) -> DraftRules:
    return DraftRules(carries={"default": carries}, **rules)


def test_a_plain_draft_becomes_an_email_with_one_message_of_the_same_id():
    email = check().email

    assert email.id == "id-1"
    assert email.owner == "key-1"
    assert email.sender == Address("toko@contoh.id", "Toko")
    assert email.messages == (NewMessage(id="id-1", recipient="budi@contoh.id"),)
    assert (email.content.id, email.content.html, email.content.text) == ("id-1", "<p>Halo", None)
    assert not email.content.is_template
    assert (email.created_at, email.due_at, email.expires_at) == (NOW, NOW, None)
    assert (email.priority, email.stream) == (Priority.NORMAL, Stream.TRANSACTIONAL)
    assert (email.if_unclear, email.route, email.warnings) == (IfUnclear.RESEND, "default", ())


def test_each_recipient_of_to_cc_and_bcc_gets_a_message_with_its_own_id():
    email = check(to=["a@x.id", "B <b@x.id>"], cc="c@x.id", bcc=["d@x.id"]).email

    assert [(one.id, one.kind, one.recipient) for one in email.messages] == [
        ("id-2", "to", "a@x.id"),
        ("id-3", "to", "b@x.id"),
        ("id-4", "cc", "c@x.id"),
        ("id-5", "bcc", "d@x.id"),
    ]
    assert email.to == (Address("a@x.id"), Address("b@x.id", "B"))


def test_a_duplicate_recipient_gets_one_message_and_a_warning():
    email = check(to=["a@x.id", "A@X.id"], cc=["a@x.id", "b@x.id"]).email

    assert [one.recipient for one in email.messages] == ["a@x.id", "b@x.id"]
    assert email.cc == (Address("b@x.id"),)
    assert [one.partition(":")[0] for one in email.warnings] == ["`to`", "`cc`"]


def test_fifty_recipients_are_taken_and_fifty_one_refused():
    many = [f"a{at}@x.id" for at in range(50)]
    assert len(check(to=many).email.messages) == 50

    fault = refused(to=many, bcc="one@more.id")
    assert (fault.field, fault.kind) == ("to", "validation_error")
    assert "51 recipients" in fault.problem


def test_the_default_sender_is_used_where_none_is_given():
    default = Address("toko@contoh.id", "Toko")

    assert check(sender=None, rules=on(ALL, default_sender=default)).email.sender == default
    fault = refused(sender="")
    assert (fault.field, fault.kind) == ("from", "missing_required_field")
    assert "MAILKETING_FROM_EMAIL" in fault.problem


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": None}, "to"),
        ({"to": ""}, "to"),
        ({"to": []}, "to"),
        ({"to": [], "cc": "a@x.id"}, "to"),
        ({"subject": None}, "subject"),
        ({"subject": ""}, "subject"),
        ({"html": None}, "html"),
        ({"html": "", "text": ""}, "html"),
        ({"tags": [{"name": "a"}]}, "tags[0].value"),
        ({"attachments": [{"content": "YQ=="}]}, "attachments[0].filename"),
        ({"attachments": [{"filename": "a"}]}, "attachments[0].content"),
        ({"campaign": "promo"}, "row"),
        ({"row": "1"}, "campaign"),
    ],
)
def test_what_is_missing_is_named(changes, field):
    fault = refused(**changes)

    assert (fault.field, fault.kind) == (field, "missing_required_field")


_WRONG = (7, True, 1.5, b"bytes", object())


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        (one.name, wrong)
        for one in fields(Draft)
        for wrong in _WRONG
        if (one.name, wrong) != ("expires_in", 7)  # whole seconds
    ],
)
def test_every_field_refuses_every_wrong_type_by_its_name(field, wrong):
    fault = refused(**{field: wrong, **_PARTNER.get(field, {})})

    assert fault.field == {"sender": "from"}.get(field, field)
    assert fault.problem


@pytest.mark.parametrize(
    "field", [one.name for one in fields(Draft) if one.name not in {"headers", "variables"}]
)
def test_an_object_where_none_belongs_is_refused(field):
    fault = refused(**{field: {"a": 1}, **_PARTNER.get(field, {})})

    assert fault.field == {"sender": "from"}.get(field, field)


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@y.id", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\ud800b"])
@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("from", lambda bad: {"sender": f"{bad} <toko@contoh.id>"}),
        ("to", lambda bad: {"to": f"{bad}@contoh.id"}),
        ("cc", lambda bad: {"cc": [f'"{bad}" <a@contoh.id>']}),
        ("bcc", lambda bad: {"bcc": f"a@{bad}.id"}),
        ("reply_to", lambda bad: {"reply_to": f"{bad} <a@contoh.id>"}),
        ("subject", lambda bad: {"subject": bad}),
        ("headers", lambda bad: {"headers": {bad: "x"}}),
        ("headers.X-A", lambda bad: {"headers": {"X-A": bad}}),
        ("tags[0].name", lambda bad: {"tags": [{"name": bad, "value": "x"}]}),
        ("tags[0].value", lambda bad: {"tags": [{"name": "x", "value": bad}]}),
        ("attachments[0].filename", lambda bad: {"attachments": [FILE | {"filename": bad}]}),
        (
            "attachments[0].content_type",
            lambda bad: {"attachments": [FILE | {"content_type": bad}]},
        ),
        ("attachments[0].content_id", lambda bad: {"attachments": [FILE | {"content_id": bad}]}),
        ("priority", lambda bad: {"priority": bad}),
        ("route", lambda bad: {"route": bad}),
        ("scheduled_at", lambda bad: {"scheduled_at": bad}),
        ("expires_in", lambda bad: {"expires_in": bad}),
        ("campaign", lambda bad: {"campaign": bad, "row": "1"}),
        ("row", lambda bad: {"campaign": "c", "row": bad}),
    ],
)
def test_nothing_that_ends_in_a_header_takes_line_breaks_or_what_no_store_keeps(field, place, bad):
    fault = refused(**place(bad))

    assert fault.field == field
    fault.problem.encode()  # a refusal must be sayable, whatever it refuses


@pytest.mark.parametrize("field", ["html", "text"])
def test_bodies_take_lines_but_nothing_that_no_store_keeps(field):
    assert getattr(check(**{field: "a\r\n\tb\x0c"}).email.content, field) == "a\r\n\tb\x0c"
    assert "NUL" in refused(**{field: "a\0b"}).problem
    assert "surrogate" in refused(**{field: "a\udfffb"}).problem
    assert "at most 3 are taken" in refused(rules=on(ALL, max_content=3), **{field: "éé"}).problem


def test_a_long_subject_is_refused():
    assert check(subject="x" * 998)
    assert refused(subject="x" * 999).field == "subject"


@pytest.mark.parametrize(
    "name",
    [
        *("From", "to", "SUBJECT", "Reply-To", "Message-ID", "Content-Type", "Received", "Bcc"),
        *("Date", "MIME-Version", "Return-Path", "DKIM-Signature", "Resent-To", "Sender"),
    ],
)
def test_headers_that_are_ours_are_refused(name):
    fault = refused(headers={name: "x"})

    assert fault.field == "headers"
    assert "written by the gateway" in fault.problem


def test_own_headers_and_tags_are_kept_in_their_order():
    email = check(
        headers={"X-Entity-Ref-ID": "1", "List-Unsubscribe": "<https://x.id>"},
        tags=[{"name": "kind", "value": "otp"}, {"name": "shop", "value": "7"}],
    ).email

    assert email.headers == (("X-Entity-Ref-ID", "1"), ("List-Unsubscribe", "<https://x.id>"))
    assert email.tags == (("kind", "otp"), ("shop", "7"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"headers": {"X A": "x"}}, "headers"),
        ({"headers": {"X:A": "x"}}, "headers"),
        ({"headers": {"": "x"}}, "headers"),
        ({"headers": {1: "x"}}, "headers"),
        ({"headers": {"X-A": 1}}, "headers.X-A"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "headers"),
        ({"headers": {f"X-{at}": "x" for at in range(51)}}, "headers"),
        ({"tags": {"name": "a", "value": "b"}}, "tags"),
        ({"tags": ["a"]}, "tags[0]"),
        ({"tags": [{"name": "a b", "value": "c"}]}, "tags[0].name"),
        ({"tags": [{"name": "a", "value": "x" * 257}]}, "tags[0].value"),
        ({"tags": [{"name": "a", "value": 7}]}, "tags[0].value"),
        ({"tags": [{"name": "a", "value": "b"}] * 2}, "tags"),
        ({"tags": [{"name": f"a{at}", "value": "b"} for at in range(51)]}, "tags"),
        ({"to": ["a@x.id", "nobody"]}, "to[1]"),
        ({"reply_to": ["a@x.id"] * 11}, "reply_to"),
        ({"campaign": "x" * 257, "row": "1"}, "campaign"),
    ],
)
def test_the_field_of_a_fault_is_named_to_its_place(changes, field):
    assert refused(**changes).field == field


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-08-17T09:00:00+07:00", NOW),
        ("2026-08-17T02:00:00Z", NOW),
        ("2026-08-17T02:00:00.500Z", NOW + timedelta(milliseconds=500)),
        ("in 1 min", NOW + timedelta(minutes=1)),
        ("In 2 Hours", NOW + timedelta(hours=2)),
        ("in 1h 30m", NOW + timedelta(minutes=90)),
        ("in 3 days", NOW + timedelta(days=3)),
        (NOW.astimezone(timezone(timedelta(hours=9))), NOW),
        (NOW - timedelta(minutes=9), NOW - timedelta(minutes=9)),
    ],
)
def test_a_time_is_read_in_the_forms_people_use(written, at):
    email = check(scheduled_at=written).email

    assert email.scheduled_at == at
    assert email.scheduled_at.tzinfo is UTC
    assert email.due_at == at


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-08-17T09:00:00", "does not say its zone"),
        (datetime(2026, 8, 18), "does not say its zone"),  # noqa: DTZ001 - the fault under test
        ("2026-08-18", "does not say its zone"),
        ("tomorrow", "is no time"),
        ("in a while", "no span of time"),
        ("in 600", "no span of time"),
        ("in 99999999 weeks", "days ahead"),
        ("in 999999999 weeks", "span of time"),
        ("2026-08-16T00:00:00Z", "has passed"),
        ("2028-01-01T00:00:00Z", "365 days ahead"),
        ("0001-01-01T00:00:00+14:00", "outside the calendar"),
        ("", "is no time"),
        ("x" * 61, "at most 60"),
        (1_800_000_000, "not a number"),
    ],
)
def test_a_time_that_is_none_is_refused_with_a_sentence(written, said):
    fault = refused(scheduled_at=written)

    assert (fault.field, fault.kind) == ("scheduled_at", "invalid_parameter")
    assert said in fault.problem


@pytest.mark.parametrize("written", [600, "600", "10m", "10 minutes", timedelta(minutes=10)])
def test_expiry_counts_from_acceptance_or_from_the_scheduled_time(written):
    assert check(expires_in=written).email.expires_at == NOW + timedelta(minutes=10)
    assert check(expires_in=written, scheduled_at="in 1 hour").email.expires_at == NOW + timedelta(
        minutes=70
    )


@pytest.mark.parametrize("written", [0, -5, 10**400, "0s", "10x", "", True, "400d", 0.5])
def test_an_expiry_that_is_none_is_refused(written):
    fault = refused(expires_in=written)

    assert (fault.field, fault.kind) == ("expires_in", "invalid_parameter")


def test_options_are_chosen_by_name_and_a_wrong_one_gets_the_nearest():
    email = check(priority="high", stream="broadcast", if_unclear="hold", route="otp").email

    assert (email.priority, email.stream) == (Priority.HIGH, Stream.BROADCAST)
    assert (email.if_unclear, email.route) == (IfUnclear.HOLD, "otp")
    fault = refused(priority="hihg")
    assert (fault.field, fault.kind) == ("priority", "invalid_parameter")
    assert "did you mean `high`?" in fault.problem
    assert "`default`, `otp`" in refused(route="zzz").problem


def test_the_default_for_unclear_mail_is_a_rule():
    assert check(rules=on(ALL, if_unclear=IfUnclear.HOLD)).email.if_unclear is IfUnclear.HOLD


def test_campaign_and_row_are_kept():
    email = check(campaign="promo", row="7").email

    assert (email.campaign, email.row) == ("promo", "7")


@pytest.mark.parametrize(
    ("rules", "changes", "field", "said"),
    [
        (on(NOTHING), {"reply_to": "a@x.id"}, "reply_to", "leave it out"),
        (on(NOTHING), {"attachments": [FILE]}, "attachments", "no provider"),
        (on(MAILKETING), {"attachments": [FILE]}, "attachments", "TERKIRIM_PUBLIC_URL"),
        (on(MAILKETING), {"attachments": [FILE] * 4}, "attachments", "at most 3"),
        (
            on(MAILKETING, has_public_url=True),
            {"attachments": [FILE] * 4},
            "attachments",
            "at most 3",
        ),
        (
            on(Carries(reply_to=True), Carries(attachments=3)),
            {"attachments": [FILE], "reply_to": "a@x.id"},
            "attachments",
            "no one provider",
        ),
    ],
)
def test_what_no_provider_carries_is_refused_or_warned_of(rules, changes, field, said):
    fault = refused(rules=rules, **changes)
    assert fault.field == field
    assert said in fault.problem

    email = check(rules=replace(rules, not_carried="warn"), **changes).email
    (warning,) = email.warnings
    assert warning.startswith(f"`{field}`: ")
    assert "not sent" in warning


@pytest.mark.parametrize(
    ("rules", "changes"),
    [
        (on(NOTHING, ALL), {"reply_to": "a@x.id", "attachments": [FILE]}),
        (on(MAILKETING, has_public_url=True), {"attachments": [FILE] * 3}),
        (on(MAILKETING, Carries(attachments=1)), {"attachments": [FILE]}),
        (on(NOTHING), {"cc": "c@x.id", "tags": [{"name": "a", "value": "b"}]}),
    ],
)
def test_what_one_provider_on_the_route_carries_is_taken(rules, changes):
    assert check(rules=rules, **changes).email.warnings == ()


def test_headers_that_nobody_carries_are_kept_and_warned_of():
    email = check(rules=on(NOTHING), headers={"X-A": "1"}).email

    assert email.headers == (("X-A", "1"),)
    (warning,) = email.warnings
    assert "`headers`" in warning
    assert check(rules=on(NOTHING, ALL), headers={"X-A": "1"}).email.warnings == ()


def test_a_text_beside_html_that_nobody_carries_is_kept_and_warned_of():
    both = {"html": "<p>Halo</p>", "text": "Halo"}
    email = check(rules=on(NOTHING), **both).email

    assert email.content.text == "Halo"
    (warning,) = email.warnings
    assert warning.startswith("`text`: no provider on the route `default` carries it")
    assert check(rules=on(NOTHING, ALL), **both).email.warnings == ()
    for one in ({"text": None}, {"text": ""}, {"html": None}, {"html": ""}):
        assert check(rules=on(NOTHING), **both | one).email.warnings == ()


def test_a_file_inside_the_letter_that_goes_beside_it_is_warned_of():
    inside = {"attachments": [FILE, FILE | {"content_id": "logo"}]}
    email = check(rules=on(MAILKETING, has_public_url=True), **inside).email

    assert [one.content_id for one in email.attachments] == [None, "logo"]
    (warning,) = email.warnings
    assert warning.startswith("`attachments.content_id`: no provider on the route `default`")
    assert check(rules=on(ALL), **inside).email.warnings == ()
    rules = replace(on(NOTHING), not_carried="warn")
    (warning,) = check(rules=rules, **inside).email.warnings  # it does not go at all
    assert warning.startswith("`attachments`: ")


def test_the_bytes_of_attachments_come_beside_the_email():
    done = check(attachments=[FILE, FILE | {"filename": "b.txt"}])
    first, second = done.email.attachments

    assert first.sha256 == second.sha256
    assert done.files == {first.sha256: b"a"}


# In a fresh clone the first text drawn builds a table of Unicode, which takes seconds.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from([one.name for one in fields(Draft)]), max_size=4), st.data())
def test_any_draft_ends_in_an_email_or_in_a_refusal_that_names_a_field(names, data):
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
        ),
        max_leaves=6,
    )
    given_fields = {name: data.draw(junk) for name in names}
    ending = _email_or_fault(given_fields)

    assert isinstance(ending, Email) or ending.field
    str(ending).encode()


def _email_or_fault(given_fields):
    try:
        return check(**given_fields).email
    except InvalidEmail as fault:
        return fault


def test_an_unknown_field_is_told_with_the_nearest_known_one():
    known = ["to", "subject", "reply_to"]
    assert (nearest("replyto", known), nearest("zzzzzz", known)) == ("reply_to", None)
    assert unknown_sentence("replyto", "reply_to").endswith("did you mean `reply_to`?")
    assert unknown_sentence("zzzzzz", None).endswith("was ignored")
    assert unknown_sentence("zzzzzz", None, is_refused=True).endswith("leave it out")
