"""What Shopify answers, in the neutral shapes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.base import (
    Parcel,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShipmentLine,
    ShipmentNotice,
    ShopInfo,
)
from connectors.shopify.mapping import LINE_ID

# A write scope lets read too. Shopify's names, 2026-10.
SCOPES = ("write_orders", "read_products", "read_inventory", "read_fulfillments")

_SELLABLE = frozenset({"ACTIVE", "UNLISTED"})
_SHIPMENT_STATUS = {"CANCELLED": "cancelled", "ERROR": "failed", "FAILURE": "failed"}  # else: it was sent


def shop(data: Mapping[str, Any]) -> ShopInfo:
    about = data["shop"]
    granted = {scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]}
    implied = {scope.replace("write_", "read_", 1) for scope in granted if scope.startswith("write_")}
    return ShopInfo(
        remote_id=about["id"],
        name=about["name"],
        domain=about["myshopifyDomain"],
        currency=about["currencyCode"],
        timezone=about["ianaTimezone"] or "",
        prices_include_tax=about["taxesIncluded"],
        scopes=tuple(sorted(granted)),
        missing_scopes=tuple(scope for scope in SCOPES if scope not in granted | implied),
    )


def variant(node: Mapping[str, Any]) -> RemoteVariant:
    product = node["product"]
    own = "" if node["title"] in ("Default Title", "") else f" / {node['title']}"
    counted = node["inventoryItem"]["tracked"] and node["inventoryPolicy"] == "DENY"
    return RemoteVariant(
        variant_id=node["id"],
        sku=node["sku"] or "",
        title=f"{product['title']}{own}",
        barcode=node["barcode"] or "",
        sellable=product["status"] in _SELLABLE,
        stock=(node["inventoryQuantity"] or 0) if counted else None,
        product_id=product["id"],
    )


def ref(node: Mapping[str, Any], *, base_url: str) -> RemoteRef:
    url = f"{base_url.rstrip('/')}/admin/orders/{node['legacyResourceId']}"
    return RemoteRef(remote_id=node["id"], name=node["name"], url=url)


def order(node: Mapping[str, Any], *, base_url: str) -> RemoteOrder:
    total = node["totalPriceSet"]["shopMoney"]
    return RemoteOrder(
        ref=ref(node, base_url=base_url),
        reference=node["sourceIdentifier"] or "",
        currency=total["currencyCode"],
        total=Decimal(total["amount"]),
        cancelled=node["cancelledAt"] is not None,
        refunded=_amount(node["totalRefundedSet"]),
        outstanding=_amount(node["totalOutstandingSet"]),
        created_at=_time(node["createdAt"]),
        updated_at=_time(node["updatedAt"]),
        shipments=tuple(_shipment(fulfillment) for fulfillment in node["fulfillments"]),
        remote_version=node["updatedAt"],
    )


def _shipment(node: Mapping[str, Any]) -> ShipmentNotice:
    return ShipmentNotice(
        remote_id=node["id"],
        status=_SHIPMENT_STATUS.get(node["status"], "success"),
        lines=tuple(_shipment_line(line) for line in node["fulfillmentLineItems"]["nodes"]),
        parcels=tuple(_parcel(info) for info in node["trackingInfo"] if any(info.values())),
        shipped_at=_time(node["createdAt"]),
        updated_at=_time(node["updatedAt"]),
    )


def _shipment_line(node: Mapping[str, Any]) -> ShipmentLine:
    """A line that was added in Shopify has none of our ids."""
    line = node["lineItem"]
    properties = {pair["key"]: pair["value"] for pair in line["customAttributes"]}
    return ShipmentLine(
        sku=line["sku"] or "",
        quantity=node["quantity"] or 0,
        line_id=properties.get(LINE_ID) or "",
        remote_line_id=line["id"],
    )


def _parcel(info: Mapping[str, Any]) -> Parcel:
    return Parcel(carrier=info["company"] or "", number=info["number"] or "", url=info["url"] or "")


def _amount(bag: Mapping[str, Any]) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
