"""Reading a store's own orders: from a date on, resumed where it stopped, with nothing lost at the edges."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core import mail
from django.db import IntegrityError, OperationalError, transaction

from accounts.models import Role
from connectors.errors import ConnectionGoneError, CredentialsError, NotVisibleError, RejectedError, RetryableError
from connectors.models import Connection, InboundEvent
from connectors.services import connections
from orders import outbox, tasks
from orders.enums import OrderStatus, OutboxStatus, SkipReason, SyncState, Topic
from orders.errors import SyncRefused
from orders.models import Order, OrderSync, OutboxMessage
from orders.services import inbound, store_channels, store_hints, store_sync
from tests.factories import NOON, make_connection, make_member, make_order
from tests.orders.services.stores import (
    SINCE,
    FakeShop,
    bring,
    connection_of,
    later,
    make_store_channel,
    told,
    world_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sync() -> OrderSync:
    return make_store_channel()


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop()


def start(sync: OrderSync, *, at=NOON) -> OrderSync:
    return store_sync.start(connection_id=connection_of(sync).pk, by="ana", at=at)


def read_to_the_end(sync: OrderSync, shop: FakeShop) -> OrderSync:
    world = world_of(shop)
    while store_sync.read_on(sync_id=sync.pk, world=world):
        pass
    sync.refresh_from_db()
    return sync


def orders(count: int):
    return [told(remote_id=f"R{n}", number=f"#{n}", updated_at=NOON - timedelta(minutes=9 - n)) for n in range(count)]


def test_every_page_is_read_and_every_order_brought_once(sync, shop):
    shop.customers_order(*orders(5))
    start(sync)

    read_to_the_end(sync, shop)

    assert (sync.state, sync.pages, sync.new, Order.objects.count()) == (SyncState.DONE, 3, 5, 5)
    assert [cursor for _, cursor in shop.asked] == ["", "2", "4"]
    assert sync.read_until == NOON - timedelta(minutes=5)


def test_the_first_reading_begins_at_the_chosen_date_and_a_little_before(sync, shop):
    start(sync)
    read_to_the_end(sync, shop)

    assert shop.asked == [(SINCE - store_sync.OVERLAP, "")]


def test_the_next_begins_where_every_change_was_seen_and_a_little_before(sync, shop):
    shop.customers_order(*orders(1))
    start(sync)
    read_to_the_end(sync, shop)
    shop.clock.advance(60)
    start(sync, at=shop.clock.now())

    read_to_the_end(sync, shop)

    assert shop.asked[-1] == (NOON - timedelta(minutes=9) - store_sync.OVERLAP, "")
    assert (sync.new, sync.unchanged) == (0, 1)


def test_a_reading_never_claims_to_have_seen_what_changed_after_it_began(sync, shop):
    """A page that was read before may lack it: stores list the newest first, or are slow to list at all."""
    shop.customers_order(told(updated_at=NOON + timedelta(minutes=30)))
    start(sync)

    read_to_the_end(sync, shop)

    assert sync.read_until == NOON


def test_a_quiet_store_keeps_its_place(sync, shop):
    shop.customers_order(*orders(1))
    start(sync)
    until = read_to_the_end(sync, shop).read_until
    shop.placed.clear()
    start(sync)

    assert read_to_the_end(sync, shop).read_until == until


def test_a_worker_that_dies_is_followed_by_one_that_reads_its_page_again(sync, shop):
    shop.customers_order(*orders(3))
    start(sync)
    with (
        patch.object(store_sync, "_keep", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        store_sync.read_on(sync_id=sync.pk, world=world_of(shop))
    assert not store_sync.read_on(sync_id=sync.pk, world=world_of(shop))  # the lease stands

    shop.clock.advance(store_sync.LEASE.total_seconds())
    read_to_the_end(sync, shop)

    assert (sync.state, sync.new, sync.unchanged, Order.objects.count()) == (SyncState.DONE, 3, 0, 3)


def test_a_worker_that_was_taken_for_dead_keeps_nothing(sync, shop):
    shop.customers_order(*orders(3))
    start(sync)
    late = store_sync._claim(sync.pk, at=NOON)
    OrderSync.objects.update(attempts=99)
    page = shop.store_orders(since=SINCE, cursor="")

    assert not store_sync._keep(late, page, wait_s=0, at=NOON)

    sync.refresh_from_db()
    assert (sync.cursor, sync.pages) == ("", 0)


def test_a_worker_that_dies_each_time_is_not_followed_for_ever(sync, shop):
    start(sync)
    OrderSync.objects.update(failures=store_sync.FAILURES_ALLOWED)

    read_to_the_end(sync, shop)

    assert (sync.state, sync.error) == (SyncState.FAILED, "The reading stopped again and again.")


def test_a_passing_fault_is_tried_again_from_the_same_page(sync, shop):
    shop.customers_order(*orders(3))
    start(sync)
    world = world_of(shop)
    assert store_sync.read_on(sync_id=sync.pk, world=world)
    shop.fails = [RetryableError("The store does not answer.")]

    assert not store_sync.read_on(sync_id=sync.pk, world=world)

    sync.refresh_from_db()
    assert (sync.state, sync.error, sync.due_at) == (
        SyncState.RUNNING, "The store does not answer.", NOON + store_sync.AGAIN_AFTER,
    )  # fmt: skip
    shop.clock.advance(60)
    assert read_to_the_end(sync, shop).new == 3
    assert [cursor for _, cursor in shop.asked] == ["", "2", "2"]


def test_a_place_that_the_store_has_forgotten_is_looked_for_from_the_beginning(sync, shop):
    shop.customers_order(*orders(3))
    start(sync)
    store_sync.read_on(sync_id=sync.pk, world=world_of(shop))
    shop.fails = [RejectedError("The cursor is invalid.")]
    store_sync.read_on(sync_id=sync.pk, world=world_of(shop))
    shop.clock.advance(60)

    read_to_the_end(sync, shop)

    assert (sync.state, sync.new, sync.unchanged) == (SyncState.DONE, 3, 0)


def test_a_refusal_ends_the_reading_and_says_why(sync, shop):
    start(sync)
    shop.fails = [RejectedError("The store has no such list.")]

    read_to_the_end(sync, shop)

    assert (sync.state, sync.error) == (SyncState.FAILED, "The store has no such list.")


def test_a_dead_token_asks_for_reconnecting(sync, shop):
    start(sync)
    shop.fails = [CredentialsError("Reconnect the shop.")]

    read_to_the_end(sync, shop)

    assert (sync.state, Connection.objects.get(name="Boutique").state) == (SyncState.FAILED, "auth_lost")


def test_a_permission_that_lacks_stops_the_reading_and_not_what_goes_out(sync, shop):
    start(sync)
    shop.fails = [CredentialsError("The app lacks a permission.", code="scope_missing")]

    read_to_the_end(sync, shop)

    assert (sync.state, Connection.objects.get(name="Boutique").state) == (SyncState.FAILED, "active")


def test_a_shop_that_is_gone_is_paused(sync, shop):
    start(sync)
    shop.fails = [ConnectionGoneError("The shop is frozen.")]

    read_to_the_end(sync, shop)

    assert Connection.objects.get(name="Boutique").state == "paused"


def test_one_order_that_cannot_be_brought_keeps_no_other_away(sync, shop, caplog):
    shop.customers_order(*orders(3))
    start(sync)
    with bring_but("R1", ZeroDivisionError()):
        read_to_the_end(sync, shop)

    assert (sync.state, sync.new, sync.skipped_count) == (SyncState.DONE, 2, 1)
    assert sync.skipped == [{"id": "R1", "number": "#1", "code": "internal_error"}]
    assert "Mere" not in caplog.text


# --- when orders do not come in ----------------------------------------------------------------------


def lacks_scope() -> CredentialsError:
    return CredentialsError("The app lacks a permission.", code="scope_missing")


def notices() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT, payload__kind="orders_unread").order_by("pk"))


def test_a_reading_that_fails_is_told_once_until_orders_come_in_again(sync, shop):
    for _ in range(3):
        start(sync)
        shop.fails = [lacks_scope()]
        read_to_the_end(sync, shop)
    assert (len(notices()), sync.failing_since) == (1, NOON)

    start(sync)
    assert read_to_the_end(sync, shop).failing_since is None
    shop.clock.advance(60)
    start(sync, at=shop.clock.now())
    shop.fails = [lacks_scope()]
    read_to_the_end(sync, shop)

    assert len(notices()) == 2


def test_the_mail_says_why_and_leads_to_the_channel_s_page(sync, shop):
    make_member(connection_of(sync).merchant, Role.OWNER)
    start(sync)
    shop.fails = [lacks_scope()]
    read_to_the_end(sync, shop)

    work(shop)

    assert mail.outbox[0].subject == "Orders do not come in: Boutique"
    assert "The app lacks a permission." in mail.outbox[0].body
    assert f"/connections/{connection_of(sync).public_id}/orders/" in mail.outbox[0].body


def test_a_dead_token_is_told_by_its_own_mail_alone(sync, shop):
    start(sync)
    shop.fails = [CredentialsError("Reconnect the shop.")]
    read_to_the_end(sync, shop)

    assert (notices(), sync.failing_since) == ([], NOON)


def test_orders_that_the_store_does_not_tell_are_one_mail_with_the_reading_that_fails(sync, shop):
    for number in range(3):
        process(event(sync, remote_order_id=f"R{number}"))
    shop.fails = [lacks_scope() for _ in range(3)]
    work(shop)
    store_sync.start(connection_id=connection_of(sync).pk, by=store_sync.BY_ITSELF, at=NOON)
    shop.fails = [lacks_scope()]
    read_to_the_end(sync, shop)

    assert (len(notices()), store_hints.unread([connection_of(sync).pk])) == (1, {connection_of(sync).pk: 3})


def test_what_the_store_did_not_tell_is_read_once_it_does(sync, shop):
    shop.customers_order(told(updated_at=NOON - timedelta(hours=3)), told(remote_id="R2"))
    process(event(sync))
    shop.fails = [lacks_scope()]
    work(shop)
    OrderSync.objects.update(read_until=NOON)  # a reading has gone past it
    start(sync)
    read_to_the_end(sync, shop)

    work(shop)
    start(sync)

    assert Order.objects.filter(external_id="R1").exists()
    assert read_to_the_end(sync, shop).failing_since is None


def test_what_failed_here_is_read_again_when_a_person_asks_and_not_at_each_poll(sync, shop):
    shop.customers_order(told(updated_at=NOON - timedelta(hours=3)), told(remote_id="R2"))
    process(event(sync))
    with bring_but("R1", ZeroDivisionError()):
        work(shop)
    OrderSync.objects.update(read_until=NOON)
    store_sync.start(connection_id=connection_of(sync).pk, by=store_sync.BY_ITSELF, at=NOON)
    read_to_the_end(sync, shop)
    work(shop)
    assert (Order.objects.filter(external_id="R1").exists(), sync.failing_since) == (False, NOON)

    start(sync)
    work(shop)

    assert Order.objects.filter(external_id="R1").exists()


def test_a_store_that_lists_an_order_and_never_tells_it_is_one_mail(sync, shop):
    process(event(sync))
    for _ in range(3):
        shop.fails = [lacks_scope()]
        work(shop)
        store_sync.start(connection_id=connection_of(sync).pk, by=store_sync.BY_ITSELF, at=NOON)
        read_to_the_end(sync, shop)

    assert len(notices()) == 1


def test_a_dead_token_that_a_read_meets_is_told_by_its_own_mail_alone(sync, shop):
    process(event(sync))
    shop.fails = [CredentialsError("Reconnect the shop.")]

    work(shop)

    assert notices() == []


def test_reconnecting_has_it_read(sync, shop):
    shop.customers_order(told())
    process(event(sync))
    shop.fails = [lacks_scope()]
    work(shop)

    connections.reconnect(connection_id=connection_of(sync).pk, credentials={"access_token": "b"}, by="ana", at=NOON)
    work(shop)

    assert Order.objects.get().number == "#1001"


def test_turned_off_nothing_fails_any_more(sync, shop):
    start(sync)
    shop.fails = [lacks_scope()]
    read_to_the_end(sync, shop)

    store_channels.turn_off(connection_id=connection_of(sync).pk, by="ana", at=NOON)

    sync.refresh_from_db()
    assert sync.failing_since is None


def bring_but(remote_id: str, error: Exception):
    """What takes orders in, with one that it fails at."""
    real = store_sync.store_orders.bring

    def bring_others(*, order, **rest):
        if order.remote_id == remote_id:
            raise error
        return real(order=order, **rest)

    return patch.object(store_sync.store_orders, "bring", bring_others)


def test_an_order_that_could_not_be_brought_comes_once_mended_although_a_newer_one_was_read_meanwhile(sync, shop):
    shop.customers_order(told(updated_at=NOON - timedelta(hours=3)), told(remote_id="R2", updated_at=NOON))
    start(sync)
    with bring_but("R1", OperationalError("deadlock detected")):
        read_to_the_end(sync, shop)
    start(sync)
    read_to_the_end(sync, shop)
    assert not Order.objects.filter(external_id="R1").exists()  # the readings have gone past it

    work(shop)

    assert Order.objects.filter(external_id="R1").count() == 1


def test_an_order_that_is_polled_again_and_again_and_never_brought_is_one_promise(sync, shop):
    shop.customers_order(*orders(2))
    with bring_but("R1", ZeroDivisionError()):
        for _ in range(3):
            start(sync)
            read_to_the_end(sync, shop)
            work(shop)

    assert OutboxMessage.objects.filter(topic=Topic.READ_STORE_ORDER).count() == 1


def test_drafts_and_what_stays_there_are_counted_with_the_reason(sync, shop):
    shop.customers_order(
        told(remote_id="A"), told(remote_id="B", shipping_address=None, billing_address=None),
        told(remote_id="C", number="#3", cancelled=True),
    )  # fmt: skip
    start(sync)

    read_to_the_end(sync, shop)

    assert (sync.new, sync.drafts, sync.skipped_count) == (2, 1, 1)
    (skip,) = store_channels.skips(sync)
    assert (skip.label, skip.numbers) == (SkipReason.CANCELLED.label, ("#3",))


def test_changes_are_counted(sync, shop):
    bring(sync, told())
    shop.customers_order(later(told(note="Ring twice")))
    start(sync)

    assert read_to_the_end(sync, shop).changed == 1


def test_only_so_many_that_stay_there_are_named(sync, shop):
    shop.page_size = 100
    shop.customers_order(*[told(remote_id=f"R{n}", cancelled=True) for n in range(store_sync.LISTED_AT_MOST + 5)])
    start(sync)

    read_to_the_end(sync, shop)

    assert (len(sync.skipped), sync.skipped_count) == (store_sync.LISTED_AT_MOST, store_sync.LISTED_AT_MOST + 5)


# --- when a reading begins -------------------------------------------------------------------------


def test_asked_for_while_it_reads_it_reads_once_more(sync, shop):
    shop.customers_order(*orders(1))
    start(sync)
    assert start(sync).again

    assert store_sync.read_on(sync_id=sync.pk, world=world_of(shop))
    read_to_the_end(sync, shop)

    assert (len(shop.asked), sync.state, sync.again) == (2, SyncState.DONE, False)


def test_the_poll_begins_each_channel_that_was_not_read_lately(sync):
    assert store_sync.start_due(at=NOON) == 1
    assert store_sync.start_due(at=NOON) == 0  # it is being read

    OrderSync.objects.update(state=SyncState.DONE, due_at=None)
    assert store_sync.start_due(at=NOON + timedelta(minutes=1)) == 0
    assert store_sync.start_due(at=NOON + timedelta(minutes=6)) == 1


@pytest.mark.parametrize("why_not", [{"is_channel": False}, {"state": "paused"}, {"state": "auth_lost"}])
def test_it_begins_none_that_is_off_or_cannot_be_asked(sync, why_not):
    Connection.objects.filter(name="Boutique").update(**why_not)

    assert store_sync.start_due(at=NOON) == 0
    with pytest.raises(SyncRefused):
        start(sync)


def test_the_sweep_wakes_a_reader_for_what_is_due(sync):
    start(sync)

    with patch("orders.services.store_sync.async_task") as woken:
        assert store_sync.call_due(at=NOON) == 1

    assert woken.call_args.args[1] == sync.pk


def test_a_store_whose_circuit_is_open_is_left_alone(sync, shop):
    start(sync)
    Connection.objects.filter(name="Boutique").update(breaker_opened=1)

    assert not store_sync.read_on(sync_id=sync.pk, world=world_of(shop))

    assert shop.asked == []


def test_a_worker_reads_on_by_itself(sync, shop):
    shop.customers_order(*orders(3))
    start(sync)
    with patch("orders.world.connector_for", lambda _connection: shop), patch("orders.tasks.World.real") as real:
        real.return_value = world_of(shop)
        tasks.read_store_orders(sync.pk)

    assert Order.objects.count() == 3


# --- turned on and off -----------------------------------------------------------------------------


def test_turning_it_off_ends_the_reading_and_keeps_the_orders(sync, shop):
    bring(sync, told())
    start(sync)

    store_channels.turn_off(connection_id=connection_of(sync).pk, by="ana", at=NOON)

    sync.refresh_from_db()
    assert (sync.state, Order.objects.count()) == (SyncState.IDLE, 1)
    assert not store_sync.read_on(sync_id=sync.pk, world=world_of(shop))


def test_another_date_reads_the_store_anew(sync, shop):
    start(sync)
    shop.customers_order(*orders(1))
    read_to_the_end(sync, shop)
    early = SINCE - timedelta(days=30)

    store_channels.turn_on(connection_id=connection_of(sync).pk, placed_from=early, by="ana", at=NOON)
    start(sync)
    read_to_the_end(sync, shop)

    assert shop.asked[-1] == (early - store_sync.OVERLAP, "")


def test_the_same_date_again_changes_nothing(sync, shop):
    start(sync)
    shop.customers_order(*orders(1))
    until = read_to_the_end(sync, shop).read_until

    store_channels.turn_on(connection_id=connection_of(sync).pk, placed_from=SINCE, by="ana", at=NOON)

    sync.refresh_from_db()
    assert sync.read_until == until


def test_a_supplier_is_no_channel():
    with pytest.raises(SyncRefused, match="Customers do not order"):
        store_channels.turn_on(
            connection_id=make_connection(platform="ssactivewear").pk, placed_from=SINCE, by="ana", at=NOON
        )


def test_a_date_in_the_future_is_refused(sync):
    with pytest.raises(SyncRefused, match="future"):
        store_channels.turn_on(
            connection_id=connection_of(sync).pk, placed_from=NOON + timedelta(days=1), by="ana", at=NOON
        )


def test_a_store_that_is_disconnected_is_refused(sync):
    Connection.objects.filter(name="Boutique").update(state="removed", is_default=False)

    with pytest.raises(SyncRefused, match="disconnected"):
        store_channels.turn_on(connection_id=connection_of(sync).pk, placed_from=SINCE, by="ana", at=NOON)
    assert store_channels.of(connection_of(sync).merchant) == []


# --- by webhook ------------------------------------------------------------------------------------


def event(sync: OrderSync, **fields) -> InboundEvent:
    given = {
        "topic": "orders/create",
        "event_id": f"e{InboundEvent.objects.count()}",
        "remote_order_id": "R1",
        **fields,
    }
    return InboundEvent.objects.create(connection=connection_of(sync), body_digest="0" * 64, received_at=NOON, **given)


def process(row: InboundEvent) -> str:
    inbound.process(event_id=row.pk, at=NOON)
    row.refresh_from_db()
    return row.state


def work(shop: FakeShop) -> None:
    outbox.drain(at=NOON, world=world_of(shop))


def test_a_webhook_has_the_order_read_and_brought(sync, shop):
    shop.customers_order(told())

    assert process(event(sync)) == "done"
    work(shop)

    assert Order.objects.get().number == "#1001"


def test_a_burst_of_webhooks_is_one_read(sync, shop):
    for _ in range(3):
        process(event(sync))

    assert OutboxMessage.objects.filter(topic=Topic.READ_STORE_ORDER).count() == 1


def test_one_that_comes_while_the_order_is_being_read_is_another_read(sync, shop):
    process(event(sync))
    outbox.claim(at=NOON)

    process(event(sync))

    assert OutboxMessage.objects.filter(topic=Topic.READ_STORE_ORDER).count() == 2


def test_an_order_that_is_gone_when_it_is_read_is_called_off(sync, shop):
    bring(sync, told())

    process(event(sync, topic="orders/delete"))
    work(shop)

    assert Order.objects.get().decision_reason == "Deleted in Boutique."


@pytest.mark.parametrize(("age_days", "status"), [(70, OrderStatus.PENDING), (20, OrderStatus.CANCELLED)])
def test_an_order_that_is_not_shown_is_called_off_only_while_it_would_be(sync, shop, age_days, status):
    bring(sync, told())
    Order.objects.update(placed_at=NOON - timedelta(days=age_days))
    shop.fails = [NotVisibleError("Not shown.", shown_for=timedelta(days=60))]

    process(event(sync, topic="orders/updated"))
    work(shop)

    assert Order.objects.get().status == status
    held = OutboxMessage.objects.filter(topic=Topic.READ_STORE_ORDER, status="held")
    assert [message.reason for message in held] == (["Not shown."] if age_days == 70 else [])


def test_a_webhook_of_what_we_sent_there_asks_for_its_fulfillment(sync, shop):
    store = connection_of(sync)
    order = make_order(store.merchant, connections=[store])
    order.pushes.update(remote_id="R1", pushed_at=NOON)

    process(event(sync, topic="orders/updated"))

    assert not OutboxMessage.objects.filter(topic=Topic.READ_STORE_ORDER).exists()
    assert OutboxMessage.objects.filter(topic=Topic.PULL_REMOTE).count() == 1


def test_a_webhook_of_a_store_that_is_no_channel_is_left_alone(sync):
    store_channels.turn_off(connection_id=connection_of(sync).pk, by="ana", at=NOON)

    assert process(event(sync)) == "ignored"


def test_a_read_that_was_promised_before_the_store_was_turned_off_brings_nothing(sync, shop):
    shop.customers_order(told())
    process(event(sync))
    store_channels.turn_off(connection_id=connection_of(sync).pk, by="ana", at=NOON)

    work(shop)

    assert not Order.objects.exists()


def test_a_permission_that_lacks_keeps_the_read_and_leaves_the_connection(sync, shop):
    shop.fails = [CredentialsError("The app lacks a permission.", code="scope_missing")]
    process(event(sync))

    work(shop)

    message = OutboxMessage.objects.get(topic=Topic.READ_STORE_ORDER)
    assert (message.status, message.reason) == (OutboxStatus.WAITING, "The app lacks a permission.")
    assert Connection.objects.get(name="Boutique").state == "active"


def test_only_what_is_about_no_order_yet_stands_without_one(sync):
    process(event(sync))

    with pytest.raises(IntegrityError), transaction.atomic():
        OutboxMessage.objects.update(topic=Topic.PUSH_ORDER)
