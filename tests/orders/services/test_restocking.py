"""Units of a refund that go back into stock: each store that can be told is told once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.base import PutBack
from connectors.errors import OutcomeUnknownError, RejectedError
from connectors.gateway import sandbox
from connectors.models import SandboxCharge
from connectors.money import to_minor
from orders.enums import OutboxStatus, Topic
from orders.models import OrderPush, Payment, Refund
from tests.factories import make_connection
from tests.orders.services.pushed import Pushed, make_pushed
from tests.orders.services.refundable import issue

pytestmark = pytest.mark.django_db


def make_there(platform: str = "woocommerce") -> Pushed:
    """Two oak stools and a vase that are in the store and paid."""
    pushed = make_pushed(connection=make_connection(platform=platform, name="Kauri Linen"))
    order = pushed.order
    Payment.objects.filter(order=order).update(captured=order.total)
    units = to_minor(order.total, order.currency)
    SandboxCharge.objects.create(
        reference=order.payment.reference, currency=order.currency, authorized=units, captured=units, state="succeeded",
        capture_before=timezone.now() + sandbox.WINDOW,
    )  # fmt: skip
    return pushed


def give_back(pushed: Pushed, lines: dict[str, int], **fields) -> Refund:
    refund = issue(pushed.order, lines, **{"restock": True, **fields})
    pushed.drain()
    refund.refresh_from_db()
    return refund


def line_id(pushed: Pushed, number: str) -> str:
    return pushed.order.lines.get(external_id=number).public_id


def test_the_store_is_told_once_the_money_is_given():
    pushed = make_there()
    refund = give_back(pushed, {"1": 1})

    reference = f"{pushed.push.reference}-{refund.public_id[:12]}"
    told = PutBack(reference, {line_id(pushed, "1"): 1}, refund.amount, "Arrived damaged")
    assert (refund.status, pushed.store.put_back_there) == ("done", [told])
    assert pushed.history("push.restocked") == ["1 unit put back into stock in Kauri Linen."]


def test_without_the_wish_no_store_is_told():
    pushed = make_there()
    give_back(pushed, {"1": 1}, restock=False)

    assert pushed.promised(Topic.PUT_BACK) == []


def test_a_store_that_cannot_be_told_is_named_in_the_history():
    pushed = make_there("squarespace")
    give_back(pushed, {"1": 1})

    assert pushed.promised(Topic.PUT_BACK) == []
    told = "Kauri Linen is not told of units that go back into stock: change its stock there."
    assert pushed.history("push.restock_by_hand") == [told]


def test_no_more_is_booked_than_the_customer_got():
    pushed = make_there()
    refund = give_back(pushed, {"1": 2}, amount=Decimal("3.21"))

    assert [back.amount for back in pushed.store.put_back_there] == [refund.amount] == [Decimal("3.21")]


def test_a_lost_answer_is_looked_for_only_when_it_cannot_arrive_any_more(monkeypatch):
    pushed = make_there()
    told = pushed.store.put_back

    def lost(remote_id, back):
        told(remote_id, back)
        raise OutcomeUnknownError("No answer.")

    monkeypatch.setattr(pushed.store, "put_back", lost)
    give_back(pushed, {"1": 1})
    monkeypatch.setattr(pushed.store, "put_back", told)
    pushed.store.clock.advance(pushed.store.horizon_s - 1)
    pushed.drain()
    asked = pushed.store.calls.count("put_back")
    pushed.store.clock.advance(2)
    pushed.drain()

    assert (asked, pushed.store.calls.count("put_back"), len(pushed.store.put_back_there)) == (1, 2, 1)
    assert pushed.promised(Topic.PUT_BACK)[0].status == OutboxStatus.DONE


def test_a_refusal_says_who_has_to_change_the_stock(monkeypatch):
    pushed = make_there()

    def refused(remote_id, back):
        raise RejectedError("WooCommerce shows these units refunded already. Change the stock there.")

    monkeypatch.setattr(pushed.store, "put_back", refused)
    give_back(pushed, {"1": 1})

    (text,) = pushed.history("push.restock_failed")
    assert text.startswith("Units were not put back into stock in Kauri Linen: WooCommerce shows")
    assert [message.status for message in pushed.promised(Topic.PUT_BACK)] == [OutboxStatus.HELD]
    assert len(pushed.promised(Topic.TELL_MERCHANT)) == 1


def test_what_was_never_sent_is_put_back_nowhere():
    pushed = make_there()
    OrderPush.objects.update(status="held", reason="Refused", remote_id="", pushed_at=None)
    give_back(pushed, {"1": 1})

    assert pushed.promised(Topic.PUT_BACK) == []
