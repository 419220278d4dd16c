"""What a practice supplier reads out of a purchase order."""

from __future__ import annotations

import csv
import io

import pytest

from connectors.filedrop.mapping import HEADER, harmless
from connectors.practice import services
from connectors.practice.filedrop import inbox
from connectors.practice.models import PracticeShop

pytestmark = pytest.mark.django_db


@pytest.fixture
def mill() -> PracticeShop:
    stools = [{"sku": sku, "title": "Oak stool", "price": "40"} for sku in ("STOOL", "-STOOL", "'STOOL")]
    return services.open_shop(
        slug="mill", name="Mill", currency="NZD", taxes_included=False, variants=stools, platform="filedrop"
    )


def sent(**changed: str) -> str:
    """A purchase order as it leaves."""
    row = dict.fromkeys(HEADER, "") | {
        "po_number": "SW-1", "sku": "STOOL", "quantity": "2", "ship_to_name": "Ana", "address1": "1 Main Street",
        "city": "Auckland", "postcode": "1010", "country": "NZ", "phone": "+64211234567",
    }  # fmt: skip
    out = io.StringIO(newline="")
    csv.writer(out).writerows([HEADER, [harmless(cell) for cell in (row | changed).values()]])
    return out.getvalue()


def test_a_phone_number_is_read_without_the_apostrophe_that_keeps_it_text(mill):
    order = inbox.receive(mill, sent())

    assert "'+64211234567" in sent()
    assert order.details["shippingAddress"]["phone"] == "+64211234567"


@pytest.mark.parametrize("sku", ["-STOOL", "'STOOL"])
def test_a_sku_is_the_one_that_was_meant(mill, sku):
    order = inbox.receive(mill, sent(sku=sku))

    assert order.lines.get().sku == sku
