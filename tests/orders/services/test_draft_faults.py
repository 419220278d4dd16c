"""Drafts that wait: one mail per cause, not one per order, and a reminder before their time ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from accounts.models import Merchant
from connectors.models import SyncSettings
from orders import outbox
from orders.models import Channel, DraftFault, OrderEvent, OutboxMessage
from orders.services import archiving, clock, draft_faults
from tests.factories import NOON, make_channel, make_connection
from tests.fakes import FakeStore, make_world
from tests.orders.drafts import fill, make_draft

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAR = NOON + 10 * DAY


@pytest.fixture
def merchant(merchant: Merchant) -> Merchant:
    merchant.alert_addresses = ["desk@kauri.example"]
    merchant.save()
    return merchant


@pytest.fixture
def channel() -> Channel:
    return make_channel()


def work(at=NOON + 3 * draft_faults.SETTLE):
    """The clock's minute, then the mails that are due. Returns those."""
    mail.outbox.clear()
    clock.tick(at=at)
    store = FakeStore()
    store.clock.advance((at - store.clock.now()).total_seconds())
    outbox.drain(at=at, world=make_world(store))
    return [letter for letter in mail.outbox if "draft" in letter.subject]


def test_drafts_that_lack_the_same_make_one_mail(merchant: Merchant, channel: Channel):
    orders = [make_draft(merchant, channel=channel, confirm_by=FAR) for _ in range(3)]

    (letter,) = work()

    assert letter.to == ["desk@kauri.example"]
    assert letter.subject.startswith(f"3 drafts from {channel.name} wait for you: ")
    assert "The shipping address has no city." in letter.body
    assert all(order.number in letter.body for order in orders)
    assert "/orders/?tab=drafts&gap=address_incomplete" in letter.body


def test_one_draft_is_named_and_led_to(merchant: Merchant, channel: Channel):
    order = make_draft(merchant, channel=channel, confirm_by=FAR)

    (letter,) = work()

    assert letter.subject.startswith(f"1 draft from {channel.name} waits for you: ")
    assert f"/orders/{order.public_id}/draft/" in letter.body


def test_two_causes_make_two_mails(merchant: Merchant, channel: Channel):
    make_draft(merchant, channel=channel, confirm_by=FAR)
    make_draft(merchant, channel=channel, confirm_by=FAR, address={"province_code": "", "country_code": "US"})

    assert len(work()) == 2


def test_a_cause_that_lasts_is_told_once_a_day(merchant: Merchant, channel: Channel):
    make_draft(merchant, channel=channel, confirm_by=FAR)
    work()

    assert work(NOON + DAY - HOUR) == []
    (letter,) = work(NOON + DAY)

    assert "still waits for you" in letter.subject


def test_completed_before_the_mail_left_nothing_is_told(merchant: Merchant, channel: Channel):
    order = make_draft(merchant, channel=channel, confirm_by=FAR)
    fill(order, city="Auckland")

    assert work() == []
    assert DraftFault.objects.get().ended_at is not None


def test_a_cause_that_comes_back_within_the_hour_was_told(merchant: Merchant, channel: Channel):
    fill(make_draft(merchant, channel=channel, confirm_by=FAR), city="Auckland")
    work()

    make_draft(merchant, channel=channel, confirm_by=FAR)

    fault = DraftFault.objects.get()
    assert (fault.ended_at, fault.mails) == (None, 1)


def test_an_archived_draft_waits_for_nobody(merchant: Merchant, channel: Channel):
    order = make_draft(merchant, channel=channel, confirm_by=FAR)
    archiving.archive_one(order_id=order.pk, consent=True, by="ana", at=NOON)

    assert work() == []


def test_the_addresses_of_the_store_where_it_was_placed_are_told(merchant: Merchant):
    store = make_connection(merchant, name="Boutique")
    SyncSettings.objects.filter(connection=store).update(alert_addresses=["boutique@kauri.example"])
    make_draft(merchant, channel=Channel.objects.create(connection=store, name="Boutique"), confirm_by=FAR)

    (letter,) = work()

    assert letter.to == ["boutique@kauri.example"]


def test_a_draft_whose_time_ends_is_reminded_of_once(merchant: Merchant, channel: Channel):
    order = make_draft(merchant, channel=channel, confirm_by=NOON + 10 * HOUR)

    for minutes in (299, 301, 400):
        clock.tick(at=NOON + timedelta(minutes=minutes))

    (message,) = OutboxMessage.objects.filter(key__startswith="tell:complete_soon")
    assert message.payload["reason"].startswith(f"Order {order.number} expires on ")
    assert OrderEvent.objects.filter(text="Reminded: the time to complete it ends soon.").count() == 1
