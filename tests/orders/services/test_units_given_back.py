"""Units that were given back before they were sent: nobody sends them, waits for them or is reminded of them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from orders.enums import FulfillmentStatus, OrderStatus, PushStatus, RefundReason
from orders.models import Order
from orders.services import customer_notices, open_units, refunds
from tests.factories import NOON, make_connection, make_member
from tests.orders.services.refundable import issue, make_paid
from tests.orders.services.shippable import ship

pytestmark = pytest.mark.django_db

TWO = [{"sku": "A", "title": "Oak stool", "quantity": 2, "unit_price": "10.00"}]
STOCK, DAMAGED = RefundReason.OUT_OF_STOCK, RefundReason.DAMAGED


def two_stools(**fields) -> Order:
    return make_paid(**{"lines": TWO, "shipping": 0} | fields)


def send(order: Order, units: int) -> None:
    ship(order, {"1": units})


def state(order: Order) -> tuple[str, str]:
    order.refresh_from_db()
    return order.status, order.fulfillment_status


def still_open(order: Order) -> list[int]:
    return [row.quantity for row in open_units.open_lines(order)]


def test_an_order_is_complete_when_the_rest_of_it_was_given_back():
    order = two_stools()
    issue(order, {"1": 1}, reason=STOCK)

    send(order, 1)

    assert state(order) == (OrderStatus.COMPLETED, FulfillmentStatus.FULFILLED)
    assert (still_open(order), customer_notices._to_come(order)) == ([0], [])


def test_giving_back_what_is_left_completes_what_was_sent_in_part():
    order = two_stools()
    send(order, 1)

    issue(order, {"1": 1}, reason=STOCK)

    assert state(order) == (OrderStatus.COMPLETED, FulfillmentStatus.FULFILLED)


def test_what_arrived_damaged_is_given_back_and_the_rest_is_still_to_be_sent():
    order = two_stools()
    send(order, 1)

    issue(order, {"1": 1}, reason=DAMAGED)

    assert state(order) == (OrderStatus.CONFIRMED, FulfillmentStatus.PARTIAL)
    assert still_open(order) == [1]


def test_more_than_arrived_takes_the_rest_off_too():
    order = two_stools()
    send(order, 1)

    issue(order, {"1": 2}, reason=DAMAGED)

    assert state(order) == (OrderStatus.COMPLETED, FulfillmentStatus.FULFILLED)


def test_a_unit_that_came_back_is_not_counted_twice():
    order = two_stools()
    send(order, 1)
    issue(order, {"1": 1}, reason=DAMAGED)

    issue(order, {"1": 1}, reason=DAMAGED)

    assert order.lines.get().called_off_quantity == 1


def test_a_return_after_dispatch_leaves_the_order_fulfilled():
    order = two_stools()
    send(order, 2)

    issue(order, {"1": 1}, reason=RefundReason.NOT_WANTED)

    assert state(order) == (OrderStatus.COMPLETED, FulfillmentStatus.FULFILLED)
    assert order.lines.get().called_off_quantity == 0


def test_a_refund_that_is_withdrawn_has_its_units_sent_after_all():
    order = two_stools()
    refund = issue(order, {"1": 1}, reason=STOCK)
    send(order, 1)

    refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)

    assert state(order) == (OrderStatus.CONFIRMED, FulfillmentStatus.PARTIAL)
    assert still_open(order) == [1]
    assert order.events.filter(text="Open again: not everything of it is sent.").exists()


def test_an_order_that_nobody_has_is_complete_when_all_of_it_was_given_back():
    order = two_stools()

    issue(order, {"1": 2}, reason=STOCK)

    assert state(order) == (OrderStatus.COMPLETED, FulfillmentStatus.UNFULFILLED)


def test_one_that_a_store_has_stays_open_to_be_cancelled_there():
    order = two_stools(connections=[make_connection()])
    order.pushes.update(status=PushStatus.PUSHED, wait_for="", remote_id="1", pushed_at=NOON)

    issue(order, {"1": 2}, reason=STOCK)

    assert state(order) == (OrderStatus.CONFIRMED, FulfillmentStatus.UNFULFILLED)


def test_the_page_says_what_was_given_back_and_offers_to_ship_only_what_is_left(client):
    order = two_stools(lines=[*TWO, {"sku": "B", "title": "Vase"}])
    client.force_login(make_member(order.merchant))
    page, form = (reverse(f"orders:{name}", args=[order.public_id]) for name in ("detail", "ship"))
    issue(order, {"1": 1}, reason=STOCK)
    before = client.get(page).content.decode()

    issue(order, {"1": 1, "2": 1}, reason=STOCK)

    after = client.get(page).content.decode()
    assert (form in before, "1 given back unsent" in before) == (True, True)
    assert (form in after, "2 given back unsent" in after) == (False, True)
