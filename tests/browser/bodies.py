"""Orders as a marketplace sends them, for merchants of a test's own."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

TO = {
    "NZD": {"city": "Auckland", "province_code": "AUK", "postcode": "1011", "country_code": "NZ"},
    "USD": {"city": "Portland", "province_code": "OR", "postcode": "97209", "country_code": "US"},
}


def order(
    merchant: str, number: str, *, sku: str, title: str, quantity: int, currency: str = "NZD", **parts: Any
) -> dict:
    """Units at 30.00 each and nothing for shipping; GST inside in NZD, no tax in USD."""
    now = timezone.now()
    total = Decimal(30 * quantity)
    tax = round(total * 3 / 23, 2) if currency == "NZD" else Decimal(0)
    taxes = [{"title": "GST", "rate": "0.15", "amount": f"{tax:.2f}"}] if tax else []
    address = {"first_name": "Harriet", "last_name": "Ngata", "company": "Ngata Interiors", "address1": "12 Main Road"}
    address |= TO[currency]
    return {
        "merchant": merchant, "external_id": number, "number": number, "placed_at": now.isoformat(),
        "currency": currency, "prices_include_tax": currency == "NZD",
        "lines": [
            {"id": "1", "sku": sku, "title": title, "quantity": quantity, "unit_price": "30.00", "taxes": taxes}
        ],
        "subtotal": f"{total:.2f}", "tax": f"{tax:.2f}", "total": f"{total:.2f}",
        "shipping": {"amount": "0.00", "title": "Freight"},
        "customer": {"name": "Harriet Ngata", "email": "harriet@example.com"},
        "shipping_address": address, "billing_address": address,
        "payment": {
            "gateway": "sandbox", "reference": f"sandbox_ok_{number}", "amount": f"{total:.2f}",
            "authorized_at": now.isoformat(), "expires_at": (now + timedelta(days=7)).isoformat(),
        },
        **parts,
    }  # fmt: skip
