"""Every amount that goes out has as many decimals as its currency."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.models import CatalogVariant
from orders.api import amounts
from orders.api.serializers import LineSerializer
from orders.api.unlinked import CandidateSerializer
from tests.factories import NOON, make_connection, make_order

TAX = {"title": "GST", "rate": "0.15", "amount": "1.5"}


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [("12.5", "NZD", "12.50"), ("12.5000", "KWD", "12.500"), ("1200.0000", "JPY", "1200"), ("12.5000", "", "12.5")],
)
def test_an_amount_has_the_decimals_of_its_currency(amount, currency, said):
    assert amounts.text(Decimal(amount), currency) == said


@pytest.mark.django_db
def test_taxes_do_too():
    order = make_order(lines=[{"sku": "A", "taxes": [TAX]}])

    assert LineSerializer(order.lines.get()).data["taxes"] == [{**TAX, "amount": "1.50"}]


@pytest.mark.django_db
@pytest.mark.parametrize(("price", "said"), [(Decimal("12.5"), "12.50"), (None, None)])
def test_products_to_choose_from_do_too(price, said):
    variant = CatalogVariant(
        connection=make_connection(currency="NZD"), variant_id="1", sku="A", price=price, seen_at=NOON
    )

    assert CandidateSerializer(variant).data["price"] == said
