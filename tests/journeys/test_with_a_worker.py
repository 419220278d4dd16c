"""One order of each kind, there and back, with nothing but people, outside systems and a running worker.

Web and worker are processes of their own; no step of theirs is called from here. All journeys share them and the
database: each has merchants and stores of its own.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from accounts.models import Marketplace, Merchant
from accounts.services import api_keys
from connectors.models import Connection, Partnership
from connectors.practice import buying
from connectors.practice import services as practice
from connectors.practice.models import PracticeMail, PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart, CartLine
from orders.models import Order
from tests.connectors.practice.ssactivewear.supplier import make_supplier, ship
from tests.factories import make_marketplace, make_member, make_merchant
from tests.journeys.archipro import EMAIL, body_of, choose
from tests.orders.views.test_drafts import typed

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(1200, func_only=True),
    pytest.mark.django_db,
]

WELLINGTON = {
    "firstName": "Mere", "lastName": "Tawhiri", "address1": "5 Cuba Street", "city": "Wellington",
    "provinceCode": "WGN", "zip": "6011", "countryCode": "NZ", "phone": "+64211112222",
}  # fmt: skip
PORTLAND = {
    "firstName": "Joan", "lastName": "Reyes", "address1": "5 NW Flanders", "city": "Portland",
    "provinceCode": "OR", "zip": "97209", "countryCode": "US", "phone": "+15035550100",
}  # fmt: skip


def signed_in(merchant: Merchant) -> Client:
    page = Client()
    page.force_login(make_member(merchant, email=f"owner@{merchant.slug}.example"))
    return page


def opened(slug: str, sku: str, currency: str = "NZD") -> PracticeShop:
    """Its own alone: no other journey has a store of this name."""
    variants = [{"sku": sku, "title": sku.title(), "price": "50.00", "stock": 50}]
    return practice.open_shop(
        slug=slug, name=slug.title(), currency=currency, taxes_included=currency == "NZD", variants=variants
    )


def connected(page: Client, shop: PracticeShop) -> Connection:
    answered = page.post(reverse("connectors:connect", args=[shop.platform]), {"practice": shop.slug})
    assert answered.status_code == 302, answered.content.decode()
    return Connection.objects.get(platform=shop.platform, name=shop.name)


def take_orders_from(page: Client, store: Connection) -> None:
    answered = page.post(
        reverse("orders:store_channel", args=[store.public_id]),
        {"on": "on", "placed_from": timezone.localdate().replace(day=1).isoformat()},
    )
    assert answered.status_code == 302, answered.content.decode()


def buys(shop: PracticeShop, address: dict[str, str], *, quantity: int = 2) -> PracticeOrder:
    line = CartLine(shop.variants.get(), "It", quantity, Decimal("50.00"))
    cart = Cart(lines=(line,), shipping=Decimal(8), paid=True, email="mere@example.com", address=address)
    return buying.buy(shop_id=shop.pk, cart=cart)


def confirmed(page: Client, worker, merchant: Merchant, there: PracticeOrder) -> Order:
    """It comes in by the store's webhook, and its destination would take it; then a person confirms it."""
    come_in = Order.objects.filter(merchant=merchant, number=there.name, pushes__checked_at__isnull=False)
    worker(come_in.exists, what="it comes in")
    order = come_in.get()
    assert page.post(reverse("orders:confirm", args=[order.public_id])).status_code == 302
    return order


def placed(marketplace: Marketplace, body: dict[str, Any], worker) -> Order:
    """By a marketplace, over the API; its destination would take it."""
    issued = {"name": "tests", "can_write": True, "expires_at": None, "by": "tests", "at": timezone.now()}
    key = api_keys.issue(marketplace=marketplace, **issued)[1]
    headers = {"Authorization": f"Bearer {key}"}
    answered = Client().post("/api/v1/orders/", body, content_type="application/json", headers=headers)
    assert answered.status_code == 201, answered.content.decode()
    order = Order.objects.get(public_id=answered.json()["id"])
    worker(lambda: order.pushes.get().checked_at, what="its destination is asked")
    return order


def is_pushed(order: Order) -> bool:
    return order.pushes.get().status == "pushed"


def told_at(there: PracticeOrder) -> list[str]:
    """The tracking numbers that the store where the customer bought shows."""
    return sorted(parcel["number"] for row in there.fulfillments.all() for parcel in row.trackings)


def test_a_marketplace_s_order_is_confirmed_sent_and_told_to_its_customer(worker):
    merchant = make_merchant(currency="NZD")
    page, shop = signed_in(merchant), opened("clay", "STOOL")
    connected(page, shop)
    marketplace = make_marketplace(name="ArchiPro", merchants=[merchant])

    order = placed(marketplace, body_of(merchant, "1"), worker)
    page.post(reverse("orders:confirm", args=[order.public_id]))
    worker(lambda: is_pushed(order), what="it is in the store")
    there = PracticeOrder.objects.get(shop=shop)
    practice.fulfill(order_id=there.pk, quantities=None, parcels=[{"number": "NZ7", "company": "NZ Post"}])

    letters = PracticeMail.objects.filter(to=EMAIL, text__contains="NZ7")
    worker(letters.exists, what="the customer is told")
    assert letters.count() == 1
    assert f"{marketplace.name} Order" in there.tags


