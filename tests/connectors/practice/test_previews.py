"""Every platform that speaks HTTP: the calls that a preview shows are the very ones that leave."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors import http
from connectors.base import OutboundOrder, SupplierOptions
from connectors.practice.models import PracticeOrder
from tests.connectors.contract import AUCKLAND, order_of, taxed
from tests.connectors.practice.squarespace.site import make_site
from tests.connectors.practice.ssactivewear.supplier import make_supplier
from tests.connectors.practice.test_catalogs import driver_to
from tests.connectors.practice.woocommerce.shop import make_shop

pytestmark = pytest.mark.django_db

BOLINGBROOK = replace(AUCKLAND, address1="12 Main St", city="Bolingbrook", province_code="IL", postcode="60440",
                      country_code="US")  # fmt: skip


def of_store(make: Any, sku: str = "STOOL") -> tuple[Any, OutboundOrder]:
    driver = driver_to(make())
    info = driver.check()
    driver.account = replace(driver.account, currency=info.currency, settings=info.settings)
    (variant,) = driver.find_variants([sku])[sku]
    order = order_of(variant, info.currency, AUCKLAND, price=Decimal("19.99"), customer_note="Bitte läuten 鐘")
    driver.http.sent.clear()
    return driver, order


def of_supplier() -> tuple[Any, OutboundOrder]:
    driver, order = of_store(make_supplier, "B00760003")
    chosen = SupplierOptions(shipping_method="14", warehouses=("IL", "KS"), fastest=True)
    return driver, replace(
        order, billing=BOLINGBROOK, shipping_address=BOLINGBROOK, options=replace(order.options, supplier=chosen)
    )


def of_taxed() -> tuple[Any, OutboundOrder]:
    driver, order = of_store(make_shop)
    return driver, taxed(order)


@pytest.mark.parametrize(
    "made",
    [
        lambda: of_store(make_shop),
        of_taxed,
        lambda: of_store(make_site),
        of_supplier,
    ],
    ids=["woocommerce", "woocommerce, taxed", "squarespace", "ssactivewear"],
)
def test_the_call_that_is_previewed_is_the_call_that_is_sent(made: Any):
    driver, order = made()
    (preview,) = driver.calls_for(order)
    assert driver.http.sent == []

    driver.create(order)

    sent = driver.http.sent[0]
    assert (preview.method, preview.path, preview.body) == (sent.method, sent.path_url, sent.body)
    assert set(preview.headers) == set(sent.headers)
    assert {name: sent.headers[name] for name, value in preview.headers.items() if value != http.HIDDEN} == {
        name: value for name, value in preview.headers.items() if value != http.HIDDEN
    }
    assert [name for name, value in preview.headers.items() if value == http.HIDDEN] == ["Authorization"]
    assert PracticeOrder.objects.exists()
