"""What every door of the API asks first: whose key it is, who is written down as having done it, what the body says."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from accounts.models import ApiKey, Merchant
from connectors.models import Connection
from connectors.models.connection import ConnectionQuerySet


def key_of(request: Request) -> ApiKey:
    assert isinstance(request.auth, ApiKey)  # noqa: S101  # HasApiKey
    return request.auth


def merchant_of(request: Request) -> Merchant:
    """Behind IsMerchantKey alone."""
    merchant = key_of(request).merchant
    assert merchant is not None  # noqa: S101  # IsMerchantKey
    return merchant


def by_of(request: Request) -> str:
    """As the history names it."""
    return f"API key {key_of(request)}"


def who(request: Request) -> dict[str, Any]:
    """`by` and `at` of a service."""
    return {"by": by_of(request), "at": timezone.now()}


def valid(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    """The body that was sent. Raises ValidationError."""
    serializer.is_valid(raise_exception=True)
    body: dict[str, Any] = serializer.validated_data
    return body


def standing_connection(request: Request, public_id: str) -> Connection:
    """One that is not disconnected; any other does not exist for this key."""
    return _one(request, public_id, Connection.objects.all())


def own_connection(request: Request, public_id: str) -> Connection:
    """The same, with access of its own: none that stands for a partner's."""
    return _one(request, public_id, Connection.objects.own())


def _one(request: Request, public_id: str, rows: ConnectionQuerySet) -> Connection:
    rows = rows.of(merchant_of(request)).standing().select_related("merchant", "sync_settings")
    connection = rows.filter(public_id=public_id).first()
    if connection is None:
        raise Http404
    return connection
