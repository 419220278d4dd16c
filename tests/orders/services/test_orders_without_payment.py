"""Orders that need no payment, or no value, because the merchant says so."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Merchant
from connectors.models import Connection
from orders import outbox
from orders.enums import Headline, OrderStatus, PushStatus
from orders.errors import OrderBlocked
from orders.models import Order, OrderPush, Payment
from orders.services import clock, decisions, intake, intake_body, preflight, requirements
from orders.services.readiness import Needs
from orders.services.requirements import EVERY
from tests.factories import NOON, make_channel, make_connection, make_marketplace
from tests.fakes import FakeStore, make_world
from tests.orders.api.client import sample
from tests.orders.drafts import BY
from tests.orders.services.shippable import ship

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> FakeStore:
    there = FakeStore()
    there.stock_up(*(line["sku"] for line in sample()["lines"]))
    return there


def needs(merchant: Merchant, **chosen: bool) -> None:
    requirements.save(merchant_id=merchant.pk, key=EVERY, needs=Needs(**chosen), **BY)


def place(merchant: Merchant, **more: object) -> Order:
    body = sample() | {"merchant": merchant.slug, "payment": None} | more
    channel = make_channel(make_marketplace(merchants=[merchant]))
    new = intake_body.read(body, at=NOON)
    return intake.place(channel=channel, merchant=merchant, new=new, by="ArchiPro", at=NOON)[0]


def free() -> dict[str, object]:
    """Everything at no price."""
    lines = [{**line, "unit_price": "0.00", "taxes": []} for line in sample()["lines"]]
    shipping = {**sample()["shipping"], "amount": "0.00", "taxes": []}
    return {
        "lines": lines,
        "shipping": shipping,
        "subtotal": "0.00",
        "discount": "0.00",
        "tax": "0.00",
        "total": "0.00",
    }


def work(store: FakeStore) -> None:
    outbox.drain(at=NOON, world=make_world(store))


def confirmed(merchant: Merchant, store: FakeStore) -> Order:
    order = place(merchant)
    work(store)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    work(store)
    order.refresh_from_db()
    return order


@pytest.fixture
def shop(merchant: Merchant) -> Connection:
    return make_connection(merchant, name="Kauri", is_default=True)


def test_without_a_payment_it_is_a_draft_unless_the_merchant_asks_for_none(merchant: Merchant):
    assert place(merchant).status == OrderStatus.DRAFT

    needs(merchant, payment=False)

    assert place(merchant, external_id="another", number="AP-2").status == OrderStatus.PENDING


def test_confirmed_it_is_sent_as_unpaid_and_nothing_is_captured(merchant: Merchant, shop: Connection, store: FakeStore):
    needs(merchant, payment=False)

    order = confirmed(merchant, store)

    (sent,) = store.sent.values()
    assert sent.options.mark_paid is False
    assert (order.payment_status, Payment.objects.count()) == ("none", 0)
    assert OrderPush.objects.get().status == PushStatus.PUSHED
    assert (order.headline, order.derived_headline) == (Headline.AWAITING_FULFILLMENT, Headline.AWAITING_FULFILLMENT)


def test_no_deadline_of_a_payment_ends_it(merchant: Merchant, shop: Connection, store: FakeStore):
    needs(merchant, payment=False)
    order = confirmed(merchant, store)

    clock.tick(at=NOON + timedelta(days=60))

    order.refresh_from_db()
    assert (order.status, order.due_kind) == (OrderStatus.CONFIRMED, "")


def test_a_store_that_takes_paid_orders_alone_blocks_it(merchant: Merchant, shop: Connection, store: FakeStore):
    Connection.objects.update(platform="squarespace")
    needs(merchant, payment=False)
    order = place(merchant)
    work(store)

    with pytest.raises(OrderBlocked, match="takes orders as paid only"):
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)


def test_a_refusal_after_it_was_promised_is_not_undone_by_a_check(
    merchant: Merchant, shop: Connection, store: FakeStore
):
    needs(merchant, payment=False)
    order = place(merchant)
    work(store)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    refused = store.create

    def create(_):
        store.next_fault = "rejected"
        return refused(_)

    store.create = create
    work(store)
    assert OrderPush.objects.get().status == PushStatus.HELD

    preflight.write_down(preflight.Finding(OrderPush.objects.get().pk, ()), at=NOON)

    order.refresh_from_db()
    assert (OrderPush.objects.get().status, order.headline) == (PushStatus.HELD, Headline.PUSH_FAILED)


def test_an_order_that_costs_nothing_is_confirmed_and_shipped_from_here(merchant: Merchant, store: FakeStore):
    needs(merchant, value=False)
    order = place(merchant, **free())
    assert order.status == OrderStatus.PENDING

    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    work(store)
    ship(order, {line.external_id: line.quantity for line in order.lines.all()})

    order.refresh_from_db()
    assert (order.status, order.total) == (OrderStatus.COMPLETED, Decimal(0))


def test_an_authorization_of_nothing_is_no_payment(merchant: Merchant):
    needs(merchant, value=False)

    order = place(merchant, **free(), payment={**sample()["payment"], "amount": "0.00"})

    assert (order.payment_status, Payment.objects.count()) == ("none", 0)


def test_an_order_that_costs_nothing_is_a_draft_by_default(merchant: Merchant):
    order = place(merchant, **free())

    assert [blocker["code"] for blocker in order.blockers] == ["zero_total"]
