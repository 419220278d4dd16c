"""Documents read back from their bytes, and orders that have all that customs asks for."""

from __future__ import annotations

import io
from typing import Any

from pypdf import PdfReader

from orders.models import Order, OrderAddress
from tests.orders.services.refundable import make_paid

HOME = {"address1": "1 Karangahape Road", "city": "Auckland", "postcode": "1010"}


def pages(content: bytes) -> list[str]:
    """The text of each page, in one line."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages]


def make_declared(merchant: Any = None, **fields: Any) -> Order:
    """Three oak stools and a vase to Auckland, with invoice number, HS codes and countries of origin."""
    order = make_paid(merchant, **{"invoice_number": "INV-1001", **fields})
    type(order.merchant).objects.filter(pk=order.merchant_id).update(**HOME)
    order.lines.filter(external_id="1").update(hs_code="940360", origin_country="NZ", customs_value="24.00")
    order.lines.filter(external_id="2").update(hs_code="691390", origin_country="VN")
    order.refresh_from_db()
    return order


def send_to(order: Order, **fields: str) -> None:
    OrderAddress.objects.filter(order=order, kind="shipping").update(**fields)
