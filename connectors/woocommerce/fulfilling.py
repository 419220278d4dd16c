"""Telling a store what was sent, and taking it back: tracking in an order's meta data, and the order's status.

WooCommerce has no part of an order that is fulfilled: until nothing is left the order stays as it is, with its tracking.
"""

from __future__ import annotations

import html
from typing import Any

from connectors.base import Blocker, BlockerCode, OutboundShipment
from connectors.errors import RejectedError
from connectors.woocommerce import notes, reading, tracking
from connectors.woocommerce.client import NotThereError, WooClient

OPEN = "processing"  # paid and to be sent: what an order goes back to

_CLOSED = frozenset({"cancelled", "refunded", "failed", "trash"})  # statuses of orders that nobody sends any more


def fulfill(client: WooClient, remote_id: str, shipment: OutboundShipment) -> None:
    """Tracking where the common plugins keep it; the order is completed once nothing is left. Safe to repeat."""
    if not remote_id.isdecimal():
        raise closed("The order is not one of WooCommerce's.", "unknown")
    try:
        row = reading.row(client.order(remote_id, reading.ORDER_FIELDS))
    except NotThereError as gone:
        raise closed("The order is gone from WooCommerce.", "deleted") from gone
    with reading.shaped():
        status, known, is_sent = row["status"], reading.meta(row, tracking.ITEMS), reading.is_sent(row)
    if status in _CLOSED:
        raise closed(f"The order is {status} in WooCommerce.", status)
    left = tracking.without_parcels(known, shipment.gone)
    items = tracking.with_parcels(known if left is None else left, shipment.parcels, at=shipment.shipped_at)
    is_kept = bool(items) or left is not None
    body: dict[str, Any] = {"meta_data": [{"key": tracking.ITEMS, "value": items}]} if is_kept else {}
    if shipment.completes and not is_sent:
        body["status"] = reading.COMPLETED
    if body:
        client.post(f"orders/{remote_id}", body, operation="order_fulfill")


def recall(client: WooClient, remote_id: str, shipment: OutboundShipment) -> None:
    """The tracking numbers go, and an order that is completed is to be sent again. A note says so, before it is done.

    Any other status is what somebody made of the order since, and stays.
    """
    try:
        row = reading.row(client.order(remote_id, reading.ORDER_FIELDS))
    except NotThereError:
        return
    with reading.shaped():
        status, known = row["status"], reading.meta(row, tracking.ITEMS)
    if status in _CLOSED:
        return
    left = tracking.without_parcels(known, shipment.parcels)
    body: dict[str, Any] = {} if left is None else {"meta_data": [{"key": tracking.ITEMS, "value": left}]}
    if status == reading.COMPLETED and not shipment.completes:
        body["status"] = OPEN
    if body:
        notes.write_missing(client, remote_id, [_note(shipment)])
        client.post(f"orders/{remote_id}", body, operation="order_recall")


def closed(text: str, status: str) -> RejectedError:
    return RejectedError(text, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, text, "status", status)])


def _note(shipment: OutboundShipment) -> str:
    numbers = ", ".join(parcel.number for parcel in shipment.parcels if parcel.number)
    which = f" ({numbers})" if numbers else ""
    rest = "." if shipment.completes else ": what was in it is still to be sent."
    return html.escape(f"A fulfillment was taken back{which}{rest}", quote=False)
