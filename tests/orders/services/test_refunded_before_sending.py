"""What was given back before it left is not sent: the destination holds what was paid, less what its units came to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.html import strip_tags

from connectors.base import OutboundOrder, ShipmentLine, ShipmentNotice
from connectors.models import Connection, ConnectionState, SupplierSettings
from connectors.services import connections
from orders import outbox
from orders.api.partner_serializers import PartnerShipmentSerializer
from orders.api.serializers import OrderSerializer
from orders.api.views import whole
from orders.enums import OrderStatus, PushStatus, RefundReason, RefundStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage, Refund
from orders.services import (
    decisions,
    fulfillment,
    looks,
    marking,
    open_units,
    owed_back,
    partner_orders,
    preflight,
    pushes,
    refunds,
)
from orders.services.refund_quotes import Wanted, WantedLine, left_of
from tests.factories import NOON, make_connection, make_member, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.partnered import make_partnered
from tests.orders.services.shippable import ship

pytestmark = pytest.mark.django_db

TWO = [{"sku": "A", "quantity": 2, "unit_price": "10.00"}, {"sku": "B", "unit_price": "7.00"}]
SUMS = {
    "NZD": {"lines": TWO, "discount": Decimal("1.01"), "shipping": Decimal("5.00")},
    "KWD": {
        "lines": [{"sku": "A", "quantity": 3, "unit_price": "3.335"}, {"sku": "B", "unit_price": "0.005"}],
        "discount": Decimal("0.010"),
        "currency": "KWD",
    },
    "JPY": {
        "lines": [{"sku": "A", "quantity": 3, "unit_price": "333"}, {"sku": "B", "unit_price": "1"}],
        "discount": Decimal(100),
        "currency": "JPY",
    },
}


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    store.stock_up("A", "B")
    return store


def captured(store: FakeStore, connection: Connection | None = None, **fields) -> OrderPush:
    """An order whose payment is taken and whose push waits while its connection is paused."""
    connection = connection or make_connection(name="Kauri Shopify")
    tax = {"tax": Decimal(0), "prices_include_tax": False} if "currency" in fields else {}
    order = make_order(connection.merchant, connections=[connection], **{"lines": TWO} | tax | fields)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (message,) = outbox.claim(at=NOON)
    outbox.carry_out(message, make_world(store))
    return order.pushes.select_related("connection", "order").get()


def paused(store: FakeStore, **fields) -> OrderPush:
    push = captured(store, **fields)
    Connection.objects.filter(pk=push.connection_id).update(state=ConnectionState.PAUSED, state_reason="Paused.")
    drain(store)
    return push


def give_back(order: Order, **units: int):
    """By SKU; the shipping stays."""
    lines = {line.sku: line.external_id for line in order.lines.all()}
    chosen = tuple(WantedLine(lines[sku], count) for sku, count in units.items())
    wanted = Wanted(lines=chosen, reason=RefundReason.OUT_OF_STOCK)
    return refunds.issue(order_id=order.pk, wanted=wanted, by="ana", at=NOON)[0]


def drain(store: FakeStore) -> None:
    outbox.drain(at=store.clock.now(), world=make_world(store))


def resume(push: OrderPush, store: FakeStore) -> OrderPush:
    connections.resume(connection_id=push.connection_id, by="ana", at=NOON)
    drain(store)
    return OrderPush.objects.select_related("order").get(pk=push.pk)


def the_one(store: FakeStore) -> OutboundOrder:
    (sent,) = store.sent.values()
    return sent


def adds_up(order: OutboundOrder) -> Decimal:
    lines = sum((line.unit_price * line.quantity for line in order.lines), Decimal(0))
    return lines - order.discount + order.shipping + (0 if order.prices_include_tax else order.tax)


def units(order: OutboundOrder) -> dict[str, int]:
    return {line.sku: line.quantity for line in order.lines}


def test_an_order_that_was_given_back_whole_while_it_waited_is_not_sent(store):
    push = paused(store)

    give_back(push.order, A=2, B=1)

    push = resume(push, store)
    assert (store.orders, push.status, push.order.status) == ({}, PushStatus.SKIPPED, OrderStatus.COMPLETED)
    assert push.reason == "All of it was given back before it was sent."


@pytest.mark.parametrize("currency", SUMS)
@pytest.mark.parametrize("gone", [{"A": 1}, {"B": 1}, {"A": 2, "B": 1}, {"A": 1, "B": 1}])
def test_the_rest_of_one_that_was_given_back_in_part_comes_to_the_cent(store, currency: str, gone: dict[str, int]):
    push = paused(store, **SUMS[currency])
    if sum(gone.values()) >= sum(line.quantity for line in push.order.lines.all()):
        gone = {"A": 1}
    refund = give_back(push.order, **gone)

    push = resume(push, store)

    sent = the_one(store)
    assert sent.total == push.order.total - refund.amount == adds_up(sent) == push.expected_total
    assert (push.status, push.remote_total, push.given_back) == (PushStatus.PUSHED, sent.total, refund.amount)
    left = {"A": push.order.lines.get(sku="A").quantity, "B": 1}
    assert units(sent) == {sku: count - gone.get(sku, 0) for sku, count in left.items() if count > gone.get(sku, 0)}


def test_taxes_on_top_go_with_their_units(store):
    gst, pst = {"title": "GST", "rate": "0.05", "amount": "1.51"}, {"title": "PST", "rate": "0.07", "amount": "2.11"}
    lines = [{"sku": "A", "quantity": 3, "unit_price": "10.05", "taxes": [gst, pst]}, {"sku": "B"}]
    fields = {"lines": lines, "prices_include_tax": False, "tax": Decimal("3.62"), "total": Decimal("48.77")}
    push = paused(store, **fields)
    refund = give_back(push.order, A=1)

    resume(push, store)

    sent = the_one(store)
    assert sum(tax.amount for line in sent.lines for tax in line.taxes) == sent.tax == Decimal("2.41")
    assert sent.total == Decimal("48.77") - refund.amount == adds_up(sent)


def test_one_that_is_held_ends_too(store):
    push = captured(store)
    store.next_fault = "rejected"
    drain(store)
    assert OrderPush.objects.get().status == PushStatus.HELD

    give_back(push.order, A=2, B=1)

    assert (OrderPush.objects.get().status, Order.objects.get().status) == (PushStatus.SKIPPED, OrderStatus.COMPLETED)


def test_one_that_is_held_goes_with_what_is_left(store):
    push = captured(store)
    store.next_fault = "rejected"
    drain(store)
    refund = give_back(push.order, A=1)

    pushes.retry(push_id=push.pk, by="ana", at=NOON)
    drain(store)

    assert (units(the_one(store)), the_one(store).total) == ({"A": 1, "B": 1}, push.order.total - refund.amount)


def test_one_that_is_queued_ends_before_its_worker_comes(store):
    push = captured(store)

    give_back(push.order, A=2, B=1)
    drain(store)

    assert (OrderPush.objects.get().status, store.orders) == (PushStatus.SKIPPED, {})


def test_what_is_given_back_while_it_is_formed_is_formed_anew(store):
    push = captured(store)
    message = OutboxMessage.objects.get(topic=Topic.PUSH_ORDER)
    (message,) = outbox.claim(at=NOON)
    steps = pushes.send(message, make_world(store))
    assert next(steps) == "built"
    give_back(push.order, A=1)

    with pytest.raises(outbox.Postponed, match="given back"):
        list(steps)

    assert store.orders == {}


def test_what_a_worker_has_already_ends_when_it_looks(store):
    push = captured(store)
    (message,) = outbox.claim(at=NOON)
    give_back(push.order, A=2, B=1)
    assert OrderPush.objects.get().status == PushStatus.QUEUED

    outbox.carry_out(message, make_world(store))

    assert (OrderPush.objects.get().status, store.orders) == (PushStatus.SKIPPED, {})
    assert Order.objects.get().status == OrderStatus.COMPLETED


def test_what_may_be_there_is_compared_with_what_was_sent(store):
    push = captured(store)
    store.next_fault = "timeout_after_create"
    drain(store)
    give_back(push.order, A=1)

    store.clock.advance(300)
    drain(store)

    push = OrderPush.objects.get()
    assert (push.status, push.adopted, push.remote_total, push.given_back) == (PushStatus.PUSHED, True, 27, 0)


def test_a_supplier_is_not_asked_for_what_was_given_back(store, merchant):
    supplier = make_connection(merchant, platform="ssactivewear")
    SupplierSettings.objects.create(connection=supplier, auto_fulfillment=False)
    push = captured(store, supplier)
    refund = give_back(push.order, A=2)

    marking.mark(order_id=push.order_id, by="ana", at=NOON)
    drain(store)

    assert (units(the_one(store)), the_one(store).total) == ({"B": 1}, push.order.total - refund.amount)


def test_a_refund_that_is_withdrawn_lets_the_push_go_its_way(store):
    push = paused(store)
    refund = give_back(push.order, A=2, B=1)

    refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)

    push = resume(push, store)
    assert (push.status, units(the_one(store)), push.order.status) == (
        PushStatus.PUSHED,
        {"A": 2, "B": 1},
        OrderStatus.CONFIRMED,
    )


def test_a_refund_that_is_withdrawn_while_the_destination_is_looked_at_lets_it_go_its_way(store):
    """All of it was given back when the worker began, and nothing of that stands when the look has ended."""
    push = captured(store)
    store.next_fault = "timeout_after_create"
    drain(store)
    store.orders.clear()  # it never arrived
    store.sent.clear()
    refund = give_back(push.order, A=2, B=1)
    store.clock.advance(4000)
    (message,) = outbox.claim(at=store.clock.now(), among=Q(topic=Topic.PUSH_ORDER))

    steps = pushes.send(message, make_world(store))
    while next(steps) != "looked":
        pass
    refunds.withdraw(refund_id=refund.pk, by="ana", at=store.clock.now())
    with pytest.raises(outbox.Postponed, match="withdrawn"):
        list(steps)

    assert OrderPush.objects.get().status != PushStatus.SKIPPED


def test_a_line_that_kept_it_here_keeps_it_no_longer_once_it_was_given_back(store):
    push = captured(store)
    del store.variants["B"]
    OrderPush.objects.filter(pk=push.pk).update(status=PushStatus.WAITING, wait_for=f"sku:{push.connection_id}:B")
    OutboxMessage.objects.filter(push=push, topic=Topic.PUSH_ORDER).update(wait_for=f"sku:{push.connection_id}:B")

    give_back(push.order, B=1)
    drain(store)

    assert units(the_one(store)) == {"A": 2}


def test_what_a_store_takes_off_later_is_owed_beside_what_was_given_back_before(store):
    push = paused(store)
    give_back(push.order, A=1)
    push = resume(push, store)

    OrderPush.objects.filter(pk=push.pk).update(remote_refunded=Decimal(7))

    owed = owed_back.of(push.order)
    assert owed.amount == 7
    assert [found.amount for _, found in owed_back.listed(push.order.merchant)] == [7]
    assert left_of(push.order).amount == 17


def owed(order: Order) -> Decimal:
    """On the order's page as in the list, which the database reckons."""
    looks.refresh(order.pk)
    found = owed_back.of(order).amount
    assert [row.amount for _, row in owed_back.listed(order.merchant)] == ([found] if found else [])
    assert Order.objects.get(pk=order.pk).needs_look == bool(found)
    return found


