"""How integrations sign in to the API: `Authorization: Bearer sw_...`. `request.auth` is the ApiKey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.core.cache import caches
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import ApiKey
from accounts.services import api_keys

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which reads the settings that name this module


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            key = api_keys.verify(secret.decode("ascii").strip(), at=timezone.now())
        except (UnicodeDecodeError, api_keys.KeyRefused):
            raise AuthenticationFailed("This API key is not valid.", code="invalid_api_key") from None
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasApiKey(BasePermission):
    """Any valid key may read; a key needs the write scope for everything else."""

    message = "This API key may only read. Use one that may change orders: Settings, API keys."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        return request.method in ("GET", "HEAD", "OPTIONS") or request.auth.can_write


class IsMarketplaceKey(BasePermission):
    message = "Only a marketplace's API key may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey) and request.auth.marketplace_id is not None


class IsMerchantKey(BasePermission):
    message = "Only a merchant's API key may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey) and request.auth.merchant_id is not None


class ApiKeyThrottle(SimpleRateThrottle):
    """Per key; counted in Redis when there is one, else in each web process for itself: never in the database."""

    scope = "api_key"
    cache = caches["rates"]

    def get_cache_key(self, request: Request, view: APIView) -> str:
        ident = f"key-{request.auth.pk}" if isinstance(request.auth, ApiKey) else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": ident}


class ConnectThrottle(ApiKeyThrottle):
    """Beside it, for what asks a store or a server that the caller names, while the caller waits."""

    scope = "connect"
