"""An order that a customer places in the merchant's own shop: into the Order Manager and on to another store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role, User
from connectors.models import Connection
from connectors.practice import buying, dials
from connectors.practice import services as practice
from connectors.practice import tasks as practice_tasks
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart, CartLine
from connectors.practice.woocommerce import documents as woo
from connectors.services import clients
from connectors.woocommerce import tracking
from orders import outbox, tasks
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.models import Fulfillment, Order, OrderSync, WriteBack
from orders.services import archiving, collecting, decisions, drafts, inbound, shipping, store_channels, store_sync
from orders.services.open_units import WantedLine
from orders.world import World
from tests.factories import make_member, make_merchant
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)

CHANNELS = ("shopify", "woocommerce", "squarespace")
HOME = {
    "firstName": "Mere", "lastName": "Tawhiri", "address1": "5 Cuba Street", "city": "Wellington",
    "provinceCode": "WGN", "zip": "6011", "countryCode": "NZ", "phone": "+64211112222",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _portal(live_server, settings):
    settings.BASE_URL = live_server.url
    yield
    let_go()


@pytest.fixture
def owner(_portal) -> User:
    return make_member(make_merchant(currency="NZD"), Role.OWNER)


@pytest.fixture
def page(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def open_shop(platform: str, slug: str) -> PracticeShop:
    variants = [
        {"sku": "STOOL", "title": "Oak stool", "price": "50.00", "stock": 50},
        {"sku": "LAMP", "title": "Lamp", "price": "15.00", "stock": 50},
    ]
    return practice.open_shop(
        slug=slug, name=slug.title(), platform=platform, currency="NZD", taxes_included=True, variants=variants
    )


def connect(page: Client, shop: PracticeShop) -> Connection:
    response = page.post(f"/connections/new/{shop.platform}/", {"practice": shop.slug})
    assert response.status_code == 302, response.content
    return Connection.objects.get(platform=shop.platform, name=shop.name)


@pytest.fixture(params=CHANNELS)
def shop(request, _portal) -> PracticeShop:
    """Where customers buy."""
    here = open_shop(request.param, "boutique")
    here.variants.create(sku="VASE", title="Vase", price=Decimal(50), stock=5)  # that the supplier does not have
    return here


@pytest.fixture
def supplier(page) -> Connection:
    """Where the goods are."""
    return connect(page, open_shop("shopify", "warehouse"))


@pytest.fixture
def channel(page, shop, supplier) -> Connection:
    return turn_on(page, shop)


def turn_on(page: Client, shop: PracticeShop) -> Connection:
    """By a person, on its page."""
    connection = connect(page, shop)
    data = {"on": "on", "placed_from": f"{timezone.localdate() - timedelta(days=2):%Y-%m-%d}"}
    response = page.post(f"/connections/{connection.public_id}/orders/", data)
    assert response.status_code == 302, response.content
    connection.refresh_from_db()
    return connection


def buy(shop: PracticeShop, *, quantity: int = 2, sku: str = "STOOL", **cart) -> PracticeOrder:
    variant = shop.variants.filter(sku=sku).first()
    line = CartLine(variant, variant.title if variant else "Made to measure", quantity, Decimal("50.00"))
    given = {"lines": (line,), "shipping": Decimal(8), "paid": True, "email": "mere@example.com", "address": HOME}
    return buying.buy(shop_id=shop.pk, cart=replace(Cart(**given), **cart))


def read(channel: Connection) -> OrderSync:
    """As a worker reads on, to the end."""
    sync = store_channels.sync_of(channel)
    if not sync.is_running:
        store_sync.start(connection_id=channel.pk, by="ana", at=timezone.now())
    tasks.read_store_orders(sync.pk)
    sync.refresh_from_db()
    assert sync.state == "done", sync.error
    return sync


def tell() -> None:
    """Webhooks arrive, and a worker deals with them."""
    for delivery in PracticeDelivery.objects.filter(answered_at=None).order_by("pk"):
        practice_tasks.deliver(delivery.pk)
        delivery.refresh_from_db()
        assert delivery.outcome == "answered 200"
    for event in inbound.InboundEvent.objects.filter(state="new").order_by("pk"):
        inbound.process(event_id=event.pk, at=timezone.now())
    outbox.drain()


@pytest.mark.parametrize("shop", ["shopify", "woocommerce"], indirect=True)
def test_what_the_customer_picks_up_is_an_order_to_pick_up_and_lacks_no_address(shop, channel):
    there = buy(shop, pickup=True, shipping=Decimal(0))

    read(channel)
    order = Order.objects.get()
    place = {"shopify": "Warehouse", "woocommerce": "Local pickup"}[shop.platform]
    assert (order.delivery, order.pickup_name, order.status) == ("pickup", place, OrderStatus.PENDING)
    assert (order.total, list(archiving.without_address(order.merchant))) == (there.total, [])


def test_a_paid_order_comes_in_whole_and_goes_to_the_supplier_to_the_cent(shop, channel, supplier):
    there = buy(shop, note="Leave it at the door")

    sync = read(channel)
    outbox.drain()

    order = Order.objects.get()
    assert (sync.new, sync.drafts, sync.skipped_count) == (1, 0, 0)
    assert (order.status, order.payment_status, order.total) == ("pending", "captured", Decimal("108.00"))
    assert (order.number, order.customer_name, order.deadline) == (there.name, "Mere Tawhiri", None)
    assert [(line.sku, line.quantity, line.unit_price) for line in order.lines.all()] == [("STOOL", 2, Decimal(50))]
    push = order.pushes.get()
    assert (push.connection_id, push.status, push.blockers) == (supplier.pk, PushStatus.WAITING, [])

    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    outbox.drain()

    push.refresh_from_db()
    sent = PracticeOrder.objects.get(shop__slug="warehouse")
    assert (push.status, push.remote_total, sent.total) == (PushStatus.PUSHED, Decimal("108.00"), Decimal("108.00"))
    assert order.payment.reference.startswith(f"{order.channel_id}:")


def test_reading_again_brings_nothing_twice(shop, channel):
    buy(shop)
    read(channel)

    sync = read(channel)

    assert (sync.new, sync.changed, sync.unchanged, Order.objects.count()) == (0, 0, 1, 1)


def test_an_order_without_payment_is_a_draft_until_the_store_has_the_money(shop, channel):
    there = buy(shop, paid=False)
    read(channel)
    order = Order.objects.get()
    assert (order.status, [item["code"] for item in order.blockers]) == ("draft", ["not_paid"])

    practice.mark_as_paid(order_id=there.pk)
    sync = read(channel)

    order.refresh_from_db()
    assert (sync.changed, order.status, order.payment_status) == (1, OrderStatus.PENDING, PaymentStatus.CAPTURED)


def test_an_order_without_an_address_is_a_draft_that_says_so(shop, channel):
    buy(shop, address=None)

    sync = read(channel)

    order = Order.objects.get()
    assert (sync.new, sync.drafts, order.status) == (1, 1, "draft")
    assert {item["code"] for item in order.blockers} == {"address_incomplete"}


@pytest.mark.parametrize(("sku", "code"), [("VASE", "unmapped_sku"), ("", "custom_line")])
def test_a_product_that_the_supplier_does_not_have_blocks_the_order(shop, channel, sku, code):
    buy(shop, sku=sku)
    read(channel)
    outbox.drain()

    push = Order.objects.get().pushes.get()
    assert (push.status, [item["code"] for item in push.blockers]) == (PushStatus.HELD, [code])


def test_another_address_in_the_store_is_taken_over_before_the_order_is_sent(shop, channel):
    there = buy(shop)
    read(channel)
    practice.change_address(order_id=there.pk, address={**HOME, "address1": "9 Lambton Quay"})

    read(channel)

    order = Order.objects.get()
    assert order.addresses.get(kind="shipping").address1 == "9 Lambton Quay"
    assert order.events.filter(kind="order.changed_in_store").get().text == (
        f"Changed in {channel.name} and taken over: shipping address."
    )


def test_a_cancelled_order_that_was_not_sent_is_called_off_here(shop, channel):
    there = buy(shop)
    read(channel)

    practice.cancel_order(order_id=there.pk)
    read(channel)
    outbox.drain()

    order = Order.objects.get()
    assert (order.status, order.decision_reason) == (OrderStatus.CANCELLED, f"Cancelled in {channel.name}.")
    assert not order.refunds.exists()


def test_a_cancellation_after_the_order_was_sent_asks_for_a_person(shop, channel):
    there = buy(shop)
    read(channel)
    outbox.drain()
    order = Order.objects.get()
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    outbox.drain()

    practice.cancel_order(order_id=there.pk)
    read(channel)

    order.refresh_from_db()
    assert order.status == OrderStatus.CONFIRMED
    assert order.origin.attention.startswith(f"Cancelled in {channel.name} since it was sent.")
    assert order.messages.filter(key__startswith="tell:channel_cancelled:").count() == 1


def test_what_the_supplier_gets_is_not_read_as_an_order_of_its_customers(page, shop, channel, supplier):
    """The store that receives the order is a channel too: what we pushed must not come back."""
    data = {"on": "on", "placed_from": f"{timezone.localdate() - timedelta(days=2):%Y-%m-%d}"}
    page.post(f"/connections/{supplier.public_id}/orders/", data)
    supplier.refresh_from_db()
    buy(shop)
    read(channel)
    outbox.drain()
    decisions.confirm(order_id=Order.objects.get().pk, by="ana", at=timezone.now())
    outbox.drain()

    sync = read(supplier)

    assert (sync.new, [row["code"] for row in sync.skipped]) == (0, ["ours"])
    assert Order.objects.count() == 1


def test_a_webhook_brings_the_order_without_a_reading(shop, channel):
    read(channel)
    buy(shop)

    tell()

    if shop.platform == "squarespace":  # an API key gets no webhooks there: such a store is polled
        assert not Order.objects.exists()
        return
    assert Order.objects.get().channel.connection == channel
    assert store_channels.sync_of(channel).new == 0


def test_a_store_that_stops_answering_is_read_on_from_where_it_stopped(shop, channel, monkeypatch):
    monkeypatch.setattr("connectors.shopify.connector._STORE_PAGE", 2)
    monkeypatch.setattr("connectors.woocommerce.changes._AT_ONCE", 2)
    monkeypatch.setattr("connectors.practice.squarespace.listing.PAGE", 2)
    for number in range(5):
        there = buy(shop, quantity=number + 1)
        PracticeOrder.objects.filter(pk=there.pk).update(updated_at=timezone.now() + timedelta(seconds=2 * number))
    sync = store_channels.sync_of(channel)
    world = World.real()
    assert store_sync.read_on(sync_id=sync.pk, world=world)
    dials.turn(shop.pk, "down", left=1)
    while store_sync.read_on(sync_id=sync.pk, world=world):
        pass
    sync.refresh_from_db()
    assert (sync.state, bool(sync.error)) == ("running", True)

    OrderSync.objects.update(due_at=timezone.now())
    Connection.objects.update(open_until=None)
    tasks.read_store_orders(sync.pk)

    sync.refresh_from_db()
    assert (sync.state, sync.new, Order.objects.count()) == ("done", 5, 5)


def test_what_the_supplier_sent_is_told_to_the_store_and_does_not_come_back_as_a_change(shop, channel, supplier):
    there = buy(shop)
    read(channel)
    order = Order.objects.get()
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    outbox.drain()
    sent = PracticeOrder.objects.get(shop__slug="warehouse")
    parcel = {"number": "NZ1", "company": "NZ Post", "url": "https://nz.example/NZ1"}

    practice.fulfill(order_id=sent.pk, quantities=None, parcels=[parcel])
    tell()
    tell()
    read(channel)

    row = WriteBack.objects.get()
    assert (row.connection_id, row.state, row.reason) == (channel.pk, "done", "")
    (fulfillment,) = there.fulfillments.all()
    assert sum(line.quantity for line in fulfillment.lines.all()) == 2
    (told,) = clients.connector_for(channel).read(order.external_id).shipments
    assert [parcel.number for parcel in told.parcels] == ["NZ1"]
    order.refresh_from_db()
    assert (order.status, order.fulfillment_status) == (OrderStatus.COMPLETED, "fulfilled")
    assert (order.origin.is_over, order.origin.attention) == (False, "")


def test_what_was_sent_from_here_is_told_to_the_store_and_does_not_come_back_as_a_change(page, shop):
    channel = turn_on(page, shop)
    there = buy(shop)
    read(channel)
    order = Order.objects.get()
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    outbox.drain()

    row = ship_all(order)
    outbox.drain()
    tell()
    read(channel)

    (fulfillment,) = there.fulfillments.all()
    assert sum(line.quantity for line in fulfillment.lines.all()) == 2
    assert WriteBack.objects.get(fulfillment=row).state == "done"
    order.refresh_from_db()
    assert (order.status, order.origin.is_over, order.origin.attention) == (OrderStatus.COMPLETED, False, "")


def ship_all(order: Order) -> Fulfillment:
    lines = tuple(WantedLine(line.external_id, line.quantity) for line in order.lines.all())
    wanted = shipping.Wanted(lines, (shipping.WantedParcel("dhl", "JD014600"),))
    return shipping.ship(order_id=order.pk, wanted=wanted, by="ana", at=timezone.now())[0]


@pytest.mark.parametrize("shop", ["shopify", "woocommerce"], indirect=True)
def test_what_was_taken_back_here_is_taken_back_in_the_store_and_the_order_stays_open(page, shop):
    channel = turn_on(page, shop)
    there = buy(shop)
    read(channel)
    order = Order.objects.get()
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    row = ship_all(order)
    outbox.drain()

    shipping.take_back(fulfillment_id=row.pk, by="ana", at=timezone.now())
    outbox.drain()
    tell()
    read(channel)

    assert [one.status for one in there.fulfillments.all()] == ["CANCELLED"]
    assert not WriteBack.objects.exists()
    order.refresh_from_db()
    assert (order.status, order.origin.attention) == (OrderStatus.CONFIRMED, "")


@pytest.mark.parametrize("shop", ["woocommerce"], indirect=True)
def test_a_part_that_was_taken_back_leaves_the_rest_told_and_the_order_can_be_completed_again(page, shop):
    channel = turn_on(page, shop)
    there = buy(shop, quantity=2)
    read(channel)
    order = Order.objects.get()
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    first, _ = (ship_one(order, number) for number in ("JD1", "JD2"))
    outbox.drain()

    shipping.take_back(fulfillment_id=first.pk, by="ana", at=timezone.now())
    outbox.drain()

    there.refresh_from_db()
    assert (woo.status(there), numbers_there(there)) == ("processing", ["JD2"])
    assert (
        there.details["notes"][-1]["note"] == "A fulfillment was taken back (JD1): what was in it is still to be sent."
    )
    ship_one(order, "JD3")
    outbox.drain()
    there.refresh_from_db()
    assert (woo.status(there), numbers_there(there)) == ("completed", ["JD2", "JD3"])


def ship_one(order: Order, number: str) -> Fulfillment:
    (line,) = order.lines.all()
    wanted = shipping.Wanted((WantedLine(line.external_id, 1),), (shipping.WantedParcel("dhl", number),))
    return shipping.ship(order_id=order.pk, wanted=wanted, by="ana", at=timezone.now())[0]


def numbers_there(there: PracticeOrder) -> list[str]:
    (items,) = [pair["value"] for pair in there.details["meta_data"] if pair["key"] == tracking.ITEMS]
    return [item["tracking_number"] for item in items]


@pytest.mark.parametrize("shop", ["shopify"], indirect=True)
def test_what_is_set_aside_is_ready_in_the_store_and_handed_over_it_is_fulfilled_there(page, shop):
    channel = turn_on(page, shop)
    there = buy(shop, pickup=True, shipping=Decimal(0))
    read(channel)
    order = Order.objects.get()
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    outbox.drain()

    lines = [WantedLine(line.external_id, line.quantity) for line in order.lines.all()]
    row = collecting.set_aside(order_id=order.pk, lines=lines, by="ana", at=timezone.now())
    outbox.drain()

    assert there.events.filter(text="Ready for pickup: the customer was told.").count() == 1
    shown = page.get(f"/orders/{order.public_id}/").content.decode()
    assert f"{channel.name}: knows since" in shown
    collecting.hand_over(fulfillment_id=row.pk, collected_by="Mere", by="ana", at=timezone.now())
    outbox.drain()
    tell()
    read(channel)
    assert sum(line.quantity for one in there.fulfillments.all() for line in one.lines.all()) == 2
    order.refresh_from_db()
    assert (order.status, order.origin.is_over, order.origin.attention) == (OrderStatus.COMPLETED, False, "")


@pytest.mark.parametrize("shop", ["shopify"], indirect=True)
def test_an_order_without_the_address_that_the_shop_hides_is_a_draft_that_says_why(shop, channel, page):
    """An app that Shopify has not approved for customers' data; then somebody types it, or it is approved."""
    PracticeShop.objects.filter(pk=shop.pk).update(settings={**shop.settings, "protected_data": False})
    buy(shop)
    buy(shop)
    read(channel)

    typed, approved = Order.objects.order_by("pk")
    assert (typed.status, approved.status) == (OrderStatus.DRAFT, OrderStatus.DRAFT)
    assert ("scope_missing", "shipping_address") in [(item["code"], item["field"]) for item in typed.blockers]
    assert "not approved for customers&#x27; data" in page.get(f"/orders/{typed.public_id}/").content.decode()

    address = {"first_name": "Mere", "last_name": "Tawhiri", "address1": "5 Cuba Street", "city": "Wellington"}
    given = {f"shipping_address.{name}": value for name, value in address.items()}
    given |= {
        "customer.name": "Mere Tawhiri",
        "shipping_address.postcode": "6011",
        "shipping_address.country_code": "NZ",
    }
    order = drafts.save(order_id=typed.pk, given=given, seen={}, by="ana", at=timezone.now())
    assert (order.status, order.blockers) == (OrderStatus.PENDING, [])

    PracticeShop.objects.filter(pk=shop.pk).update(settings={**shop.settings, "protected_data": True})
    read(channel)
    approved.refresh_from_db()
    assert (approved.status, approved.customer_name) == (OrderStatus.PENDING, "Mere Tawhiri")
    typed.refresh_from_db()
    assert typed.status == OrderStatus.PENDING
