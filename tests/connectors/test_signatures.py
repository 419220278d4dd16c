"""What the webhooks of all platforms have in common: signed over the raw body, a JSON object, texts that are kept."""

from __future__ import annotations

import pytest

from connectors import signatures
from connectors.errors import BadSignatureError

BODY = b'{"id":90}'


def accepts(given: str, *secrets: str, body: bytes = BODY) -> bool:
    try:
        signatures.check(given, body, secrets, sign=signatures.base64_of)
    except BadSignatureError:
        return False
    return True


def test_any_of_the_secrets_signs():
    assert accepts(signatures.base64_of(BODY, "old"), "new", "old")


@pytest.mark.parametrize(
    ("given", "secrets"),
    [
        (signatures.base64_of(BODY, "other"), ("new", "old")),
        (signatures.base64_of(BODY, ""), ("",)),
        (signatures.base64_of(BODY + b" ", "new"), ("new",)),
        (signatures.base64_of(BODY, "new"), ()),
        ("", ("new",)),
        ("\ud800", ("new",)),
    ],
    ids=["another secret", "an empty secret", "another body", "no secret", "no signature", "half a letter"],
)
def test_anything_else_does_not(given, secrets):
    assert not accepts(given, *secrets)


def test_a_secret_in_hex_signs_by_its_bytes():
    # printf '{}' | openssl dgst -sha256 -mac hmac -macopt hexkey:00ff
    assert signatures.hex_of(b"{}", "00ff") == "e170d2ea0c0d1506b1379cdcf2b6583c27c6b96495149a4815776b7f273bedf4"


@pytest.mark.parametrize("body", [b"", b"[1]", b"7", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(BadSignatureError):
        signatures.payload_of(body)


@pytest.mark.parametrize("value", ["", "x" * 81, "a\nb", None, 7])
def test_an_id_or_topic_that_cannot_be_kept_is_refused(value):
    with pytest.raises(BadSignatureError):
        signatures.text_of(value, signatures.TOPIC_MAX)


@pytest.mark.parametrize(
    ("value", "reference"),
    [("SW-1", "SW-1"), ("x" * 120, "x" * 120), ("x" * 121, ""), ("a\0", ""), (7, ""), (None, "")],
)
def test_a_reference_that_cannot_be_ours_is_left_out(value, reference):
    assert signatures.reference_of(value) == reference
