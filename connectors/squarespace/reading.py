"""What Squarespace answers, in the neutral shapes. A list that is empty may come as null."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.base import Parcel, RemoteOrder, RemoteRef, RemoteVariant, ShipmentLine, ShipmentNotice, ShopInfo
from connectors.errors import OutcomeUnknownError, RetryableError

FULFILLED, CANCELED = "FULFILLED", "CANCELED"
ORDERS_PAGE = "/config/commerce/orders"  # of a site's own address; there is no known one for a single order


class MalformedAnswerError(RetryableError):
    """An answer lacks what the documentation promises: as good as a torn one."""


@contextmanager
def shaped(*, changes: bool = False) -> Iterator[None]:
    """Raise OutcomeUnknownError (after a change) or MalformedAnswerError for an answer that cannot be read."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError, MalformedAnswerError) as error:
        message = "Squarespace's answer lacks what its documentation promises."
        raise (OutcomeUnknownError(message) if changes else MalformedAnswerError(message)) from error


@shaped()
def page(answer: Mapping[str, Any], field: str) -> tuple[list[Mapping[str, Any]], str]:
    """The rows of one page, and the cursor of the next; empty on the last page."""
    pagination = answer["pagination"]
    cursor = pagination["nextPageCursor"] if pagination["hasNextPage"] else ""
    if pagination["hasNextPage"] and not cursor:
        raise MalformedAnswerError("Squarespace names a next page but not where it is.")
    return list(answer[field] or ()), cursor


@shaped()
def shop(website: Mapping[str, Any], *, missing_scopes: tuple[str, ...]) -> ShopInfo:
    address = _with_scheme(website["url"].rstrip("/"))
    return ShopInfo(
        remote_id=website["id"],
        name=website["title"] or website["siteId"],
        domain=address.partition("://")[2],
        currency=website["currency"],
        timezone=website.get("timeZone") or "",
        missing_scopes=missing_scopes,
        settings={"url": address},
    )


@shaped()
def variant(row: Mapping[str, Any]) -> RemoteVariant:
    """Of the inventory, which does not tell whether the product is shown on the site."""
    return RemoteVariant(
        variant_id=row["variantId"],
        sku=row["sku"] or "",
        title=row["descriptor"] or row["sku"] or "",
        stock=None if row["isUnlimited"] else int(row["quantity"]),
    )


@shaped()
def ref(row: Mapping[str, Any], *, site: str) -> RemoteRef:
    """`site`: its own address, as it tells it; empty when it is not known."""
    remote_id = row["id"]
    if not isinstance(remote_id, str) or not remote_id:
        raise MalformedAnswerError("An order has no id.")
    return RemoteRef(remote_id=remote_id, name=f"#{row['orderNumber']}", url=f"{site}{ORDERS_PAGE}" if site else "")


@shaped()
def order(row: Mapping[str, Any], *, site: str) -> RemoteOrder:
    total = row["grandTotal"]
    return RemoteOrder(
        ref=ref(row, site=site),
        reference=row["externalOrderReference"] or "",
        currency=total["currency"],
        total=_amount(total),
        cancelled=row["fulfillmentStatus"] == CANCELED,
        refunded=_amount(row["refundedTotal"]) if row["refundedTotal"] else Decimal(0),
        created_at=_time(row["createdOn"]),
        updated_at=at(row["modifiedOn"]),
        shipments=_shipments(row),
        remote_version=row["modifiedOn"],
    )


@shaped()
def number(row: Mapping[str, Any]) -> int:
    """Which order of the site it is; createdOn is what we sent, the number is Squarespace's own count."""
    return int(row["orderNumber"])


def _shipments(row: Mapping[str, Any]) -> tuple[ShipmentNotice, ...]:
    """An order is fulfilled whole or not at all, in any number of parcels: one shipment with all its lines.

    One that was fulfilled and is so no longer comes as cancelled.
    """
    parcels = row["fulfillments"] or ()
    fulfilled = row["fulfillmentStatus"] == FULFILLED
    if not fulfilled and not parcels and not row["fulfilledOn"]:
        return ()
    shipment = ShipmentNotice(
        remote_id=row["id"],
        status="success" if fulfilled else "cancelled",
        lines=tuple(_shipment_line(line) for line in row["lineItems"] or ()),
        parcels=tuple(_parcel(parcel) for parcel in parcels),
        shipped_at=_shipped_at(row),
        updated_at=_time(row["modifiedOn"]),
    )
    return (shipment,)


def _shipment_line(line: Mapping[str, Any]) -> ShipmentLine:
    return ShipmentLine(
        sku=line["sku"] or "",
        quantity=int(line["quantity"]),
        remote_line_id=line["id"],
        variant_id=line["variantId"] or "",
    )


def _parcel(parcel: Mapping[str, Any]) -> Parcel:
    carrier = " ".join(part for part in (parcel["carrierName"], parcel["service"]) if part)
    return Parcel(carrier=carrier, number=parcel["trackingNumber"] or "", url=parcel["trackingUrl"] or "")


def _shipped_at(row: Mapping[str, Any]) -> datetime | None:
    """When the first parcel left; the time of the mark "fulfilled" when none says."""
    dates = [_time(parcel["shipDate"]) for parcel in row["fulfillments"] or () if parcel["shipDate"]]
    known = [date for date in dates if date is not None]
    return min(known) if known else _time(row["fulfilledOn"])


def _with_scheme(address: str) -> str:
    """Whether Squarespace always names one is not documented."""
    return address if not address or "://" in address else f"https://{address}"


def _amount(money: Mapping[str, Any]) -> Decimal:
    """Live answers hold text, the documentation's examples numbers."""
    return Decimal(str(money["value"]))


def _time(value: str | None) -> datetime | None:
    return at(value) if value else None


def at(value: str) -> datetime:
    """All times are UTC, by the documentation; live ones say so."""
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
