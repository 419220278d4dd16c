from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from django.db import transaction

from connectors.base import Parcel, ShipmentLine
from connectors.models import ConnectionState
from connectors.services import links
from orders.enums import FulfillmentStatus, Headline, OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.models import Fulfillment, Order, OrderPush, OutboxMessage
from orders.services import fulfillment, push_records, remote_cancel
from tests.factories import NOON, make_connection
from tests.fakes import FakeStore
from tests.orders.services.pushed import Pushed, make_pushed

pytestmark = pytest.mark.django_db

POST = Parcel("NZ Post", "NZ1", "https://track.example/NZ1")
DHL = Parcel("DHL", "DHL2", "https://track.example/DHL2")


def fulfilled(pushed: Pushed) -> list[int]:
    return list(pushed.order.lines.order_by("position").values_list("fulfilled_quantity", flat=True))


def test_a_fulfillment_of_everything_completes_the_order():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, parcels=[POST])

    pushed.pull()

    assert (fulfilled(pushed), pushed.order.status) == ([2, 1], OrderStatus.COMPLETED)
    assert pushed.order.headline == Headline.COMPLETED


def test_a_part_of_a_line_leaves_the_order_partly_fulfilled():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, {"A": 1})

    pushed.pull()

    assert (fulfilled(pushed), pushed.order.fulfillment_status) == ([1, 0], FulfillmentStatus.PARTIAL)
    assert (pushed.order.status, pushed.order.headline) == (OrderStatus.CONFIRMED, Headline.PARTLY_FULFILLED)


def test_history_names_the_store_as_the_one_who_fulfilled():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, {"A": 2}, [POST])

    pushed.pull()

    event = pushed.order.events.get(kind="fulfillment.new")
    assert event.text == "Fulfilled: 2 × Oak stool. Tracking: NZ Post NZ1."  # noqa: RUF001
    assert event.by == "Kauri Shopify"


def test_late_tracking_is_added_to_the_fulfillment_that_stands():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()

    pushed.store.add_tracking(pushed.push.remote_id, shipment, POST, DHL)
    pushed.pull()

    assert Fulfillment.objects.count() == 1
    assert pushed.history("fulfillment.tracking") == ["Tracking added: NZ Post NZ1, DHL DHL2."]


def test_a_tracking_number_that_was_corrected_replaces_the_wrong_one():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id, parcels=[POST])
    pushed.pull()

    pushed.store.put(pushed.push.remote_id, replace(shipment, parcels=(DHL,)))
    pushed.pull()

    assert list(Fulfillment.objects.get().parcels.values_list("number", flat=True)) == ["DHL2"]


def test_a_cancelled_fulfillment_takes_its_quantities_back_and_opens_the_order_again():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()

    pushed.store.take_back(pushed.push.remote_id, shipment)
    pushed.pull()

    assert (fulfilled(pushed), pushed.order.status) == ([0, 0], OrderStatus.CONFIRMED)
    assert pushed.history("fulfillment.changed") == ["A fulfillment was taken back: 2 × Oak stool, 1 × Vase."]  # noqa: RUF001


def test_an_older_state_that_arrives_late_changes_nothing():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id)
    before = pushed.remote
    pushed.store.take_back(pushed.push.remote_id, shipment)
    pushed.pull()

    pushed.record(before)

    assert Fulfillment.objects.get().status == "cancelled"
    assert fulfilled(pushed) == [0, 0]


def test_an_older_fulfillment_in_an_order_without_a_time_changes_nothing():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id)
    before = replace(pushed.remote, updated_at=None)
    pushed.store.take_back(pushed.push.remote_id, shipment)
    pushed.pull()

    pushed.record(before)

    assert Fulfillment.objects.get().status == "cancelled"


def test_within_one_instant_a_fulfillment_that_was_taken_back_stays_so():
    pushed = make_pushed()
    pushed.store.clock.advance = lambda seconds: None  # a store whose times have no finer grain
    shipment = pushed.store.fulfill(pushed.push.remote_id)
    before = pushed.remote
    pushed.store.take_back(pushed.push.remote_id, shipment)
    pushed.pull()

    pushed.record(before)

    assert Fulfillment.objects.get().status == "cancelled"


