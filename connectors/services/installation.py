"""Which installation of the portal this is: two that send to the same store must not take each other's orders for theirs."""

from __future__ import annotations

import secrets

from django.conf import settings

from connectors.models import Installation

LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is taken for another when it is read aloud
LENGTH = 5  # 24 million of them; a PO number of S&S has room for 30 signs in all


def token() -> str:
    """From the settings of a copy that was restored beside another, else made once and kept in the database."""
    if settings.INSTALLATION_TOKEN:
        return str(settings.INSTALLATION_TOKEN)
    row, _ = Installation.objects.get_or_create(pk=1, defaults={"token": _new()})
    return row.token


def _new() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
