"""Orders that become drafts and shipments: filled in, documented, collected by a carrier, shipped and told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant, User
from connectors.models import Connection, ConnectionState
from connectors.practice import buying, dials
from connectors.practice import tasks as practice_tasks
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart, CartLine
from connectors.services import connections
from orders import outbox, tasks
from orders.enums import OrderStatus, PushStatus
from orders.management import sample_orders
from orders.models import CarrierPickup, Order, OrderSync
from orders.services import fulfillment, inbound, requirements
from orders.services.readiness import Needs
from tests.connectors.practice.shop import make_shop
from tests.factories import NOON, make_member
from tests.orders.api.client import Api, make_api
from tests.orders.services.collected import make_account
from tests.orders.services.printed import HOME, pages
from tests.orders.services.pushed import make_pushed
from tests.orders.views.test_drafts import typed
from tests.orders.views.test_refunds import text_of
from tests.server import let_go

pytestmark = pytest.mark.django_db
over_http = pytest.mark.django_db(transaction=True)  # the practice store answers from another thread
INVOICE_KEY = "52060433009911002506550120000007800267301615"  # the example of the NF-e's manual


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.fixture
def merchant(api: Api) -> Merchant:
    Merchant.objects.filter(pk=api.merchant.pk).update(**HOME)
    needs = Needs(address=True, link=False, invoice=True, customs=True)
    requirements.save(merchant_id=api.merchant.pk, key=requirements.EVERY, needs=needs, by="ana", at=timezone.now())
    api.merchant.refresh_from_db()
    return api.merchant


@pytest.fixture
def page(merchant: Merchant, client: Client) -> Client:
    owner: User = make_member(merchant)
    client.force_login(owner)
    return client


def place(api: Api, suffix: str = "", **fields: Any) -> Order:
    """To Sydney, from Auckland: it crosses a border. No store is connected."""
    body = sample_orders.load("nzd_gst_inside", at=timezone.now(), suffix=suffix)
    address = {**body["shipping_address"], "country_code": "AU", "province_code": "NSW", "postcode": "2000"}
    placed = api.place({**body, "shipping_address": address, **fields})
    assert placed.status_code == 201, placed.content
    outbox.drain()
    return Order.objects.get(public_id=placed.json()["id"])


def url(name: str, order: Order, *more: str) -> str:
    return reverse(f"orders:{name}", args=[order.public_id, *more])


def fill_in(page: Client, order: Order, **invoice: str) -> Order:
    """All that the draft's page asks for."""
    values = {"invoice_number": "INV-7", **invoice}
    for line in order.lines.all():
        values |= {f"lines-{line.position}-hs_code": "9403.60", f"lines-{line.position}-origin_country": "NZ"}
        values |= {f"lines-{line.position}-customs_value": "100.00"}
    page.post(url("draft", order), typed(page, order, **values))
    order.refresh_from_db()
    return order


def confirmed(page: Client, order: Order) -> Order:
    page.post(url("confirm", order))
    outbox.drain()
    order.refresh_from_db()
    return order


def test_incomplete_orders_are_drafts_with_a_pencil_and_complete_once_filled_in(page: Client, api: Api):
    order = place(api)

    tab = text_of(page.get(reverse("orders:list"), {"tab": "drafts"}))
    before = order.status
    fill_in(page, order)

    assert before == OrderStatus.DRAFT
    assert order.number in tab
    assert url("draft", order) in tab
    assert (order.status, order.blockers) == (OrderStatus.PENDING, [])
    assert order.invoice_number == "INV-7"


