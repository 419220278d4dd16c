"""Secrets at rest: JSON, encrypted as accounts.encryption says.

A row is always loaded; what it holds is decrypted when somebody looks into it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from django.db import models

from accounts import encryption
from connectors.errors import CredentialsError


class CredentialsUnreadableError(CredentialsError):
    """The stored secret was written with a key that CREDENTIAL_KEYS no longer holds: only a reconnect mends it."""


def encrypt(value: Mapping[str, Any]) -> str:
    return encryption.encrypt(json.dumps(dict(value)))


def decrypt(token: str) -> dict[str, Any]:
    """Raises CredentialsUnreadableError; never hands back the ciphertext."""
    try:
        plain = encryption.decrypt(token)
    except encryption.UnreadableError:
        raise CredentialsUnreadableError("The stored credentials cannot be read. Reconnect the store.") from None
    value: dict[str, Any] = json.loads(plain)
    return value


def renewed(token: str) -> str:
    """The same secret under the newest key; the token itself when it is so already. Raises as `decrypt` does."""
    try:
        return encryption.renewed(token)
    except encryption.UnreadableError:
        raise CredentialsUnreadableError("The stored credentials cannot be read. Reconnect the store.") from None


def readable(value: Mapping[str, Any]) -> bool:
    """Whether a key for it is still there."""
    try:
        len(value)
    except CredentialsUnreadableError:
        return False
    return True


class Secrets(Mapping[str, Any]):
    """An encrypted JSON object, decrypted when it is first looked into; its repr tells nothing.

    Looking into it raises CredentialsUnreadableError when no key fits.
    """

    def __init__(self, token: str) -> None:
        self.token = token  # as the database holds it; empty for an empty object

    @cached_property
    def _plain(self) -> dict[str, Any]:
        return decrypt(self.token) if self.token else {}

    def __getitem__(self, name: str) -> Any:
        return self._plain[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)

    def __repr__(self) -> str:
        return "<secrets>"

    __str__ = __repr__


class EncryptedJSONField(models.TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A JSON object, encrypted in the database and read as `Secrets`. Never shown in forms or the admin.

    It is given as any mapping. What was read is written back as it was, so that a row whose key is lost can be saved.
    An empty object is kept as empty text: there is nothing in it to lose.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, path, args, kwargs

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Secrets | None:
        return None if value is None else Secrets(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, Secrets):
            return value.token
        return encrypt(value) if value else ""

    def value_to_string(self, obj: models.Model) -> str:
        return "<secrets>"
