"""An order whose customer's data were removed before it was sent: nobody knows where to."""

from __future__ import annotations

import pytest
from django.db import transaction

from accounts.models import Merchant
from connectors.models import Connection
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OutboxMessage
from orders.services import drafts, preflight, privacy
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.drafts import BY, fields, fill, make_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(merchant: Merchant) -> Connection:
    return make_connection(merchant, name="Kauri")


def remove(order: Order) -> Order:
    privacy.remove_personal_data(order_id=order.pk, by="Shopify", at=NOON)
    return Order.objects.get(pk=order.pk)


def paid(merchant: Merchant, store: Connection) -> Order:
    order = make_order(
        merchant, connections=[store], status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.CAPTURED,
        payment={"captured": 115, "captured_at": NOON},
    )  # fmt: skip
    push = order.pushes.get()
    order.pushes.update(status=PushStatus.QUEUED, wait_for="")
    with transaction.atomic():
        outbox.post(Topic.PUSH_ORDER, order=order, push=push, connection=store, key=f"push:{push.public_id}", at=NOON)
    return order


def test_it_goes_back_to_the_drafts(merchant: Merchant, store: Connection):
    order = remove(make_order(merchant, connections=[store]))

    assert (order.status, order.blockers[0]["code"]) == (OrderStatus.DRAFT, "address_incomplete")
    assert "were removed at their request" in order.blockers[0]["message"]


def test_that_addresses_are_not_asked_for_does_not_let_it_go(merchant: Merchant, store: Connection):
    merchant.order_requirements.create(needs_address=False)

    assert remove(make_order(merchant, connections=[store])).status == OrderStatus.DRAFT


def test_the_preflight_of_a_confirmed_one_finds_it(merchant: Merchant, store: Connection):
    order = remove(make_order(merchant, connections=[store], status=OrderStatus.CONFIRMED))

    finding = preflight.examine(order.pushes.get(), make_world(FakeStore()))

    assert [(blocker.code, blocker.field) for blocker in finding.blockers] == [
        ("address_incomplete", "shipping_address")
    ]


def test_a_paid_one_is_not_sent(merchant: Merchant, store: Connection):
    order, shop = paid(merchant, store), FakeStore()
    shop.stock_up(*order.lines.values_list("sku", flat=True))
    remove(order)

    outbox.drain(at=NOON, world=make_world(shop))

    push = order.pushes.get()
    assert (push.status, push.blockers[0]["code"], shop.orders) == (PushStatus.HELD, "address_incomplete", {})


def test_a_paid_one_with_its_address_is_sent(merchant: Merchant, store: Connection):
    order, shop = paid(merchant, store), FakeStore()
    shop.stock_up(*order.lines.values_list("sku", flat=True))

    outbox.drain(at=NOON, world=make_world(shop))

    assert order.pushes.get().status == PushStatus.PUSHED


def test_one_that_is_picked_up_needs_no_address(merchant: Merchant, store: Connection):
    order = make_order(merchant, connections=[store], delivery="pickup", pickup_name="Shop")

    assert remove(order).status == OrderStatus.PENDING


def test_an_address_that_is_given_anew_lets_it_go_on(merchant: Merchant, store: Connection):
    order = remove(make_order(merchant, connections=[store]))

    fill(order, address1="1 Queen Street", city="Auckland", postcode="1010")

    assert Order.objects.get(pk=order.pk).status == OrderStatus.PENDING


def test_the_history_forgets_what_was_filled_in_of_the_customer(merchant: Merchant):
    order = make_draft(merchant)
    given = {"shipping_address.city": "Auckland", "invoice_number": "INV-7"}
    drafts.save(order_id=order.pk, given=given, seen={}, **BY)

    remove(order)

    changes = order.events.get(kind=drafts.EDITED).data["changes"]
    assert [(row["field"], row["to"]) for row in changes] == [
        ("invoice_number", "INV-7"), ("shipping_address.city", "Removed"),
    ]  # fmt: skip
    assert fields(order)[0] == "shipping_address"
    assert not OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).exists()
