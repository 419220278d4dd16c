"""API keys: shown once, kept as a digest, found by their prefix."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import Q

from accounts.formed import Read
from accounts.models import ApiKey, Marketplace, Merchant, User
from accounts.services import audit

USED_EVERY = timedelta(minutes=1)  # how finely `last_used_at` is kept
_PREFIX_BYTES = 4
_SHAPE = re.compile(r"sw_([0-9a-f]{8})_[\w-]{43}", re.ASCII)


class KeyRefused(Exception):
    """Unknown, wrong, revoked or run out; the text does not say which."""


@transaction.atomic
def issue(
    *,
    name: str,
    can_write: bool,
    expires_at: datetime | None,
    by: str,
    at: datetime,
    marketplace: Marketplace | None = None,
    merchant: Merchant | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Make a key of a marketplace or a merchant. The second value is the key itself; it cannot be had again."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    secret = f"sw_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        digest=_digest(secret),
        marketplace=marketplace,
        merchant=merchant,
        can_write=can_write,
        created_by=created_by,
        created_at=at,
        expires_at=expires_at,
    )
    audit.record(merchant=merchant, kind="api_key.issued", subject=str(key), by=by, at=at, can_write=can_write)
    return key, secret


@transaction.atomic
def revoke(*, key_id: int, by: str, at: datetime) -> ApiKey:
    """End a key at once; revoking it again changes nothing."""
    key = ApiKey.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=key_id)
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        audit.record(merchant=key.merchant, kind="api_key.revoked", subject=str(key), by=by, at=at)
    return key


def verify(secret: str, *, at: datetime) -> ApiKey:
    """The key that this secret belongs to. Raises KeyRefused."""
    shaped = _SHAPE.fullmatch(secret)
    key = next(iter(_keys([shaped[1]])), None) if shaped else None
    expected = key.digest if key else "0" * 64
    matches = hmac.compare_digest(_digest(secret), expected)
    if key is None or not matches or not _stands(key, at):
        raise KeyRefused("This API key is not valid.")
    _mark_used(key, at)
    return key


_keys: Read[ApiKey] = Read(
    lambda prefixes: ApiKey.objects.filter(prefix__in=prefixes).select_related("marketplace", "merchant"), text=True
)


def _stands(key: ApiKey, at: datetime) -> bool:
    owner = key.marketplace or key.merchant
    in_time = key.expires_at is None or key.expires_at > at
    return key.revoked_at is None and in_time and owner is not None and owner.is_active


def _mark_used(key: ApiKey, at: datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=at - USED_EVERY)
    if key.last_used_at is None or key.last_used_at < at - USED_EVERY:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=at)


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
