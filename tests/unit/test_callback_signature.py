"""Who is let in: by token, by the address, or by a signature; without a secret, nobody."""

import base64
import hmac
from hashlib import sha256

import pytest

from terkirim.domain.errors import BadSignature
from terkirim.tracking.signature import Doorkeeper, Shown

SECRET = "rahasia"
BODY = b'{"type":"emailopen"}'
DIGEST = hmac.new(SECRET.encode(), BODY, sha256).digest()


@pytest.fixture
def doorkeeper():
    return Doorkeeper(lambda: SECRET)


@pytest.mark.parametrize(
    "shown",
    [
        Shown(token=SECRET),
        Shown(secret=SECRET),
        Shown(token="wrong", secret=SECRET),
        Shown(token=SECRET, secret="wrong", signature="wrong"),
    ],
)
def test_the_secret_in_either_place_is_enough(doorkeeper, shown):
    assert doorkeeper.admit(shown)


@pytest.mark.parametrize(
    "shown", [Shown(), Shown(token=""), Shown(secret=SECRET + "x"), Shown(secret="\ud800")]
)
def test_a_missing_or_wrong_secret_is_refused(doorkeeper, shown):
    with pytest.raises(BadSignature, match="missing or wrong"):
        doorkeeper.admit(shown)


@pytest.mark.parametrize(
    "signature",
    [
        DIGEST.hex(),
        DIGEST.hex().upper(),
        f"sha256={DIGEST.hex()}",
        f" SHA256={DIGEST.hex()} ",
        base64.b64encode(DIGEST).decode(),
    ],
)
def test_a_signature_of_the_body_is_enough(doorkeeper, signature):
    shown = Shown(signature=signature)
    assert not doorkeeper.admit(shown)
    doorkeeper.check_signature(shown, BODY)


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", DIGEST.hex()[:-2], "zz", "ÿ", hmac.new(b"other", BODY, sha256).hexdigest()],
)
def test_a_wrong_signature_is_refused(doorkeeper, signature):
    with pytest.raises(BadSignature, match="the signature is wrong"):
        doorkeeper.check_signature(Shown(signature=signature), BODY)


def test_a_signature_of_another_body_is_refused(doorkeeper):
    with pytest.raises(BadSignature):
        doorkeeper.check_signature(Shown(signature=DIGEST.hex()), BODY + b" ")


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_callbacks_are_closed(secret):
    closed = Doorkeeper(lambda: secret)
    empty = hmac.new(b"", BODY, sha256).hexdigest()
    assert not closed.is_open
    for shown in (Shown(), Shown(token=""), Shown(secret=""), Shown(signature=empty)):
        with pytest.raises(BadSignature, match="no secret is set"):
            closed.admit(shown)
    with pytest.raises(BadSignature):
        closed.check_signature(Shown(signature=empty), BODY)


def test_a_secret_that_changes_in_its_file_counts_at_once():
    secrets = ["old"]
    doorkeeper = Doorkeeper(lambda: secrets[-1])
    assert doorkeeper.admit(Shown(token="old"))
    secrets.append("new")
    assert doorkeeper.admit(Shown(token="new"))
    with pytest.raises(BadSignature):
        doorkeeper.admit(Shown(token="old"))
