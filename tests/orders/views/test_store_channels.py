"""Pages about orders from stores: the switch, the button, what was brought, and changes to settle."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import AuditEvent, Role
from connectors.models import Connection
from orders.enums import OutboxStatus, SyncState, Topic
from orders.models import Order, OrderSync, OutboxMessage
from orders.services import store_channels, store_hints, store_sync
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.orders.services.stores import SINCE, bring, connection_of, later, make_store_channel, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def webhooks():
    """The shops of these tests do not answer."""
    with patch("connectors.services.connections.register_webhooks", return_value=()) as register:
        yield register


def signed_in(merchant, role: str = Role.MANAGER) -> Client:
    client = Client()
    client.force_login(make_member(merchant, role))
    return client


@pytest.fixture
def store():
    return make_connection(make_merchant(currency="NZD", time_zone="Pacific/Auckland"), name="Boutique")


def page_of(connection: Connection) -> str:
    return f"/connections/{connection.public_id}/orders/"


def test_a_manager_turns_it_on_from_a_day_of_the_merchants(store, webhooks):
    response = signed_in(store.merchant).post(page_of(store), {"on": "on", "placed_from": "2026-01-15"})

    assert response.status_code == 302
    store.refresh_from_db()
    sync = OrderSync.objects.get()
    assert (store.is_channel, sync.state, sync.placed_from.isoformat()) == (
        True,
        "running",
        "2026-01-14T11:00:00+00:00",
    )
    assert AuditEvent.objects.filter(kind="channel.on", subject="Boutique").count() == 1
    webhooks.assert_called_once()


def test_and_off_again(store):
    client = signed_in(store.merchant)
    client.post(page_of(store), {"on": "on", "placed_from": "2026-01-15"})

    client.post(page_of(store), {"placed_from": "2026-01-15"})

    store.refresh_from_db()
    assert (store.is_channel, OrderSync.objects.get().state) == (False, "idle")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Choose the day"),
        ("2099-01-01", "in the future"),
        ("9999-12-31", "from 2000 to 2099"),
        ("0001-01-01", "from 2000 to 2099"),
        ("soon", "Enter a valid date"),
    ],
)
def test_what_was_typed_wrong_is_said_beside_the_field_and_kept(store, typed, said):
    response = signed_in(store.merchant).post(page_of(store), {"on": "on", "placed_from": typed})

    assert response.status_code == 422
    assert said in response.content.decode()
    assert f'value="{typed}"' in response.content.decode() or not typed
    assert not OrderSync.objects.exists()


def test_a_paused_store_is_turned_on_and_says_that_it_is_not_read(store):
    Connection.objects.update(state="paused")

    response = signed_in(store.merchant).post(page_of(store), {"on": "on", "placed_from": "2026-01-15"}, follow=True)

    assert "Its orders were not read." in response.content.decode()
    assert OrderSync.objects.get().state == "idle"


def test_a_viewer_looks_and_does_not_change(store):
    client = signed_in(store.merchant, Role.VIEWER)

    assert client.get(page_of(store)).status_code == 200
    assert client.post(page_of(store), {"on": "on", "placed_from": "2026-01-15"}).status_code == 403
    assert client.post(f"{page_of(store)}sync/").status_code == 403
    assert client.post("/orders/sync/").status_code == 403


def test_a_stranger_finds_nothing(store):
    client = signed_in(make_merchant())

    assert client.get(page_of(store)).status_code == 404
    assert client.post(page_of(store), {}).status_code == 404
    assert client.post(f"{page_of(store)}sync/").status_code == 404


def test_a_supplier_has_no_such_page():
    supplier = make_connection(platform="ssactivewear")

    assert signed_in(supplier.merchant).get(page_of(supplier)).status_code == 404


def test_the_button_starts_a_reading():
    sync = make_store_channel()
    client = signed_in(connection_of(sync).merchant)

    response = client.post(f"{page_of(connection_of(sync))}sync/", follow=True)

    assert "Reading the orders of Boutique." in response.content.decode()
    assert OrderSync.objects.get().state == "running"


def test_a_store_that_is_off_refuses_the_button(store):
    response = signed_in(store.merchant).post(f"{page_of(store)}sync/", follow=True)

    assert "Turn them on first." in response.content.decode()


def test_the_progress_asks_again_only_while_it_reads():
    sync = make_store_channel()
    client, url = signed_in(connection_of(sync).merchant), page_of(connection_of(sync))
    store_sync.start(connection_id=connection_of(sync).pk, by="ana", at=NOON)

    running = client.get(url, headers={"HX-Request": "true"}).content.decode()
    OrderSync.objects.update(state=SyncState.DONE, due_at=None, finished_at=NOON, new=1200, drafts=2)
    done = client.get(url, headers={"HX-Request": "true"}).content.decode()

    assert 'hx-trigger="every 2s"' in running
    assert "hx-trigger" not in done
    assert "1,200, 2 of them drafts" in done


def test_the_result_names_what_stays_there_and_why():
    sync = make_store_channel()
    skipped = [{"id": "R1", "number": "#1<b>", "code": "fulfilled"}, {"id": "R2", "number": "#2", "code": "fulfilled"}]
    OrderSync.objects.update(state="done", finished_at=NOON, skipped=skipped, skipped_count=2)

    shown = signed_in(connection_of(sync).merchant).get(page_of(connection_of(sync))).content.decode()

    assert "Fulfilled in the store:" in shown
    assert "#1&lt;b&gt;, #2" in shown


def test_a_reading_that_failed_says_why():
    sync = make_store_channel()
    OrderSync.objects.update(state="failed", finished_at=NOON, error="The shop is frozen.")

    shown = signed_in(connection_of(sync).merchant).get(page_of(connection_of(sync))).content.decode()

    assert "The last reading ended early: The shop is frozen." in shown


@pytest.mark.parametrize(("role", "links"), [(Role.MANAGER, 1), (Role.VIEWER, 0)])
def test_a_store_that_lets_us_in_no_more_has_a_link_to_reconnect_it(role, links):
    connection = connection_of(make_store_channel())
    Connection.objects.filter(pk=connection.pk).update(state="auth_lost")

    for page in (page_of(connection), "/orders/sync/"):
        html = signed_in(connection.merchant, role).get(page).content.decode()

        assert html.count(f"/connections/{connection.public_id}/reconnect/") == links
        assert "new orders wait there until you reconnect it." in html


def test_a_store_that_lets_us_in_has_no_such_link():
    connection = connection_of(make_store_channel())

    assert "/reconnect/" not in signed_in(connection.merchant).get(page_of(connection)).content.decode()


def test_the_order_manager_has_the_button_only_where_there_is_a_channel(store):
    client = signed_in(store.merchant)
    assert "Sync orders" not in client.get("/orders/").content.decode()

    store_channels.turn_on(connection_id=store.pk, placed_from=SINCE, by="ana", at=NOON)

    assert "Sync orders" in client.get("/orders/").content.decode()


def test_that_button_reads_every_channel_and_shows_how_far_each_is():
    sync = make_store_channel()
    client = signed_in(connection_of(sync).merchant)

    response = client.post("/orders/sync/", follow=True)

    assert response.redirect_chain[-1][0] == "/orders/sync/"
    assert "Boutique" in response.content.decode()
    assert OrderSync.objects.get().state == "running"


def test_without_a_channel_that_page_says_how_to_have_one(store):
    assert "No store is a channel" in signed_in(store.merchant).get("/orders/sync/").content.decode()


def test_another_merchants_channels_are_not_there(store):
    make_store_channel()

    assert "Boutique</h2>" not in signed_in(store.merchant).get("/orders/sync/").content.decode()


@pytest.mark.parametrize("channels", [1, 3])
def test_that_page_asks_the_database_as_often_for_three_channels_as_for_one(channels, django_assert_num_queries):
    merchant = make_merchant()
    for number in range(channels):
        row = make_connection(merchant, name=f"Store {number}")
        store_channels.turn_on(connection_id=row.pk, placed_from=SINCE, by="ana", at=NOON)
    client = signed_in(merchant)
    client.get("/orders/sync/")

    with django_assert_num_queries(10):
        client.get("/orders/sync/")


def test_orders_that_do_not_come_in_are_said_wherever_the_store_is_shown():
    sync = make_store_channel()
    store = connection_of(sync)
    ours = signed_in(store.merchant)
    pages = ["/connections/", f"/connections/{store.public_id}/", page_of(store), "/orders/sync/"]
    assert not any("do not all come in" in ours.get(page).content.decode() for page in pages)

    store_hints.failing(sync.pk, code="scope_missing", reason="The app lacks a permission.", at=NOON)

    assert all("do not all come in" in ours.get(page).content.decode() for page in pages)


def test_orders_that_could_not_be_read_are_counted_on_its_page():
    sync = make_store_channel()
    store = connection_of(sync)
    with transaction.atomic():
        store_hints.ask(store, remote_id="R1", cause="e1", at=NOON)
    OutboxMessage.objects.filter(topic=Topic.READ_STORE_ORDER).update(status=OutboxStatus.HELD, reason="No.")
    store_hints.failing(sync.pk, code="order_unread", reason="It failed.", at=NOON)

    assert "1 order could not be read" in signed_in(store.merchant).get(page_of(store)).content.decode()


def test_the_connections_page_leads_there(store):
    shown = signed_in(store.merchant).get(f"/connections/{store.public_id}/").content.decode()

    assert page_of(store) in shown


# --- orders that changed there ---------------------------------------------------------------------


@pytest.fixture
def changed() -> Order:
    sync = make_store_channel()
    bring(sync, told())
    order = Order.objects.get()
    order.pushes.update(status="pushed", wait_for="", reason="", remote_id="9", remote_name="#9", pushed_at=NOON)
    Order.objects.update(status="confirmed", decided_at=NOON, decided_by="ana")
    bring(sync, later(told(note="Ring twice")))
    return Order.objects.get()


def test_the_order_says_what_changed_in_the_store_and_leads_there(changed):
    shown = signed_in(changed.merchant).get(f"/orders/{changed.public_id}/").content.decode()

    assert "Changed in Boutique since it was sent: note." in shown
    assert 'href="https://shop.example/admin/1"' in shown


def test_and_so_does_the_list(changed):
    assert "Changed in the store" in signed_in(changed.merchant).get("/orders/").content.decode()


def test_a_manager_settles_it(changed):
    client = signed_in(changed.merchant)

    client.post(f"/orders/{changed.public_id}/settle-change/")

    assert "changed-in-store" not in client.get(f"/orders/{changed.public_id}/").content.decode()


def test_nobody_else_does(changed):
    url = f"/orders/{changed.public_id}/settle-change/"

    assert signed_in(changed.merchant, Role.VIEWER).post(url).status_code == 403
    assert signed_in(make_merchant()).post(url).status_code == 404


def test_what_was_paid_in_the_store_is_confirmed_and_not_refunded_here():
    sync = make_store_channel()
    bring(sync, told())
    order = Order.objects.get()

    shown = signed_in(order.merchant).get(f"/orders/{order.public_id}/").content.decode()

    assert "Boutique: money is given back there" in shown
    assert "capture" not in shown
    assert "confirm before" not in shown
    assert f"/orders/{order.public_id}/refund/" not in shown


def test_the_list_shows_no_time_left_for_what_waits_for_ever():
    sync = make_store_channel()
    bring(sync, told())

    assert " left</span>" not in signed_in(connection_of(sync).merchant).get("/orders/").content.decode()
