"""Filling in what customs asks for, also on an order that is no draft any more: the invoice and each line's data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from orders.errors import InvalidShipment
from orders.models import Order, OrderLine
from orders.services import customs, drafts, history
from orders.services.intake_reading import Problems, Reader
from orders.services.transitions import lock

NUMBER_MAX = 60
MOST_LINES = 500
_WORDS = {
    "invoice_number": "invoice number",
    "invoice_key": "invoice key",
    "hs_code": "HS code",
    "origin_country": "country of origin",
    "customs_value": "customs value",
}


@transaction.atomic
def save(*, order_id: int, given: Mapping[str, Any], by: str, at: datetime) -> Order:
    """Write down {"invoice_number", "invoice_key", "lines": [{"id", "hs_code", "origin_country", "customs_value"}]}.

    What is left out stays as it is; an empty text takes the value away. Raises InvalidShipment with every problem.
    """
    order = lock(order_id)
    lines = {line.external_id: line for line in OrderLine.objects.filter(order=order).order_by("position")}
    problems = Problems()
    reader = Reader(given, problems)
    wanted: list[tuple[Order | OrderLine, dict[str, Any]]] = [(order, _invoice(reader))]
    for part in reader.parts("lines", least=0, most=MOST_LINES):
        line = lines.get(part.text("id", most=100, required=True))
        if line is None:
            part.note("id", "unknown_line", "This order has no such line.")
        else:
            wanted.append((line, _of_line(part, order.currency)))
            part.end()
    reader.end()
    if problems.found:
        raise InvalidShipment(problems.found)
    words = [text for row, values in wanted for text in _write(row, values)]
    if words:
        text = f"{by} changed the customs data: {', '.join(words)}."
        history.note(order, kind="order.customs", text=text, by=by, at=at)
        drafts.reconsider(order_id=order_id, by=by, at=at)
    return order


def _invoice(reader: Reader) -> dict[str, Any]:
    values = {}
    if reader.given("invoice_number"):
        values["invoice_number"] = reader.text("invoice_number", most=NUMBER_MAX)
    if reader.given("invoice_key"):
        values["invoice_key"] = customs.invoice_key(reader, "invoice_key")
    return values


def _of_line(part: Reader, currency: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if part.given("hs_code"):
        values["hs_code"] = customs.hs_code(part, "hs_code")
    if part.given("origin_country"):
        values["origin_country"] = customs.country(part, "origin_country")
    if part.given("customs_value"):
        values["customs_value"] = customs.value(part, "customs_value", currency)
    return values


def _write(row: Order | OrderLine, values: Mapping[str, Any]) -> list[str]:
    """What changed, in words."""
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.save(update_fields=list(changed))
    of = f" of {row.title}" if isinstance(row, OrderLine) else ""
    return [f"{_WORDS[name]}{of} {value or 'taken away'}" for name, value in changed.items()]
