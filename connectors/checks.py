"""System checks: keys that can encrypt, and nothing of the try-out on a portal that real people use."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error

MAKE_A_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
_TRY_OUT = b"try-out-only"  # how the key of the try-out begins


def credential_keys(**_options: Any) -> Iterable[CheckMessage]:
    """E001 no key, E002 something that is no key. The text never holds what was given."""
    hint = f"Make one with: {MAKE_A_KEY}"
    if not any(settings.CREDENTIAL_KEYS):
        return [Error("CREDENTIAL_KEYS is empty: credentials cannot be stored.", hint=hint, id="connectors.E001")]
    wrong = [str(n) for n, key in enumerate(settings.CREDENTIAL_KEYS, start=1) if not _is_key(key)]
    text = f"CREDENTIAL_KEYS holds what is not a Fernet key, at place {', '.join(wrong)}."
    return [Error(text, hint=hint, id="connectors.E002")] if wrong else []


def no_try_out(**_options: Any) -> Iterable[CheckMessage]:
    """E003 practice stores, E004 calls to this machine, E005 the try-out's key. For `check --deploy`."""
    if settings.PRACTICE_STORES:
        hint = "Set STOREWARD_ENV=production, and PRACTICE_STORES=false where it is set."
        yield Error("PRACTICE_STORES is on: anybody may play in /practice/.", hint=hint, id="connectors.E003")
    if settings.ALLOW_LOOPBACK:
        text = "ALLOW_LOOPBACK is on: a store's address may lead to services of this machine."
        yield Error(text, hint="It goes off with PRACTICE_STORES.", id="connectors.E004")
    if any(_is_try_out(key) for key in settings.CREDENTIAL_KEYS):
        hint = f"Put a new one in front, run rotate_credentials, take this one out. Make it with: {MAKE_A_KEY}"
        yield Error("CREDENTIAL_KEYS holds the try-out's key, which everybody knows.", hint=hint, id="connectors.E005")


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _is_try_out(key: str) -> bool:
    try:
        return base64.urlsafe_b64decode(key).startswith(_TRY_OUT)
    except (binascii.Error, ValueError):
        return False
