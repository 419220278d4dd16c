"""Lines that move to another destination: what follows, and when it is too late."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum

from connectors.models import Connection, ConnectionState, ProductLink, SyncSettings
from connectors.services import connections
from orders import outbox
from orders.enums import (
    FulfillmentStatus,
    Headline,
    OrderStatus,
    PaymentStatus,
    PushStatus,
    RefundReason,
    RoutedBy,
    Topic,
)
from orders.errors import OrderBlocked, RoutingRefused, TransitionNotAllowed
from orders.models import Order, OrderLine, OrderPush, OutboxMessage, PushLine
from orders.services import called_off, decisions, fulfillment, part_amounts, refunds, rerouting
from orders.services.refund_quotes import Wanted, WantedLine
from orders.services.rerouting import Move
from tests.factories import NOON, make_connection, make_order
from tests.orders.services.split import Split, make_paid, make_split
from tests.orders.services.stores import bring, make_store_channel, told

pytestmark = pytest.mark.django_db


def link(connection: Connection, *skus: str) -> None:
    for sku in skus:
        ProductLink.objects.create(
            connection=connection, sku=sku, variant_id=f"variant-{sku}", source="sku", checked_at=NOON
        )


def history(split: Split, kind: str = "order.routed") -> list[str]:
    return list(split.order.events.filter(kind=kind).values_list("text", flat=True))


def test_a_moved_line_gets_a_push_of_its_own_and_the_parts_add_up():
    split = make_split()

    split.move("A")

    assert (split.skus(split.first), split.skus(split.second)) == (["B", "C"], ["A"])
    first, second = split.push(split.first), split.push(split.second)
    assert (second.subtotal, second.shipping, second.carries_shipping) == (Decimal("33.33"), 7, True)
    assert first.total + second.total == split.order.total
    assert first.discount + second.discount == split.order.discount


def test_what_was_given_back_whole_keeps_no_other_line_out():
    split = make_split()
    split.move("A")
    split.drain()
    Connection.objects.update(state=ConnectionState.PAUSED, state_reason="Paused.")
    split.confirm()
    Connection.objects.update(state=ConnectionState.ACTIVE, state_reason="")
    split.step()
    given = Wanted((WantedLine(split.line("A").external_id, 1),), reason=RefundReason.OUT_OF_STOCK)
    refund, _ = refunds.issue(order_id=split.order.pk, wanted=given, by="ana", at=NOON)
    assert split.push(split.second).reason == called_off.REASON
    link(split.second, "B")

    split.move("B")
    split.drain()

    (sent,) = split.store(split.second).sent.values()
    (rest,) = split.store(split.first).sent.values()
    assert [line.sku for line in sent.lines] == ["B"]
    assert sent.total + rest.total == split.order.total - refund.amount


def test_moving_says_who_what_and_where():
    split = make_split()

    split.move("B")

    assert history(split) == ["ana moved 2 x Vase from Kauri to Rimu."]
    assert PushLine.objects.get(line=split.line("B")).routed_by == RoutedBy.HAND


def test_both_destinations_are_checked_again():
    split = make_split()

    split.move("A")

    checks = OutboxMessage.objects.filter(topic=Topic.CHECK_ORDER, status="waiting")
    assert {check.push.connection for check in checks} == {split.first, split.second}


def test_each_store_gets_its_part_and_holds_its_own_total():
    split = make_split()
    split.move("A")
    split.drain()
    split.confirm()

    split.drain()

    first, second = split.push(split.first), split.push(split.second)
    assert [push.status for push in (first, second)] == [PushStatus.PUSHED, PushStatus.PUSHED]
    assert (first.remote_total, second.remote_total) == (first.total, second.total)
    assert first.remote_total + second.remote_total == split.order.total
    (sent,) = split.store(split.second).sent.values()
    assert ([line.sku for line in sent.lines], sent.discount, sent.shipping) == (["A"], second.discount, 7)
    (rest,) = split.store(split.first).sent.values()
    assert (rest.discount + sent.discount, rest.shipping) == (split.order.discount, 0)


def test_another_total_than_the_parts_is_held_in_words_about_the_part():
    split = make_split()
    split.move("A")
    split.drain()
    split.confirm()
    split.drain()
    push, store = split.push(split.second), split.store(split.second)

    store.change(push.remote_id, total=split.order.total)
    OrderPush.objects.filter(pk=push.pk).update(read_back_at=None)
    fulfillment.record(push_id=push.pk, remote=store.orders[push.remote_id], at=NOON)

    push.refresh_from_db()
    assert push.status == PushStatus.HELD
    assert "the customer paid 40.33 NZD for its part of the order" in push.reason


def test_an_order_is_fulfilled_only_when_every_destination_has_sent_its_lines():
    split = make_split()
    split.move("A")
    split.drain()
    split.confirm()
    split.drain()
    first, second = split.push(split.first), split.push(split.second)

    split.store(split.first).fulfill(first.remote_id)
    fulfillment.record(push_id=first.pk, remote=split.store(split.first).orders[first.remote_id], at=NOON)
    split.order.refresh_from_db()
    assert (split.order.fulfillment_status, split.order.status) == (FulfillmentStatus.PARTIAL, OrderStatus.CONFIRMED)

    split.store(split.second).fulfill(second.remote_id)
    fulfillment.record(push_id=second.pk, remote=split.store(split.second).orders[second.remote_id], at=NOON)
    split.order.refresh_from_db()
    assert (split.order.fulfillment_status, split.order.status) == (FulfillmentStatus.FULFILLED, OrderStatus.COMPLETED)


def test_a_push_that_lost_all_its_lines_is_not_sent_and_can_be_called_back():
    split = make_split()
    split.move("A", "B", "C")
    emptied = split.push(split.first)
    assert (emptied.status, emptied.reason, emptied.total) == (PushStatus.SKIPPED, rerouting.EMPTIED, 0)

    split.move("C", to=split.first)

    back = split.push(split.first)
    assert (back.status, back.subtotal) == (PushStatus.WAITING, Decimal("46.67"))
    assert back.total + split.push(split.second).total == split.order.total


def test_the_line_that_blocked_a_push_leaves_and_the_push_is_ready():
    split = make_split()
    del split.store(split.first).variants["A"]
    decisions.check_again(order_id=split.order.pk, by="ana", at=NOON)
    split.drain()
    assert split.order.headline == Headline.BLOCKED

    split.move("A")
    split.drain()

    assert (split.order.headline, split.push(split.first).blockers) == (Headline.NEEDS_CONFIRMATION, [])


def test_a_confirmed_order_asks_every_destination_before_the_money_again():
    split = make_split()
    split.confirm()
    del split.store(split.second).variants["A"]

    split.move("A")
    split.drain()

    assert split.order.payment_status == PaymentStatus.AUTHORIZED
    assert split.push(split.second).blockers[0]["code"] == "unmapped_sku"


def test_while_the_payment_is_taken_nothing_moves():
    split = make_split()
    split.confirm()
    outbox.claim(at=NOON, limit=1)

    with pytest.raises(TransitionNotAllowed, match="is being taken right now"):
        split.move("A")

    assert split.skus(split.second) == []


def test_while_the_payment_provider_owes_an_answer_nothing_moves_and_nobody_is_told_to_try_in_a_minute():
    split = make_split()
    split.confirm()
    OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).update(maybe_sent_at=NOON)

    with pytest.raises(TransitionNotAllowed) as refused:
        split.move("A")

    number = split.order.number
    assert str(refused.value) == (
        f"The payment of order {number} may have been taken already, for the order as it is: the payment provider has not "
        "answered yet and is asked again by itself. Try again once the order's page says how it ended."
    )
    assert not split.order.events.filter(kind="payment.put_off").exists()


def test_a_payment_that_waits_for_the_change_says_so_in_the_history():
    split = make_split()
    split.confirm()

    split.move("A")

    text = "The payment waits for this change: it is taken once every destination agrees to the order as it is now."
    assert list(split.order.events.filter(kind="payment.put_off").values_list("text", flat=True)) == [text]


def test_before_the_order_is_confirmed_no_payment_waits():
    split = make_split()

    split.move("A")

    assert not split.order.events.filter(kind="payment.put_off").exists()


def test_a_paid_order_that_was_not_sent_can_still_be_split():
    split = make_paid()
    link(split.second, "A")

    split.move("A")
    split.drain()

    first, second = split.push(split.first), split.push(split.second)
    assert [push.status for push in (first, second)] == [PushStatus.PUSHED, PushStatus.PUSHED]
    assert first.remote_total + second.remote_total == split.order.total


def test_a_paid_line_goes_only_where_its_product_is_known():
    split = make_paid()

    with pytest.raises(RoutingRefused, match="Rimu has no product linked to A"):
        split.move("A")


def test_a_line_that_is_there_stays_there():
    split = make_paid()
    split.drain()

    with pytest.raises(TransitionNotAllowed, match="1 x Stool is in Kauri as #1001 already"):
        split.move("A")


def test_a_line_that_is_being_sent_stays():
    split = make_paid()
    link(split.second, "A")
    outbox.claim(at=NOON, limit=1)

    with pytest.raises(TransitionNotAllowed, match="is being sent to Kauri, or may be there already"):
        split.move("A")


def test_a_line_that_may_be_there_stays():
    split = make_paid()
    link(split.second, "A")
    split.store(split.first).next_fault = "timeout_after_create"
    split.drain()
    assert split.push(split.first).status == PushStatus.UNKNOWN

    with pytest.raises(TransitionNotAllowed, match="may be there already"):
        split.move("A")


def test_a_push_that_was_put_off_after_it_may_have_left_keeps_its_lines():
    split = make_paid()
    link(split.second, "A")
    OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).update(maybe_sent_at=NOON)
    assert part_amounts.has_left(split.push(split.first))

    with pytest.raises(TransitionNotAllowed, match="may be there already"):
        split.move("A")


def test_what_was_refused_moves_nothing_at_all():
    split = make_paid()
    link(split.second, "A")

    with pytest.raises(RoutingRefused):
        split.move("A", "B")

    assert split.skus(split.first) == ["A", "B", "C"]
    assert OutboxMessage.objects.get(topic=Topic.PUSH_ORDER).status == "waiting"


def test_nothing_is_added_to_what_has_left():
    split = make_split()
    split.move("A")
    split.drain()
    split.confirm()
    split.step()
    link(split.second, "B")
    split.store(split.first).next_fault = "rejected"
    split.drain()
    assert split.push(split.second).status == PushStatus.PUSHED

    with pytest.raises(TransitionNotAllowed, match="Rimu has its part of the order already"):
        split.move("B")


def test_the_amounts_of_what_has_left_stand_when_the_rest_is_split_again():
    split = make_split()
    third = make_connection(split.order.merchant, name="Totara")
    split.stores[third.pk] = split.store(split.second)
    link(third, "B")
    split.move("A")
    split.drain()
    split.confirm()
    split.step()
    split.store(split.first).next_fault = "rejected"
    split.drain()
    sent = split.push(split.second)

    split.move("B", to=third)

    assert split.push(split.second).total == sent.total
    assert OrderPush.objects.filter(order=split.order).aggregate(sum=Sum("total"))["sum"] == split.order.total


def test_a_line_cannot_go_to_two_destinations():
    split = make_split()
    moves = [Move(split.line("A").pk, connection.pk) for connection in (split.first, split.second)]

    with pytest.raises(RoutingRefused, match="1 x Stool cannot go to two destinations"):
        rerouting.move(order_id=split.order.pk, moves=moves, by="ana", at=NOON)


def test_an_order_that_goes_to_two_stores_in_full_is_left_alone():
    split = make_split()
    copy = OrderPush.objects.create(order=split.order, connection=split.second, reference="copy", status="queued")
    PushLine.objects.bulk_create(PushLine(push=copy, line=line) for line in split.order.lines.all())

    with pytest.raises(RoutingRefused, match="several destinations in full"):
        split.move("A")


def test_moving_to_where_it_is_says_so():
    split = make_split()

    with pytest.raises(RoutingRefused, match="goes there already"):
        split.move("A", to=split.first)


def test_a_strangers_store_is_no_destination():
    split = make_split()

    with pytest.raises(RoutingRefused, match="no destination of yours"):
        split.move("A", to=make_connection())


def test_a_store_whose_sync_is_off_gets_nothing_by_hand():
    split = make_split()
    SyncSettings.objects.filter(connection=split.second).update(sync_orders=False)

    with pytest.raises(RoutingRefused, match="Order sync is off for Rimu"):
        split.move("A")


def test_a_store_that_the_order_is_kept_out_of_gets_nothing_more():
    split = make_split()
    split.move("A")
    OrderPush.objects.filter(connection=split.second).update(status="skipped", wait_for="", reason="Left out by ben.")

    with pytest.raises(TransitionNotAllowed, match="kept out of Rimu"):
        split.move("B")


@pytest.mark.parametrize("status", [OrderStatus.DECLINED, OrderStatus.CANCELLED, OrderStatus.EXPIRED])
def test_an_order_that_has_ended_keeps_its_lines(status: OrderStatus):
    split = make_split(status=status)

    with pytest.raises(TransitionNotAllowed, match="its lines cannot be moved"):
        split.move("A")


# --- lines that go nowhere ---------------------------------------------------------------------------


def make_lost() -> Split:
    """Its lines have no push, and it says so."""
    split = make_split()
    OrderPush.objects.filter(order=split.order).delete()
    Connection.objects.update(is_default=False)
    split.order.blockers = [{"code": "no_destination", "message": "No store is chosen for A, B, C.", "field": "lines"}]
    split.order.push_status = PushStatus.HELD
    split.order.save()
    split.order.refresh_from_db()
    return split


def test_an_order_with_lines_that_go_nowhere_is_not_confirmed():
    split = make_lost()

    with pytest.raises(OrderBlocked, match="No store is chosen for A"):
        split.confirm()

    assert split.order.headline == Headline.BLOCKED


def test_auto_accept_leaves_an_order_with_lost_lines_alone():
    split = make_lost()
    split.order.merchant.auto_accept = True
    split.order.merchant.save()

    assert not decisions.auto_accept(order_id=split.order.pk, at=NOON)


def test_moving_every_lost_line_ends_the_blocker():
    split = make_lost()

    split.move("A", "B")
    assert (split.order.headline, split.order.blockers[0]["value"]) == (Headline.BLOCKED, "C")
    split.move("C", to=split.first)

    assert (split.order.blockers, split.order.headline) == ([], Headline.NEEDS_CONFIRMATION)
    assert split.push(split.first).total + split.push(split.second).total == split.order.total


def test_a_lost_order_waits_for_another_routing_and_goes_on_by_itself():
    split = make_lost()
    decisions.check_again(order_id=split.order.pk, by="ana", at=NOON)
    split.drain()
    assert OutboxMessage.objects.get().wait_for == f"routing:{split.order.merchant_id}"

    connections.set_default(connection_id=split.second.pk, by="ana", at=NOON)
    split.drain()

    assert split.skus(split.second) == ["A", "B", "C"]
    assert history(split)[0].startswith("Routed 1 x Stool to Rimu")
    assert split.push(split.second).checked_at is not None
    assert split.order.headline == Headline.NEEDS_CONFIRMATION


def test_a_lost_order_whose_stores_are_all_gone_stays_here_unblocked():
    split = make_lost()
    Connection.objects.update(state="removed")

    assert rerouting.route_rest(order_id=split.order.pk, at=NOON) == ""
    split.order.refresh_from_db()
    assert split.order.blockers == []


def test_an_order_that_has_its_destinations_is_not_routed_again():
    order = make_order(connections=[make_connection()])

    assert rerouting.route_rest(order_id=order.pk, at=NOON) == ""
    assert order.pushes.count() == 1


def test_a_line_that_is_added_never_goes_back_to_the_store_where_it_was_bought():
    sync = make_store_channel()
    bring(sync, told())
    order = Order.objects.get()
    line = OrderLine.objects.create(
        order=order, position=1, external_id="L9", sku="LAMP", title="Lamp", quantity=1, unit_price=0
    )

    with transaction.atomic():
        rerouting.follow_edit(order, added=[line], touched=set(), by="ana", at=NOON)

    assert line.push_lines.get().push.connection.name == "Supplier 1"
