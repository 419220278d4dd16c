"""A refund as WooCommerce's books take it: `POST orders/<id>/refunds` (WooCommerce REST API v3, November 2026)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.base import Blocker, BlockerCode, PutBack
from connectors.errors import RejectedError
from connectors.woocommerce.mapping import LINE_ID


def body(row: Mapping[str, Any], back: PutBack) -> dict[str, Any]:
    """For the order as it stands there. Raises RejectedError when nothing is left to book or no line is ours."""
    lines = [_line(line, back, row["currency"]) for line in row["line_items"] if _units(line, back)]
    booked = sum((abs(Decimal(refund["total"])) for refund in row["refunds"]), Decimal(0))
    amount = min(back.amount, Decimal(row["total"]) - booked)
    if not lines or amount <= 0:
        message = "WooCommerce shows these units refunded already. Change the stock there, if it lacks them."
        raise RejectedError(message, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, message, "refunds", f"{booked:f}")])
    return {
        "amount": money.plain(amount, row["currency"]),
        "reason": f"{back.reason} ({back.reference})",
        "api_refund": False,
        "api_restock": True,
        "line_items": lines,
    }


def _line(line: Mapping[str, Any], back: PutBack, currency: str) -> dict[str, Any]:
    units = _units(line, back)
    share = Decimal(units) / line["quantity"]
    return {
        "id": line["id"],
        "quantity": units,
        "refund_total": _part(line["total"], share, currency),
        "refund_tax": [
            {"id": tax["id"], "refund_total": _part(tax["total"] or "0", share, currency)} for tax in line["taxes"]
        ],
    }


def _units(line: Mapping[str, Any], back: PutBack) -> int:
    ours = next((str(pair["value"]) for pair in line["meta_data"] if pair["key"] == LINE_ID), "")
    return min(back.units.get(ours, 0), int(line["quantity"]))


def _part(amount: str, share: Decimal, currency: str) -> str:
    return money.plain(Decimal(amount) * share, currency)
