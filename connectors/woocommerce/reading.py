"""What WooCommerce answers, in the neutral shapes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from connectors.base import (
    Account,
    Parcel,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShipmentLine,
    ShipmentNotice,
    ShopInfo,
)
from connectors.errors import OutcomeUnknownError, RetryableError
from connectors.woocommerce import taxes, tracking
from connectors.woocommerce.mapping import LINE_ID, REFERENCE

READ_WRITE = "read_write"
COMPLETED = "completed"  # the status, and the id of the shipment that it stands for
FULFILLMENT_STATUS = "_fulfillment_status"  # meta of an order that WooCommerce's own fulfillments know

_GONE = frozenset({"cancelled", "trash"})
# Set back to one of these, what was completed is to be sent again or never was; a plugin's "delivered" is no such thing.
_UNSENT = frozenset({"pending", "processing", "on-hold", "failed", "cancelled", "trash"})
_ORDERABLE = frozenset({"simple", "variation", "subscription", "subscription_variation", "bundle"})
ORDER_FIELDS = (
    "id,number,status,currency,total,date_created_gmt,date_modified_gmt,date_completed_gmt,date_paid_gmt,"
    "meta_data,line_items,refunds"
)
PRODUCT_FIELDS = (
    "id,parent_id,sku,name,type,status,purchasable,manage_stock,stock_quantity,stock_status,backorders,"
    "tax_status,tax_class,global_unique_id"
)


class MalformedAnswerError(RetryableError):
    """An answer lacks what the API promises: as good as a torn one."""


@contextmanager
def shaped(*, changes: bool = False) -> Iterator[None]:
    """Raise OutcomeUnknownError (after a change) or MalformedAnswerError for an answer that cannot be read."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError, MalformedAnswerError) as error:
        message = "WooCommerce's answer lacks what its API promises."
        raise (OutcomeUnknownError(message) if changes else MalformedAnswerError(message)) from error


# --- the shop ------------------------------------------------------------------------------------


@shaped()
def shop(index: Mapping[str, Any], settings: Mapping[str, Any], *, may_write: bool) -> ShopInfo:
    home = address(index["home"])
    return ShopInfo(
        remote_id=home,
        name=str(index["name"] or home),
        domain=home,
        currency=settings["currency"],
        timezone=index["timezone_string"] or "",
        prices_include_tax=settings["prices_include_tax"],
        scopes=(READ_WRITE,) if may_write else ("read",),
        missing_scopes=() if may_write else (READ_WRITE,),
        settings=settings,
    )


def address(url: str) -> str:
    """A home address as this store's name: no scheme, no www, no slash at the end."""
    parts = urlsplit(url)
    return f"{parts.netloc.lower().removeprefix('www.')}{parts.path.rstrip('/')}"


@shaped()
def settings(
    status: Mapping[str, Any], general: Iterable[Any], tax: Iterable[Any], rates: Iterable[Any] | None
) -> dict[str, Any]:
    """What `taxes` and `mapping` have to know of the store, as JSON. `rates` None: there are too many."""
    option = {row["id"].removeprefix("woocommerce_"): row["value"] for row in (*general, *tax)}
    country, _, state = option["default_country"].partition(":")
    base = {"state": state, "postcode": option["store_postcode"], "city": option["store_city"]}
    return {
        "version": status["environment"]["version"],
        "currency": option["currency"],
        "decimals": int(option["price_num_decimals"]),
        "taxes_enabled": option["calc_taxes"] == "yes",
        "prices_include_tax": option["prices_include_tax"] == "yes",
        "tax_based_on": option["tax_based_on"],
        "shipping_tax_class": option["shipping_tax_class"] or taxes.STANDARD,
        "round_at_subtotal": option["tax_round_at_subtotal"] == "yes",
        "base": {"country": country, **base},
        "rates": None if rates is None else [_rate(row) for row in rates],
    }


