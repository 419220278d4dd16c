"""The practice S&S Activewear's pages: its orders by warehouse, and what connects it."""

from __future__ import annotations

import pytest
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from connectors.practice.models import PracticeOrder
from tests.connectors.practice.ssactivewear.supplier import get, place


@pytest.fixture
def rows(supplier):
    """One PO in two warehouses."""
    place(supplier, ("B00760003", 6), shipBlind=True)
    return list(PracticeOrder.objects.order_by("pk"))


def url(name, *args):
    return reverse(f"practice:{name}", args=["tees", *args])


def test_the_list_shows_each_order_with_its_po_and_warehouse(client, rows):
    page = client.get(url("shop"))

    for words in (rows[0].name, rows[1].name, "SW-1", "IL", "KS", "17.00 USD", "8.50 USD"):
        assertContains(page, words)


def test_the_order_page_shows_where_it_goes_and_how(client, rows):
    page = client.get(url("order", rows[0].pk))

    for words in ("Harriet Ngata", "12 Main St", "Bolingbrook", "60440", "Ground", "Ship blind", "On account"):
        assertContains(page, words)


def test_one_warehouse_sends_while_the_other_waits(client, supplier, rows):
    line = rows[0].lines.get()
    parcels = {"parcel-TOTAL_FORMS": "1", "parcel-INITIAL_FORMS": "0", "parcel-0-number": "1Z1"}

    client.post(url("fulfill", rows[0].pk), {f"line-{line.pk}": line.quantity, **parcels})

    shown = {row["warehouseAbbr"]: row["orderStatus"] for row in get(supplier, "orders/SW-1")}
    assert shown == {"IL": "Shipped", "KS": "In Progress"}


def test_the_page_shows_what_connects_it(client, supplier):
    page = client.get(url("shop"))

    assertContains(page, supplier.settings["account_number"])
    assertContains(page, "/practice/ssactivewear/tees")


def test_faults_that_it_does_not_know_are_not_offered(client, supplier):
    page = client.get(url("dials"))

    assertContains(page, "Lost answer")
    assertNotContains(page, "No webhooks")
    assertNotContains(page, "Dormant shop")


def test_its_address_opens_the_page(client, supplier):
    assertRedirects(client.get("/practice/ssactivewear/tees/"), url("shop"))
