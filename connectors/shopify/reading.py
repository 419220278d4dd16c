"""What Shopify answers, in the neutral shapes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.base import (
    Parcel,
    RemoteLocation,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShipmentLine,
    ShipmentNotice,
    ShopInfo,
)
from connectors.errors import OutcomeUnknownError, RetryableError
from connectors.shopify.mapping import LINE_ID

CUSTOMERS = "write_customers"  # for an order that is attached to a customer
ALL_ORDERS = "read_all_orders"  # Shopify grants it on request; without it older orders are as if they were not there
# A write scope lets read too. Shopify's names, 2026-10.
SCOPES = (
    "write_orders",
    "read_products",
    "read_inventory",
    "read_locations",
    "read_fulfillments",
    "write_merchant_managed_fulfillment_orders",
    CUSTOMERS,
)

_SELLABLE = frozenset({"ACTIVE", "UNLISTED"})
_SHIPMENT_STATUS = {"CANCELLED": "cancelled", "ERROR": "failed", "FAILURE": "failed"}  # else: it was sent


class MalformedAnswerError(RetryableError):
    """An answer lacks what the schema promises: as good as a torn one."""


@contextmanager
def shaped(*, changes: bool = False) -> Iterator[None]:
    """Raise OutcomeUnknownError (after a change) or MalformedAnswerError for an answer that cannot be read."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError, MalformedAnswerError) as error:
        message = "Shopify's answer lacks what its schema promises."
        raise (OutcomeUnknownError(message) if changes else MalformedAnswerError(message)) from error


@shaped()
def field(data: Mapping[str, Any], name: str) -> Any:
    """The root field of a query; None when the thing asked for does not exist."""
    return data[name]


@shaped()
def page(connection: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], str | None]:
    """The nodes of one page, and where the next one starts."""
    info = connection["pageInfo"]
    return list(connection["nodes"]), info["endCursor"] if info["hasNextPage"] else None


@shaped()
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


@shaped()
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


@shaped()
def priced_variant(node: Mapping[str, Any]) -> RemoteVariant:
    return replace(variant(node), price=Decimal(node["price"]))


@shaped()
def location(node: Mapping[str, Any]) -> RemoteLocation:
    return RemoteLocation(node["id"], node["name"], bool(node["isActive"]))


@shaped()
def count(data: Mapping[str, Any]) -> int | None:
    """How many variants the shop has; None when Shopify does not say exactly."""
    counted = data["productVariantsCount"]
    return int(counted["count"]) if counted and counted["precision"] == "EXACT" else None


@shaped()
def ref(node: Mapping[str, Any], *, base_url: str) -> RemoteRef:
    url = f"{base_url.rstrip('/')}/admin/orders/{node['legacyResourceId']}"
    return RemoteRef(remote_id=node["id"], name=node["name"], url=url)


@shaped()
def carries(node: Mapping[str, Any], reference: str) -> bool:
    """Whether an order is the one with our reference; the tag alone counts only where nothing contradicts it."""
    identifier = node["sourceIdentifier"]
    return bool(identifier == reference or (not identifier and reference in node["tags"]))


@shaped()
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
        remote_version=_version(node),
    )


@shaped()
def listed(node: Mapping[str, Any], *, base_url: str) -> RemoteOrder:
    """As the list of changes tells it: no version, for it has nothing of shipments and refunds."""
    total = node["totalPriceSet"]["shopMoney"]
    return RemoteOrder(
        ref=ref(node, base_url=base_url),
        reference=node["sourceIdentifier"] or "",
        currency=total["currencyCode"],
        total=Decimal(total["amount"]),
        cancelled=node["cancelledAt"] is not None,
        created_at=_time(node["createdAt"]),
        updated_at=_time(node["updatedAt"]),
    )


def _version(node: Mapping[str, Any]) -> str:
    """`updatedAt` has whole seconds: two changes within one differ by what they changed."""
    digest = hashlib.sha256(json.dumps(node, sort_keys=True).encode()).hexdigest()
    return f"{node['updatedAt']}-{digest[:16]}"


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
