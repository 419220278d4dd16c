"""What every door of the API asks first: whose key it is, what exists for it, who is written down, what the body says."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from accounts.models import ApiKey, Merchant
from connectors.models import Connection
from connectors.models.connection import ConnectionQuerySet
from orders.models import Order

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class NotAnswered(APIException):
    """The other side did not answer as it should; `code` is that of the error."""

    status_code = 502


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


def idempotency_key(request: Request) -> str:
    """Empty when none was sent."""
    value = request.headers.get("Idempotency-Key", "")
    if value and not _KEY.fullmatch(value):
        text = "An Idempotency-Key has 1 to 255 visible ASCII characters."
        raise ValidationError({"Idempotency-Key": text}, code="bad_idempotency_key")
    return value


def visible(request: Request) -> QuerySet[Order]:
    """The orders that exist for this key: its merchant's, or its marketplace's own."""
    key = key_of(request)
    if key.merchant is not None:
        return Order.objects.of(key.merchant)
    return Order.objects.filter(channel__marketplace=key.marketplace)


def visible_pk(request: Request, public_id: str) -> int:
    order_id = visible(request).filter(public_id=public_id).values_list("pk", flat=True).first()
    if order_id is None:
        raise Http404
    return order_id


def whole(order_id: int) -> Order:
    """With all that an answer tells of it."""
    return Order.objects.for_page().get(pk=order_id)


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
