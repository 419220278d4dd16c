"""A supplier by SFTP sends no webhooks: whatever arrives in its name is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from connectors.base import Account
from connectors.errors import BadSignatureError


def parse(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account) -> NoReturn:
    """Raises BadSignatureError, always."""
    raise BadSignatureError("A supplier by SFTP sends no webhooks.")
