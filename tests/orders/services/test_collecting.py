"""Click and collect: set aside, told with place and code, handed over in one go or in parts."""

from __future__ import annotations

import pytest
from django.core import mail

from orders.enums import OrderStatus, ShipmentStatus
from orders.errors import InvalidShipment, TransitionNotAllowed
from orders.models import Fulfillment, Order, Payment
from orders.services import collecting, decisions, privacy, shipping
from tests.factories import NOON
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import drain, make_collectable, set_aside, units
from tests.orders.services.test_shipping import history, refusals

pytestmark = pytest.mark.django_db


def hand_over(row: Fulfillment, lines: dict[str, int] | None = None, name: str = "Harriet Ngata") -> Fulfillment:
    return collecting.hand_over(fulfillment_id=row.pk, collected_by=name, lines=units(lines or {}), by="ana", at=NOON)


def standing(order: Order) -> tuple[str, str]:
    order.refresh_from_db()
    return order.status, order.fulfillment_status


def test_what_is_set_aside_waits_and_counts_as_ready_not_as_fulfilled():
    order = make_collectable()

    row = set_aside(order)

    assert standing(order) == (OrderStatus.CONFIRMED, "ready")
    assert len(row.pickup_code) == collecting.CODE_LENGTH
    assert [line.fulfilled_quantity for line in order.lines.order_by("position")] == [0, 0]
    assert history(order, "fulfillment.ready") == ["ana set aside for pickup: 3 × Oak stool, 1 × Vase."]  # noqa: RUF001


def test_the_customer_is_told_the_place_the_instructions_and_the_code():
    row = set_aside(make_collectable(), {"1": 3})

    drain()

    [letter] = mail.outbox
    assert letter.subject.startswith("Part of your order")
    for text in (
        "Kauri & Clay, Newmarket",
        "8 Broadway, Auckland",
        "Ring the bell.",
        f"Your pickup code: {row.pickup_code}",
    ):
        assert text in letter.body
    assert "Still to come:\n  1 × Vase" in letter.body  # noqa: RUF001
    assert row.pickup_code in letter.alternatives[0].content


def test_handing_over_all_of_it_completes_the_order_and_tells_the_customer():
    order = make_collectable()
    row = set_aside(order)
    drain()

    hand_over(row, name="Rangi, her brother")
    drain()

    assert standing(order) == (OrderStatus.COMPLETED, "fulfilled")
    assert history(order, "fulfillment.collected") == ["Handed over by ana: 3 × Oak stool, 1 × Vase."]  # noqa: RUF001
    assert "Rangi, her brother picked up your" in mail.outbox[1].body
    row.refresh_from_db()
    assert (row.in_words, row.collected_at, row.collected_by) == ("Picked up", NOON, "Rangi, her brother")


@pytest.mark.parametrize(("gateway", "links"), [("sandbox", 2), ("store", 0)])
def test_mails_lead_to_the_refund_form_only_where_it_can_give_something_back(gateway: str, links: int):
    order = make_collectable()
    Payment.objects.filter(order=order).update(gateway=gateway)
    row = set_aside(order)
    drain()
    hand_over(row)
    drain()

    assert len(mail.outbox) == 2
    for bodies in ([letter.body for letter in mail.outbox], [letter.alternatives[0].content for letter in mail.outbox]):
        assert sum("Ask for a refund" in body for body in bodies) == links


def test_what_is_not_taken_waits_on_under_the_same_code():
    order = make_collectable()
    row = set_aside(order)

    taken = hand_over(row, {"1": 2})

    waiting = Fulfillment.objects.get(order=order, status=ShipmentStatus.READY)
    assert waiting.pickup_code == row.pickup_code
    assert list(waiting.lines.order_by("line__position").values_list("quantity", flat=True)) == [1, 1]
    assert list(taken.lines.values_list("quantity", flat=True)) == [2]
    assert standing(order) == (OrderStatus.CONFIRMED, "ready")


def test_more_than_waits_is_not_handed_over():
    row = set_aside(make_collectable(), {"1": 2})

    assert refusals(lambda: hand_over(row, {"1": 3})) == [("lines[0].quantity", "more_than_ready")]
    assert refusals(lambda: hand_over(row, {"2": 1})) == [("lines[0].id", "unknown_line")]


def test_somebody_must_have_come():
    row = set_aside(make_collectable())

    assert refusals(lambda: hand_over(row, name=" \n")) == [("collected_by", "required")]


def test_handing_over_twice_is_refused():
    row = set_aside(make_collectable())
    hand_over(row)

    with pytest.raises(TransitionNotAllowed, match="does not wait"):
        hand_over(row)


def test_units_are_set_aside_once():
    order = make_collectable()
    set_aside(order, {"1": 3})

    with pytest.raises(InvalidShipment, match="All of Oak stool is gone"):
        set_aside(order, {"1": 1})


def test_taken_back_they_are_open_again_and_a_late_mail_is_not_sent():
    order = make_collectable()
    row = set_aside(order)

    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)
    drain()

    assert standing(order) == (OrderStatus.CONFIRMED, "unfulfilled")
    assert mail.outbox == []
    assert set_aside(order).pickup_code != row.pickup_code


def test_an_order_for_delivery_is_not_set_aside():
    with pytest.raises(TransitionNotAllowed, match="for delivery"):
        set_aside(make_paid())


def test_an_order_that_is_called_off_leaves_nothing_to_pick_up():
    order = make_collectable()
    row = set_aside(order, {"1": 2})

    decisions.cancel(order_id=order.pk, reason="Closed", by="ana", at=NOON)
    drain()

    row.refresh_from_db()
    assert (row.status, standing(order)) == (ShipmentStatus.CANCELLED, (OrderStatus.CANCELLED, "unfulfilled"))
    assert history(order, "fulfillment.changed") == ["What was set aside for pickup goes back on the shelf."]
    assert not any("ready to pick up" in letter.subject for letter in mail.outbox)
    with pytest.raises(TransitionNotAllowed):
        hand_over(row)


def test_who_came_is_forgotten_with_the_customer():
    order = make_collectable()
    row = hand_over(set_aside(order), name="Rangi")

    privacy.remove_personal_data(order_id=order.pk, by="Shopify", at=NOON)

    row.refresh_from_db()
    assert row.collected_by == privacy.REMOVED
    assert not order.events.filter(text__contains="Rangi").exists()
