"""The secrets of second factors at rest. allauth keeps them in its own table, through MFAAdapter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.db import transaction

from accounts import encryption

_TOKEN = "gAAAA"  # noqa: S105  # what Fernet writes begins so; allauth's own secrets are in capitals


def hide(secret: str) -> str:
    return encryption.encrypt(secret)


def reveal(stored: str) -> str:
    """One that was stored before secrets were encrypted is taken as it is.

    Where no key reads it the answer is a secret that nobody has: every code is wrong, and another factor or the
    operator has to help.
    """
    if not stored.startswith(_TOKEN):
        return stored
    try:
        return encryption.decrypt(stored)
    except encryption.UnreadableError:
        return str(generate_totp_secret())


@transaction.atomic
def rotate() -> tuple[int, int, list[int]]:
    """All under the newest key: how many were written anew, how many were so already, and which no key reads."""
    anew, current, lost = 0, 0, []
    for row in Authenticator.objects.select_for_update().order_by("pk"):
        try:
            data = dict(_rotated(row.data))
        except encryption.UnreadableError:
            lost.append(row.pk)
            continue
        if data == row.data:
            current += bool(_SECRETS & set(data))
        else:
            Authenticator.objects.filter(pk=row.pk).update(data=data)
            anew += 1
    return anew, current, lost


_SECRETS = {"secret", "seed", "migrated_codes"}  # of a TOTP, of recovery codes


def _rotated(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if name not in _SECRETS:
            yield name, value
        elif isinstance(value, list):
            yield name, [_renewed(each) for each in value]
        else:
            yield name, _renewed(value)


def _renewed(stored: str) -> str:
    return encryption.renewed(stored) if stored.startswith(_TOKEN) else encryption.encrypt(stored)