@pytest.mark.parametrize("lower", ["4.00", "10.00"])
def test_what_was_given_back_of_a_later_change_is_owed_no_more(store, lower: str):
    """Also where the unit that was not sent, 10.00, was given back at less than it came to."""
    push = paused(store)
    line = push.order.lines.get(sku="A")
    unit = Wanted((WantedLine(line.external_id, 1),), amount=Decimal(lower), reason=RefundReason.OUT_OF_STOCK)
    refunds.issue(order_id=push.order_id, wanted=unit, by="ana", at=NOON)
    push = resume(push, store)
    OrderPush.objects.filter(pk=push.pk).update(remote_refunded=Decimal(3))
    assert owed(push.order) == 3

    refunds.issue(order_id=push.order_id, wanted=Wanted(amount=Decimal(3)), by="ana", at=NOON)
    drain(store)

    assert owed(push.order) == 0


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_unit_that_its_store_took_off_later_is_given_back_once(store, withdrawn: bool):
    """What was given back after it was sent counts against what its store took off, whatever went before."""
    push = paused(store)
    line = push.order.lines.get(sku="A")
    unit = Wanted((WantedLine(line.external_id, 1),), amount=Decimal("4.00"), reason=RefundReason.OUT_OF_STOCK)
    before, _ = refunds.issue(order_id=push.order_id, wanted=unit, by="ana", at=NOON)
    push = resume(push, store)
    if withdrawn:
        Refund.objects.filter(pk=before.pk).update(status=RefundStatus.WITHDRAWN, done_at=None)
    OrderPush.objects.filter(pk=push.pk).update(remote_refunded=Decimal(10))
    assert owed(push.order) == 10

    later = Wanted((WantedLine(line.external_id, 1),), reason=RefundReason.OUT_OF_STOCK)
    refunds.issue(order_id=push.order_id, wanted=later, by="ana", at=NOON + timedelta(hours=1))

    assert owed(push.order) == 0


