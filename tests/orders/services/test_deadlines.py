"""By when an order is to be accepted and shipped, as it arrives; and what that costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Merchant
from connectors.errors import CredentialsError, RetryableError
from connectors.gateway.base import Authorization
from connectors.models import SandboxCharge
from orders import outbox
from orders.enums import Topic
from orders.errors import ConfirmationClosed
from orders.management import sample_orders
from orders.models import Order, OutboxMessage
from orders.services import clock, deadlines, decisions, intake, intake_body
from orders.services.new_order import NewOrder
from tests.factories import make_channel, make_connection, make_marketplace, make_merchant
from tests.fakes import FakeClock, FakeStore, make_world
from tests.orders.services.accepting import OFFICE, make_hours

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY_TEN = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)  # in Auckland


@pytest.fixture
def merchant(db: None) -> Merchant:
    return make_merchant(confirm_within_hours=10)


@pytest.fixture
def channel(merchant: Merchant):
    return make_channel(make_marketplace(merchants=[merchant]))


def new_order(suffix: str = "", **fields) -> NewOrder:
    body = sample_orders.load("nzd_gst_inside", at=MONDAY_TEN, suffix=suffix)
    new = intake_body.read(body, at=MONDAY_TEN)
    return replace(new, **{"placed_at": MONDAY_TEN, **fields})


def place(merchant: Merchant, channel, suffix: str = "", **fields) -> Order:
    order, _ = intake.place(
        channel=channel, merchant=merchant, new=new_order(suffix, **fields), by="tests", at=MONDAY_TEN
    )
    return Order.objects.get(pk=order.pk)


def local(order: Order, name: str) -> str:
    return f"{getattr(order, name).astimezone(order.merchant.zone):%a %d %H:%M}"


def test_without_opening_hours_all_is_as_it_was(merchant: Merchant, channel):
    order = place(merchant, channel)

    assert (order.confirm_by, order.ship_by, order.wake_at) == (MONDAY_TEN + 10 * HOUR, None, None)


def test_the_hours_to_confirm_count_in_opening_hours(merchant: Merchant, channel):
    make_hours(merchant)

    assert local(place(merchant, channel), "confirm_by") == "Tue 24 12:00"


def test_the_hours_to_confirm_may_run_around_the_clock(merchant: Merchant, channel):
    make_hours(merchant, confirm_in_business_time=False)

    assert local(place(merchant, channel), "confirm_by") == "Mon 23 20:00"


def test_the_authorization_ends_the_time_to_confirm_sooner(merchant: Merchant, channel, settings):
    make_hours(merchant)
    new = new_order()
    payment = replace(new.payment, authorized_at=MONDAY_TEN, expires_at=MONDAY_TEN + 5 * HOUR)

    order = place(merchant, channel, payment=payment)

    assert order.confirm_by == MONDAY_TEN + 5 * HOUR - settings.CONFIRM_MARGIN
    assert order.authorized_until == MONDAY_TEN + 5 * HOUR


def test_ship_by_is_the_closing_of_a_business_day(merchant: Merchant, channel):
    make_hours(merchant, ship_within_days=5, closed_days=("2026-11-25",))

    assert local(place(merchant, channel), "ship_by") == "Tue 01 17:00"


def test_a_channels_own_promise_counts_before_the_merchants(merchant: Merchant, channel):
    make_hours(merchant, ship_within_days=5, ship_within={channel.pk: 1})

    assert local(place(merchant, channel), "ship_by") == "Tue 24 17:00"


def test_a_channels_promise_is_none_of_another_merchants(merchant: Merchant, channel):
    other = make_merchant()
    channel.marketplace.merchants.add(other)
    make_hours(other, ship_within={channel.pk: 1})
    make_hours(merchant)

    assert place(merchant, channel).ship_by is None


def test_what_the_channel_gives_with_an_order_counts_first(merchant: Merchant, channel):
    make_hours(merchant, ship_within_days=5)

    assert place(merchant, channel, ship_by=MONDAY_TEN + DAY).ship_by == MONDAY_TEN + DAY


def test_half_of_the_open_time_is_when_the_order_is_looked_at_first(merchant: Merchant, channel):
    make_hours(merchant)

    assert local(place(merchant, channel), "wake_at") == "Mon 23 15:00"


def test_the_last_resort_is_looked_at_when_it_comes_before_the_reminders(merchant: Merchant, channel):
    make_hours(merchant, last_resort="accept", last_resort_before=8 * 60)

    assert local(place(merchant, channel), "wake_at") == "Mon 23 12:00"


def test_without_reminders_an_order_is_looked_at_when_it_ends(merchant: Merchant, channel):
    make_hours(merchant, remind_at_half=False, remind_before=())

    order = place(merchant, channel)

    assert order.wake_at == order.confirm_by


def test_an_order_that_lives_outside_opening_hours_is_reminded_of_around_the_clock(merchant: Merchant, channel):
    make_hours(merchant, confirm_in_business_time=False, week={"sunday": "09:00-17:00"})

    assert local(place(merchant, channel), "wake_at") == "Mon 23 15:00"


def test_opening_hours_cost_one_statement(merchant: Merchant, channel):
    place(merchant, channel, "-0")
    with CaptureQueriesContext(connection) as before:
        place(merchant, channel, "-1")
    make_hours(merchant, ship_within_days=5, ship_within={channel.pk: 1})
    with CaptureQueriesContext(connection) as after:
        place(merchant, channel, "-2")

    about_hours = [query for query in after.captured_queries if "businesshours" in query["sql"]]
    assert len(after) == len(before)
    assert len(about_hours) == 1


def test_the_calendar_follows_what_was_saved_last(merchant: Merchant, channel):
    make_hours(merchant)
    make_hours(merchant, week=OFFICE | {"monday": "09:00-13:00"})

    assert local(place(merchant, channel), "confirm_by") == "Tue 24 16:00"


# --- an end of the authorization that only the gateway knows ---


class Bank:
    """A gateway that says of every payment how long it lasts, or fails."""

    def __init__(self, until: datetime | None, *, state: str = "requires_capture", error: Exception | None = None):
        self.until, self.state, self.error, self.reads = until, state, error, 0

    def read(self, reference: str) -> Authorization:
        self.reads += 1
        if self.error:
            raise self.error
        return Authorization(reference, self.state, "NZD", Decimal(1), Decimal(0), Decimal(0), self.until)


VISA = timedelta(days=4, hours=18)  # what a bank holds of a payment that a merchant began


def place_unsaid(merchant: Merchant, channel, suffix: str = "", **fields) -> Order:
    payment = replace(new_order(suffix).payment, expires_at=None)
    return place(merchant, channel, suffix, payment=payment, **fields)


def check(order: Order, bank: Bank, *, at: datetime = MONDAY_TEN) -> Order:
    store = FakeStore(FakeClock(at))
    outbox.drain(world=replace(make_world(store), gateway_for=lambda name: bank))
    return Order.objects.select_related("payment").get(pk=order.pk)


@pytest.fixture
def patient(channel) -> Merchant:
    """A merchant whose own limit is the five days that merchants begin with."""
    merchant = make_merchant(confirm_within_hours=120)
    channel.marketplace.merchants.add(merchant)
    return merchant


@pytest.mark.parametrize("connected", [True, False])
def test_an_end_that_the_channel_did_not_say_is_read_and_the_order_ends_before_it(
    patient: Merchant, channel, settings, connected: bool
):
    if connected:
        make_connection(patient)
    order, bank = place_unsaid(patient, channel), Bank(MONDAY_TEN + VISA)
    assert order.confirm_by == MONDAY_TEN + 5 * DAY

    order = check(order, bank)

    assert bank.reads == 1
    assert order.confirm_by == MONDAY_TEN + VISA - settings.CONFIRM_MARGIN
    assert order.authorized_until == order.payment.expires_at == MONDAY_TEN + VISA
    moved = order.events.get(kind="order.deadline_moved")
    assert (
        moved.text
        == "To be confirmed by Friday 27 November, 16:00: the customer's card allows the payment until Saturday 28 November, 04:00."
    )
    with pytest.raises(ConfirmationClosed):
        decisions.confirm(order_id=order.pk, by="ana", at=order.confirm_by)


def test_a_drafts_end_is_read_too(patient: Merchant, channel, settings):
    order = check(place_unsaid(patient, channel, shipping_address=None), Bank(MONDAY_TEN + VISA))

    assert (order.status, order.confirm_by) == ("draft", MONDAY_TEN + VISA - settings.CONFIRM_MARGIN)


def test_an_end_that_is_known_is_not_asked_for(patient: Merchant, channel):
    payment = replace(new_order().payment, expires_at=MONDAY_TEN + VISA)
    bank = Bank(MONDAY_TEN + DAY)

    check(place(patient, channel, payment=payment), bank)

    assert bank.reads == 0


def test_a_later_end_leaves_the_merchants_limit(merchant: Merchant, channel):
    order = check(place_unsaid(merchant, channel), Bank(MONDAY_TEN + 7 * DAY))

    assert (order.confirm_by, order.authorized_until) == (MONDAY_TEN + 10 * HOUR, MONDAY_TEN + 7 * DAY)
    assert not order.events.filter(kind="order.deadline_moved").exists()


def test_an_end_that_moves_out_again_gives_the_merchants_limit_back(patient: Merchant, channel):
    order = check(place_unsaid(patient, channel), Bank(MONDAY_TEN + VISA))

    with transaction.atomic():
        deadlines.follow_authorization(order, order.payment, until=MONDAY_TEN + 30 * DAY, at=MONDAY_TEN)

    assert order.confirm_by == MONDAY_TEN + 5 * DAY


def test_a_shorter_time_has_the_order_looked_at_again_at_once(patient: Merchant, channel):
    make_hours(patient, confirm_in_business_time=False)
    order = check(place_unsaid(patient, channel), Bank(MONDAY_TEN + VISA), at=MONDAY_TEN)
    assert order.wake_at == MONDAY_TEN

    clock.tick(at=MONDAY_TEN + HOUR)

    order.refresh_from_db()
    calm = place(
        patient,
        channel,
        "-2",
        payment=replace(new_order().payment, expires_at=MONDAY_TEN + VISA, reference="sandbox_ok_2"),
    )
    assert order.wake_at == calm.wake_at


def test_a_gateway_that_does_not_answer_delays_no_check_of_a_destination(patient: Merchant, channel):
    make_connection(patient)
    order, bank = place_unsaid(patient, channel), Bank(None, error=RetryableError("down"))

    order = check(order, bank)

    assert order.pushes.get().checked_at is not None
    waiting = OutboxMessage.objects.get(topic=Topic.CHECK_ORDER, status="waiting", push=None)
    assert waiting.reason == "down"
    bank.error, bank.until = None, MONDAY_TEN + VISA
    assert check(order, bank, at=MONDAY_TEN + HOUR).authorized_until == MONDAY_TEN + VISA


def test_a_gateway_that_refuses_our_key_is_asked_again_later(patient: Merchant, channel):
    check(place_unsaid(patient, channel), Bank(None, error=CredentialsError("Stripe does not accept our key.")))

    assert OutboxMessage.objects.get(topic=Topic.CHECK_ORDER).status == "waiting"


def test_the_sandbox_says_how_long_a_payment_lasts(patient: Merchant, channel):
    order = place_unsaid(patient, channel)

    outbox.drain(world=make_world(FakeStore(FakeClock(MONDAY_TEN))))

    order.refresh_from_db()
    assert order.authorized_until == SandboxCharge.objects.get(reference=order.payment.reference).capture_before
