"""Carriers that are to come: asked once whatever is lost on the way, called off, settled by a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from icalendar import Calendar

from connectors.services import carriers
from orders.enums import OrderStatus, PickupStatus, PushStatus
from orders.errors import InvalidShipment, TransitionNotAllowed
from orders.models import CarrierPickup, Order, OrderPush
from orders.services import carrier_pickups, open_units
from orders.services.carrier_pickups import WantedOrder
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.orders.services.collected import CLOSES, OPENS, FakeCarrier, drain, make_account, make_pickup
from tests.orders.services.printed import send_to
from tests.orders.services.refundable import issue, make_paid
from tests.orders.services.shippable import DHL, make_collectable, ship
from tests.orders.services.test_shipping import history, refusals

pytestmark = pytest.mark.django_db


def state(pickup: CarrierPickup) -> str:
    pickup.refresh_from_db()
    return pickup.status


# --- asking ---


def test_a_carrier_is_asked_once_and_its_number_kept():
    carrier, order = FakeCarrier(), make_paid()
    pickup = make_pickup(order)

    drain(carrier)
    drain(carrier, at=NOON + timedelta(hours=1))

    assert state(pickup) == PickupStatus.SCHEDULED
    assert (pickup.confirmation, pickup.cost, len(carrier.asked)) == ("PRN1", "6.65 USD", 1)
    assert history(order, "pickup.requested") == [
        "ana asked Kauri Couriers to come: Tuesday 24 November, 10:00 to 14:00."
    ]
    assert history(order, "pickup.scheduled") == [
        "Kauri Couriers comes Tuesday 24 November, 10:00 to 14:00, number PRN1."
    ]


def test_the_carrier_hears_window_parcels_weight_and_countries():
    merchant = make_merchant()
    near, far = make_paid(merchant), make_paid(merchant)
    send_to(far, country_code="JP")
    carrier = FakeCarrier()
    make_pickup(near, far)

    drain(carrier)

    [asked] = carrier.asked
    assert (f"{asked.opens_at:%Y-%m-%d %H:%M}", f"{asked.closes_at:%H:%M}") == ("2026-11-24 10:00", "14:00")
    assert [(piece.country_code, piece.parcels) for piece in asked.pieces] == [("JP", 2), ("NZ", 2)]
    assert (asked.weight_g, asked.place.company) == (6000, "Kauri & Clay")


def test_one_that_was_taken_without_an_answer_is_found_and_not_asked_again():
    carrier, pickup = FakeCarrier(), make_pickup()
    carrier.next_fault = "lost"

    drain(carrier)
    assert state(pickup) == PickupStatus.REQUESTED
    drain(carrier, at=NOON + timedelta(minutes=5))

    assert (state(pickup), pickup.confirmation, len(carrier.asked)) == (PickupStatus.SCHEDULED, "PRN1", 1)


def test_not_found_is_believed_only_after_the_horizon():
    carrier, pickup = FakeCarrier(), make_pickup()
    carrier.next_fault = "lost"
    drain(carrier)
    carrier.standing.clear()

    drain(carrier, at=NOON + timedelta(seconds=30))
    asked_early = len(carrier.asked)
    drain(carrier, at=NOON + timedelta(minutes=5))

    assert (asked_early, len(carrier.asked), state(pickup)) == (1, 2, PickupStatus.SCHEDULED)


def test_what_cannot_be_looked_up_waits_for_a_person():
    order = make_paid()
    carrier, pickup = (
        FakeCarrier(),
        make_pickup(order, opens_at=OPENS + timedelta(days=3), closes_at=CLOSES + timedelta(days=3)),
    )
    carrier.next_fault = "lost"

    drain(carrier)
    drain(carrier, at=NOON + timedelta(minutes=5))

    assert (state(pickup), len(carrier.asked)) == (PickupStatus.FAILED, 1)
    assert "may have taken it. Look there" in pickup.reason
    assert len(history(order, "pickup.failed")) == 1


def test_a_carrier_that_is_down_is_asked_again_by_itself():
    carrier, pickup = FakeCarrier(), make_pickup()
    carrier.next_fault = "down"

    drain(carrier)
    assert state(pickup) == PickupStatus.REQUESTED
    assert pickup.reason == "The carrier cannot be reached."
    drain(carrier, at=NOON + timedelta(minutes=5))

    assert (state(pickup), pickup.reason, len(carrier.asked)) == (PickupStatus.SCHEDULED, "", 2)


def test_a_refusal_fails_and_can_be_tried_again():
    carrier, pickup = FakeCarrier(), make_pickup()
    carrier.next_fault = "refused"
    drain(carrier)
    assert (state(pickup), pickup.reason) == (PickupStatus.FAILED, "The carrier does not drive there.")

    carrier_pickups.try_again(pickup_id=pickup.pk, by="ana", at=NOON)
    drain(carrier)

    assert (state(pickup), len(carrier.asked)) == (PickupStatus.SCHEDULED, 2)


def test_a_person_who_looked_there_may_ask_again_or_write_the_number_down():
    far = {"opens_at": OPENS + timedelta(days=3), "closes_at": CLOSES + timedelta(days=3)}
    carrier, pickups = FakeCarrier(), []
    for _ in range(2):
        pickups.append(make_pickup(**far))
        carrier.next_fault = "lost"
        drain(carrier)
        drain(carrier, at=NOON + timedelta(minutes=5))
    assert [state(pickup) for pickup in pickups] == [PickupStatus.FAILED] * 2

    carrier_pickups.try_again(pickup_id=pickups[0].pk, by="ana", at=NOON)
    carrier_pickups.settle(pickup_id=pickups[1].pk, number="PRN77", by="ana", at=NOON)
    drain(carrier)

    assert [state(pickup) for pickup in pickups] == [PickupStatus.SCHEDULED] * 2
    assert (pickups[1].confirmation, len(carrier.asked)) == ("PRN77", 3)


def test_a_window_that_ran_out_is_not_asked_for():
    carrier, pickup = FakeCarrier(), make_pickup()

    drain(carrier, at=CLOSES + timedelta(minutes=1))

    assert (state(pickup), carrier.asked) == (PickupStatus.FAILED, [])


def test_a_disconnected_carrier_is_not_asked():
    pickup = make_pickup()
    carriers.disconnect(account_id=pickup.account_id, by="ana", at=NOON)
    carrier = FakeCarrier()

    drain(carrier)

    assert (state(pickup), carrier.asked) == (PickupStatus.FAILED, [])


# --- calling off ---


def test_what_was_not_asked_yet_is_simply_not_asked():
    carrier, pickup = FakeCarrier(), make_pickup()

    carrier_pickups.cancel(pickup_id=pickup.pk, by="ana", at=NOON)
    drain(carrier)

    assert (state(pickup), carrier.asked) == (PickupStatus.CANCELLED, [])


def test_a_carrier_that_would_come_is_called_off():
    carrier, pickup = FakeCarrier(), make_pickup()
    drain(carrier)

    carrier_pickups.cancel(pickup_id=pickup.pk, by="ana", at=NOON)
    assert state(pickup) == PickupStatus.CANCELLING
    drain(carrier)

    assert (state(pickup), carrier.standing) == (PickupStatus.CANCELLED, {})


def test_one_that_will_not_be_called_off_comes():
    carrier, pickup = FakeCarrier(), make_pickup()
    drain(carrier)
    carrier.refuses_cancel = True

    carrier_pickups.cancel(pickup_id=pickup.pk, by="ana", at=NOON)
    drain(carrier)

    assert (state(pickup), pickup.reason) == (PickupStatus.SCHEDULED, "The driver is on the way.")


def test_a_pickup_that_is_over_is_not_called_off():
    pickup = make_pickup()
    drain(FakeCarrier())

    with pytest.raises(TransitionNotAllowed, match="is over"):
        carrier_pickups.cancel(pickup_id=pickup.pk, by="ana", at=CLOSES)


# --- what is refused ---


def test_every_problem_is_named_with_its_field():
    merchant = make_merchant()
    collected, stranger = make_collectable(merchant), make_paid()
    open_order = make_order(merchant, lines=[{"sku": "A"}])

    def act() -> None:
        carrier_pickups.schedule(
            account_id=make_account(merchant).pk,
            wanted=[WantedOrder(collected.pk, 0, 0), WantedOrder(stranger.pk, 1, 1), WantedOrder(open_order.pk, 1, 1)],
            opens_at=CLOSES, closes_at=OPENS, by="ana", at=NOON,
        )  # fmt: skip

    assert refusals(act) == [
        ("closes_at", "before_opening"), ("orders[0].id", "collected"), ("orders[0].parcels", "out_of_range"),
        ("orders[0].weight_g", "out_of_range"), ("orders[1].id", "unknown_order"), ("orders[2].id", "closed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"opens_at": NOON - timedelta(hours=2), "closes_at": NOON}, ("closes_at", "over")),
        ({"closes_at": OPENS + timedelta(days=1)}, ("closes_at", "another_day")),
        ({"opens_at": OPENS + timedelta(days=40), "closes_at": CLOSES + timedelta(days=40)}, ("opens_at", "too_far")),
        (
            {"opens_at": OPENS.replace(year=9999), "closes_at": datetime.max.replace(tzinfo=UTC)},
            ("opens_at", "too_far"),
        ),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(fields: dict[str, Any], problem: tuple[str, str]):
    assert refusals(lambda: make_pickup(**fields)) == [problem]


def test_what_a_store_sends_is_not_fetched_here_unless_something_of_it_was_sent_from_here():
    merchant = make_merchant()
    store = make_connection(merchant, name="Kauri Shopify")
    theirs, half = (make_paid(merchant, connections=[store]) for _ in range(2))
    OrderPush.objects.filter(order=half).update(status=PushStatus.SKIPPED, wait_for="")
    ship(half, {"1": 1}, DHL)
    OrderPush.objects.filter(order=half).update(status=PushStatus.QUEUED)
    ours = make_paid(merchant)

    assert refusals(lambda: make_pickup(ours, theirs)) == [("orders[1].id", "sent_elsewhere")]
    assert make_pickup(ours, half).rows.count() == 2


def test_a_push_that_was_kept_out_leaves_the_parcels_here():
    merchant = make_merchant()
    order = make_paid(merchant, connections=[make_connection(merchant)])
    OrderPush.objects.update(status=PushStatus.SKIPPED, wait_for="")

    assert make_pickup(order).rows.count() == 1


def test_an_order_of_which_nothing_is_left_is_not_fetched():
    order = make_paid()
    issue(order, {"1": 3, "2": 1})

    assert refusals(lambda: make_pickup(order)) == [("orders[0].id", "nothing_left")]


def test_who_sends_what_is_asked_once_for_all_orders(django_assert_num_queries):
    merchant = make_merchant()
    for count in (1, 3):
        orders = [make_paid(merchant) for _ in range(count)]
        with django_assert_num_queries(5):
            assert open_units.leaving(orders).from_here == {order.pk for order in orders}


@pytest.mark.parametrize("count", [0, carrier_pickups.MOST_ORDERS + 1])
def test_a_pickup_is_for_some_orders_and_not_for_all(count: int):
    account = make_account(make_merchant())

    def act() -> None:
        wanted = [WantedOrder(1, 1, 1)] * count
        carrier_pickups.schedule(
            account_id=account.pk, wanted=wanted, opens_at=OPENS, closes_at=CLOSES, by="ana", at=NOON
        )

    assert refusals(act) == [("orders", "wrong_length")]


def test_an_order_is_in_one_open_pickup_at_a_time():
    order = make_paid()
    first = make_pickup(order)

    assert refusals(lambda: make_pickup(order)) == [("orders[0].id", "in_another_pickup")]
    carrier_pickups.cancel(pickup_id=first.pk, by="ana", at=NOON)
    assert make_pickup(order).status == PickupStatus.REQUESTED


def test_shipped_orders_may_be_collected_too_and_their_parcels_are_suggested():
    order, plain = make_paid(), make_paid()
    ship(order, None, DHL)
    order.refresh_from_db()

    loads = {load.order.pk: (load.parcels, load.weight_g) for load in carrier_pickups.loads([order, plain])}

    assert order.status == OrderStatus.COMPLETED
    assert loads == {order.pk: (1, 2400), plain.pk: (1, None)}
    assert make_pickup(order).status == PickupStatus.REQUESTED


# --- the carrier by e-mail ---


def entry(index: int = -1) -> Any:
    [(_, content, kind)] = mail.outbox[index].attachments
    [event] = Calendar.from_ical(content).walk("VEVENT")
    return event, kind


def test_a_carrier_by_mail_gets_words_and_a_calendar_entry():
    order = make_paid()
    pickup = make_pickup(order, note="Dock 3")

    drain()

    [letter] = mail.outbox
    assert letter.to == ["desk@couriers.example"]
    assert letter.subject.startswith(f"Pickup {pickup.reference}, Tuesday 24 November 2026")
    for text in ("2 parcels, 3 kg (2 to NZ)", "10:00 to 14:00 (NZDT)", "1 Karangahape Road", "Ask for: Ana", "Dock 3"):
        assert text in letter.body
    event, kind = entry()
    assert (event["UID"], event["DTSTART"].dt, event["DTEND"].dt) == (f"{pickup.reference}@storeward", OPENS, CLOSES)
    assert "method=REQUEST" in kind
    assert (state(pickup), pickup.confirmation) == (PickupStatus.SCHEDULED, pickup.reference)


def test_calling_a_carrier_by_mail_off_cancels_the_same_entry():
    pickup = make_pickup()
    drain()

    carrier_pickups.cancel(pickup_id=pickup.pk, by="ana", at=NOON)
    drain()

    event, kind = entry()
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (f"{pickup.reference}@storeward", 1, "CANCELLED")
    assert "method=CANCEL" in kind
    assert state(pickup) == PickupStatus.CANCELLED


def test_the_entry_and_its_end_have_one_organizer_who_mails_both(settings):
    """RFC 5546 wants one in REQUEST and in CANCEL, and calendars follow nobody else."""
    settings.DEFAULT_FROM_EMAIL = "Storeward <orders@portal.example>"
    pickup = make_pickup()
    drain()
    carrier_pickups.cancel(pickup_id=pickup.pk, by="ana", at=NOON)
    drain()

    organizers = [entry(index)[0]["ORGANIZER"] for index in range(2)]

    assert [str(each) for each in organizers] == ["MAILTO:orders@portal.example"] * 2
    assert {each.params["CN"] for each in organizers} == {pickup.place["company"]}
    assert all("orders@portal.example" in letter.from_email for letter in mail.outbox)


def test_a_place_in_another_zone_has_its_own_window():
    """Ten in Auckland is eight in Sydney."""
    order = make_paid()
    account = make_account(order.merchant, time_zone="Australia/Sydney")

    pickup = make_pickup(order, account=account)
    drain()

    request = carrier_pickups.request_of(CarrierPickup.objects.get(pk=pickup.pk))
    assert (f"{request.opens_at:%H:%M}", f"{request.closes_at:%H:%M}") == ("08:00", "12:00")
    assert "08:00 to 12:00 (AEDT)" in mail.outbox[0].body
    assert carrier_pickups.window(pickup).endswith("08:00 to 12:00 (AEDT)")


def test_one_day_is_one_day_at_the_place():
    """From 17:00 to 21:00 in Perth is the night between two days in Auckland."""
    order, opens = make_paid(), datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    there = make_account(order.merchant, time_zone="Australia/Perth")

    with pytest.raises(InvalidShipment) as caught:
        make_pickup(order, opens_at=opens, closes_at=opens + timedelta(hours=4))
    pickup = make_pickup(order, account=there, opens_at=opens, closes_at=opens + timedelta(hours=4))

    assert [problem.code for problem in caught.value.problems] == ["another_day"]
    assert carrier_pickups.window(pickup) == "Tuesday 24 November, 17:00 to 21:00 (AWST)"


def test_a_mail_that_is_sent_twice_is_the_same_mail(monkeypatch: pytest.MonkeyPatch):
    """The worker dies after sending; another begins anew."""
    pickup = make_pickup()

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(carrier_pickups, "record", dies)
        with pytest.raises(KeyboardInterrupt):
            drain()
    drain(at=NOON + timedelta(hours=1))

    first, again = (letter.extra_headers["Message-ID"] for letter in mail.outbox)
    assert (first, state(pickup)) == (again, PickupStatus.SCHEDULED)
    assert entry(0)[0].to_ical() == entry(1)[0].to_ical()


def test_no_order_of_anybody_else_hears_of_it():
    order, other = make_paid(), make_paid()
    make_pickup(order)

    assert not Order.objects.get(pk=other.pk).events.filter(kind__startswith="pickup.").exists()
