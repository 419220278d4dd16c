"""Migrations that carry rows over."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from orders.enums import OutboxStatus, RefundStatus, Topic
from orders.models import OutboxMessage, Payment, Refund
from tests.factories import NOON, make_message
from tests.orders.services.refundable import charge_of, drain, issue, make_paid

pytestmark = pytest.mark.django_db
refunds = import_module("orders.migrations.0007_refunds")
units_given_back = import_module("orders.migrations.0023_units_given_back_unsent")


def carried_over() -> Refund:
    refunds.take_over(apps, connection.schema_editor())
    return Refund.objects.get()


@pytest.mark.plants("I3", "rows of before there were refunds")
def test_what_was_given_back_becomes_a_refund():
    order = make_paid()
    Payment.objects.update(status="refunded", refunded=order.total)

    refund = carried_over()

    assert (refund.status, refund.amount, refund.done_at) == (RefundStatus.DONE, order.total, NOON)


@pytest.mark.parametrize(("status", "kept"), [("waiting", RefundStatus.REQUESTED), ("held", RefundStatus.FAILED)])
def test_a_promise_goes_on_under_the_key_that_the_gateway_knows(status: str, kept: str):
    order = make_paid()
    make_message(topic=Topic.REFUND_PAYMENT, order=order, status=status, reason="No answer.", key="refund:x:cancel")

    refund = carried_over()

    assert (refund.status, refund.amount) == (kept, order.total)
    OutboxMessage.objects.update(status=OutboxStatus.WAITING)
    Refund.objects.update(status=RefundStatus.REQUESTED)
    drain()
    assert list(charge_of(order).answers) == [f"refund:{order.public_id}:1"]


def test_refunds_of_before_took_what_was_not_sent_first():
    order = make_paid()
    refund = issue(order, {"1": 2})
    order.lines.filter(external_id="1").update(fulfilled_quantity=2, called_off_quantity=0)
    refund.lines.update(not_sent=0)

    units_given_back.take_over(apps, connection.schema_editor())

    assert (refund.lines.get().not_sent, order.lines.get(external_id="1").called_off_quantity) == (1, 1)
