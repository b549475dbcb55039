"""What a process remembers of the emails that it has just stored."""

from dataclasses import replace
from datetime import timedelta

import pytest

from terkirim.store.fresh import KEPT_FOR, FreshEmails
from tests.contract.conftest import SECOND, START, an_email


def test_a_message_is_given_out_once():
    fresh, email = FreshEmails(), an_email()
    fresh.keep(email)

    assert fresh.take(email.id) == (email, email.messages[0])
    assert fresh.take(email.id) is None


def test_each_recipient_of_an_email_is_remembered():
    fresh, email = FreshEmails(), an_email(to=("a@example.com", "b@example.com"))
    fresh.keep(email)

    for message in email.messages:
        assert fresh.take(message.id) == (email, message)


def test_what_is_due_later_is_not_remembered():
    fresh, email = FreshEmails(), an_email(scheduled_at=START + timedelta(hours=1))
    fresh.keep(email)
    assert fresh.take(email.id) is None


def test_when_full_the_oldest_stay_as_they_are_claimed_first():
    fresh = FreshEmails(limit=1_500)
    first, second, third = an_email(), an_email(), an_email()
    for email in (first, second, third):
        fresh.keep(email)

    assert fresh.take(first.id) is not None
    assert fresh.take(third.id) is None


@pytest.mark.parametrize(
    ("age", "is_kept"), [(KEPT_FOR, True), (KEPT_FOR + SECOND, False)], ids=["young", "old"]
)
def test_when_full_those_that_nobody_claimed_for_a_while_make_room(age, is_kept):
    fresh = FreshEmails(limit=500)
    old, new = an_email(), replace(an_email(), created_at=START + age)
    fresh.keep(old)
    fresh.keep(new)

    assert (fresh.take(old.id) is not None) is is_kept
    assert (fresh.take(new.id) is None) is is_kept