def test_lines_without_our_id_are_matched_by_sku_from_the_first_line_on():
    pushed = make_pushed(lines=[{"sku": "A", "quantity": 2}, {"sku": "A", "quantity": 3}])
    first, second = pushed.order.lines.order_by("position")
    for units in (1, 3):
        shipment = pushed.store.fulfill(pushed.push.remote_id, {"A": units})
        anonymous = ShipmentLine(sku="A", quantity=units)
        pushed.store.put(pushed.push.remote_id, replace(shipment, lines=(anonymous,)))

    pushed.pull()

    first.refresh_from_db(), second.refresh_from_db()
    assert (first.fulfilled_quantity, second.fulfilled_quantity) == (2, 2)


def test_lines_that_go_by_another_sku_there_are_matched_by_the_product_link():
    pushed = make_pushed()
    links.link(
        connection_id=pushed.push.connection_id, sku="A", variant_id="B007", variant_title="A", by="ana", at=NOON
    )
    shipment = pushed.store.fulfill(pushed.push.remote_id, {"A": 2})
    theirs = ShipmentLine(sku="B", quantity=2, variant_id="B007")
    pushed.store.put(pushed.push.remote_id, replace(shipment, lines=(theirs,)))

    pushed.pull()

    assert fulfilled(pushed) == [2, 0]


def test_more_than_was_ordered_is_counted_as_ordered_and_told_once():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, {"A": 3})
    pushed.pull()
    pushed.pull()

    assert fulfilled(pushed) == [2, 0]
    assert pushed.history("push.changed_in_store") == ["Kauri Shopify sent 3 of A; the customer ordered 2."]
    assert len(pushed.promised(Topic.TELL_MERCHANT)) == 1


def test_more_than_was_to_be_sent_is_told_though_the_customer_ordered_as_many():
    pushed = make_pushed()
    pushed.push.push_lines.filter(line__sku="A").update(sent_quantity=1)
    pushed.store.fulfill(pushed.push.remote_id, {"A": 2})

    pushed.pull()

    assert pushed.history("push.changed_in_store") == ["Kauri Shopify sent 2 of A; it was to send 1."]


def test_what_was_added_in_the_store_is_none_of_our_lines():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id, {"A": 1})
    gift = ShipmentLine(sku="GIFT", quantity=9)
    pushed.store.put(pushed.push.remote_id, replace(shipment, lines=(*shipment.lines, gift)))

    pushed.pull()

    assert fulfilled(pushed) == [1, 0]


def test_an_order_cancelled_in_the_store_needs_a_person_and_moves_no_money():
    pushed = make_pushed()
    pushed.store.change(pushed.push.remote_id, cancelled=True)

    pushed.pull()
    pushed.pull()

    assert (pushed.push.status, pushed.push.remote_cancelled) == (PushStatus.HELD, True)
    assert [blocker.code for blocker in pushed.push.blocker_list] == ["cancelled_meanwhile"]
    assert pushed.order.payment_status == PaymentStatus.CAPTURED
    assert [message.payload["kind"] for message in pushed.promised(Topic.TELL_MERCHANT)] == ["cancelled_in_store"]
    assert pushed.history("push.held") == ["#1001 was cancelled in Kauri Shopify."]


def test_an_order_deleted_in_the_store_is_like_one_cancelled_there():
    pushed = make_pushed()

    pushed.record(None)

    pushed.push.refresh_from_db()
    assert (pushed.push.status, pushed.push.remote_cancelled) == (PushStatus.HELD, True)
    (blocker,) = pushed.push.blocker_list
    assert (blocker.code, blocker.value) == ("changed_at_destination", "deleted")


def test_a_cancellation_that_we_asked_for_ends_the_push_and_tells_nobody():
    pushed = make_pushed()
    pushed.order.status = OrderStatus.CANCELLED
    pushed.order.save()
    with transaction.atomic():
        remote_cancel.promise(pushed.push, at=NOON)
    pushed.store.change(pushed.push.remote_id, cancelled=True)

    pushed.pull()

    assert pushed.push.status == PushStatus.CANCELLED
    assert pushed.promised(Topic.CANCEL_REMOTE)[0].status == OutboxStatus.DONE
    assert pushed.promised(Topic.TELL_MERCHANT) == []


def test_a_refund_in_the_store_is_told_once_per_amount_and_moves_no_money():
    pushed = make_pushed()
    pushed.store.refund(pushed.push.remote_id, "10.00")
    pushed.pull()
    pushed.pull()
    pushed.store.refund(pushed.push.remote_id, "5.00")
    pushed.pull()

    assert pushed.history("push.refunded_in_store") == [
        "Kauri Shopify shows 10.00 NZD refunded for #1001. No money has moved here.",
        "Kauri Shopify shows 15.00 NZD refunded for #1001. No money has moved here.",
    ]
    assert len(pushed.promised(Topic.TELL_MERCHANT)) == 2
    assert pushed.promised(Topic.REFUND_PAYMENT) == []