def _rate(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "country": row["country"].upper(),
        "state": row["state"].upper(),
        "postcodes": _several(row, "postcodes", "postcode"),
        "cities": [city.upper() for city in _several(row, "cities", "city")],
        "percent": f"{Decimal(row['rate'] or 0):f}",
        "priority": row["priority"],
        "compound": row["compound"],
        "shipping": row["shipping"],
        "class": row["class"] or taxes.STANDARD,
    }


def _several(row: Mapping[str, Any], many: str, one: str) -> list[str]:
    """Lists came with WooCommerce 5.3; the older field holds one value."""
    values = row[many] if many in row else [row.get(one)]
    return [value for value in values if value]


# --- products ------------------------------------------------------------------------------------


def is_orderable(row: Mapping[str, Any]) -> bool:
    """Not what only holds others: the parent of variations, a group, a link to another shop."""
    return row.get("type") in _ORDERABLE


@shaped()
def variant(row: Mapping[str, Any]) -> RemoteVariant:
    return RemoteVariant(
        variant_id=str(row["id"]),
        sku=row["sku"] or "",
        title=row["name"] or "",
        barcode=row.get("global_unique_id") or "",
        sellable=row["status"] == "publish" and bool(row["purchasable"]) and is_orderable(row),
        stock=_stock(row),
        product_id=str(row["parent_id"] or row["id"]),
        tax_class=(row["tax_class"] or taxes.STANDARD) if row["tax_status"] == "taxable" else None,
    )


def _stock(row: Mapping[str, Any]) -> int | None:
    """`manage_stock` is true, false, or "parent" for a variation that shares its parent's stock."""
    if row["backorders"] in ("yes", "notify"):
        return None
    if row["manage_stock"]:
        return int(row["stock_quantity"] or 0)
    return 0 if row["stock_status"] == "outofstock" else None


# --- orders --------------------------------------------------------------------------------------


def row(answer: Any) -> Mapping[str, Any]:
    """The answer to a question for one order."""
    if not isinstance(answer, dict):
        raise MalformedAnswerError("WooCommerce's answer is no order.")
    return answer


@shaped()
def ref(row: Mapping[str, Any], *, base_url: str) -> RemoteRef:
    url = f"{base_url.rstrip('/')}/wp-admin/admin.php?page=wc-orders&action=edit&id={row['id']}"
    return RemoteRef(remote_id=str(row["id"]), name=f"#{row['number']}", url=url)


@shaped()
def reference(row: Mapping[str, Any]) -> str:
    """Ours, out of the order's meta data; empty when it is not one of ours."""
    return next((str(pair["value"]) for pair in row["meta_data"] if pair["key"] == REFERENCE), "")


@shaped()
def meta(row: Mapping[str, Any], key: str) -> Any:
    return next((pair["value"] for pair in row["meta_data"] if pair["key"] == key), None)


@shaped()
def order(
    row: Mapping[str, Any],
    account: Account,
    *,
    fulfillments: Sequence[Mapping[str, Any]] = (),
    links: Mapping[str, str] | None = None,
) -> RemoteOrder:
    """`fulfillments` and `links` (tracking number -> address) are asked for separately."""
    total, key = Decimal(row["total"]), account.tracking_key
    return RemoteOrder(
        ref=ref(row, base_url=account.base_url),
        reference=reference(row),
        currency=row["currency"],
        total=total,
        cancelled=row["status"] in _GONE,
        refunded=sum((abs(Decimal(refund["total"])) for refund in row["refunds"]), Decimal(0)),
        outstanding=Decimal(0) if row["date_paid_gmt"] else total,
        created_at=time(row["date_created_gmt"]),
        updated_at=time(row["date_modified_gmt"]),
        shipments=tuple(_shipments(row, fulfillments, _parcels(row, key, links or {}))),
        remote_version=_version(row, fulfillments, key),
    )


