"""Labels from a carrier: bought once whatever is lost on the way, settled by a person, voided, shipped with."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from accounts.models import AuditEvent
from connectors.carriers.labels import Box
from connectors.money import Money
from connectors.services import carriers
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import LabelStatus, Order, OutboxMessage, ShippingLabel
from orders.services import clock, label_rows, label_sheet, labels, privacy, shipping
from tests.factories import NOON, make_merchant
from tests.orders.services.collected import drain, make_account
from tests.orders.services.labelled import AIR, GIF, FakeSeller, buy, make_bought, make_label, make_rated, make_seller
from tests.orders.services.printed import send_to
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import make_collectable, ship
from tests.orders.services.test_shipping import history, refusals

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)


def state(label: ShippingLabel) -> str:
    label.refresh_from_db()
    return label.status


def told() -> list[str]:
    """The mails that were promised to the merchant."""
    rows = OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).order_by("pk")
    return [row.payload["kind"] for row in rows]


@pytest.fixture
def order() -> Order:
    order = make_paid()
    send_to(order)
    return order


# --- rates ---


def test_rates_come_from_a_worker_and_cost_nothing(order: Order):
    carrier, label = FakeSeller(), make_label(order)
    assert state(label) == LabelStatus.RATING

    drain(carrier)

    assert (state(label), carrier.asked) == (LabelStatus.RATED, [])
    assert label.rates == [
        {"service": "03", "name": "UPS Ground", "amount": "10.13", "currency": "USD", "days": None},
        {"service": "01", "name": "UPS Next Day Air", "amount": "42.44", "currency": "USD", "days": 1},
    ]


def test_an_address_that_the_carrier_refuses_is_said_and_asked_again_once_mended(order: Order):
    carrier, label = FakeSeller(), make_label(order)
    carrier.refuses = "The postcode is none."
    drain(carrier)
    assert (state(label), label.reason) == (LabelStatus.REFUSED, "The postcode is none.")
    carrier.refuses = ""
    order.addresses.update(city="Wellington")

    labels.ask_again(label_id=label.pk, by="ana", at=NOON)
    drain(carrier)

    assert (state(label), label.recipient["city"]) == (LabelStatus.RATED, "Wellington")


def test_rates_of_a_label_that_was_withdrawn_are_dropped(order: Order):
    label = make_label(order)
    labels.withdraw(label_id=label.pk, by="ana", at=NOON)

    drain(FakeSeller())

    assert state(label) == LabelStatus.WITHDRAWN


# --- buying ---


def test_a_label_is_bought_once_with_its_number_picture_and_cost(order: Order):
    carrier, label = FakeSeller(), make_rated(order, boxes=(Box(1000), Box(2000)))

    buy(label)
    drain(carrier)
    drain(carrier, at=NOON + timedelta(hours=1))

    assert (state(label), len(carrier.asked), label.number) == (LabelStatus.BOUGHT, 1, "1Z10")
    assert [(box.number, bytes(box.image)) for box in label.boxes.order_by("position")] == [
        ("1Z10", GIF),
        ("1Z11", GIF),
    ]
    assert (str(label.quoted), str(label.cost)) == ("10.13 USD", "10.13 USD")
    assert history(order, "label.buying") == ["ana buys a label from UPS: UPS Ground for 10.13 USD."]
    assert history(order, "label.bought") == [
        f"Label {label.reference} bought from UPS: UPS Ground, 10.13 USD. 1Z10, 1Z11."
    ]
    audit = AuditEvent.objects.get(kind="label.bought")
    assert (audit.by, audit.data["cost"]) == ("ana", "10.13 USD")


def test_the_carrier_hears_where_it_goes_what_is_in_it_and_the_service(order: Order):
    carrier, label = FakeSeller(), make_rated(order, lines={"1": 1})

    buy(label, service="01", agreed=AIR)
    drain(carrier)

    [asked] = carrier.asked
    assert (asked.service, asked.reference, asked.sender.company) == ("01", label.reference, "Kauri & Clay")
    assert (asked.recipient.city, asked.boxes) == (
        order.addresses.get(kind="shipping").city,
        (Box(2400, (400, 300, 200)),),
    )
    assert asked.contents.startswith("1 x ")
    assert str(asked.value) == f"{order.lines.get(external_id='1').amount / 3:.2f} {order.currency}"


def test_a_charge_that_differs_from_the_quote_is_told(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    carrier.charges = Money(Decimal("11.00"), "USD")

    buy(label)
    drain(carrier)

    assert "11.00 USD rather than the quoted 10.13 USD" in history(order, "label.bought")[0]


def test_another_price_than_the_one_shown_is_refused(order: Order):
    label = make_rated(order)

    assert refusals(lambda: buy(label, agreed=Money(Decimal("9.00"), "USD"))) == [("amount", "other_amount")]
    assert refusals(lambda: buy(label, agreed=Money(Decimal("10.13"), "NZD"))) == [("amount", "other_amount")]
    assert refusals(lambda: buy(label, service="99")) == [("service", "unknown_service")]
    assert state(label) == LabelStatus.RATED


def test_the_second_click_buys_nothing_more(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)

    with pytest.raises(TransitionNotAllowed, match="being bought"):
        buy(label)
    drain(carrier)

    assert len(carrier.asked) == 1


def test_rates_of_another_day_are_asked_for_again(order: Order):
    label = make_rated(order)

    with pytest.raises(TransitionNotAllowed, match="more than a day old"):
        buy(label, at=NOON + timedelta(hours=25))


def test_a_carrier_that_is_down_is_asked_again_by_itself(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)
    carrier.next_fault = "down"

    drain(carrier)
    assert (state(label), label.reason) == (LabelStatus.BUYING, "The carrier cannot be reached.")
    drain(carrier, at=LATER)

    assert (state(label), label.reason, len(carrier.asked)) == (LabelStatus.BOUGHT, "", 2)


def test_a_carrier_that_is_down_until_the_rates_are_old_sells_nothing(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)
    carrier.next_fault = "down"
    drain(carrier)

    drain(carrier, at=NOON + timedelta(hours=25))

    assert (state(label), len(carrier.asked)) == (LabelStatus.REFUSED, 1)
    assert "more than a day old" in label.reason


@pytest.mark.parametrize(
    ("fault", "words"), [("refused", "does not know this street"), ("locked", "does not let us in")]
)
def test_a_refusal_charges_nothing_is_told_and_may_be_tried_again(order: Order, fault: str, words: str):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)
    carrier.next_fault = fault
    drain(carrier)
    assert state(label) == LabelStatus.REFUSED
    assert words in label.reason

    buy(label)
    drain(carrier)

    assert (state(label), len(carrier.asked)) == (LabelStatus.BOUGHT, 2)
    assert told() == ["label_refused"]


def test_a_disconnected_carrier_is_not_asked(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)
    carriers.disconnect(account_id=label.account_id, by="ana", at=NOON)

    drain(carrier)

    assert (state(label), carrier.asked) == (LabelStatus.REFUSED, [])


def test_an_order_that_may_not_be_sent_any_more_is_not_bought_a_label_for(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)
    Order.objects.filter(pk=order.pk).update(payment_status=PaymentStatus.VOIDED)

    drain(carrier)

    assert (state(label), carrier.asked) == (LabelStatus.REFUSED, [])
    assert "payment" in label.reason


# --- nobody knows ---


def lost(order: Order, carrier: FakeSeller, *, sold: bool) -> ShippingLabel:
    """Bought, or not, and the answer did not come; the horizon is over."""
    label = make_rated(order)
    buy(label)
    carrier.next_fault = "lost"
    drain(carrier)
    if not sold:
        carrier.sold.clear()
    drain(carrier, at=LATER)
    return label


def test_a_label_whose_answer_was_lost_is_found_and_not_bought_again(order: Order):
    carrier = FakeSeller()

    label = lost(order, carrier, sold=True)

    assert (state(label), label.number, len(carrier.asked)) == (LabelStatus.BOUGHT, "1Z10", 1)
    assert (label.cost, str(label.quoted)) == (None, "10.13 USD")
    assert "did not say what it charged" in history(order, "label.bought")[0]


def test_what_is_not_found_is_never_bought_again_by_itself(order: Order):
    carrier = FakeSeller()

    label = lost(order, carrier, sold=False)
    for hours in (1, 24, 100):
        drain(carrier, at=NOON + timedelta(hours=hours))

    assert (state(label), len(carrier.asked)) == (LabelStatus.UNSURE, 1)
    assert "may have sold it" in label.reason
    assert len(history(order, "label.unsure")) == 1
    assert told() == ["label_unsure"]


def test_not_found_is_believed_only_after_the_horizon(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)
    carrier.next_fault = "lost"
    drain(carrier)
    kept = dict(carrier.sold)
    carrier.sold.clear()

    drain(carrier, at=NOON + timedelta(seconds=30))
    assert (state(label), carrier.looks) == (LabelStatus.BUYING, 1)
    carrier.sold.update(kept)
    drain(carrier, at=LATER)

    assert (state(label), len(carrier.asked)) == (LabelStatus.BOUGHT, 1)


def test_a_worker_that_died_while_buying_looks_and_does_not_buy(order: Order, monkeypatch: pytest.MonkeyPatch):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(label_rows, "record_bought", dies)
        with pytest.raises(KeyboardInterrupt):
            drain(carrier)
    drain(carrier, at=NOON + timedelta(hours=1))

    assert (state(label), len(carrier.asked), label.number) == (LabelStatus.BOUGHT, 1, "1Z10")


def test_a_person_looks_again_and_buys_nothing_by_it(order: Order):
    carrier = FakeSeller()
    label = lost(order, carrier, sold=False)

    labels.look_again(label_id=label.pk, by="ana", at=LATER)
    drain(carrier, at=LATER)

    assert (state(label), len(carrier.asked)) == (LabelStatus.UNSURE, 1)


def test_what_can_no_longer_be_looked_for_is_said_and_stays_as_it_is(order: Order):
    label = lost(order, FakeSeller(), sold=False)
    OutboxMessage.objects.filter(topic=Topic.BUY_LABEL).update(status=OutboxStatus.DONE, done_at=LATER)

    with pytest.raises(TransitionNotAllowed, match="Look in your account at UPS"):
        labels.look_again(label_id=label.pk, by="ana", at=LATER)

    assert state(label) == LabelStatus.UNSURE


def test_a_person_who_found_nothing_there_buys_again(order: Order):
    carrier = FakeSeller()
    label = lost(order, carrier, sold=False)

    labels.buy_again(label_id=label.pk, by="ben", at=LATER)
    drain(carrier, at=LATER)

    assert (state(label), len(carrier.asked), label.bought_by) == (LabelStatus.BOUGHT, 2, "ben")


def test_buying_again_looks_once_more_first(order: Order):
    carrier = FakeSeller()
    label = lost(order, carrier, sold=False)
    bought = FakeSeller().buy_label(carrier.asked[0])
    carrier.sold[label.reference] = [bought]

    labels.buy_again(label_id=label.pk, by="ana", at=LATER)
    drain(carrier, at=LATER)

    assert (state(label), len(carrier.asked)) == (LabelStatus.BOUGHT, 1)


def test_a_refusal_after_an_unknown_end_does_not_make_it_known(order: Order):
    carrier = FakeSeller()
    label = lost(order, carrier, sold=False)
    labels.buy_again(label_id=label.pk, by="ana", at=LATER)
    carrier.next_fault = "refused"

    drain(carrier, at=LATER)

    assert state(label) == LabelStatus.UNSURE


def test_a_person_writes_down_the_number_that_was_found_there(order: Order):
    carrier = FakeSeller()
    label = lost(order, carrier, sold=False)

    assert refusals(lambda: labels.settle(label_id=label.pk, numbers=[" "], by="ana", at=LATER)) == [
        ("numbers", "wrong_numbers")
    ]
    labels.settle(label_id=label.pk, numbers=["1zab"], by="ana", at=LATER)
    drain(carrier, at=LATER)

    assert (state(label), label.number, len(carrier.asked)) == (LabelStatus.BOUGHT, "1ZAB", 1)
    assert label.boxes.get().image is None


def test_a_person_may_give_it_up(order: Order):
    carrier = FakeSeller()
    label = lost(order, carrier, sold=False)

    labels.withdraw(label_id=label.pk, by="ana", at=LATER)
    drain(carrier, at=LATER)

    assert (state(label), len(carrier.asked)) == (LabelStatus.WITHDRAWN, 1)
    assert history(order, "label.withdrawn") == [f"ana withdrew label {label.reference}."]


@pytest.mark.parametrize("service", [labels.look_again, labels.buy_again])
def test_only_what_is_unknown_is_settled(order: Order, service: Callable[..., Any]):
    label = make_rated(order)

    with pytest.raises(TransitionNotAllowed, match="It is known"):
        service(label_id=label.pk, by="ana", at=NOON)


# --- what may still be taken back ---


def test_what_was_not_asked_for_yet_is_simply_not_bought(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)

    labels.withdraw(label_id=label.pk, by="ana", at=NOON)
    drain(carrier)

    assert (state(label), carrier.asked) == (LabelStatus.WITHDRAWN, [])


def test_what_may_be_on_its_way_is_not_withdrawn(order: Order):
    carrier, label = FakeSeller(), make_rated(order)
    buy(label)
    carrier.next_fault = "lost"
    drain(carrier)

    with pytest.raises(TransitionNotAllowed, match="being asked right now"):
        labels.withdraw(label_id=label.pk, by="ana", at=NOON)


def test_a_bought_label_is_voided(order: Order):
    carrier, label = FakeSeller(), make_bought(order)

    labels.void(label_id=label.pk, by="ana", at=NOON)
    drain(carrier)

    assert (state(label), carrier.voided, label.voided_at) == (LabelStatus.VOIDED, [label.number], NOON)
    assert AuditEvent.objects.filter(kind="label.voided").count() == 1


def test_one_that_will_not_be_voided_stays_bought(order: Order):
    carrier, label = FakeSeller(), make_bought(order)
    carrier.refuses = "It was scanned already."

    labels.void(label_id=label.pk, by="ana", at=NOON)
    drain(carrier)

    assert (state(label), label.reason) == (LabelStatus.BOUGHT, "It was scanned already.")


# --- shipping with it ---


def test_shipping_with_a_label_fills_in_its_numbers_and_tells_the_customer(order: Order):
    label = make_bought(order, boxes=(Box(1000), Box(2000, (300, 200, 100))))

    row = labels.ship(label_id=label.pk, by="ana", at=NOON)
    drain()

    order.refresh_from_db()
    parcels = [(parcel.carrier, parcel.number, parcel.weight_g) for parcel in row.parcels.order_by("pk")]
    assert parcels == [("UPS", "1Z10", 1000), ("UPS", "1Z11", 2000)]
    assert order.status == OrderStatus.COMPLETED
    assert "1Z10" in mail.outbox[-1].body


def test_a_label_is_handed_over_once_and_not_voided_after(order: Order):
    label = make_bought(order)
    labels.ship(label_id=label.pk, by="ana", at=NOON)

    with pytest.raises(TransitionNotAllowed, match="handed over already"):
        labels.ship(label_id=label.pk, by="ana", at=NOON)
    with pytest.raises(TransitionNotAllowed, match="Take the fulfillment back first"):
        labels.void(label_id=label.pk, by="ana", at=NOON)


def test_a_fulfillment_that_was_taken_back_frees_its_label(order: Order):
    label = make_bought(order, lines={"1": 1})
    row = labels.ship(label_id=label.pk, by="ana", at=NOON)

    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)
    labels.void(label_id=label.pk, by="ana", at=NOON)
    drain(FakeSeller())

    assert state(label) == LabelStatus.VOIDED


def test_no_second_label_is_bought_for_the_same_units(order: Order):
    make_bought(order, lines={"1": 2})
    account = make_seller(order.merchant, name="UPS 2")

    more = make_label(order, account=account, lines={"1": 1, "2": 1})

    assert more.status == LabelStatus.RATING
    assert refusals(lambda: make_label(order, account=account, lines={"1": 2})) == [
        ("lines[0].quantity", "in_another_label")
    ]


def test_of_two_labels_that_were_rated_for_the_same_units_one_is_bought(order: Order):
    first = make_rated(order)
    second = make_rated(order, account=first.account)
    buy(first)

    assert refusals(lambda: buy(second)) == [
        ("lines[0].quantity", "in_another_label"), ("lines[1].quantity", "in_another_label")
    ]  # fmt: skip


def test_units_that_were_shipped_meanwhile_are_not_bought_a_label_for(order: Order):
    label = make_rated(order, lines={"1": 3})
    ship(order, {"1": 1})

    assert refusals(lambda: buy(label)) == [("lines[0].quantity", "more_than_open")]


# --- what is refused ---


def test_a_carrier_by_mail_sells_none_and_says_so(order: Order):
    account = make_account(order.merchant)

    assert refusals(lambda: make_label(order, account=account)) == [("carrier", "sells_no_labels")]


def test_another_merchants_carrier_does_not_exist(order: Order):
    account = make_seller(make_merchant())

    assert refusals(lambda: make_label(order, account=account)) == [("carrier", "unknown_carrier")]


@pytest.mark.parametrize(
    ("boxes", "problems"),
    [
        ((), [("parcels", "wrong_length")]),
        ((Box(1),) * 21, [("parcels", "wrong_length")]),
        ((Box(1), Box(0)), [("parcels[1].weight_g", "bad_weight")]),
        ((Box(1, (0, 1, 1)),), [("parcels[0].size_mm", "bad_size")]),
    ],
)
def test_parcels_are_some_and_weigh_something(order: Order, boxes: tuple[Box, ...], problems: list[tuple[str, str]]):
    assert refusals(lambda: make_label(order, boxes=boxes)) == problems


def test_what_the_customer_collects_needs_no_label():
    with pytest.raises(TransitionNotAllowed, match="collects"):
        make_label(make_collectable())


def test_a_label_that_was_not_bought_is_not_shipped_with(order: Order):
    label = make_label(order)
    row = ship(order, {"1": 1})

    with pytest.raises(IntegrityError), transaction.atomic():
        ShippingLabel.objects.filter(pk=label.pk).update(fulfillment=row)
    with pytest.raises(TransitionNotAllowed, match="cannot be shipped with"):
        labels.ship(label_id=label.pk, by="ana", at=NOON)


# --- paper, and what is kept ---


def test_labels_become_one_pdf_with_a_page_each():
    content = label_sheet.write([GIF, GIF, GIF])

    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", content)) == 3
    assert content == label_sheet.write([GIF, GIF, GIF])


def test_a_customer_who_is_forgotten_stands_on_no_label(order: Order):
    label = make_bought(order)

    privacy.remove_personal_data(order_id=order.pk, by="ana", at=NOON)

    label.refresh_from_db()
    assert (set(label.recipient.values()), label.boxes.get().image) == ({""}, None)
    assert label.number == "1Z10"


def test_pictures_are_kept_for_thirty_days_and_numbers_for_good(order: Order):
    label = make_bought(order)

    clock.prune(at=NOON + timedelta(days=29))
    assert label.boxes.get().image is not None
    clock.prune(at=NOON + timedelta(days=31))

    assert (label.boxes.get().image, label.boxes.get().number) == (None, "1Z10")


def test_a_promise_is_kept_although_older_ones_are_forgotten(order: Order):
    label = make_rated(order)
    OutboxMessage.objects.filter(topic=Topic.RATE_LABEL).delete()
    carrier = FakeSeller()
    carrier.refuses = "No."

    labels.ask_again(label_id=label.pk, by="ana", at=NOON)
    drain(carrier)

    assert state(label) == LabelStatus.REFUSED