def test_a_complete_order_is_printed_collected_by_a_carrier_and_shipped(page: Client, api: Api, merchant: Merchant):
    order = confirmed(page, fill_in(page, place(api)))
    account = make_account(merchant)
    slip = page.get(url("document", order, "packing_slip"))
    invoice = page.get(url("document", order, "commercial_invoice"), {"incoterm": "DAP"})

    assert order.number in pages(slip.content)[0]
    for part in ("INV-7", "940360", "Australia (AU)", "DAP"):
        assert part in pages(invoice.content)[0]

    day = (timezone.now().astimezone(merchant.zone) + timedelta(days=1)).date()
    page.post(
        reverse("orders:pickup_new"),
        {
            "orders": [order.public_id], "carrier": account.public_id, "day": day.isoformat(), "opens": "09:00",
            "closes": "17:00", "parcels-0": "1", "weight_kg-0": "12", "schedule": "1",
        },
    )  # fmt: skip
    outbox.drain()
    pickup = CarrierPickup.objects.get()
    assert (pickup.status, list(pickup.orders.all())) == ("scheduled", [order])
    assert [letter.to for letter in mail.outbox] == [["desk@couriers.example"]]

    units = {f"line-{line.position}": str(line.quantity) for line in order.lines.all()}
    box = {"parcel-TOTAL_FORMS": "1", "parcel-INITIAL_FORMS": "0", "parcel-0-carrier": "auspost"}
    page.post(url("ship", order), {**units, **box, "parcel-0-number": "AP1", "key": "click"})
    outbox.drain()

    order.refresh_from_db()
    assert order.status == OrderStatus.COMPLETED
    assert mail.outbox[-1].to == [order.customer_email]
    assert "Australia Post AP1" in mail.outbox[-1].body


def test_an_invoice_key_is_as_good_as_a_number_and_stands_on_the_invoice(page: Client, api: Api):
    order = confirmed(page, fill_in(page, place(api), invoice_number="", invoice_key=INVOICE_KEY))

    invoice = page.get(url("document", order, "commercial_invoice"), {"incoterm": "DAP"})

    assert (order.invoice_key, order.blockers) == (INVOICE_KEY, [])
    assert INVOICE_KEY in "".join(pages(invoice.content)[0].split())


def test_an_incomplete_order_gets_no_invoice_and_says_what_is_missing(page: Client, api: Api):
    text = text_of(page.get(url("documents", place(api))))

    assert "The invoice is missing. Give its number or its key." in text
    assert "lacks the HS code." in text
    assert "Complete the draft" in text


def test_orders_without_an_address_are_archived_singly_or_together(page: Client, api: Api):
    orders = [place(api, f"-{n}", shipping_address=None) for n in range(3)]
    chosen = {"orders": [orders[0].public_id], "consent": "1"}

    page.post(reverse("orders:archive"), chosen)
    one = Order.objects.filter(is_archived=True).count()
    page.post(reverse("orders:archive"), {"scope": "no_address", "consent": "1"})

    assert (one, Order.objects.filter(is_archived=True).count()) == (1, 3)


def test_an_expired_session_is_told_with_one_link_and_the_work_goes_on_after_it(client: Client):
    pushed = make_pushed()
    client.force_login(make_member(pushed.order.merchant))
    pushed.store.next_fault = "auth"
    pushed.store.fulfill(pushed.push.remote_id)
    with transaction.atomic():
        fulfillment.ask(pushed.push, cause="test", at=NOON)
    pushed.drain()
    connection = Connection.objects.get()
    reconnect = reverse("connectors:reconnect", args=[connection.public_id])

    told = client.get(reverse("connectors:detail", args=[connection.public_id])).content.decode()
    waiting = pushed.order.fulfillments.count()
    connections.reconnect(connection_id=connection.pk, credentials={"access_token": "new"}, by="ana", at=NOON)
    pushed.drain()

    assert connection.state == ConnectionState.AUTH_LOST
    assert told.count(f'href="{reconnect}"') == 1
    assert (waiting, pushed.order.fulfillments.count()) == (0, 1)
    assert pushed.push.status == PushStatus.PUSHED


# --- from the merchant's own store ----------------------------------------------------------------


@pytest.fixture
def shop(live_server, settings) -> Iterator[PracticeShop]:
    settings.BASE_URL = live_server.url
    yield make_shop()
    let_go()


@pytest.fixture
def store(page: Client, shop: PracticeShop) -> Connection:
    """Connected, turned on as a channel, and read once, before anybody bought."""
    page.post("/connections/new/shopify/", {"practice": shop.slug})
    connection = Connection.objects.get()
    first_day = f"{timezone.localdate() - timedelta(days=2):%Y-%m-%d}"
    page.post(reverse("orders:store_channel", args=[connection.public_id]), {"on": "on", "placed_from": first_day})
    assert work().state == "done"
    return connection


