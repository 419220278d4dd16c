"""What changes in the store on an order that came from there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import transaction

from connectors.base import Parcel
from connectors.models import PrivacyRequest, SyncSettings
from connectors.storefront import StoreFulfillment, StorePayment
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OutboxMessage
from orders.services import (
    backtest,
    decisions,
    drafts,
    fulfilled,
    fulfillment,
    open_units,
    privacy,
    shipping,
    store_changes,
    store_channels,
    store_orders,
)
from orders.services.open_units import WantedLine
from orders.services.store_orders import Brought
from tests.factories import NOON, make_connection
from tests.orders.services.stores import (
    HOME,
    FakeShop,
    bring,
    connection_of,
    later,
    line,
    make_store_channel,
    told,
    world_of,
)

pytestmark = pytest.mark.django_db

LAMP = line(remote_id="L2", sku="LAMP", title="Lamp", quantity=1, amount=Decimal("20.00"), taxes=())


@pytest.fixture
def sync():
    return make_store_channel()


@pytest.fixture
def shop():
    there = FakeShop()
    there.stock_up("STOOL", "LAMP")
    return there


@pytest.fixture
def order(sync) -> Order:
    bring(sync, told())
    return Order.objects.get()


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def work(shop: FakeShop) -> None:
    outbox.drain(at=NOON, world=world_of(shop))


@pytest.fixture
def sent(order, shop) -> Order:
    """At the supplier."""
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    work(shop)
    assert order.pushes.get().status == PushStatus.PUSHED
    return order


def last(order: Order) -> str:
    return order.events.order_by("-pk").first().text


# --- before anything has left ----------------------------------------------------------------------


def test_another_quantity_is_taken_over_with_its_money(sync, order):
    changed = later(told(line(quantity=3, amount=Decimal("150.00"))))

    assert bring(sync, changed).brought == Brought.CHANGED

    order = fresh(order)
    assert (order.lines.get().quantity, order.total, order.payment.captured) == (3, Decimal(158), Decimal(158))
    assert order.pushes.get().total == Decimal(158)
    assert last(order) == "Changed in Boutique and taken over: 3 x Oak stool instead of 2, the total is 158.00 NZD."


def test_a_line_that_was_added_goes_where_the_rules_send_it(sync, order):
    bring(sync, later(told(line(), LAMP)))

    push = order.pushes.get()
    assert [row.line.sku for row in push.push_lines.order_by("line__position")] == ["STOOL", "LAMP"]
    assert push.total == fresh(order).total == Decimal(128)


def test_a_line_that_was_removed_is_gone_and_the_other_keeps_its_place(sync):
    bring(sync, told(line(), LAMP))
    order = Order.objects.get()

    bring(sync, later(told(LAMP)))

    assert [(row.sku, row.position) for row in order.lines.all()] == [("LAMP", 0)]
    assert order.pushes.get().total == fresh(order).total == Decimal(28)


def test_lines_that_change_places_are_the_same_lines(sync):
    bring(sync, told(line(), LAMP))
    order = Order.objects.get()
    before = dict(order.lines.values_list("sku", "pk"))

    bring(sync, later(told(LAMP, line())))

    assert dict(order.lines.values_list("sku", "pk")) == before
    assert list(order.lines.order_by("position").values_list("sku", flat=True)) == ["LAMP", "STOOL"]


def test_the_destination_is_asked_again(sync, order, shop):
    work(shop)
    checked = order.pushes.get().checked_at
    assert checked
    bring(sync, later(told(line(), LAMP)))

    assert order.pushes.get().checking
    shop.stock_up("LAMP", stock=0)
    work(shop)

    assert order.pushes.get().blockers[0]["code"] == "out_of_stock"


def test_what_was_missing_completes_a_draft(sync, shop):
    bring(sync, told(shipping_address=None, billing_address=None))
    order = Order.objects.get()
    assert order.status == "draft"

    bring(sync, later(told()))
    work(shop)

    order = fresh(order)
    assert (order.status, order.blockers, order.headline) == ("pending", [], "needs_confirmation")
    assert order.pushes.get().checked_at == NOON


def test_what_goes_missing_on_a_pending_order_makes_it_a_draft(sync, order):
    bring(sync, later(told(shipping_address=None, billing_address=None)))

    order = fresh(order)
    assert (order.status, [item["code"] for item in order.blockers]) == ("draft", ["address_incomplete"])


def test_and_may_be_confirmed_when_it_is_there_again(sync, order):
    bring(sync, later(told(shipping_address=None, billing_address=None)))
    bring(sync, later(told(), seconds=120))

    assert decisions.confirm(order_id=order.pk, by="ana", at=NOON).status == OrderStatus.CONFIRMED


def test_an_item_that_is_not_paid_yet_makes_it_a_draft_until_it_is(sync, order):
    bring(sync, later(told(line(), LAMP, payment=StorePayment.UNPAID)))

    owing = fresh(order)
    assert (owing.status, [item["code"] for item in owing.blockers]) == ("draft", ["not_paid"])
    assert owing.payment.captured == Decimal(108)

    bring(sync, later(told(line(), LAMP), seconds=120))

    assert (fresh(order).status, fresh(order).payment.captured) == ("pending", Decimal(128))


def test_nobody_but_the_store_can_mend_a_total_that_does_not_add_up(sync):
    bring(sync, told(total=Decimal("118.00")))
    order = Order.objects.get()

    drafts.save(order_id=order.pk, given={"customer.name": "Mere T."}, seen={}, by="ana", at=NOON)

    assert (fresh(order).status, fresh(order).customer_name) == ("draft", "Mere T.")
    bring(sync, later(told()))
    assert fresh(order).status == "pending"


def test_what_a_person_filled_in_stays_where_the_store_says_nothing(sync):
    missing = {"shipping_address": None, "billing_address": None}
    bring(sync, told(payment=StorePayment.UNPAID, **missing))
    order = Order.objects.get()
    typed = {"address1": "9 Lambton Quay", "city": "Wellington", "country_code": "NZ", "postcode": "6011"}
    given = {f"shipping_address.{name}": value for name, value in typed.items()}
    drafts.save(order_id=order.pk, given={**given, "invoice_number": "INV-7"}, seen={}, by="ana", at=NOON)

    bring(sync, later(told(**missing)))

    order = fresh(order)
    assert (order.status, order.invoice_number) == ("pending", "INV-7")
    assert order.addresses.get(kind="shipping").address1 == "9 Lambton Quay"


def test_and_gives_way_where_the_store_says_something(sync):
    bring(sync, told(shipping_address=None, billing_address=None))
    order = Order.objects.get()
    drafts.save(order_id=order.pk, given={"shipping_address.city": "Napier"}, seen={}, by="ana", at=NOON)

    bring(sync, later(told()))

    assert order.addresses.get(kind="shipping").city == "Wellington"


def test_what_was_filled_in_for_customs_stays_with_its_line(sync, order):
    order.lines.update(hs_code="940161", origin_country="NZ")

    bring(sync, later(told(LAMP, line())))

    assert order.lines.get(sku="STOOL").hs_code == "940161"


def test_an_order_that_was_sent_from_here_is_not_changed_any_more(sync, order):
    order.fulfillments.create(status="success", created_at=NOON)

    bring(sync, later(told(LAMP)))

    assert order.lines.get().sku == "STOOL"
    assert fresh(order).origin.attention.startswith("Changed in Boutique since it was sent")


def test_an_older_state_changes_nothing(sync, order):
    bring(sync, later(told(note="Second")))

    assert bring(sync, replace(told(), note="First")).brought == Brought.UNCHANGED
    assert fresh(order).customer_note == "Second"


def test_a_change_of_what_does_not_matter_here_is_none(sync, order):
    assert bring(sync, later(told(url="https://shop.example/other"))).brought == Brought.UNCHANGED
    assert not order.events.filter(kind="order.changed_in_store").exists()


def test_an_order_that_is_confirmed_and_not_sent_is_sent_as_it_is_now(sync, order, shop):
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    bring(sync, later(told(line(quantity=3, amount=Decimal("150.00")), shipping_address=replace(HOME, city="Napier"))))
    work(shop)

    (there,) = shop.sent.values()
    assert (there.lines[0].quantity, there.total, there.shipping_address.city) == (3, Decimal(158), "Napier")
    assert order.pushes.get().status == PushStatus.PUSHED


def test_a_promise_to_send_is_made_anew(sync, order, shop):
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    capture = OutboxMessage.objects.get(topic=Topic.CAPTURE_PAYMENT)
    for _ in outbox.steps(outbox.claim(at=NOON)[0], world_of(shop)):
        pass
    capture.refresh_from_db()
    assert (capture.status, order.pushes.get().status) == (OutboxStatus.DONE, PushStatus.QUEUED)

    bring(sync, later(told(line(quantity=1, amount=Decimal("50.00")))))
    work(shop)

    (there,) = shop.sent.values()
    assert there.lines[0].quantity == 1


def test_while_it_is_being_sent_nothing_is_taken_over(sync, order, shop):
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    for _ in outbox.steps(outbox.claim(at=NOON)[0], world_of(shop)):
        pass
    (claimed,) = outbox.claim(at=NOON)
    assert claimed.topic == Topic.PUSH_ORDER

    bring(sync, later(told(line(quantity=1, amount=Decimal("50.00")))))

    assert order.lines.get().quantity == 2
    assert fresh(order).origin.attention.startswith("Changed in Boutique while it was being sent: 1 x Oak stool")


def test_what_goes_missing_on_a_confirmed_order_is_told(sync, order, shop):
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    bring(sync, later(told(shipping_address=None, billing_address=None)))

    assert "since it was confirmed (The shipping address is missing)" in fresh(order).origin.attention
    assert order.addresses.count() == 2


# --- the end there ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"cancelled": True}, "Cancelled in Boutique."),
        ({"payment": StorePayment.REFUNDED}, "Refunded in full in Boutique."),
        ({"lines": ()}, "Emptied in Boutique."),
    ],
)
@pytest.mark.parametrize("missing", [False, True])
def test_an_order_that_ends_there_is_called_off_here(sync, fields, reason, missing):
    first = told(**({"shipping_address": None, "billing_address": None} if missing else {}))
    bring(sync, first)

    bring(sync, later(replace(first, **fields)))

    order = Order.objects.get()
    assert (order.status, order.decision_reason, order.decided_by) == ("cancelled", reason, "Boutique")
    assert order.pushes.get().status == PushStatus.CANCELLED


def test_one_that_was_deleted_there_too(sync, order):
    assert store_orders.gone(channel_id=sync.channel_id, remote_id="R1", at=NOON)
    assert not store_orders.gone(channel_id=sync.channel_id, remote_id="R1", at=NOON)
    assert not store_orders.gone(channel_id=sync.channel_id, remote_id="R9", at=NOON)

    assert fresh(order).decision_reason == "Deleted in Boutique."


def test_a_confirmed_order_that_was_not_sent_is_called_off_as_well(sync, order, shop):
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    bring(sync, later(told(cancelled=True)))
    work(shop)

    assert (fresh(order).status, shop.orders) == ("cancelled", {})


@pytest.mark.parametrize("missing", [False, True])
def test_one_that_is_fulfilled_there_is_complete_and_owes_nobody_anything(sync, missing):
    first = told(**({"shipping_address": None, "billing_address": None} if missing else {}))
    bring(sync, first)

    bring(sync, later(replace(first, fulfillment=StoreFulfillment.FULFILLED)))

    order = Order.objects.get()
    assert (order.status, order.decided_by, order.blockers) == (OrderStatus.COMPLETED, "Boutique", [])
    assert (order.pushes.get().status, order.pushes.get().reason) == (PushStatus.CANCELLED, "Fulfilled in Boutique.")
    assert last(order) == "Completed: Fulfilled in Boutique."
    assert not order.events.filter(text__contains="give the money back").exists()


def test_a_confirmed_one_that_is_fulfilled_there_is_not_sent(sync, order, shop):
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    bring(sync, later(told(fulfillment=StoreFulfillment.FULFILLED)))
    work(shop)

    assert (fresh(order).status, fresh(order).decided_by, shop.orders) == (OrderStatus.COMPLETED, "ana", {})
    assert "sent it itself" in open_units.why_closed(fresh(order))  # nobody sends it once more from here


def test_one_that_is_fulfilled_there_stays_complete_when_it_is_counted_anew(sync, order, shop):
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    bring(sync, later(told(fulfillment=StoreFulfillment.FULFILLED)))

    with transaction.atomic():
        fulfilled.recount(order.pk, by="ana", at=NOON)

    assert fresh(order).status == OrderStatus.COMPLETED


def test_one_that_is_fulfilled_there_while_it_is_being_sent_is_told(sync, order, shop):
    work(shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    world = world_of(shop)
    while not OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).exists():
        outbox.carry_out(outbox.claim(at=NOON)[0], world)
    outbox.claim(at=NOON)  # a worker has it

    bring(sync, later(told(fulfillment=StoreFulfillment.FULFILLED)))

    assert fresh(order).status == OrderStatus.CONFIRMED
    assert fresh(order).origin.attention.startswith("Fulfilled in Boutique since it was sent.")


def test_the_shop_that_sent_an_order_is_no_person_who_confirmed_it(sync, order):
    bring(sync, later(told(fulfillment=StoreFulfillment.FULFILLED)))

    found = backtest.run(order.merchant, at=NOON)

    assert (found.asked, found.cancelled, found.asked_and_confirmed) == (1, 0, 0)


@pytest.mark.parametrize("sums", [{"refunded": Decimal(108)}, {}])  # some shops name the state alone
def test_all_that_the_shop_gave_back_is_known_here_and_nobody_is_told_to_give_it_again(sync, order, sums):
    bring(sync, later(told(payment=StorePayment.REFUNDED, **sums)))

    order = fresh(order)
    assert (order.status, order.payment.status, order.payment.refunded) == ("cancelled", PaymentStatus.REFUNDED, 108)
    assert not order.events.filter(text__contains="give the money back").exists()


def test_a_cancelled_order_says_to_give_back_what_the_shop_has_not(sync, order):
    bring(sync, later(told(cancelled=True, refunded=Decimal(8))))

    order = fresh(order)
    assert (order.status, order.payment.refunded) == ("cancelled", 8)
    assert order.events.filter(text__contains="give the money back").count() == 1


def test_what_stays_here_and_is_fulfilled_there_is_complete():
    sync = make_store_channel(suppliers=0)
    bring(sync, told())
    order = Order.objects.get()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    bring(sync, later(told(fulfillment=StoreFulfillment.FULFILLED)))

    assert fresh(order).status == OrderStatus.COMPLETED


def test_fulfilled_there_after_it_was_shipped_from_here_and_taken_back_is_what_we_told():
    sync = make_store_channel(suppliers=0)
    bring(sync, told())
    order = Order.objects.get()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    lines = tuple(WantedLine(line.external_id, line.quantity) for line in order.lines.all())
    row, _ = shipping.ship(order_id=order.pk, wanted=shipping.Wanted(lines), by="ana", at=NOON)
    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)

    bring(sync, later(told(fulfillment=StoreFulfillment.FULFILLED)))

    assert fresh(order).status == OrderStatus.CONFIRMED


# --- after it has left -----------------------------------------------------------------------------


def test_a_change_after_it_was_sent_is_told_and_not_taken_over(sync, sent):
    bring(sync, later(told(line(quantity=3, amount=Decimal("150.00")))))

    assert sent.lines.get().quantity == 2
    assert fresh(sent).origin.attention == (
        "Changed in Boutique since it was sent: 3 x Oak stool instead of 2, the total is 158.00 NZD. "
        "Nothing was changed here."
    )
    assert OutboxMessage.objects.filter(key__startswith="tell:channel_changed:").count() == 1


def test_the_same_change_read_again_is_told_once(sync, sent):
    changed = later(told(note="Ring twice"))
    bring(sync, changed)
    store_changes.settle(order_id=sent.pk, by="ana", at=NOON)

    assert bring(sync, later(changed)).brought == Brought.UNCHANGED
    assert fresh(sent).origin.attention == ""
    assert OutboxMessage.objects.filter(key__startswith="tell:channel_changed:").count() == 1


def test_a_cancellation_after_it_was_sent_asks_for_a_person(sync, sent, shop):
    bring(sync, later(told(cancelled=True)))

    assert fresh(sent).status == OrderStatus.CONFIRMED
    assert fresh(sent).origin.attention.startswith("Cancelled in Boutique since it was sent.")

    decisions.cancel(order_id=sent.pk, reason="As there", by="ana", at=NOON)
    work(shop)

    assert [there.cancelled for there in shop.orders.values()] == [True]
    assert not sent.refunds.exists()


def test_fulfilled_there_after_it_was_sent_is_what_we_sent(sync, sent):
    assert bring(sync, later(told(fulfillment=StoreFulfillment.FULFILLED))).brought == Brought.UNCHANGED
    assert fresh(sent).origin.attention == ""


def test_money_that_the_store_gave_back_is_known_here(sync, sent):
    bring(sync, later(told(refunded=Decimal("8.00"))))

    sent.payment.refresh_from_db()
    assert (sent.payment.status, sent.payment.refunded) == (PaymentStatus.PARTIALLY_REFUNDED, Decimal(8))
    assert bring(sync, later(told(refunded=Decimal("8.00")), seconds=120)).brought == Brought.UNCHANGED


def test_more_than_was_paid_is_never_given_back(sync, sent):
    bring(sync, later(told(refunded=Decimal("500.00"))))

    sent.payment.refresh_from_db()
    assert (sent.payment.status, sent.payment.refunded) == (PaymentStatus.REFUNDED, Decimal(108))


def test_a_person_settles_a_change_once(sync, sent):
    bring(sync, later(told(note="Ring twice")))

    store_changes.settle(order_id=sent.pk, by="ana", at=NOON)

    assert last(sent) == "ana has dealt with what changed in Boutique."
    with pytest.raises(TransitionNotAllowed, match="no change to look at"):
        store_changes.settle(order_id=sent.pk, by="ana", at=NOON)


def test_an_order_that_was_declined_here_stays_declined(sync, order):
    decisions.decline(order_id=order.pk, reason="Sold out", by="ana", at=NOON)

    bring(sync, later(told(note="Please")))

    assert (fresh(order).status, fresh(order).customer_note) == ("declined", "")
    assert last(order) == "It stands in Boutique and was changed there; here it is declined."


def test_amounts_that_make_no_sense_are_told(sync, order):
    bring(sync, later(told(currency="XYZ")))

    assert fresh(order).currency == "NZD"
    assert "amounts that make no sense" in fresh(order).origin.attention


def test_personal_data_that_were_removed_do_not_come_back(sync, order):
    privacy.remove_personal_data(order_id=order.pk, by="Shopify", at=NOON)

    assert bring(sync, later(told(note="Ring twice"))).brought == Brought.UNCHANGED
    assert (fresh(order).customer_name, fresh(order).customer_note) == ("Removed", "")


def test_two_stores_of_one_merchant_may_use_the_same_ids(sync, order):
    second = make_connection(connection_of(sync).merchant, name="Market stall")
    stall = store_channels.turn_on(connection_id=second.pk, placed_from=sync.placed_from, by="ana", at=NOON)

    assert bring(stall, told()).brought == Brought.NEW
    assert Order.objects.count() == 2


def test_a_customers_request_for_removal_finds_the_orders_that_came_from_the_shop(sync, order):
    request = PrivacyRequest(connection=connection_of(sync), remote_order_ids=["R1"])

    assert list(privacy.orders_of(request)) == [order]
    elsewhere = PrivacyRequest(connection=make_connection(), remote_order_ids=["R1"])
    assert list(privacy.orders_of(elsewhere)) == []


def test_the_mail_about_a_parcel_offers_no_refund_that_cannot_be_given_here(sync, sent, shop):
    (remote_id,) = shop.orders
    shop.fulfill(remote_id, parcels=[Parcel(number="NZ1")])
    with transaction.atomic():
        fulfillment.ask(sent.pushes.get(), cause="test", at=NOON)
    outbox.drain(at=NOON + timedelta(minutes=1), world=world_of(shop))

    told_customer = [letter for letter in mail.outbox if letter.to == ["mere@example.com"]]
    assert len(told_customer) == 1
    assert "refund" not in told_customer[0].body


def test_the_addresses_of_the_store_are_told_of_what_changed_there(sync, sent, shop):
    SyncSettings.objects.filter(connection=sync.channel.connection).update(alert_addresses=["desk@kauri.example"])

    bring(sync, later(told(line(quantity=1, amount=Decimal("50.00")))))
    work(shop)

    (letter,) = [letter for letter in mail.outbox if "Was changed in the store" in letter.subject]
    assert letter.to == ["desk@kauri.example"]
