"""What a person types, and what is made of it."""

from __future__ import annotations

import pytest

from connectors.errors import FieldError
from connectors.registry import form_of
from connectors.squarespace import form

PRACTICE = "http://127.0.0.1:8000/practice/"


def test_the_registry_knows_the_form():
    assert form_of("squarespace") is form


@pytest.mark.parametrize("address", ["", "  ", "https://api.squarespace.com", "api.squarespace.com/"])
def test_a_key_is_all_that_is_needed(address):
    entry = form.read({"api_key": " key-1 ", "base_url": address})

    assert (entry.base_url, entry.credentials, entry.webhook_secrets) == (form.API, {"api_key": "key-1"}, ())


def test_an_address_that_is_known_is_not_typed():
    assert (
        form.read({"api_key": "k"}, base_url=f"{PRACTICE}squarespace/kauri").base_url == f"{PRACTICE}squarespace/kauri"
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://api.squarespace.com",
        "https://kauri.squarespace.com",
        "https://api.squarespace.com.evil.example",
        "https://api.squarespace.com@evil.example",
        f"{PRACTICE}squarespace/kauri",
    ],
)
def test_no_other_address_gets_the_key(address):
    with pytest.raises(FieldError, match=r"api\.squarespace\.com alone") as caught:
        form.read({"api_key": "k", "base_url": address})

    assert caught.value.field == "base_url"


@pytest.mark.parametrize("key", ["", " ", "two words", "a\nb", "é", "x" * 301])
def test_what_cannot_be_a_key_is_refused_beside_its_field(key):
    with pytest.raises(FieldError) as caught:
        form.read({"api_key": key})

    assert caught.value.field == "api_key"


def test_a_reconnect_asks_for_the_key_alone():
    assert form.RECONNECT == ("api_key",)
    assert set(form.RECONNECT) < {field.name for field in form.FIELDS}


def test_the_key_never_shows():
    assert "key-1" not in repr(form.read({"api_key": "key-1"}))
