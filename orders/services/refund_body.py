"""A refund as an integration asks for it: shapes and codes. What it comes to, orders.services.refunds says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from orders.enums import MERCHANT_REASONS, RefundReason
from orders.errors import InvalidRefund
from orders.services.intake_reading import Problems, Reader
from orders.services.refund_quotes import Wanted, WantedLine

MOST_LINES = 500
MOST_UNITS = 100_000
NOTE_LENGTH = 1000


def read(body: Any, *, currency: str) -> Wanted:
    """Raises InvalidRefund, which names every problem with its field."""
    problems = Problems()
    reader = Reader(body, problems)
    if problems.found:
        raise InvalidRefund(problems.found)
    wanted = Wanted(
        lines=_lines(reader),
        shipping=reader.amount("shipping", currency, default="0"),
        amount=_amount(reader, currency),
        reason=_reason(reader),
        note=reader.text("note", most=NOTE_LENGTH),
        restock=reader.flag("restock", default=False),
    )
    reader.end()
    if problems.found:
        raise InvalidRefund(problems.found)
    return wanted


def _lines(reader: Reader) -> tuple[WantedLine, ...]:
    lines = []
    for part in reader.parts("lines", least=0, most=MOST_LINES):
        line = part.text("id", most=100, required=True)
        lines.append(WantedLine(line, part.whole("quantity", least=1, most=MOST_UNITS)))
        part.end()
    return tuple(lines)


def _amount(reader: Reader, currency: str) -> Decimal | None:
    """None when it is left out, or null."""
    amount = reader.amount("amount", currency, default="0")
    return None if reader.data.get("amount") is None else amount


def _reason(reader: Reader) -> RefundReason:
    known = [reason.value for reason in MERCHANT_REASONS]
    reason = reader.choice(
        "reason", lambda value: value in known, code="unknown_reason", message=f"This is one of: {', '.join(known)}."
    )
    return RefundReason(reason) if reason else RefundReason.OTHER
