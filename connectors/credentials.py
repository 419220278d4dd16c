"""Secrets at rest: JSON encrypted with MultiFernet; the newest key of CREDENTIAL_KEYS writes, all of them read."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class CredentialsUnreadableError(Exception):
    """The stored secret was written with a key that CREDENTIAL_KEYS no longer holds."""


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("CREDENTIAL_KEYS is empty: connections cannot be stored.")
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(value: dict[str, Any]) -> str:
    return _fernet(tuple(settings.CREDENTIAL_KEYS)).encrypt(json.dumps(value).encode()).decode()


def decrypt(token: str) -> dict[str, Any]:
    """Raises CredentialsUnreadableError; never hands back the ciphertext."""
    try:
        plain = _fernet(tuple(settings.CREDENTIAL_KEYS)).decrypt(token.encode())
    except InvalidToken as error:
        raise CredentialsUnreadableError(
            "A stored credential cannot be read with the keys in CREDENTIAL_KEYS."
        ) from error
    value: dict[str, Any] = json.loads(plain)
    return value


class Secrets(dict[str, Any]):
    """A decrypted credential; its repr tells nothing."""

    def __repr__(self) -> str:
        return "<secrets>"

    __str__ = __repr__


class EncryptedJSONField(models.TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A JSON object, encrypted in the database. Cannot be searched, never shown in forms or the admin."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, path, args, kwargs

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Secrets | None:
        return None if value is None else Secrets(decrypt(value) if value else {})

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else encrypt(dict(value))

    def value_to_string(self, obj: models.Model) -> str:
        return "<secrets>"
