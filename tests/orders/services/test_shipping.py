"""Shipping from here: what may be sent, what follows from it, tracking that comes late, and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail

from orders.enums import OrderStatus, PaymentStatus, PushStatus, ShipmentStatus
from orders.errors import IdempotencyConflict, InvalidShipment, RoutingRefused, TransitionNotAllowed
from orders.models import Fulfillment, Order
from orders.services import open_units, rerouting, shipping
from orders.services.shipping import WantedParcel
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.orders.services.pushed import make_pushed
from tests.orders.services.refundable import STOOLS, issue, make_paid
from tests.orders.services.shippable import DHL, drain, make_collectable, ship

pytestmark = pytest.mark.django_db


def refusals(act: Callable[[], Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidShipment) as refusal:
        act()
    return [(problem.field, problem.code) for problem in refusal.value.problems]


def history(order: Order, kind: str) -> list[str]:
    return list(order.events.filter(kind=kind).order_by("pk").values_list("text", flat=True))


def add(row: Fulfillment, *parcels: WantedParcel) -> Fulfillment:
    return shipping.add_tracking(fulfillment_id=row.pk, parcels=parcels, by="ana", at=NOON)


# --- shipping ---


def test_all_of_an_order_shipped_completes_it():
    order = make_paid()

    row = ship(order, None, DHL)

    order.refresh_from_db()
    assert (order.status, order.fulfillment_status) == (OrderStatus.COMPLETED, "fulfilled")
    assert (row.push, row.status, row.shipped_at) == (None, ShipmentStatus.SUCCESS, NOON)
    assert history(order, "fulfillment.new") == [
        "Shipped from here by ana: 3 × Oak stool, 1 × Vase. Tracking: DHL Express JD014600."  # noqa: RUF001
    ]


def test_a_part_shipped_leaves_the_rest_open():
    order = make_paid()

    ship(order, {"1": 2})

    order.refresh_from_db()
    assert (order.status, order.fulfillment_status) == (OrderStatus.CONFIRMED, "partial")
    assert [row.quantity for row in open_units.open_lines(order)] == [1, 1]


def test_a_known_carrier_gets_its_name_and_tracking_page():
    row = ship(make_paid(), None, DHL)

    parcel = row.parcels.get()
    assert (parcel.carrier, parcel.url) == ("DHL Express", "https://www.dhl.com/en/express/tracking.html?AWB=JD014600")
    assert (parcel.weight_g, parcel.length_mm, parcel.width_mm, parcel.height_mm) == (2400, 400, 300, 200)


def test_an_unknown_carrier_keeps_the_page_that_was_typed():
    row = ship(make_paid(), None, WantedParcel("Kauri Couriers", "KC 1", "https://kauri.example/KC1"))

    assert list(row.parcels.values_list("carrier", "number", "url")) == [
        ("Kauri Couriers", "KC 1", "https://kauri.example/KC1")
    ]


def test_the_customer_is_told_once_of_what_was_shipped():
    order = make_paid()
    ship(order, {"1": 3}, DHL)

    drain()
    drain()

    assert len(mail.outbox) == 1
    assert "DHL Express JD014600" in mail.outbox[0].body
    assert "Still to come:\n  1 × Vase" in mail.outbox[0].body  # noqa: RUF001


def test_more_than_is_open_is_refused_with_every_problem():
    order = make_paid()
    ship(order, {"1": 2})

    assert refusals(lambda: ship(order, {"1": 2, "9": 1})) == [
        ("lines[0].quantity", "more_than_open"), ("lines[1].id", "unknown_line"),
    ]  # fmt: skip
    assert Fulfillment.objects.count() == 1


def test_units_given_back_are_not_sent():
    order = make_paid()
    issue(order, {"1": 3})

    assert refusals(lambda: ship(order, {"1": 1})) == [("lines[0].quantity", "more_than_open")]
    assert ship(order, {"2": 1}).lines.get().quantity == 1


def test_what_a_destination_sends_is_not_shipped_here():
    pushed = make_pushed()

    assert refusals(lambda: ship(pushed.order, {"1": 1})) == [("lines[0].id", "sent_elsewhere")]


def test_a_push_that_is_kept_out_of_its_store_leaves_its_lines_to_us():
    order = make_paid(connections=[make_connection(merchant := make_merchant())], merchant=merchant)
    order.pushes.update(status=PushStatus.SKIPPED, wait_for="")

    ship(order, {"1": 3})

    assert order.lines.get(external_id="1").fulfilled_quantity == 3


def test_a_line_that_was_shipped_here_goes_to_no_destination_any_more():
    merchant = make_merchant()
    order, target = make_paid(merchant), make_connection(merchant)
    row = ship(order, {"1": 1})
    moves = [rerouting.Move(order.lines.get(external_id="1").pk, target.pk)]

    with pytest.raises(TransitionNotAllowed, match="sent twice"):
        rerouting.move(order_id=order.pk, moves=moves, by="ana", at=NOON)
    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)
    with pytest.raises(RoutingRefused, match="no product linked"):  # what is asked of any line
        rerouting.move(order_id=order.pk, moves=moves, by="ana", at=NOON)


@pytest.mark.parametrize("fields", [{"status": OrderStatus.PENDING}, {"status": OrderStatus.CANCELLED}])
def test_only_a_confirmed_order_is_shipped(fields: dict[str, Any]):
    order = make_order(
        lines=STOOLS, payment_status=PaymentStatus.CAPTURED, payment={"captured_at": NOON, "captured": 1}, **fields
    )

    with pytest.raises(TransitionNotAllowed, match="nothing of it can be sent"):
        ship(order, {"1": 1})


def test_nothing_is_shipped_before_the_money_is_taken():
    order = make_order(lines=STOOLS, status=OrderStatus.CONFIRMED)

    with pytest.raises(TransitionNotAllowed, match="payment of order .* has not been taken"):  # noqa: RUF043
        ship(order, {"1": 1})


def test_an_order_that_the_customer_collects_is_not_shipped():
    with pytest.raises(TransitionNotAllowed, match="set it aside"):
        ship(make_collectable(), {"1": 1})


@pytest.mark.parametrize(
    ("parcel", "problem"),
    [
        (WantedParcel("", "1"), ("parcels[0].carrier", "required")),
        (WantedParcel("X", "1\n2"), ("parcels[0].number", "bad_number")),
        (WantedParcel("X", "1", "javascript:alert(1)"), ("parcels[0].url", "bad_url")),
        (WantedParcel(weight_g=0), ("parcels[0].weight_g", "bad_weight")),
        (WantedParcel(size_mm=(1, 0, 1)), ("parcels[0].size_mm", "bad_size")),
    ],
)
def test_a_parcel_that_makes_no_sense_is_refused(parcel: WantedParcel, problem: tuple[str, str]):
    assert refusals(lambda: ship(make_paid(), {"1": 1}, parcel)) == [problem]


def test_one_number_at_two_parcels_is_refused():
    assert refusals(lambda: ship(make_paid(), {"1": 1}, DHL, DHL)) == [("parcels[1].number", "number_twice")]


def test_the_same_key_ships_once_and_another_wish_under_it_is_refused():
    order = make_paid()
    first, again = ship(order, {"1": 1}, key="click"), ship(order, {"1": 1}, key="click")

    assert first == again
    assert order.lines.get(external_id="1").fulfilled_quantity == 1
    with pytest.raises(IdempotencyConflict):
        ship(order, {"1": 2}, key="click")


# --- tracking that comes late ---


def test_a_late_number_goes_to_the_parcel_without_one_and_the_customer_is_told():
    order = make_paid()
    row = ship(order, None, WantedParcel(weight_g=900))
    drain()

    add(row, DHL)
    drain()

    assert list(row.parcels.values_list("number", "weight_g")) == [("JD014600", 900)]
    assert len(mail.outbox) == 2
    assert "Here is the tracking" in mail.outbox[1].body
    assert history(order, "fulfillment.tracking") == ["Tracking added by ana: DHL Express JD014600."]


def test_the_same_number_again_is_told_to_nobody():
    row = ship(make_paid(), None, DHL)
    drain()

    add(row, WantedParcel("Kauri Couriers", "JD014600", "https://kauri.example/"))
    drain()

    assert list(row.parcels.values_list("carrier", "url")) == [("Kauri Couriers", "https://kauri.example/")]
    assert len(mail.outbox) == 1


def test_tracking_without_a_number_is_refused():
    row = ship(make_paid())

    assert refusals(lambda: add(row)) == [("parcels", "nothing_given")]
    assert refusals(lambda: add(row, WantedParcel("dhl"))) == [("parcels[0].number", "required")]


def test_a_fulfillment_of_a_destination_is_changed_there():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()

    with pytest.raises(TransitionNotAllowed, match="change it there"):
        add(Fulfillment.objects.get(), DHL)


# --- taking back ---


def test_taking_back_opens_the_units_and_the_order_again():
    order = make_paid()
    row = ship(order)

    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)

    order.refresh_from_db()
    assert (order.status, order.fulfillment_status) == (OrderStatus.CONFIRMED, "unfulfilled")
    assert history(order, "fulfillment.changed") == ["ana took a fulfillment back: 3 × Oak stool, 1 × Vase."]  # noqa: RUF001
    assert ship(order, {"1": 3}).status == ShipmentStatus.SUCCESS


def test_taking_back_twice_is_refused():
    row = ship(make_paid())
    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)

    with pytest.raises(TransitionNotAllowed, match="already"):
        shipping.take_back(fulfillment_id=row.pk, by="ben", at=NOON)


def test_a_mail_about_what_was_taken_back_is_not_sent():
    row = ship(make_paid())
    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)

    drain()

    assert mail.outbox == []
    assert len(history(row.order, "customer.not_told")) == 1