def test_an_approved_wholesale_order_is_exported_unpaid_for_a_new_customer(worker):
    merchant = make_merchant(currency="NZD")
    page, shop = signed_in(merchant), opened("oak", "STOOL")
    choose(page, connected(page, shop), email_policy="customer")
    wholesale = body_of(merchant, "2") | {"attributes": {"payment_terms": "Net 30"}}

    order = placed(make_marketplace(name="JOOR", merchants=[merchant]), wholesale, worker)
    page.post(reverse("orders:confirm", args=[order.public_id]))
    worker(lambda: is_pushed(order), what="it is exported")

    there = PracticeOrder.objects.get(shop=shop)
    assert (there.financial_status, there.received) == ("PENDING", Decimal(0))
    assert there.customer.email == EMAIL


def test_what_a_partner_sends_of_a_store_s_order_is_told_to_that_store(worker):
    seller, owner = make_merchant(name="Kauri & Clay", currency="NZD"), make_merchant(slug="atua", currency="NZD")
    page, potter = signed_in(seller), signed_in(owner)
    shop, kiln = opened("home", "BOWL"), opened("kiln", "BOWL")
    mine, theirs = connected(page, shop), connected(potter, kiln)
    page.post(reverse("orders:partners"), {"side": "destination", "whom": "atua", "store": ""})
    partnership = Partnership.objects.get(source=owner)
    potter.post(reverse("orders:partner_accept", args=[partnership.public_id]), {"store": theirs.public_id})
    potter.post(reverse("orders:partner_share", args=[partnership.public_id]), {"skus": "BOWL"})
    page.post(reverse("orders:plan"), {"orders_addon": "1"})
    take_orders_from(page, mine)

    there = buys(shop, WELLINGTON)
    order = confirmed(page, worker, seller, there)
    worker(lambda: order.pushes.get().waits_for_mark, what="it waits for its push")
    page.post(reverse("orders:partner_push", args=[order.pushes.get().public_id]))
    worker(lambda: is_pushed(order), what="it is pushed")
    made = PracticeOrder.objects.get(shop=kiln)
    practice.fulfill(order_id=made.pk, quantities=None, parcels=[{"number": "NZ1", "company": "NZ Post"}])

    worker(lambda: told_at(there) == ["NZ1"], what="the store is told")
    assert f"Kauri & Clay {there.name}" in made.tags


def test_a_store_s_order_that_lacks_data_is_completed_shipped_and_told_to_that_store(worker):
    merchant = make_merchant(currency="NZD")
    page, shop = signed_in(merchant), opened("boutique", "STOOL")
    take_orders_from(page, connected(page, shop))

    there = buys(shop, WELLINGTON | {"zip": ""})
    mine = Order.objects.filter(merchant=merchant)
    worker(mine.filter(status="draft").exists, what="it comes in as a draft")
    order = mine.get()
    page.post(
        reverse("orders:draft", args=[order.public_id]), typed(page, order, **{"shipping_address-postcode": "6011"})
    )
    page.post(reverse("orders:confirm", args=[order.public_id]))
    worker(mine.filter(status="confirmed").exists, what="it is complete and confirmed")
    units = {f"line-{line.position}": str(line.quantity) for line in order.lines.all()}
    box = {"parcel-TOTAL_FORMS": "1", "parcel-INITIAL_FORMS": "0", "parcel-0-carrier": "dhl"}
    page.post(
        reverse("orders:ship", args=[order.public_id]), {**units, **box, "parcel-0-number": "JD014600", "key": "click"}
    )

    worker(lambda: told_at(there) == ["JD014600"], what="the store is told")


def test_what_s_s_activewear_sends_of_a_store_s_order_is_told_to_that_store(worker):
    merchant = make_merchant(name="Kauri Prints", currency="USD")
    page, supplier = signed_in(merchant), make_supplier()
    store, _ = connected(page, opened("prints", "TEE-WHITE-M", "USD")), connected(page, supplier)
    take_orders_from(page, store)

    there = buys(PracticeShop.objects.get(slug="prints"), PORTLAND, quantity=6)
    order = confirmed(page, worker, merchant, there)
    worker(lambda: is_pushed(order), what="it is placed at the supplier")
    for number, row in enumerate(PracticeOrder.objects.filter(shop=supplier).order_by("pk")):
        ship(row.name, number=f"1Z{number}", company="UPS")
    Connection.objects.filter(merchant=merchant).update(polled_at=None)  # the clock may have asked a moment ago
    async_task("orders.tasks.poll_changes")  # as it does every few minutes

    worker(lambda: told_at(there) == ["1Z0", "1Z1"], what="the store is told of both parcels")
