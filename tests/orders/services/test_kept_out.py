"""Bringing back what somebody kept out of a destination."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from connectors import conditions
from connectors.models import Connection, SyncSettings
from connectors.services import connections
from orders.enums import OrderStatus, PushStatus
from orders.errors import TransitionNotAllowed
from orders.models import OrderPush
from orders.services import decisions, kept_out, pushes
from tests.factories import NOON, make_member
from tests.orders.services.shippable import ship
from tests.orders.services.split import Split, make_split

pytestmark = pytest.mark.django_db


@pytest.fixture
def split() -> Split:
    return make_split()


def keep_out(split: Split, connection: Connection | None = None) -> OrderPush:
    """By hand, as a push that its store refuses, or would."""
    push = split.push(connection or split.first)
    OrderPush.objects.filter(pk=push.pk).update(status=PushStatus.HELD, wait_for="", reason="The store refused it.")
    return pushes.skip(push_id=push.pk, by="ana", at=NOON)


def bring_back(split: Split, connection: Connection | None = None) -> OrderPush:
    push = split.push(connection or split.first)
    return kept_out.bring_back(push_id=push.pk, by="ben", at=split.world.now())


def lines_of(split: Split) -> dict[str, int]:
    return {line.external_id: line.quantity for line in split.order.lines.all()}


def paid_and_kept_out(split: Split) -> None:
    """Confirmed and captured, with nothing to send: what may be shipped from here."""
    keep_out(split)
    split.confirm()
    split.drain()


def test_before_the_decision_it_is_checked_again(split):
    keep_out(split)

    push = bring_back(split)

    assert (push.status, push.wait_for, push.checking) == (
        PushStatus.WAITING, conditions.confirmed(split.order.pk), True,
    )  # fmt: skip
    assert split.order.events.filter(text=f"ben brought it back for {split.first.name}.", by="ben").exists()


def test_what_its_store_would_refuse_blocks_again(split):
    split.store(split.first).variants.clear()
    keep_out(split)
    bring_back(split)
    split.drain()

    assert split.push(split.first).status == PushStatus.HELD
    assert split.push(split.first).blockers != []


def test_paid_it_goes_out_once_and_to_the_cent(split):
    paid_and_kept_out(split)
    assert split.store(split.first).orders == {}

    bring_back(split)
    split.drain()

    (there,) = split.store(split.first).orders.values()
    assert (split.push(split.first).status, there.total) == (PushStatus.PUSHED, split.order.total)


def test_before_the_money_is_taken_its_store_is_asked(split):
    keep_out(split)
    split.confirm()
    split.store(split.first).variants.clear()

    bring_back(split)
    split.drain()

    assert split.order.payment_status == "authorized"
    assert split.push(split.first).status == PushStatus.HELD


def test_it_carries_its_part_of_the_amounts_again(split):
    split.move(split.order.lines.first().sku)
    keep_out(split)
    split.move(*[line.sku for line in split.order.lines.all() if line.sku in split.skus(split.first)][:1])
    assert split.push(split.first).carries_shipping is False

    bring_back(split)

    parts = [split.push(connection) for connection in (split.first, split.second)]
    assert sum(part.total for part in parts) == split.order.total
    assert sum(part.shipping for part in parts) == Decimal("7.00")


def test_one_that_is_pushed_by_hand_waits_for_a_person_again(split):
    SyncSettings.objects.filter(connection=split.first).update(push_by_hand=True)
    paid_and_kept_out(split)
    OrderPush.objects.update(pushed_by="ana")

    bring_back(split)
    split.drain()

    assert split.push(split.first).waits_for_hand


@pytest.mark.parametrize("why", ["shipped", "settings", "off", "gone", "cancelled", "never", "moved"])
def test_it_stays_out_where_it_would_be_sent_twice_or_nowhere(split, why: str):
    if why == "moved":
        keep_out(split)
    elif why != "never":
        paid_and_kept_out(split)
    match why:
        case "shipped":
            ship(split.order, {split.order.lines.first().external_id: 1})
            words = "would be sent twice"
        case "settings":
            OrderPush.objects.update(reason="Order sync is off for this connection.")
            words = "Nobody kept"
        case "off":
            SyncSettings.objects.filter(connection=split.first).update(sync_orders=False)
            words = "Order sync is off"
        case "gone":
            connections.disconnect(connection_id=split.first.pk, by="ana", at=NOON)
            words = "was disconnected"
        case "cancelled":
            decisions.cancel(order_id=split.order.pk, reason="x", by="ana", at=NOON)
            words = "Nobody kept|nothing is sent any more"
        case "never":
            words = "Nobody kept"
        case "moved":
            split.move(*[line.sku for line in split.order.lines.all()])
            words = "Its lines go elsewhere"
    status = split.push(split.first).status

    with pytest.raises(TransitionNotAllowed, match=words):
        bring_back(split)

    assert split.push(split.first).status == status
    assert split.store(split.first).orders == {}


def test_all_shipped_from_here_completes_the_order_and_ends_the_way_back(split):
    paid_and_kept_out(split)
    ship(split.order, lines_of(split))
    split.order.refresh_from_db()
    assert split.order.status == OrderStatus.COMPLETED

    with pytest.raises(TransitionNotAllowed, match="nothing is sent any more"):
        bring_back(split)


def test_the_page_offers_it_and_says_what_became_of_it(split, client: Client):
    paid_and_kept_out(split)
    door = reverse("orders:push_bring_back", args=[split.push(split.first).public_id])
    page = reverse("orders:detail", args=[split.order.public_id])
    client.force_login(make_member(split.order.merchant, Role.MANAGER))
    assert door in client.get(page).content.decode()

    answer = client.post(door, follow=True).content.decode()

    assert f"It goes to {split.first.name} after all." in answer
    assert door not in answer
    assert "Nobody kept this part of the order out." in client.post(door, follow=True).content.decode()


def test_a_viewer_may_not(split, client: Client):
    paid_and_kept_out(split)
    client.force_login(make_member(split.order.merchant, Role.VIEWER))
    door = reverse("orders:push_bring_back", args=[split.push(split.first).public_id])

    assert door not in client.get(reverse("orders:detail", args=[split.order.public_id])).content.decode()
    assert client.post(door).status_code == 403
    assert split.push(split.first).status == PushStatus.SKIPPED
