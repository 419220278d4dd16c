"""Two requests at one practice store at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from connectors.practice import services
from tests.connectors.practice.shop import create, line, make_shop

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(*actions):
    """Carries out all of them together; their errors."""
    errors, start = [], threading.Barrier(len(actions))

    def carry_out(action):
        start.wait()
        try:
            action()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=carry_out, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    return errors


def test_units_are_fulfilled_once():
    order = create(make_shop())

    errors = at_once(*[lambda: services.fulfill(order_id=order.pk, quantities=None, parcels=[])] * 4)

    assert [str(error) for error in errors] == ["Invalid fulfillment order line item quantity requested."] * 3
    assert order.fulfillments.count() == 1


def test_orders_that_come_and_go_leave_the_stock_as_it_was():
    shop = make_shop()
    options = {"inventoryBehaviour": "DECREMENT_OBEYING_POLICY"}
    orders = [create(shop, lineItems=[line(shop)], options=options) for _ in range(3)]

    errors = at_once(
        *[lambda pk=order.pk: services.cancel_order(order_id=pk) for order in orders],
        *[lambda: create(shop, lineItems=[line(shop)], options=options)] * 2,
    )

    assert errors == []
    assert shop.variants.get(sku="STOOL").stock == 3
    assert sorted(shop.orders.values_list("name", flat=True)) == ["#1001", "#1002", "#1003", "#1004", "#1005"]
