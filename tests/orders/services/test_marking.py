"""Auto fulfillment off: paid orders wait for a person, then go out as ever."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Role
from connectors import conditions
from connectors.models import Connection, LinkSource, ProductLink, SupplierSettings
from orders import outbox
from orders.enums import Headline, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OutboxMessage
from orders.services import decisions, marking
from tests.factories import NOON, make_connection, make_member, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.split import make_paid, make_split

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    store.stock_up("A")
    return store


@pytest.fixture
def order(merchant, store) -> Order:
    """Confirmed and paid, for a supplier whose auto fulfillment is off."""
    supplier = make_connection(merchant, platform="ssactivewear")
    SupplierSettings.objects.create(connection=supplier, auto_fulfillment=False)
    order = make_order(merchant, connections=[supplier], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    outbox.drain(at=NOON, world=make_world(store))
    order.refresh_from_db()
    return order


def mark(order: Order) -> None:
    marking.mark(order_id=order.pk, by="ana", at=NOON)


def test_paid_it_waits_for_a_person(order, store):
    push = order.pushes.get()

    assert (push.status, push.wait_for) == (PushStatus.WAITING, conditions.marked(push.pk))
    assert (order.headline, store.orders) == (Headline.WAITING, {})


def test_marked_it_is_sent_once(order, store):
    mark(order)
    outbox.drain(at=NOON, world=make_world(store))

    assert (order.pushes.get().status, len(store.orders)) == (PushStatus.PUSHED, 1)


def test_marked_twice_it_is_promised_once(order):
    mark(order)

    with pytest.raises(TransitionNotAllowed, match="Nothing of order"):
        mark(order)
    assert OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).count() == 1


def test_called_off_while_it_waits_nothing_is_sent(order, store):
    decisions.cancel(order_id=order.pk, reason="Changed their mind", by="ana", at=NOON)
    outbox.drain(at=NOON, world=make_world(store))

    assert (order.pushes.get().status, store.orders) == (PushStatus.CANCELLED, {})
    with pytest.raises(TransitionNotAllowed):
        mark(order)


def test_with_auto_fulfillment_it_goes_out_when_it_is_paid(merchant, store):
    order = make_order(merchant, connections=[make_connection(merchant, platform="ssactivewear")], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    outbox.drain(at=NOON, world=make_world(store))

    assert order.pushes.get().status == PushStatus.PUSHED


def test_the_page_offers_it_to_those_who_may(order, owner, client):
    client.force_login(owner)
    page, door = reverse("orders:detail", args=[order.public_id]), reverse("orders:mark", args=[order.public_id])
    assert f'action="{door}"' in client.get(page).content.decode()

    client.post(door)
    assert order.pushes.get().status == PushStatus.QUEUED


def test_a_viewer_and_a_stranger_cannot_mark(order, client):
    door = reverse("orders:mark", args=[order.public_id])
    client.force_login(make_member(order.merchant, Role.VIEWER))
    viewed = client.post(door).status_code
    client.force_login(make_member(make_connection().merchant))

    assert (viewed, client.post(door).status_code) == (403, 404)
    assert order.pushes.get().status == PushStatus.WAITING


def test_a_paid_line_that_is_moved_to_such_a_supplier_waits_as_well():
    split = make_paid()
    Connection.objects.filter(pk=split.second.pk).update(platform="ssactivewear")
    SupplierSettings.objects.create(connection=split.second, auto_fulfillment=False)
    ProductLink.objects.create(
        connection=split.second, sku="A", variant_id="variant-A", source=LinkSource.HAND, checked_at=NOON
    )

    split.move("A")
    split.drain()
    waited = split.push(split.second).waits_for_mark
    mark(split.order)
    split.drain()

    assert waited
    assert [len(split.store(each).orders) for each in (split.first, split.second)] == [1, 1]


def test_marked_and_then_changed_it_waits_again():
    split = make_split()
    Connection.objects.filter(pk=split.first.pk).update(platform="ssactivewear")
    SupplierSettings.objects.create(connection=split.first, auto_fulfillment=False)
    ProductLink.objects.create(
        connection=split.second, sku="A", variant_id="variant-A", source=LinkSource.HAND, checked_at=NOON
    )
    split.confirm()
    split.drain()
    mark(split.order)

    split.move("A")
    waited = split.push(split.first).waits_for_mark
    mark(split.order)
    split.drain()

    assert waited
    assert split.push(split.first).status == PushStatus.PUSHED
