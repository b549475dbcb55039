"""Every field of an e-mail with every wrong value: refused by name, and nothing is half stored."""

import json

import pytest

MAIL = {"from": "toko@example.com", "to": "b@example.com", "subject": "Halo", "text": "x"}
FIELDS = (
    *("from", "to", "cc", "bcc", "reply_to", "subject", "html", "text", "headers", "tags"),
    *("attachments", "variables", "scheduled_at", "expires_in", "if_unclear", "priority"),
    *("stream", "route"),
)
WRONG = {
    "a number": 5,
    "true": True,
    "a fraction": 1.5,
    "a negative number": -1,
    "a number without end": 10**400,
    "no number": float("nan"),
    "an empty text": "",
    "a NUL": "a\0b",
    "half a surrogate pair": "a\ud800",
    "a line break": "a\r\nBcc: x@example.com",
    "an empty list": [],
    "a list in lists": [[["a"]]],
    "a list of numbers": [1, 2],
    "a list of objects": [{}],
    "an empty object": {},
    "half a surrogate pair as a name": {"\ud800": "x"},
    "a NUL as a name": {"a\0": "x"},
    "a huge text": "x" * 10_100_000,
    "null": None,
}
# What is right although it looks odd: nothing given, or a body with lines of its own.
FINE = {
    *((field, value) for field in ("cc", "bcc", "reply_to") for value in ("an empty text",)),
    *((field, "an empty list") for field in ("cc", "bcc", "reply_to", "tags", "attachments")),
    *((field, "an empty object") for field in ("headers", "variables")),
    *((field, "a line break") for field in ("html", "text")),
    *((field, "null") for field in FIELDS if field not in {"from", "to", "subject", "text"}),
    ("html", "an empty text"),
    ("expires_in", "a number"),
}


@pytest.mark.parametrize("field", FIELDS)
async def test_a_wrong_value_is_refused_by_the_fields_name_and_stores_nothing(door, field):
    for name, value in WRONG.items():
        answer = await door.call("POST", "/v1/emails", {**MAIL, field: value})
        stored = await door.gateway.store.emails(limit=100)
        if (field, name) in FINE:
            assert answer.status == 200, (name, answer.body)
            continue
        assert answer.status == 422, (name, answer.body)
        shown = "html" if (field, name) in {("text", "null"), ("text", "an empty text")} else field
        assert shown in answer.json["message"], name
        assert len(stored) == sum((field, one) in FINE for one in list(WRONG)[: _place(name)])


def _place(name):
    return list(WRONG).index(name)


@pytest.mark.parametrize("field", FIELDS)
async def test_a_key_changes_nothing_of_what_is_said_of_a_wrong_value(door, field):
    for name, value in WRONG.items():
        if (field, name) in FINE or name == "a huge text":
            continue
        body = {**MAIL, field: value}
        plain = await door.call("POST", "/v1/emails", body)
        keyed = await door.call("POST", "/v1/emails", body, idempotency_key="k")
        assert (keyed.status, keyed.body) == (plain.status, plain.body), name


@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "k"}], ids=["without a key", "keyed"])
async def test_half_a_surrogate_pair_in_a_batch_is_the_fault_of_one_email(door, headers):
    batch = [MAIL, {**MAIL, "subject": "a\ud800"}]
    strict = await door.call("POST", "/v1/emails/batch", batch, **headers)
    assert strict.status == 422
    assert strict.json["message"].startswith("e-mail 1: `subject`: holds half a surrogate pair")
    answer = await door.call(
        "POST", "/v1/emails/batch", batch, x_batch_validation="permissive", **headers
    )
    assert (answer.status, len(answer.json["data"])) == (200, 1)
    (error,) = answer.json["errors"]
    assert (error["index"], "`subject`" in error["message"]) == (1, True)


@pytest.mark.parametrize(
    ("field", "row", "named"),
    [
        ("tags", {"name": "a", "value": "b", "valeu": "c"}, ("tags[0].valeu", "value")),
        (
            "attachments",
            {"filename": "a.txt", "content": "SGk=", "contentType": "text/plain"},
            ("attachments[0].contentType", "content_type"),
        ),
    ],
)
async def test_an_unknown_field_of_a_part_is_named(door, field, row, named):
    body = {**MAIL, field: [row]}
    (warning,) = (await door.call("POST", "/v1/emails", body)).json["warnings"]
    assert warning == "`{}` is not a field of an email; did you mean `{}`?".format(*named)
    strict = await door.call("POST", "/v1/emails?strict=1", body)
    assert (strict.status, strict.name) == (422, "invalid_parameter")


