"""Each invariant sees the row that contradicts it, and a sound order breaks none."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from connectors.models import CallLog, SandboxCharge
from orders import outbox
from orders.models import Order, OrderPush, OutboxMessage, Payment, Refund
from orders.services import decisions
from tests import invariants
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.refundable import drain, issue, make_paid

pytestmark = [
    pytest.mark.django_db,
    *(pytest.mark.plants(name, "to see that it is found") for name in invariants.NAMES),
]


def broken() -> list[str]:
    return [name for name, _ in invariants.broken()]


@pytest.fixture
def store() -> FakeStore:
    """One that an order was sent to by the services themselves."""
    store = FakeStore()
    store.stock_up("A")
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    outbox.drain(at=NOON, world=make_world(store))
    assert OrderPush.objects.get().status == "pushed"
    assert broken() == []
    return store


@pytest.fixture
def paid() -> Order:
    order = make_paid()
    assert broken() == []
    return order


def test_an_order_that_a_store_has_twice(store: FakeStore):
    store.add(next(iter(store.sent.values())))

    assert broken() == ["I1"]


def test_a_store_that_nobody_wrote_to_says_nothing():
    FakeStore()

    assert broken() == []


def test_a_generation_that_began_too_early(store: FakeStore):
    push = OrderPush.objects.get()
    push.pk, push.public_id, push.generation, push.reference = None, "later", 2, "SW-LATER"
    push.remote_id, push.pushed_at, push.status, push.wait_for = "", None, "waiting", "captured:1"
    push.save(force_insert=True)

    assert broken() == ["I1"]


def test_an_id_that_is_not_the_store_s_own(store: FakeStore):
    OrderPush.objects.update(remote_id="fake-9999")

    assert broken() == ["I2"]


@pytest.mark.parametrize("books", [{"captured": 4900}, {"refunded": 900}, {"refunded": 1100}])
def test_books_of_the_gateway_that_are_not_ours(paid: Order, books: dict[str, int]):
    issue(paid, {"1": 1})
    drain()
    assert broken() == []

    SandboxCharge.objects.update(**books)

    assert set(broken()) == {"I3"}


def test_more_promised_back_than_was_taken(paid: Order):
    issue(paid, {"1": 3})
    Refund.objects.update(amount=paid.total + 1, computed=0)

    assert broken() == ["I3"]


def test_money_written_as_given_that_no_refund_gave(paid: Order):
    issue(paid, {"1": 1})
    drain()
    Payment.objects.update(refunded=1)

    assert "I3" in broken()


def test_money_that_nobody_will_take():
    order = make_order(connections=[make_connection()])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    assert broken() == []

    OutboxMessage.objects.all().delete()

    assert broken() == ["I4"]


def test_a_push_that_nobody_will_send(store: FakeStore):
    OrderPush.objects.update(status="queued", remote_id="", pushed_at=None)

    assert broken() == ["I4"]


def test_a_refund_that_nobody_will_give(paid: Order):
    issue(paid, {"1": 1})
    OutboxMessage.objects.all().delete()

    assert broken() == ["I4"]


def test_a_status_that_changed_without_its_line():
    order = make_order(connections=[make_connection()])
    decisions.decline(order_id=order.pk, reason="Sold out.", by="ana", at=NOON)
    assert broken() == []

    Order.objects.update(status="expired")

    assert broken() == ["I5"]


def test_a_payment_that_changed_without_its_line(store: FakeStore):
    Payment.objects.update(status="failed", captured=0, captured_at=None)

    assert "I5" in broken()


def test_a_person_in_a_reason():
    order = make_order()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    OutboxMessage.objects.update(reason="harriet@example.com was refused.")

    assert broken() == ["I6"]


def test_a_token_in_the_log_of_calls():
    CallLog.objects.create(
        connection=make_connection(), at=NOON, method="GET", url="https://x.example/?t=shpat_canary_1", outcome="ok",
        duration_ms=1,
    )  # fmt: skip

    assert broken() == ["I6"]


def test_a_person_in_the_log():
    logging.getLogger("orders.tests").warning("not told", extra={"to": "harriet@example.com"})

    assert broken() == ["I6"]


def test_a_lease_that_ran_out_is_no_fault():
    order = make_order(connections=[make_connection()])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    OutboxMessage.objects.update(status="running", lease_until=NOON - timedelta(days=1))

    assert broken() == []