def test_a_total_edited_in_the_store_is_told_once_and_holds_nothing():
    pushed = make_pushed()
    pushed.store.change(pushed.push.remote_id, total=pushed.order.total + 5)
    pushed.pull()
    pushed.pull()

    assert pushed.push.status == PushStatus.PUSHED
    (text,) = pushed.history("push.changed_in_store")
    assert text.startswith("The total of #1001 was changed to 50.00 NZD in Kauri Shopify.")
    assert "The customer paid 45.00 NZD; no money has moved here." in text
    assert len(pushed.promised(Topic.TELL_MERCHANT)) == 1


def test_the_first_read_is_compared_with_what_was_paid():
    pushed = make_pushed()
    OrderPush.objects.update(read_back_at=None, remote_total=None)
    pushed.store.change(pushed.push.remote_id, total=pushed.order.total + 1)

    pushed.pull()

    assert (pushed.push.status, pushed.push.blockers[0]["code"]) == (PushStatus.HELD, "total_mismatch")


def test_a_difference_that_is_mended_in_the_store_ends_the_hold():
    pushed = make_pushed()
    OrderPush.objects.update(read_back_at=None, remote_total=None)
    pushed.store.change(pushed.push.remote_id, total=pushed.order.total + 1)
    pushed.pull()

    pushed.store.change(pushed.push.remote_id, total=pushed.order.total)
    pushed.pull()

    assert (pushed.push.status, pushed.push.blockers, pushed.push.reason) == (PushStatus.PUSHED, [], "")


def at_supplier() -> Pushed:
    """An order at a supplier, not read back yet; its total there will be a cost in the supplier's own currency."""
    pushed = make_pushed(connection=make_connection(name="S&S", platform="ssactivewear", created_at=NOON))
    OrderPush.objects.update(read_back_at=None, remote_total=None)
    pushed.store.change(pushed.push.remote_id, total=Decimal("12.50"), currency="USD")
    return pushed


def test_what_it_costs_at_a_supplier_is_written_down_and_holds_nothing():
    pushed = at_supplier()

    pushed.pull()

    assert (pushed.push.status, pushed.push.remote_total) == (PushStatus.PUSHED, Decimal("12.50"))
    assert pushed.history("push.cost") == ["Read back from S&S: it costs 12.50 USD there."]


def test_a_cost_that_changes_at_a_supplier_is_told_to_nobody():
    pushed = at_supplier()
    pushed.pull()

    pushed.store.change(pushed.push.remote_id, total=Decimal("19.00"))
    pushed.pull()

    assert (pushed.push.status, pushed.push.remote_total) == (PushStatus.PUSHED, Decimal("19.00"))
    assert pushed.promised(Topic.TELL_MERCHANT) == []


def test_a_part_that_was_cancelled_at_a_supplier_is_told_once_and_the_rest_goes_on():
    pushed = at_supplier()
    pushed.store.change(pushed.push.remote_id, cancelled_parts=("order 2 from KS",))
    pushed.pull()
    pushed.pull()

    text = "S&S cancelled a part of this order: order 2 from KS. The rest goes on."
    assert (pushed.push.status, pushed.history("push.part_cancelled")) == (PushStatus.PUSHED, [text])
    assert len(pushed.promised(Topic.TELL_MERCHANT)) == 1


def test_a_part_cancelled_after_the_order_was_called_off_is_no_news():
    pushed = at_supplier()
    Order.objects.update(status=OrderStatus.CANCELLED)
    pushed.store.change(pushed.push.remote_id, cancelled_parts=("order 2 from KS",))

    pushed.pull()

    assert pushed.history("push.part_cancelled") == []


def state(pushed: Pushed) -> dict[str, object]:
    rows = Fulfillment.objects.filter(push=pushed.push).order_by("remote_id")
    pushed.order.refresh_from_db()
    pushed.push.refresh_from_db()
    return {
        "fulfillments": [
            (
                row.remote_id,
                row.status,
                sorted(row.lines.values_list("line__sku", "quantity")),
                sorted(row.parcels.values_list("number", flat=True)),
            )
            for row in rows
        ],
        "lines": fulfilled(pushed),
        "order": (pushed.order.status, pushed.order.fulfillment_status, pushed.order.headline),
        "push": (pushed.push.status, pushed.push.remote_refunded, pushed.push.remote_version),
    }