async def test_of_thousands_of_unknown_fields_the_first_are_named_and_the_others_counted(door):
    body = MAIL | {f"x{number}": 1 for number in range(30_000)}
    warnings = (await door.call("POST", "/v1/emails", body)).json["warnings"]
    assert len(warnings) == 21
    assert warnings[0].startswith("`x0` ")
    assert warnings[-1] == "29980 further fields are unknown and were ignored"


async def test_a_topic_is_named_as_what_nobody_reads_and_null_is_not(door):
    for_a_topic = {**MAIL, "topic_id": "berita"}
    (warning,) = (await door.call("POST", "/v1/emails", for_a_topic)).json["warnings"]
    assert warning.startswith("`topic_id` ")
    assert (await door.call("POST", "/v1/emails?strict=1", for_a_topic)).status == 422
    null = await door.call("POST", "/v1/emails?strict=1", {**MAIL, "topic_id": None})
    assert (null.status, "warnings" in null.json) == (200, False)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("an unknown field", {**MAIL, "\ud800": 1}),
        ("an ignored one", {**MAIL, "topic_id": "\ud800"}),
    ],
)
async def test_half_a_surrogate_pair_in_a_name_breaks_no_answer(door, name, body):
    assert (await door.call("POST", "/v1/emails", body)).status == 200
    strict = await door.call("POST", "/v1/emails?strict=1", body)
    assert strict.status in {200, 422}
    keyed = await door.call("POST", "/v1/emails", body, idempotency_key="k")
    again = await door.call("POST", "/v1/emails", body, idempotency_key="k")
    other = await door.call("POST", "/v1/emails", {**body, "text": "y"}, idempotency_key="k")
    assert (keyed.status, again.json, other.status) == (200, keyed.json, 409)


@pytest.mark.parametrize(
    ("count", "status"), [(50, 200), (51, 422)], ids=["fifty go", "fifty-one do not"]
)
async def test_recipients_are_counted_over_to_cc_and_bcc(door, count, status):
    addresses = [f"p{n}@example.com" for n in range(count)]
    body = {**MAIL, "to": addresses[:20], "cc": addresses[20:40], "bcc": addresses[40:]}
    assert (await door.call("POST", "/v1/emails", body)).status == status


async def test_a_duplicate_recipient_gets_one_message_and_a_warning(door):
    body = {**MAIL, "to": ["a@example.com", "A@Example.com"], "cc": "a@example.com"}
    answer = (await door.call("POST", "/v1/emails", body)).json
    assert [warning.partition(":")[0] for warning in answer["warnings"]] == ["`to`", "`cc`"]
    shape = (await door.call("GET", f"/v1/emails/{answer['id']}")).json
    assert (shape["to"], shape["cc"], len(shape["recipients"])) == (["a@example.com"], None, 1)


async def test_an_address_with_an_international_domain_travels_in_ascii(door):
    sent = await door.call("POST", "/v1/emails", {**MAIL, "to": "Budi <b@münchen.example.de>"})
    shape = (await door.call("GET", f"/v1/emails/{sent.json['id']}")).json
    assert shape["to"] == ["Budi <b@xn--mnchen-3ya.example.de>"]


@pytest.mark.parametrize("header", ["", "x" * 257, "é", "a\tb"])
async def test_an_idempotency_key_that_is_none_is_400(door, header):
    answer = await door.call("POST", "/v1/emails", MAIL, idempotency_key=header)
    assert (answer.status, answer.name) == (400, "invalid_idempotency_key")


async def test_an_unknown_kind_of_batch_validation_is_refused(door):
    answer = await door.call("POST", "/v1/emails/batch", [MAIL], x_batch_validation="loose")
    assert (answer.status, answer.name) == (422, "invalid_parameter")


@pytest.mark.parametrize("body", [{}, [], MAIL, [MAIL] * 101, "x", None])
async def test_a_batch_is_a_list_of_one_to_a_hundred(door, body):
    answer = await door.call("POST", "/v1/emails/batch", json.dumps(body).encode())
    assert (answer.status, answer.name) == (422, "validation_error")
    assert "100" in answer.json["message"]


async def test_a_strict_batch_names_the_bad_one_and_stores_none(door):
    answer = await door.call("POST", "/v1/emails/batch", [MAIL, {**MAIL, "to": None}])
    assert (answer.status, answer.name) == (422, "missing_required_field")
    assert "e-mail 1: `to`" in answer.json["message"]
    assert not await door.gateway.store.emails(limit=1)


async def test_a_permissive_batch_of_bad_ones_alone_lists_them_all(door):
    answer = await door.call("POST", "/v1/emails/batch", [5, {}], x_batch_validation="permissive")
    assert (answer.status, answer.json["data"]) == (200, [])
    assert [error["index"] for error in answer.json["errors"]] == [0, 1]
