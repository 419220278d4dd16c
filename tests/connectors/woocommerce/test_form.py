"""What a person types, as a connection keeps it."""

from __future__ import annotations

import pytest

from connectors.errors import FieldError
from connectors.woocommerce import form

KEYS = {"consumer_key": f"ck_{'a' * 40}", "consumer_secret": f"cs_{'b' * 40}"}


def read(address="https://kauri.example.com", **given):
    return form.read({"base_url": address, **KEYS, **given})


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("kauri.example.com", "https://kauri.example.com"),
        (" https://Kauri.example.com/ ", "https://kauri.example.com"),
        ("https://kauri.example.com/shop/", "https://kauri.example.com/shop"),
        ("https://kauri.example.com/shop/wp-admin/admin.php", "https://kauri.example.com/shop"),
        ("https://kauri.example.com/wp-json/wc/v3", "https://kauri.example.com"),
        ("https://kauri.example.com:443", "https://kauri.example.com"),
    ],
)
def test_an_address_is_that_of_the_site(typed, address):
    assert read(typed).base_url == address


@pytest.mark.parametrize(
    "typed",
    [
        "http://kauri.example.com",
        "ftp://kauri.example.com",
        "https://kauri.example.com:8443",
        "https://user@kauri.example.com",
        "https://kauri.example.com/?p=1",
        "https://localhost",
        "https://",
        "https://[::1",
        "http://127.0.0.1:8000/practice/woocommerce/kauri",
    ],
)
def test_other_addresses_are_refused(typed):
    with pytest.raises(FieldError) as caught:
        read(typed)

    assert caught.value.field == "base_url"


def test_http_is_refused_with_the_reason():
    with pytest.raises(FieldError, match="could be read on the way"):
        read("http://kauri.example.com")


def test_an_address_that_is_known_is_not_typed():
    assert form.read(KEYS, base_url="http://127.0.0.1:8000/kauri").base_url == "http://127.0.0.1:8000/kauri"


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("consumer_key", f"cs_{'a' * 40}"),
        ("consumer_key", "ck_short"),
        ("consumer_secret", f"cs_{'G' * 40}"),
        ("consumer_secret", ""),
    ],
)
def test_keys_of_another_shape_are_refused(field, typed):
    with pytest.raises(FieldError) as caught:
        read(**{field: typed})

    assert caught.value.field == field


def test_keys_are_kept_without_the_spaces_around_them():
    assert read(consumer_key=f" {KEYS['consumer_key']}\n").credentials["consumer_key"] == KEYS["consumer_key"]


def test_each_connection_gets_a_webhook_secret_of_its_own():
    first, second = read(), read()

    assert first.webhook_secrets == (first.credentials["webhook_secret"],)
    assert first.webhook_secrets != second.webhook_secrets
    assert int(first.webhook_secrets[0], 16)


def test_a_reconnect_asks_for_the_keys_alone():
    assert form.RECONNECT == ("consumer_key", "consumer_secret")
    assert {field.name for field in form.FIELDS if field.kind == "secret"} == set(form.RECONNECT)


def test_no_key_shows_in_a_repr():
    assert "a" * 40 not in repr(read())