def test_the_page_and_the_api_say_what_goes(store, client):
    push = paused(store)
    client.force_login(make_member(push.order.merchant))
    page = reverse("orders:detail", args=[push.order.public_id])
    assert "given back before it was sent" not in client.get(page).content.decode()
    give_back(push.order, A=1)

    before = " ".join(client.get(page).content.decode().split())
    (waiting,) = OrderSerializer(whole(push.order_id)).data["pushes"]
    push = resume(push, store)

    assert (waiting["given_back"], waiting["pushed_at"]) == ("10.00", None)

    assert "10.00 of its part was given back before it was sent" in strip_tags(before)
    assert "went there" in client.get(page).content.decode()
    (told,) = OrderSerializer(whole(push.order_id)).data["pushes"]
    assert (told["total"], told["given_back"]) == ("27.00", "10.00")
    assert [line["sent_quantity"] for line in told["lines"]] == [1, None]


def test_the_page_says_what_brings_back_what_a_refund_ended(store, client):
    push = paused(store)
    client.force_login(make_member(push.order.merchant))
    page, mark = reverse("orders:detail", args=[push.order.public_id]), f'id="ended-{push.public_id}"'
    assert mark not in client.get(page).content.decode()

    give_back(push.order, A=2, B=1)

    assert mark in client.get(page).content.decode()
    (told,) = OrderSerializer(whole(push.order_id)).data["pushes"]
    assert (told["status"], told["given_back"]) == ("skipped", told["total"])


