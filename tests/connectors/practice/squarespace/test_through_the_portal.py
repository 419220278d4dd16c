"""The whole way: a merchant connects a practice site, an order goes there, and what happens there comes back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection, ProductLink
from connectors.practice import services as practice
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.squarespace import limits
from orders import outbox
from orders.enums import OrderStatus, PushStatus
from orders.models import Order, OrderPush
from orders.services import decisions, preflight, reconcile
from orders.world import World
from tests.connectors.practice.squarespace.site import make_site, oauth
from tests.factories import make_member, make_merchant, make_order
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(live_server, settings) -> PracticeShop:
    settings.BASE_URL = live_server.url
    yield make_site()
    let_go()


@pytest.fixture
def connection(site) -> Connection:
    """Connected as a merchant does it who chooses the practice site from the list."""
    client = Client()
    client.force_login(make_member(make_merchant()))
    client.post(reverse("connectors:connect", args=["squarespace"]), {"practice": site.slug})
    return Connection.objects.select_related("sync_settings").get()


@pytest.fixture
def order(connection) -> Order:
    lines = [{"sku": "STOOL", "quantity": 2, "unit_price": "50.00"}, {"sku": "LAMP", "unit_price": "15.00"}]
    return make_order(connection.merchant, connections=[connection], lines=lines)


@pytest.fixture
def world() -> World:
    return World.real()


def push_of(order: Order) -> OrderPush:
    return OrderPush.objects.select_related("order").get(order=order)


def pushed(order: Order, world: World) -> OrderPush:
    """Checked, confirmed, captured, sent and read back."""
    finding = preflight.examine(order.pushes.get(), world)
    assert finding.blockers == ()
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    outbox.drain(world=world)
    return push_of(order)


def test_a_practice_site_is_connected_from_the_list(connection, site):
    assert (connection.platform, connection.currency, connection.name) == ("squarespace", "NZD", "Kauri & Clay")
    assert connection.remote_id == site.settings["websiteId"]
    assert connection.webhook_topics == []


def test_an_order_is_there_once_and_equal_to_the_cent(order, world):
    push = pushed(order, world)

    there = PracticeOrder.objects.get()
    assert (push.status, push.remote_name, push.blockers) == (PushStatus.PUSHED, "#1", [])
    assert push.remote_total == there.total == order.total
    assert there.source_identifier == push.reference


def test_skus_are_looked_up_once_and_read_by_id_from_then_on(order, connection, world):
    preflight.examine(order.pushes.get(), world)
    connection.calls.all().delete()

    preflight.examine(order.pushes.get(), world)

    assert sorted(ProductLink.objects.values_list("sku", flat=True)) == ["LAMP", "STOOL"]
    assert list(connection.calls.values_list("operation", flat=True)) == ["inventory_by_id"]


def test_a_poll_brings_the_fulfillment_home_and_the_customer_is_told(order, connection, world):
    pushed(order, world)
    practice.fulfill(
        order_id=PracticeOrder.objects.get().pk,
        quantities=None,
        parcels=[{"number": "NZ1", "company": "NZ Post", "url": "https://track.example/NZ1"}],
    )

    assert reconcile.poll_changes(world=world) == 1
    outbox.drain(world=world)

    order.refresh_from_db()
    assert order.status == OrderStatus.COMPLETED
    assert any("NZ1" in message.body for message in mail.outbox)


def test_a_site_that_slows_every_poll_down_is_read_to_its_end_step_by_step(order, connection, site, world, monkeypatch):
    pushed(order, world)
    ours = PracticeOrder.objects.get()
    practice.fulfill(order_id=ours.pk, quantities=None, parcels=[])
    began = timezone.now() - timedelta(hours=4)
    foreign(ours, 400, since=began)
    PracticeOrder.objects.filter(pk=ours.pk).update(updated_at=began + timedelta(hours=3))
    Connection.objects.update(polled_until=began)

    monkeypatch.setattr(limits, "PER_S", 0.001)  # however slow this machine is, a bucket does not fill meanwhile
    ends = []
    while len(ends) < 30 and (not ends or connection.poll_error):
        PracticeShop.objects.update(bucket=6, bucket_at=timezone.now())  # so many calls, then it throttles
        Connection.objects.update(polled_at=None, open_until=None)
        assert reconcile.poll_changes(world=world) == 1
        connection.refresh_from_db()
        ends.append(connection.poll_goes_on_from or connection.polled_until)
    outbox.drain(world=world)

    order.refresh_from_db()
    assert order.status == OrderStatus.COMPLETED
    assert (len(set(ends)), ends) == (len(ends), sorted(ends))
    assert (len(ends) > 1, connection.poll_error) == (True, "")


def foreign(like: PracticeOrder, count: int, *, since: datetime) -> None:
    """Orders of the site's own customers, which changed one after the other from then until now."""
    kept = {each.attname: getattr(like, each.attname) for each in PracticeOrder._meta.concrete_fields}
    del kept["id"]
    step = (timezone.now() - since) / count
    others = [
        {**kept, "name": f"#{50_000 + number}", "source_identifier": "", "updated_at": since + step * number}
        for number in range(count)
    ]
    PracticeOrder.objects.bulk_create(PracticeOrder(**each) for each in others)


def test_a_cancellation_there_holds_the_push_and_moves_no_money(order, connection, world):
    pushed(order, world)
    practice.cancel_order(order_id=PracticeOrder.objects.get().pk)

    reconcile.poll_changes(world=world)
    outbox.drain(world=world)

    push = push_of(order)
    assert (push.status, push.remote_cancelled) == (PushStatus.HELD, True)


def test_an_app_with_oauth_is_told_by_webhooks_that_its_own_secret_signs(connection, site):
    Connection.objects.update(credentials={"access_token": oauth(site)}, credential_version=2)
    connection.refresh_from_db()
    client = Client()
    client.force_login(connection.merchant.memberships.get().user)

    client.post(reverse("connectors:webhooks", args=[connection.public_id]))

    connection.refresh_from_db()
    site.refresh_from_db()
    assert connection.webhook_topics == ["order.update", "extension.uninstall"]
    assert connection.webhook_secret["secrets"] == list(site.settings["secrets"].values())
