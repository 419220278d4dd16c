"""Text at rest: encrypted with MultiFernet; the newest key of CREDENTIAL_KEYS writes, all of them read."""

from __future__ import annotations

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class UnreadableError(Exception):
    """The text was written with a key that CREDENTIAL_KEYS no longer holds."""


def encrypt(text: str) -> str:
    return _fernet(tuple(settings.CREDENTIAL_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Raises UnreadableError; never hands back the ciphertext."""
    try:
        return _fernet(tuple(settings.CREDENTIAL_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise UnreadableError from None


def renewed(token: str) -> str:
    """The same text under the newest key; the token itself when it is so already. Raises as `decrypt` does."""
    try:
        _fernet(tuple(settings.CREDENTIAL_KEYS)[:1]).decrypt(token.encode())
    except InvalidToken:
        return encrypt(decrypt(token))
    return token


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("CREDENTIAL_KEYS is empty: secrets cannot be stored.")
    return MultiFernet([Fernet(key) for key in keys])