def buy(shop: PracticeShop, **more: str) -> PracticeOrder:
    """Two stools, sent to Sydney."""
    address = {
        "firstName": "Mere", "lastName": "Tawhiri", "address1": "5 George Street", "city": "Sydney",
        "provinceCode": "NSW", "zip": "2000", "countryCode": "AU", "phone": "+61211112222", **more,
    }  # fmt: skip
    stools = CartLine(shop.variants.get(sku="STOOL"), "Oak stool", 2, Decimal("50.00"))
    cart = Cart((stools,), shipping=Decimal(8), paid=True, email="mere@example.com", address=address)
    return buying.buy(shop_id=shop.pk, cart=cart)


def work() -> OrderSync:
    """What a worker does when it is woken."""
    sync = OrderSync.objects.get()
    tasks.read_store_orders(sync.pk)
    outbox.drain()
    sync.refresh_from_db()
    return sync


def time_passes() -> None:
    """The store was asked so long ago that the clock asks it again."""
    OrderSync.objects.update(started_at=timezone.now() - timedelta(hours=1))
    tasks.poll_changes()


@over_http
def test_sync_orders_pulls_new_orders_on_demand(page: Client, shop: PracticeShop, store: Connection):
    there = buy(shop)

    before = Order.objects.count()
    page.post(reverse("orders:sync"))
    sync = work()

    assert (before, sync.state, sync.new) == (0, "done", 1)
    assert (Order.objects.get().number, Order.objects.get().total) == (there.name, Decimal("108.00"))
    assert "1 of them draft" in text_of(page.get(reverse("orders:sync")))


@over_http
def test_a_webhook_brings_them_unasked(shop: PracticeShop, store: Connection):
    there = buy(shop)

    for delivery in PracticeDelivery.objects.filter(answered_at=None).order_by("pk"):
        practice_tasks.deliver(delivery.pk)
    for event in inbound.InboundEvent.objects.filter(state="new").order_by("pk"):
        tasks.process_inbound(event.pk)
    outbox.drain()

    assert [order.number for order in Order.objects.all()] == [there.name]


@over_http
def test_and_where_no_webhook_arrives_the_clock_asks_the_store(shop: PracticeShop, store: Connection):
    there = buy(shop)

    time_passes()
    work()

    assert [order.number for order in Order.objects.all()] == [there.name]


@over_http
def test_a_pulled_order_that_lacks_data_is_edited_to_complete_and_documented(
    page: Client, shop: PracticeShop, store: Connection
):
    buy(shop, zip="")
    page.post(reverse("orders:sync"))
    work()
    order = Order.objects.get()
    before = (order.status, {item["code"] for item in order.blockers})

    page.post(url("draft", order), typed(page, order, **{"shipping_address-postcode": "2000"}))
    fill_in(page, order)

    assert before == (OrderStatus.DRAFT, {"postcode_invalid", "invoice_missing", "customs_missing"})
    assert (order.status, order.blockers) == (OrderStatus.PENDING, [])
    confirmed(page, order)
    invoice = page.get(url("document", order, "commercial_invoice"), {"incoterm": "DAP"})
    for part in ("INV-7", "940360", "Australia (AU)"):
        assert part in pages(invoice.content)[0]


@over_http
def test_reading_the_store_again_keeps_what_was_filled_in(page: Client, shop: PracticeShop, store: Connection):
    buy(shop)
    page.post(reverse("orders:sync"))
    work()
    order = fill_in(page, Order.objects.get())

    page.post(reverse("orders:sync"))
    sync = work()

    order.refresh_from_db()
    assert (sync.new, sync.changed, Order.objects.count()) == (0, 0, 1)
    assert (order.status, order.invoice_number) == (OrderStatus.PENDING, "INV-7")


@over_http
def test_orders_of_a_store_whose_session_expired_come_in_by_themselves_after_the_one_link(
    page: Client, shop: PracticeShop, store: Connection
):
    there = buy(shop)
    dials.turn(shop.pk, "dead_token", left=1)
    page.post(reverse("orders:sync"))
    ended = work()
    store.refresh_from_db()
    reconnect = reverse("connectors:reconnect", args=[store.public_id])
    told = page.get(reverse("connectors:detail", args=[store.public_id])).content.decode()

    page.post(reconnect, {"access_token": shop.access_token})
    time_passes()
    work()

    assert (ended.state, store.state, told.count(f'href="{reconnect}"')) == ("failed", ConnectionState.AUTH_LOST, 1)
    assert [order.number for order in Order.objects.all()] == [there.name]
