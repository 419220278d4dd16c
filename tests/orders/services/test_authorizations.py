"""Authorizations that end by themselves before anybody took the money."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant
from connectors.gateway.base import Authorization
from orders import outbox
from orders.due import LastResort
from orders.enums import OrderStatus, PaymentStatus, Topic
from orders.errors import OrderBlocked
from orders.models import Order, OutboxMessage
from orders.services import decisions, drafts, payment_news
from tests.factories import NOON, make_member, make_merchant, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.api.client import make_api
from tests.orders.drafts import make_draft
from tests.orders.services.accepting import make_checked, make_hours, make_rule

pytestmark = pytest.mark.django_db
GONE = "authorization_expired"


def cancelled_there(order: Order, monkeypatch: pytest.MonkeyPatch) -> Order:
    """The gateway says of itself that it released the money."""

    def read(self: object, reference: str) -> Authorization:
        return Authorization(reference, "canceled", order.currency, order.total, order.total * 0, order.total * 0, None)

    monkeypatch.setattr("connectors.gateway.sandbox.SandboxGateway.read", read)
    payment_news.notice(gateway="sandbox", reference=order.payment.reference, at=NOON)
    return Order.objects.select_related("payment").get(pk=order.pk)


@pytest.fixture
def merchant(db: None) -> Merchant:
    return make_merchant(auto_accept=True)


@pytest.fixture
def order(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> Order:
    """One that its store would take, and that nobody can pay any more."""
    return cancelled_there(make_checked(merchant, confirm_by=timezone.now() + timedelta(days=900)), monkeypatch)


def notices(kind: str) -> int:
    return OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT, payload__kind=kind).count()


def test_the_order_says_that_its_payment_is_gone(order: Order):
    assert [blocker.code for blocker in order.blocker_list] == [GONE]
    assert (order.status, order.payment_status, order.headline) == ("pending", "failed", "blocked")
    assert order.events.filter(kind="payment.failed").exists()


def test_the_merchant_is_told_once_and_not_to_take_the_payment_again(order: Order, monkeypatch: pytest.MonkeyPatch):
    make_member(order.merchant)
    cancelled_there(order, monkeypatch)

    assert (notices("authorization_gone"), notices("capture_declined")) == (1, 0)
    outbox.drain(world=make_world(FakeStore()))
    assert "Decline it" in mail.outbox[-1].body
    assert "payment again" not in mail.outbox[-1].body


def test_it_cannot_be_confirmed(order: Order):
    with pytest.raises(OrderBlocked) as refused:
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    assert [blocker.code for blocker in refused.value.blockers] == [GONE]
    assert not OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).exists()


def test_one_whose_blocker_was_never_written_cannot_be_confirmed_either(order: Order):
    Order.objects.update(blockers=[])

    with pytest.raises(OrderBlocked):
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    assert not decisions.auto_accept(order_id=order.pk, at=NOON)


def test_neither_the_toggle_nor_a_rule_accepts_it(order: Order):
    assert not decisions.auto_accept(order_id=order.pk, at=NOON)
    make_rule(order.merchant)
    assert not decisions.auto_accept(order_id=order.pk, at=NOON)


def test_the_last_resort_does_not_accept_it(order: Order):
    make_hours(order.merchant, last_resort=LastResort.ACCEPT)

    assert not decisions.accept_at_last(order_id=order.pk, at=NOON)
    assert Order.objects.get().status == OrderStatus.PENDING


def test_the_page_offers_to_decline_it_alone(order: Order, client: Client):
    client.force_login(make_member(order.merchant))

    text = client.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    assert "its payment is gone" in text
    assert reverse("orders:confirm", args=[order.public_id]) not in text
    assert reverse("orders:capture_retry", args=[order.public_id]) not in text
    assert reverse("orders:decline", args=[order.public_id]) in text
    assert "Payment is gone" in client.get(reverse("orders:list")).content.decode()


def test_confirming_many_says_why_it_was_not(order: Order, client: Client):
    client.force_login(make_member(order.merchant))

    answer = client.post(reverse("orders:bulk_confirm"), {"orders": [order.public_id]}, follow=True)

    assert "payment was cancelled or ran out" in answer.content.decode()
    assert Order.objects.get().status == OrderStatus.PENDING


def test_the_api_refuses_with_the_code(monkeypatch: pytest.MonkeyPatch):
    api = make_api()
    order = cancelled_there(make_order(api.merchant, confirm_by=timezone.now() + timedelta(days=900)), monkeypatch)

    answer = api.send("POST", f"orders/{order.public_id}/confirm/", {}, key=api.merchant_key)

    assert answer.status_code == 409
    assert [blocker["code"] for blocker in answer.json()["blockers"]] == [GONE]


def test_it_is_declined_as_any_other(order: Order):
    decisions.decline(order_id=order.pk, reason="Not paid.", by="ana", at=NOON)
    outbox.drain(world=make_world(FakeStore()))

    order = Order.objects.get()
    assert (order.status, order.payment_status) == (OrderStatus.DECLINED, PaymentStatus.VOIDED)


def test_a_look_at_what_it_lacks_leaves_the_blocker(order: Order):
    drafts.reconsider(order_id=order.pk, by="ana", at=NOON)

    assert [blocker.code for blocker in Order.objects.get().blocker_list] == [GONE]


def test_a_draft_says_it_beside_what_it_lacks(monkeypatch: pytest.MonkeyPatch):
    draft = cancelled_there(make_draft(), monkeypatch)

    assert draft.status == OrderStatus.DRAFT
    assert [blocker.code for blocker in draft.blocker_list][-1] == GONE
    assert len(draft.blocker_list) > 1


def test_a_confirmed_order_keeps_its_way_to_take_the_payment_again(monkeypatch: pytest.MonkeyPatch):
    confirmed = make_order()
    decisions.confirm(order_id=confirmed.pk, by="ana", at=NOON)

    confirmed = cancelled_there(confirmed, monkeypatch)

    assert (confirmed.headline, confirmed.blockers) == ("payment_failed", [])
    assert notices("capture_declined") == 1


def test_what_we_released_ourselves_is_no_news(monkeypatch: pytest.MonkeyPatch):
    declined = make_order()
    decisions.decline(order_id=declined.pk, reason="Sold out.", by="ana", at=NOON)

    declined = cancelled_there(declined, monkeypatch)

    assert declined.payment_status == PaymentStatus.AUTHORIZED
    assert not OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).exists()