def snapshots(pushed: Pushed) -> list:
    """Five states of one order: a part, its tracking, the rest in a parcel, the first part taken back, a refund."""
    store, remote_id, seen = pushed.store, pushed.push.remote_id, []
    first = store.fulfill(remote_id, {"A": 2})
    seen.append(pushed.remote)
    first = store.add_tracking(remote_id, first, POST)
    seen.append(pushed.remote)
    store.fulfill(remote_id, {"B": 1}, [DHL])
    seen.append(pushed.remote)
    store.take_back(remote_id, first)
    seen.append(pushed.remote)
    store.refund(remote_id, "7.00")
    return [*seen, pushed.remote]


def test_every_order_of_arrival_and_every_repeat_ends_in_one_state():
    pushed = make_pushed()
    states = snapshots(pushed)
    ends = []
    for order_of_arrival in random.sample(list(permutations(states)), 20):  # others at the next run
        with transaction.atomic():
            for remote in (*order_of_arrival, *order_of_arrival[::-1]):
                pushed.record(remote)
            ends.append(state(pushed))
            named = [
                number for message in pushed.promised(Topic.TELL_CUSTOMER) for number in message.payload["parcels"]
            ]
            assert len(named) == len(set(named))
            transaction.set_rollback(True)

    assert ends == [ends[0]] * 20
    assert ends[0]["lines"] == [0, 1]
    assert ends[0]["order"] == (OrderStatus.CONFIRMED, FulfillmentStatus.PARTIAL, Headline.PARTLY_FULFILLED)


def test_the_worker_reads_the_store_and_the_promise_is_kept():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, parcels=[POST])
    with transaction.atomic():
        fulfillment.ask(pushed.push, cause="test", at=pushed.store.clock.now())

    pushed.drain()

    assert pushed.order.status == OrderStatus.COMPLETED
    assert pushed.promised(Topic.PULL_REMOTE)[0].status == OutboxStatus.DONE


def test_a_store_that_is_down_is_read_later():
    pushed = make_pushed()
    pushed.store.next_fault = "down"
    with transaction.atomic():
        fulfillment.ask(pushed.push, cause="test", at=NOON)

    pushed.drain()

    message = pushed.promised(Topic.PULL_REMOTE)[0]
    assert (message.status, message.reason) == (OutboxStatus.WAITING, "The store cannot be reached.")
    assert message.next_attempt_at > NOON


def test_a_burst_of_causes_is_one_read():
    pushed = make_pushed()
    with transaction.atomic():
        fulfillment.ask(pushed.push, cause="event-1", at=NOON)
        fulfillment.ask(pushed.push, cause="event-2", at=NOON)

    assert len(pushed.promised(Topic.PULL_REMOTE)) == 1


def test_a_cause_that_comes_while_a_read_is_running_makes_another():
    pushed = make_pushed()
    with transaction.atomic():
        fulfillment.ask(pushed.push, cause="event-1", at=NOON)
        OutboxMessage.objects.update(status=OutboxStatus.RUNNING, lease_until=NOON)
        fulfillment.ask(pushed.push, cause="event-2", at=NOON)

    assert len(pushed.promised(Topic.PULL_REMOTE)) == 2


def test_a_sign_of_life_brings_a_read_forward_that_was_put_off():
    pushed = make_pushed()
    with transaction.atomic():
        push_records.promise_read(pushed.push, cause="event-1", at=NOON.replace(hour=18))
        fulfillment.ask(pushed.push, cause="event-2", at=NOON)

    assert [message.next_attempt_at for message in pushed.promised(Topic.PULL_REMOTE)] == [NOON]


def test_a_read_that_was_held_is_tried_again_when_something_stirs():
    pushed = make_pushed()
    with transaction.atomic():
        fulfillment.ask(pushed.push, cause="poll-7", at=NOON)
        OutboxMessage.objects.update(status=OutboxStatus.HELD, reason="Refused.")
        fulfillment.ask(pushed.push, cause="poll-7", at=NOON)

    assert [message.status for message in pushed.promised(Topic.PULL_REMOTE)] == [OutboxStatus.WAITING]


def test_a_dead_token_found_while_reading_makes_one_mail_for_all_orders():
    store = FakeStore()
    connection = make_connection()
    both = [make_pushed(store=store, connection=connection) for _ in range(2)]
    for pushed in both:
        with transaction.atomic():
            fulfillment.ask(pushed.push, cause="test", at=NOON)
    store.next_fault = "auth"

    both[0].drain()

    connection.refresh_from_db()
    assert connection.state == ConnectionState.AUTH_LOST
    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).count() == 1
