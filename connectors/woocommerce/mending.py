"""An order whose creation was cut off: WooCommerce saves it as pending first, then its lines and its status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.base import OutboundOrder
from connectors.errors import RejectedError, RetryableError
from connectors.woocommerce import reading, refusals
from connectors.woocommerce.client import NotThereError, RefusedError, WooClient

_FIELDS = f"{reading.ORDER_FIELDS},shipping_lines"
_FIRST = "pending"  # what an order is saved as before anything else
_CLOSED = frozenset({"cancelled", "refunded", "failed", "trash"})
_LISTS = ("line_items", "shipping_lines")


def mend(
    client: WooClient, remote_id: str, order: OutboundOrder, body: Mapping[str, Any], *, quiet_s: int, at: datetime
) -> None:
    """Make an order that was found the `body` that created it.

    An order that lacks something and changed within `quiet_s` is left for later: PHP may be at work on it. RejectedError
    when it has other lines than were sent.
    """
    try:
        row = client.order(remote_id, _FIELDS)
    except NotThereError:
        return
    with reading.shaped():
        if row["status"] in _CLOSED:
            return
        missing = _missing(row, body)
        if "line_items" not in missing:
            _check(row, body, order)
        if not missing:
            return
        changed_at = reading.time(row["date_modified_gmt"])
        left_s = quiet_s - (at - changed_at).total_seconds() if changed_at else 0
    if left_s > 0:
        raise RetryableError("The store may still be making the order.", after_s=min(left_s, quiet_s))
    try:
        mended = client.post(f"orders/{remote_id}", missing, operation="order_mend")
    except RefusedError as refusal:
        raise refusals.of_order(refusal.answer, order) from refusal
    with reading.shaped(changes=True):
        _check(mended, body, order)


def _missing(row: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """What to send. Lines are added where there are none: one too many cannot be told from the store's own.

    An order that somebody has moved on from pending has its status from them.
    """
    if row["status"] != _FIRST:
        return {}
    lists = {name: body[name] for name in _LISTS if body[name] and not row[name]}
    addresses = {name: body[name] for name in ("billing", "shipping")} if lists else {}
    payment = {name: body[name] for name in ("status", "set_paid") if name in body}
    return {**addresses, **lists, **payment}


def _check(row: Mapping[str, Any], body: Mapping[str, Any], order: OutboundOrder) -> None:
    blockers = refusals.differences(body, row, order)
    if blockers:
        raise RejectedError(blockers[0].message, blockers)
