"""Where what blocks a push is mended."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from connectors.base import BlockerCode
from connectors.models import Connection
from connectors.services import suppliers

_BY_LINK = {BlockerCode.UNMAPPED_SKU, BlockerCode.DUPLICATE_SKU, BlockerCode.SKU_GONE}
_BY_ACCESS = {BlockerCode.CREDENTIALS_EXPIRED, BlockerCode.SCOPE_MISSING}
_BY_SETTINGS = {
    BlockerCode.OUT_OF_STOCK,  # the stock check can be bypassed
    BlockerCode.EMAIL_REQUIRED,  # which address goes there
    BlockerCode.PICKUP_LOCATION_UNMAPPED,
    BlockerCode.SYNC_TURNED_OFF,
}
_BY_SET_UP = {
    BlockerCode.SHIPPING_METHOD_UNMAPPED,
    BlockerCode.PAYMENT_PROFILE_MISSING,
    BlockerCode.PICKUP_LOCATION_UNMAPPED,
}


@dataclass(frozen=True, slots=True)
class Fix:
    url: str
    label: str


def of(code: str, value: str, connection: Connection) -> Fix | None:
    """The page that mends a blocker of this code; None when no page does, or it is a partner's."""
    if code in _BY_LINK:
        return Fix(f"{_page('orders:link_sku', connection)}?{urlencode({'sku': value})}", "Link a product")
    if connection.source_id is not None:
        return None
    if code in _BY_ACCESS:
        return Fix(_page("connectors:reconnect", connection), f"Reconnect {connection.name}")
    if code in _BY_SET_UP and suppliers.is_supplier(connection):
        return Fix(_page("connectors:setup", connection), f"Set {connection.name} up")
    return Fix(_page("orders:order_data", connection), "Order data settings") if code in _BY_SETTINGS else None


def _page(name: str, connection: Connection) -> str:
    return reverse(name, args=[connection.public_id])
