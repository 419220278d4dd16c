"""Orders that go on and still need a person's look: each cause in, and out again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connectors.base import OutboundOrder, RemoteRef
from connectors.errors import RejectedError, RetryableError
from connectors.services import connections
from orders import figures, outbox, queries
from orders.enums import Headline, PushStatus
from orders.models import Order, Payment
from orders.services import (
    decisions,
    looks,
    owed_back,
    refund_quotes,
    refund_requests,
    refunds,
    store_changes,
    summary,
    write_backs,
)
from tests.factories import NOON, make_member, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services import test_write_backs
from tests.orders.services.pushed import make_pushed
from tests.orders.services.refundable import drain, issue, make_paid, take
from tests.orders.services.stores import bring, make_store_channel, told
from tests.orders.services.test_refund_requests import answer, ask
from tests.orders.services.test_refunded_before_sending import give_back, paused
from tests.orders.services.test_refunds import Line
from tests.orders.services.test_write_backs import sold  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db
BACKFILLS = [
    import_module(f"orders.migrations.{name}")
    for name in ("0027_orders_to_look_at", "0041_orders_given_back_whole_to_look_at")
]


def needs_look(order: Order) -> bool:
    """As it stands in the row, as the backfill and the whole refresh reckon it: all the same."""
    kept = Order.objects.get(pk=order.pk).needs_look
    assert bool(Order.objects.filter(looks.needs_look(), pk=order.pk)) == kept
    Order.objects.filter(pk=order.pk).update(needs_look=False)
    for backfill in BACKFILLS:
        backfill.look(apps, connection.schema_editor())
    assert Order.objects.get(pk=order.pk).needs_look == kept
    with transaction.atomic():
        summary.refresh(order.pk)
    assert Order.objects.get(pk=order.pk).needs_look == kept
    return kept


def test_an_order_of_which_nothing_is_to_be_seen_needs_no_look():
    assert not needs_look(make_paid())


def test_a_change_where_it_was_bought_until_somebody_dealt_with_it():
    sync = make_store_channel()
    bring(sync, told())
    order = Order.objects.get()
    with transaction.atomic():
        store_changes._raise_attention(order, order.origin, "Changed.", kind="channel_changed", at=NOON)
    assert needs_look(order)

    store_changes.settle(order_id=order.pk, by="ana", at=NOON)

    assert not needs_look(order)


@pytest.mark.parametrize("change", [{"total": Decimal(30)}, {"refunded": Decimal(15)}, {"cancelled": True}])
def test_what_a_store_took_off_until_it_is_given_back(change: dict):
    pushed = make_pushed()
    Payment.objects.update(captured=pushed.order.total, gateway="sandbox")
    assert not needs_look(pushed.order)
    pushed.store.change(pushed.push.remote_id, **change)
    pushed.pull()
    owed = owed_back.of(pushed.order)
    assert needs_look(pushed.order)
    assert [order for order, _ in owed_back.listed(pushed.order.merchant)] == [pushed.order]

    wanted = owed_back.suggested(pushed.order, refund_quotes.left_of(pushed.order))
    refunds.issue(order_id=pushed.order.pk, wanted=wanted, by="ana", at=NOON)

    assert owed.amount
    assert not needs_look(pushed.order)


@pytest.mark.parametrize("way_out", [refunds.try_again, refunds.withdraw])
def test_a_refund_that_failed_until_it_is_tried_again_or_withdrawn(way_out):
    order = make_paid()
    refund = issue(order, {"1": 1})
    assert not needs_look(order)
    drain(Line(RejectedError("disputed.")))
    assert needs_look(order)

    way_out(refund_id=refund.pk, by="ana", at=NOON)

    assert not needs_look(order)


def test_what_a_customer_asks_back_until_it_is_answered():
    order = make_paid()
    request = ask(order)
    assert needs_look(order)
    answer(request, order)
    assert not needs_look(order)
    refunds.withdraw(refund_id=order.refunds.get().pk, by="ana", at=NOON)
    assert needs_look(order)

    refund_requests.decline(request_id=request.pk, answer="No.", by="ana", at=NOON)

    assert not needs_look(order)


@pytest.mark.parametrize("way_out", ["withdrawn", "cancelled"])
def test_what_a_destination_may_still_send_although_all_of_it_was_given_back(way_out: str):
    pushed = make_pushed()
    take(pushed.order)
    refund = issue(pushed.order, {"1": 2})
    assert not needs_look(pushed.order)
    rest = issue(pushed.order, {"2": 1})
    assert needs_look(pushed.order)

    if way_out == "withdrawn":
        drain(Line(RejectedError("disputed."), RejectedError("disputed.")))
        for back in (refund, rest):
            refunds.withdraw(refund_id=back.pk, by="ana", at=NOON)
    else:
        drain()
        decisions.cancel(order_id=pushed.order.pk, reason="Sold out", by="ana", at=NOON)
        pushed.drain()
        assert pushed.push.remote_cancelled

    assert not needs_look(pushed.order)


@pytest.mark.parametrize("is_made", [True, False])
def test_what_is_being_sent_while_all_of_it_is_given_back(monkeypatch, is_made: bool):
    store = FakeStore()
    store.stock_up("A", "B")
    push = paused(store)
    connections.resume(connection_id=push.connection_id, by="ana", at=NOON)
    create = store.create

    def create_meanwhile(order: OutboundOrder) -> RemoteRef:
        give_back(push.order, A=2, B=1)
        assert needs_look(push.order)
        if not is_made:
            raise RetryableError("The store is away.")
        return create(order)

    monkeypatch.setattr(store, "create", create_meanwhile)
    for hour in range(2):
        outbox.drain(at=NOON + timedelta(hours=hour), world=make_world(store))

    push.refresh_from_db()
    assert push.status == (PushStatus.PUSHED if is_made else PushStatus.SKIPPED)
    assert needs_look(push.order) == is_made


@pytest.mark.parametrize("way_out", ["by hand", "connected again", "told again", "taken back"])
def test_what_a_store_was_not_told_until_it_is(sold, way_out: str):  # noqa: F811
    connections.disconnect(connection_id=sold.shop.pk, by="ana", at=NOON)
    notice = sold.send()
    assert needs_look(sold.order)

    if way_out == "by hand":
        write_backs.settle(write_back_id=sold.row.pk, by="ana", at=NOON)
    elif way_out == "taken back":
        sold.pair.remote.take_back(sold.pair.push_of(sold.order).remote_id, notice)
        sold.pull()
    else:
        test_write_backs.connect_again(sold)
        if way_out == "connected again":
            test_write_backs.take_up(sold)
        else:
            write_backs.retry(write_back_id=sold.row.pk, by="ana", at=NOON)

    assert not needs_look(sold.order)


def test_a_refusal_of_the_store_and_one_that_was_stranded_while_it_waited(sold):  # noqa: F811
    row = test_write_backs.held(sold)
    assert needs_look(sold.order)
    write_backs.retry(write_back_id=row.pk, by="ana", at=NOON)
    assert not needs_look(sold.order)
    connections.disconnect(connection_id=sold.shop.pk, by="ana", at=NOON)

    write_backs.hold_stranded(at=NOON)

    assert needs_look(sold.order)


def looked_at(order: Order) -> dict[str, str]:
    Order.objects.filter(pk=order.pk).update(needs_look=True)
    return queries.tab_counts(order.merchant, queries.Wanted(), at=NOON)


def test_it_stands_behind_its_tab_and_is_counted_once_there_and_in_the_figures():
    cache.clear()
    order = make_order(status="confirmed", push_status="pushed")
    blocked = make_order(order.merchant, channel=order.channel, push_status="held")
    Order.objects.filter(pk=blocked.pk).update(needs_look=True)
    wanted = queries.Wanted.from_query({"tab": "attention"})

    counts = looked_at(order)

    assert order.headline not in (Headline.BLOCKED, Headline.PUSH_FAILED)
    assert (counts["attention"], counts["all"]) == ("2", "2")
    assert set(queries.narrowed(order.merchant, wanted, at=NOON)) == {order, blocked}
    assert queries.tab_counts(order.merchant, queries.Wanted(words=order.number.lower()), at=NOON)["attention"] == "1"
    assert figures.of(order.merchant, counts, at=NOON).kpis[1].value == "2"
    Order.objects.update(is_archived=True)
    assert queries.tab_counts(order.merchant, queries.Wanted(), at=NOON)["attention"] == "0"


def test_the_list_says_so_and_the_api_filters_by_it():
    from tests.orders.api.test_partners import send

    order = make_order(status="confirmed", push_status="pushed")
    make_order(order.merchant, channel=order.channel)
    looked_at(order)
    client = Client()
    client.force_login(make_member(order.merchant))

    page = client.get(reverse("orders:list") + "?tab=attention").content.decode()
    found = send(order.merchant, "GET", "orders/?needs_look=true").json()["results"]

    assert page.count("Needs a look") == 1
    assert [(row["id"], row["needs_look"]) for row in found] == [(order.public_id, True)]
    assert send(order.merchant, "GET", "orders/?needs_look=perhaps").status_code == 400


def test_orders_that_move_alike_are_looked_at_in_one_statement():
    orders = [make_order() for _ in range(3)]

    with CaptureQueriesContext(connection) as asked:
        summary.refresh_pushes([order.pk for order in orders])

    assert len(asked) == 2