def test_a_partner_is_told_what_to_send_and_no_more():
    pair = make_partnered()
    order = pair.paid(("BOWL", 2, "30.00"), ("MUG", 1, "10.00"))
    give_back(order, BOWL=1, MUG=1)

    push = pair.push(order)

    assert [(line.sku, units) for line, units in partner_orders.asked_of(push)] == [("BOWL", 1)]
    (told,) = PartnerShipmentSerializer(partner_orders.shipments_for(pair.owner), many=True).data
    assert ([line["quantity"] for line in told["lines"]], told["total"]) == ([1], "30.00")
    pair.remote.fulfill(push.remote_id)
    pair.pull(order)
    assert partner_orders.sent_state(pair.push_of(order)) == "fulfilled"


def test_two_lines_of_one_product_are_sent_by_the_one_that_went(store):
    push = paused(store, lines=[{"sku": "A"}, {"sku": "A"}])
    first, second = push.order.lines.order_by("position")
    wanted = Wanted(lines=(WantedLine(first.external_id, 1),), reason=RefundReason.OUT_OF_STOCK)
    refunds.issue(order_id=push.order_id, wanted=wanted, by="ana", at=NOON)
    push = resume(push, store)

    notice = ShipmentNotice("F1", "success", (ShipmentLine("A", 1),), (), NOON)
    remote = replace(store.orders[push.remote_id], shipments=(notice,), updated_at=NOON + timedelta(hours=1))
    with transaction.atomic():
        fulfillment.record(push_id=push.pk, remote=remote, at=NOON)

    second.refresh_from_db()
    assert (second.fulfilled_quantity, Order.objects.get().status) == (1, OrderStatus.COMPLETED)


def test_a_destination_is_not_asked_for_what_was_given_back(store):
    push = captured(store)
    del store.variants["B"]
    give_back(push.order, B=1)

    found = preflight.examine(OrderPush.objects.select_related("order").get(pk=push.pk), make_world(store))

    assert found.blockers == ()


def test_a_unit_whose_refund_is_withdrawn_after_the_rest_was_sent_is_sent_from_here(store, client):
    push = paused(store)
    refund = give_back(push.order, A=1)
    Refund.objects.filter(pk=refund.pk).update(status=RefundStatus.FAILED, failure="No such card.")
    OutboxMessage.objects.filter(topic=Topic.REFUND_PAYMENT).delete()
    push = resume(push, store)

    refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)

    order = Order.objects.get()
    lines = {row.line.sku: row for row in open_units.open_lines(order)}
    assert (lines["A"].quantity, lines["A"].sender, lines["B"].quantity) == (1, "", 0)
    assert order.needs_look
    title = lines["A"].line.title
    text = f"Kauri Shopify was not asked for 1 x {title}: send it from here."
    assert order.events.filter(kind="push.unasked").values_list("text", flat=True).get() == text
    client.force_login(make_member(order.merchant))
    page = reverse("orders:detail", args=[order.public_id])
    assert f"1 x {title}: nobody was asked to send this." in client.get(page).content.decode()
    ship(order, {lines["A"].line.external_id: 1})
    assert open_units.unasked([order]) == {}
    assert not Order.objects.get().needs_look
    assert "nobody was asked" not in client.get(page).content.decode()
