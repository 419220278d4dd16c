"""What a person types: what is kept of it, and what cannot be."""

from __future__ import annotations

import pytest

from connectors.errors import FieldError
from connectors.filedrop_sftp import form
from tests.connectors.test_sftp import new_key

TYPED = {
    "host": " SFTP.Mill.example. ",
    "user": "kauri",
    "password": " pass word ",
    "orders_folder": "/in/orders/",
    "tracking_folder": "",
    "currency": "nzd",
}


def test_the_form_keeps_the_server_the_way_in_and_the_folders():
    entry = form.read(TYPED)

    assert entry.base_url == "sftp://sftp.mill.example:22"
    assert dict(entry.credentials) == {
        "host": "sftp.mill.example", "port": "22", "user": "kauri", "password": " pass word ", "private_key": "",
        "passphrase": "", "orders_folder": "/in/orders", "tracking_folder": "", "currency": "NZD",
    }  # fmt: skip


def test_a_private_key_comes_with_its_lines():
    text, _ = new_key(b"open sesame")
    typed = {**TYPED, "password": "", "private_key": text.replace("\n", "\r\n"), "passphrase": "open sesame"}

    assert form.read(typed).credentials["private_key"] == text


def test_nothing_secret_is_in_its_repr():
    assert "pass word" not in repr(form.read(TYPED))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("host", "https://mill.example", "name alone"),
        ("host", "mill.example/in", "name alone"),
        ("host", "user@mill.example", "name alone"),
        ("host", "", "name alone"),
        ("port", "0", "1 to 65535"),
        ("port", "65536", "1 to 65535"),
        ("port", "٢٢", "1 to 65535"),
        ("user", "a b", "user name"),
        ("user", "a:b", "user name"),
        ("password", "", "password or a private key"),
        ("private_key", "nonsense", "no private key"),
        ("orders_folder", "../etc", "folder"),
        ("orders_folder", "/in/../../etc", "folder"),
        ("orders_folder", "", "folder"),
        ("tracking_folder", "/a\nb", "folder"),
        ("currency", "dollars", "three letters"),
    ],
)
def test_the_form_says_what_cannot_be(field, value, said):
    with pytest.raises(FieldError, match=said) as caught:
        form.read({**TYPED, field: value})
    assert caught.value.field == field