@shaped()
def stranger(row: Mapping[str, Any], account: Account) -> RemoteOrder:
    """One that is none of ours: how far a list was read, and nothing else of it."""
    return RemoteOrder(
        ref=ref(row, base_url=account.base_url),
        reference="",
        currency="",
        total=Decimal(0),
        updated_at=time(row["date_modified_gmt"]),
    )


@shaped()
def time(value: str | None) -> datetime | None:
    """A *_gmt time: UTC that does not say so."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if value else None


def is_sent(row: Mapping[str, Any]) -> bool:
    """Whether the order is completed, or was and stands in a status that a plugin has for afterwards, or is refunded."""
    status = row["status"]
    return bool(status == COMPLETED or (row["date_completed_gmt"] and status not in _UNSENT))


def _version(row: Mapping[str, Any], fulfillments: Sequence[Mapping[str, Any]], tracking_key: str) -> str:
    """The time of the last change has whole seconds: two changes within one differ by what they changed."""
    told = [row["status"], row["total"], row["refunds"], [(line["id"], line["quantity"]) for line in row["line_items"]]]
    told += [meta(row, key) for key in (FULFILLMENT_STATUS, *tracking.KEYS)]
    told += [meta(row, tracking_key)] if tracking_key else []
    told += [list(fulfillments)] if fulfillments else []
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return f"{row['date_modified_gmt']}-{digest[:16]}"


def _shipments(
    row: Mapping[str, Any], fulfillments: Sequence[Mapping[str, Any]], parcels: tuple[Parcel, ...]
) -> Iterator[ShipmentNotice]:
    """WooCommerce's own fulfillments; beyond them, "completed" means that all the rest was sent."""
    left = {line["id"]: int(line["quantity"]) for line in row["line_items"]}
    lines = {line["id"]: line for line in row["line_items"]}
    for fulfillment in fulfillments:
        facts = {pair["key"]: pair["value"] for pair in fulfillment["meta_data"]}
        items = {item["item_id"]: int(item["qty"]) for item in facts.get("_items") or ()}
        if fulfillment["is_fulfilled"]:
            left = {line_id: units - items.get(line_id, 0) for line_id, units in left.items()}
            yield ShipmentNotice(
                remote_id=f"fulfillment-{fulfillment['id']}",
                status="success",
                lines=_lines(lines, items),
                parcels=tracking.of_fulfillment(facts),
                updated_at=time(row["date_modified_gmt"]),
            )
    if row["date_completed_gmt"] and any(units > 0 for units in left.values()):
        yield _completed(row, _lines(lines, left), parcels)


def _parcels(row: Mapping[str, Any], tracking_key: str, links: Mapping[str, str]) -> tuple[Parcel, ...]:
    keys = dict.fromkeys((*tracking.KEYS, *([tracking_key] if tracking_key else [])))
    return tracking.of_meta({key: meta(row, key) for key in keys}, links, also=tracking_key)


def _completed(row: Mapping[str, Any], lines: tuple[ShipmentLine, ...], parcels: tuple[Parcel, ...]) -> ShipmentNotice:
    """The date stays when an order goes back from completed: then the shipment was taken back."""
    return ShipmentNotice(
        remote_id=COMPLETED,
        status="success" if is_sent(row) else "cancelled",
        lines=lines,
        parcels=parcels,
        shipped_at=time(row["date_completed_gmt"]),
        updated_at=time(row["date_modified_gmt"]),
    )


def _lines(lines: Mapping[int, Mapping[str, Any]], units: Mapping[int, int]) -> tuple[ShipmentLine, ...]:
    """A line that was added in the store has none of our ids."""
    sent = [(lines[line_id], quantity) for line_id, quantity in units.items() if line_id in lines and quantity > 0]
    return tuple(
        ShipmentLine(
            sku=line["sku"] or "",
            quantity=quantity,
            line_id=next((str(pair["value"]) for pair in line["meta_data"] if pair["key"] == LINE_ID), ""),
            remote_line_id=str(line["id"]),
        )
        for line, quantity in sent
    )
