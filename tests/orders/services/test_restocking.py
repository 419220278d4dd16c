"""Units of a refund that go back into stock: each store that can be told is told once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.base import PutBack
from connectors.errors import OutcomeUnknownError, RejectedError
from connectors.gateway import sandbox
from connectors.models import ProductLink, SandboxCharge, SyncSettings
from connectors.money import to_minor
from orders import outbox
from orders.enums import OutboxStatus, PushStatus, Topic
from orders.models import OrderPush, Payment, Refund
from orders.services import decisions
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world
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


def test_the_store_is_told_which_variant_each_line_is_there_and_whether_stock_was_taken():
    pushed = make_there()
    line = pushed.order.lines.get(external_id="1")
    ProductLink.objects.update_or_create(
        connection=pushed.push.connection,
        sku=line.sku,
        defaults={"variant_id": "v-1", "source": "hand", "checked_at": NOON},
    )
    SyncSettings.objects.filter(connection=pushed.push.connection).update(bypass_stock_check=True)
    give_back(pushed, {"1": 1})

    (told,) = pushed.store.put_back_there
    assert (told.variants, told.took_stock) == ({line.public_id: "v-1"}, False)


@pytest.mark.parametrize("took", [True, False])
def test_whether_stock_was_taken_is_what_was_sent_whatever_is_set_today(took):
    pushed = make_there()
    OrderPush.objects.filter(pk=pushed.push.pk).update(took_stock=took)
    SyncSettings.objects.filter(connection=pushed.push.connection).update(bypass_stock_check=took)

    give_back(pushed, {"1": 1})

    (told,) = pushed.store.put_back_there
    assert told.took_stock is took


@pytest.mark.parametrize("bypass", [True, False])
def test_a_push_keeps_whether_it_was_sent_past_the_stock_check(bypass):
    store, connection = FakeStore(), make_connection()
    store.stock_up("A")
    SyncSettings.objects.filter(connection=connection).update(bypass_stock_check=bypass)
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    outbox.drain(at=NOON, world=make_world(store))

    push = order.pushes.get()
    assert (push.status, push.took_stock) == (PushStatus.PUSHED, not bypass)


def test_without_the_wish_no_store_is_told():
    pushed = make_there()
    give_back(pushed, {"1": 1}, restock=False)

    assert pushed.promised(Topic.PUT_BACK) == []


def test_a_store_that_cannot_be_told_is_named_in_the_history():
    pushed = make_there("filedrop")
    give_back(pushed, {"1": 1})

    assert pushed.promised(Topic.PUT_BACK) == []
    told = "Kauri Linen is not told of units that go back into stock: change its stock there."
    assert pushed.history("push.restock_by_hand") == [told]


def test_no_more_is_booked_than_the_customer_got():
    pushed = make_there()
    refund = give_back(pushed, {"1": 2}, amount=Decimal("3.21"))

    assert [back.amount for back in pushed.store.put_back_there] == [refund.amount] == [Decimal("3.21")]


def test_where_nothing_was_put_back_the_history_does_not_say_so(monkeypatch):
    pushed = make_there()
    monkeypatch.setattr(pushed.store, "put_back", lambda remote_id, back: False)

    give_back(pushed, {"1": 1})

    assert pushed.history("push.restocked") == []
    (text,) = pushed.history("push.restock_by_hand")
    assert text.startswith("Kauri Linen had nowhere to put 1 unit back: the order is gone or cancelled there")


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


def test_once_the_key_may_be_forgotten_nothing_is_booked_again_and_a_person_looks(monkeypatch):
    pushed = make_there("squarespace")
    start, tried = pushed.store.clock.now(), []

    def lost(remote_id, back):
        tried.append(pushed.store.clock.now() - start)
        raise OutcomeUnknownError("No answer.")

    monkeypatch.setattr(pushed.store, "put_back", lost)
    monkeypatch.setattr(pushed.store, "resends_for", timedelta(hours=20))
    give_back(pushed, {"1": 1})
    for _ in range(80):
        pushed.store.clock.advance(3600)
        pushed.drain()

    assert (len(tried) > 2, max(tried) <= timedelta(hours=20)) == (True, True)
    (text,) = pushed.history("push.restock_failed")
    assert text.startswith("It is not known whether units were put back into stock in Kauri Linen: Kauri Linen did not")
    assert len(pushed.promised(Topic.TELL_MERCHANT)) == 1


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


def test_one_that_is_held_and_stands_there_is_told_too():
    pushed = make_there()
    OrderPush.objects.filter(pk=pushed.push.pk).update(status=PushStatus.HELD, reason="It has another total there.")

    give_back(pushed, {"1": 1})

    assert [back.units for back in pushed.store.put_back_there] == [{line_id(pushed, "1"): 1}]


def test_one_that_was_cancelled_there_says_to_look_by_hand():
    pushed = make_there()
    held = {"status": PushStatus.HELD, "reason": "Cancelled there.", "remote_cancelled": True}
    OrderPush.objects.filter(pk=pushed.push.pk).update(**held)

    give_back(pushed, {"1": 1})

    assert pushed.store.put_back_there == []
    (text,) = pushed.history("push.restock_by_hand")
    assert text == (
        "#1001 is cancelled in Kauri Linen, which is told of no units: "
        "see there whether they are back in stock, and change it by hand if not."
    )


def test_units_that_never_went_there_do_not_come_back():
    pushed = make_there()
    refund = issue(pushed.order, {"1": 1}, restock=True)
    pushed.push.push_lines.filter(line__external_id="1").update(sent_quantity=1)
    OrderPush.objects.filter(pk=pushed.push.pk).update(sent_at=refund.requested_at)

    pushed.drain()

    assert pushed.store.put_back_there == []
