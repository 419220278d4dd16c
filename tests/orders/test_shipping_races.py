"""Races of shipping and handing over on PostgreSQL: the second of two waits for the first's lock, and then loses."""

from __future__ import annotations

import pytest
from django.db import connection

from orders.enums import PushStatus
from orders.models import CarrierPickup, Fulfillment, OrderPush, PushLine
from orders.services import collecting, kept_out
from tests.factories import NOON, make_connection
from tests.orders.services.collected import make_account, make_pickup
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import make_collectable, set_aside, ship
from tests.orders.test_races import behind_a_lock

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _on_postgres():
    assert connection.vendor == "postgresql", "run by `make test-postgres`"


def test_two_shipments_at_once_never_send_more_than_is_open():
    order = make_paid()

    outcomes = behind_a_lock(order, lambda: ship(order, {"1": 2}), lambda: ship(order, {"1": 2}))

    assert sorted(outcomes) == ["", "invalid_shipment"]
    assert order.lines.get(external_id="1").fulfilled_quantity == 2


def test_the_same_click_twice_at_once_is_one_shipment():
    order = make_paid()

    outcomes = behind_a_lock(
        order, lambda: ship(order, {"1": 1}, key="click"), lambda: ship(order, {"1": 1}, key="click")
    )

    assert outcomes == ["", ""]
    assert Fulfillment.objects.count() == 1


def test_units_are_handed_over_once():
    order = make_collectable()
    row = set_aside(order)

    def hand_over() -> None:
        collecting.hand_over(fulfillment_id=row.pk, collected_by="Harriet", by="ana", at=NOON)

    assert sorted(behind_a_lock(order, hand_over, hand_over)) == ["", "transition_not_allowed"]


def test_an_order_is_in_one_open_pickup_however_many_ask_at_once():
    order = make_paid()
    account = make_account(order.merchant)

    outcomes = behind_a_lock(
        order, lambda: make_pickup(order, account=account), lambda: make_pickup(order, account=account)
    )

    assert sorted(outcomes) == ["", "invalid_shipment"]
    assert CarrierPickup.objects.count() == 1


@pytest.mark.parametrize("back_first", [True, False])
def test_what_is_brought_back_is_not_shipped_from_here_as_well(back_first: bool):
    order = make_paid()
    push = OrderPush.objects.create(
        order=order, connection=make_connection(order.merchant), reference="SW-X", status=PushStatus.SKIPPED,
        reason=kept_out.reason("ana"), subtotal=order.subtotal, shipping=order.shipping, tax=order.tax,
        discount=order.discount, total=order.total, carries_shipping=True,
    )  # fmt: skip
    PushLine.objects.bulk_create(PushLine(push=push, line=line) for line in order.lines.all())
    doors = {
        "back": lambda: kept_out.bring_back(push_id=push.pk, by="ben", at=NOON),
        "ship": lambda: ship(order, {"1": 1}),
    }
    first, second = ("back", "ship") if back_first else ("ship", "back")

    outcomes = behind_a_lock(order, doors[first], doors[second])

    push.refresh_from_db()
    refused = "invalid_shipment" if back_first else "transition_not_allowed"
    assert outcomes == ["", refused]
    assert (push.status, Fulfillment.objects.count()) == (("queued", 0) if back_first else ("skipped", 1))
