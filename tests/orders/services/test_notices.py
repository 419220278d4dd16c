from __future__ import annotations

import pytest
from django.core import mail
from django.db import transaction

from accounts.models import AuditEvent, Role
from connectors.models import ConnectionState
from connectors.services import connections
from orders import alarms, outbox
from orders.enums import Topic
from orders.models import OutboxMessage
from orders.services import notices
from tests.factories import NOON, make_connection, make_member, make_merchant, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.pushed import make_pushed

pytestmark = pytest.mark.django_db


def tell(kind: notices.MerchantNotice, cause: str, order=None, reason: str = "Insufficient funds."):
    order = order or make_order()
    with transaction.atomic():
        notices.promise_merchant(order, kind=kind, cause_key=cause, at=NOON, reason=reason)
    return order


def test_one_cause_makes_one_mail():
    order = tell("capture_declined", "a")
    tell("capture_declined", "a", order)
    tell("capture_declined", "b", order)

    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).count() == 2


ABOUT_CONNECTIONS = ("reconnect", "store_gone", "data_request")


@pytest.mark.parametrize("kind", [kind for kind in notices.WORDS if kind not in ABOUT_CONNECTIONS])
def test_every_notice_names_the_order_the_reason_and_the_way_there(kind: notices.MerchantNotice):
    pushed = make_pushed(merchant=make_merchant(alert_addresses=["alerts@kauri.example"]))
    tell(kind, "a", pushed.order)
    pushed.drain()

    message = mail.outbox[0]
    assert message.subject == f"Order {pushed.order.number}: {notices.WORDS[kind].subject}"
    for part in (message.body, message.alternatives[0].content):
        assert "Insufficient funds." in part
        assert f"/orders/{pushed.order.public_id}/" in part
    assert pushed.order.customer_email not in message.body


def test_alert_addresses_are_told_together():
    merchant = make_merchant(alert_addresses=["a@kauri.example", "b@kauri.example"])
    make_member(merchant)
    pushed = make_pushed(merchant=merchant)
    tell("push_held", "a", pushed.order)
    pushed.drain()

    assert mail.outbox[0].to == ["a@kauri.example", "b@kauri.example"]


def test_without_alert_addresses_the_owners_are_told():
    merchant = make_merchant()
    owner = make_member(merchant, Role.OWNER)
    make_member(merchant, Role.MANAGER)
    pushed = make_pushed(merchant=merchant)
    tell("push_held", "a", pushed.order)
    pushed.drain()

    assert mail.outbox[0].to == [owner.email]


def test_a_merchant_whom_nobody_can_reach_is_on_record():
    pushed = make_pushed()
    tell("push_held", "a", pushed.order)
    pushed.drain()

    assert pushed.history("merchant.not_told") == ["Nobody was told by e-mail: there is no alert address and no owner."]


def test_a_lost_token_is_one_mail_until_the_next_one_is_lost():
    connection = make_connection()
    for _ in range(2):
        alarms.auth_lost(connection, reason="Refused.", at=NOON)
    fresh = connections.reconnect(connection_id=connection.pk, credentials={"access_token": "b"}, by="ana", at=NOON)
    alarms.auth_lost(fresh, reason="Refused.", at=NOON)

    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).count() == 2


def test_a_token_that_was_replaced_meanwhile_makes_no_mail():
    connection = make_connection()
    connections.reconnect(connection_id=connection.pk, credentials={"access_token": "b"}, by="ana", at=NOON)

    alarms.auth_lost(connection, reason="Refused.", at=NOON)

    assert not OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).exists()
    connection.refresh_from_db()
    assert connection.state == ConnectionState.ACTIVE


@pytest.mark.parametrize(
    ("alarm", "subject"), [(alarms.auth_lost, "Reconnect your store"), (alarms.gone, "Your store cannot be reached")]
)
def test_the_mail_about_a_connection_needs_no_order_and_leads_there(alarm, subject: str):
    connection = make_connection(make_merchant(alert_addresses=["a@kauri.example"]), name="Kauri Shopify")
    alarm(connection, reason="It said no.", at=NOON)
    outbox.drain(world=make_world(FakeStore()))

    assert mail.outbox[0].subject == f"{subject}: Kauri Shopify"
    for part in (mail.outbox[0].body, mail.outbox[0].alternatives[0].content):
        assert "It said no." in part
        assert f"/connections/{connection.public_id}/" in part


def test_a_mail_about_a_connection_that_reaches_nobody_is_on_the_merchants_record():
    connection = make_connection()
    alarms.gone(connection, reason="Frozen.", at=NOON)
    outbox.drain(world=make_world(FakeStore()))

    assert AuditEvent.objects.filter(merchant=connection.merchant, kind="merchant.not_told").count() == 1
