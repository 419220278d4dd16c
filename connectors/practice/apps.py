"""Apps at the practice stores: what is registered of ours, and the codes and tokens that a store gives it.

One access per app and store, as at the real platforms: a new authorization ends the former one.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from connectors.practice import dials
from connectors.practice.models import PracticeShop, PracticeToken

CODE_LIVES = timedelta(seconds=60)
CODE, ACCESS, REFRESH = "code", "access", "refresh"


class AppRefused(Exception):
    """The platform refuses; the text is its own word for it, as in RFC 6749."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a platform's tokens look and live."""

    access_prefix: str
    refresh_prefix: str
    access_lives: timedelta
    refresh_lives: timedelta
    repeats: bool  # a refresh token may be used again until what it brought is first used


@dataclass(frozen=True, slots=True)
class Pair:
    access: PracticeToken
    refresh: PracticeToken


def is_key(platform: str, key: str) -> bool:
    return _same(key, getattr(settings, f"{platform.upper()}_APP_KEY", ""))


def is_app(platform: str, key: str, given: str) -> bool:
    """The secret that counts is the newest; older ones are known for signatures alone."""
    return is_key(platform, key) and _same(given, secret(platform))


def secret(platform: str) -> str:
    """What the platform signs with."""
    known: list[str] = getattr(settings, f"{platform.upper()}_APP_SECRETS", [])
    return next(iter(known), "")


def is_registered(platform: str, redirect_uri: str) -> bool:
    """As written in the app's registration, to the letter."""
    return redirect_uri == f"{settings.BASE_URL}/connections/authorized/{platform}/"


def issue_code(shop: PracticeShop, *, redirect_uri: str, scopes: Iterable[str], at: datetime) -> str:
    row = PracticeToken.objects.create(
        shop=shop,
        kind=CODE,
        value=secrets.token_hex(16),
        scopes=list(scopes),
        redirect_uri=redirect_uri,
        expires_at=at + CODE_LIVES,
    )
    return row.value


@transaction.atomic
def redeem(shop: PracticeShop, code: str, kind: Kind, *, at: datetime, redirect_uri: str | None = None) -> Pair:
    """The first pair for a code, which works once. `redirect_uri` None: the platform does not ask for it again."""
    PracticeShop.objects.select_for_update().get(pk=shop.pk)
    row = shop.tokens.filter(kind=CODE, value=code, expires_at__gt=at).first()
    if row is None or redirect_uri not in (None, row.redirect_uri):
        raise AppRefused("invalid_request")
    shop.tokens.filter(kind=CODE, value=code).delete()
    pair = _issue(shop, kind, row.scopes, at=at)
    shop.tokens.exclude(kind=CODE).filter(generation__lt=pair.access.generation).delete()
    return pair


@transaction.atomic
def rotate(shop: PracticeShop, refresh: str, kind: Kind, *, at: datetime) -> Pair:
    """The pair that follows. Raises AppRefused for a token that is unknown, used, or has run out."""
    PracticeShop.objects.select_for_update().get(pk=shop.pk)
    row = shop.tokens.filter(kind=REFRESH, value=refresh, expires_at__gt=at).first()
    if row is None:
        raise AppRefused("invalid_grant")
    _used(shop, row.generation)
    shop.tokens.exclude(kind=CODE).filter(generation__gt=row.generation).delete()  # nobody ever used them
    if not kind.repeats:
        row.delete()
    return _issue(shop, kind, row.scopes, at=at)


def access_of(shop: PracticeShop, token: str, *, at: datetime) -> PracticeToken | None:
    """The access that a token gives; None when it is unknown or has run out. Its first use ends what it replaced."""
    row = shop.tokens.filter(kind=ACCESS, value=token, expires_at__gt=at).first()
    if row is not None:
        _used(shop, row.generation)
    return row


def _used(shop: PracticeShop, generation: int) -> None:
    shop.tokens.filter(kind=REFRESH, generation__lt=generation).delete()


def _issue(shop: PracticeShop, kind: Kind, scopes: list[str], *, at: datetime) -> Pair:
    newest: int = shop.tokens.aggregate(newest=Max("generation"))["newest"] or 0
    short_s = dials.take(shop, "short_access")
    lives = kind.access_lives if short_s is None else timedelta(seconds=short_s)

    def make(name: str, prefix: str, expires_at: datetime) -> PracticeToken:
        value = f"{prefix}{secrets.token_hex(16)}"
        return PracticeToken.objects.create(
            shop=shop, kind=name, value=value, scopes=scopes, generation=newest + 1, expires_at=expires_at
        )

    return Pair(
        make(ACCESS, kind.access_prefix, at + lives), make(REFRESH, kind.refresh_prefix, at + kind.refresh_lives)
    )


def _same(given: str, wanted: str) -> bool:
    return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
