"""What unlinked SKUs cost, what a link would do, and that it does it at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors.base import Blocker, BlockerCode, RemoteVariant
from connectors.errors import RejectedError
from connectors.models import CallLog, Connection, ProductLink, UnlinkedSku
from connectors.services import catalog, links
from orders import outbox
from orders import pump as pumping
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import decisions, linking, preflight, stock_watch, summary
from orders.world import World
from tests.factories import NOON, later, make_blocked, make_connection, make_member, make_order, make_variant
from tests.fakes import FakeClock, FakeStore, Passing, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(merchant) -> Connection:
    return make_connection(merchant, name="Kauri Shopify")


def ranked(shop: Connection, **options) -> list[tuple[str, int, dict[str, Decimal]]]:
    return [(one.row.sku, one.orders, one.money) for one in linking.ranked(shop.merchant, **options)]


def lines(*skus: str, price: str = "15.00") -> list[dict[str, str]]:
    return [{"sku": sku, "unit_price": price, "title": f"Title of {sku}"} for sku in skus]


# --- ranking -----------------------------------------------------------------------------------------


def test_the_sku_that_blocks_most_orders_stands_first(shop: Connection):
    make_blocked(shop, "ONE", lines=lines("ONE", price="500.00"))
    for _ in range(2):
        make_blocked(shop, "TWO")

    assert ranked(shop) == [("TWO", 2, {"NZD": 30}), ("ONE", 1, {"NZD": 500})]
    assert [sku for sku, *_ in ranked(shop, by_money=True)] == ["ONE", "TWO"]


def test_an_order_counts_with_its_total_and_once_per_sku(shop: Connection):
    make_blocked(shop, "A", lines=lines("A", "A", "B"))

    assert ranked(shop) == [("A", 1, {"NZD": 45})]


def test_money_in_other_currencies_is_told_apart(shop: Connection):
    make_blocked(shop, "A")
    make_blocked(shop, "A", currency="USD")

    (one,) = linking.ranked(shop.merchant)

    assert (one.orders, one.in_currency("NZD"), one.elsewhere("NZD")) == (2, 15, [(15, "USD")])


def test_the_marketplaces_title_stands_beside_the_sku(shop: Connection):
    make_blocked(shop, "A", lines=lines("A"))

    assert linking.ranked(shop.merchant)[0].title == "Title of A"


def test_orders_that_no_longer_wait_do_not_count(shop: Connection):
    for status in (OrderStatus.DECLINED, OrderStatus.EXPIRED, OrderStatus.CANCELLED):
        order = make_blocked(shop, "A")
        Order.objects.filter(pk=order.pk).update(status=status, decided_at=NOON, decided_by="ana")
    gone = make_blocked(shop, "A")
    OrderPush.objects.filter(order=gone).update(status=PushStatus.SKIPPED)

    assert ranked(shop) == [("A", 0, {})]


def test_a_paid_order_that_waits_for_the_link_counts(shop: Connection):
    taken = {"captured_at": NOON, "captured": 15}
    order = make_blocked(
        shop, "A", status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.CAPTURED, payment=taken
    )  # fmt: skip
    OrderPush.objects.update(status=PushStatus.WAITING, wait_for=f"sku:{shop.pk}:A", reason="Waiting.", blockers=[])
    summary.refresh(order.pk)

    assert ranked(shop) == [("A", 1, {"NZD": 15})]


def test_other_merchants_and_removed_connections_do_not_exist(shop: Connection):
    make_blocked(make_connection(), "FOREIGN")
    make_blocked(make_connection(shop.merchant, state="removed"), "REMOVED")

    assert ranked(shop) == []


def test_what_is_put_aside_stands_apart(shop: Connection):
    make_blocked(shop, "A")
    links.skip(unlinked_id=UnlinkedSku.objects.get().pk, by="ana", at=NOON)

    assert ranked(shop) == []
    assert ranked(shop, skipped=True) == [("A", 1, {"NZD": 15})]


def test_ranking_asks_the_same_number_of_questions_for_one_and_three(shop: Connection, django_assert_num_queries):
    for sku in ("A", "B", "C"):
        make_blocked(shop, sku)
        make_variant(shop, sku.lower())
        with django_assert_num_queries(3):
            linking.with_candidates(linking.ranked(shop.merchant))


def test_candidates_are_those_of_the_same_connection(shop: Connection):
    make_blocked(shop, "STOOL-1")
    mine = make_variant(shop, "stool1")
    make_variant(make_connection(shop.merchant), "stool1")
    make_variant(shop, "other")

    (one,) = linking.with_candidates(linking.ranked(shop.merchant))

    assert one.candidates == [mine]


# --- trying ------------------------------------------------------------------------------------------


def test_a_trial_says_how_many_would_go_on_and_changes_nothing(shop: Connection):
    for _ in range(2):
        make_blocked(shop, "A")

    trial = linking.try_link(shop, "A", make_variant(shop, "STOOL", stock=5))

    assert (trial.tried, trial.go_on, trial.blocked, trial.more) == (2, 2, [], False)
    assert not ProductLink.objects.exists()
    assert not CallLog.objects.exists()
    assert not OrderPush.objects.exclude(status=PushStatus.HELD).exists()


def test_a_trial_names_what_would_still_hold(shop: Connection):
    make_blocked(shop, "A", lines=[{"sku": "A", "quantity": 3}])
    make_blocked(shop, "A", lines=lines("A", "B"))
    make_blocked(shop, "A")

    trial = linking.try_link(shop, "A", make_variant(shop, "STOOL", stock=2))

    assert (trial.tried, trial.go_on) == (3, 1)
    assert sorted(trial.blocked) == [
        ("No product of the shop is linked to SKU B. Link one.", 1),
        ("Oak stool: 3 ordered, 2 in stock. Restock it in the shop.", 1),
    ]


def test_a_trial_takes_other_linked_products_as_they_were_last_read(shop: Connection):
    make_blocked(shop, "A", lines=lines("A", "B"))
    lamp = make_variant(shop, "LAMP", title="Lamp", stock=0)
    links.link(connection_id=shop.pk, sku="B", variant_id=lamp.variant_id, variant_title="", by="ana", at=NOON)

    trial = linking.try_link(shop, "A", make_variant(shop, "STOOL"))

    assert trial.blocked == [("Lamp: 1 ordered, 0 in stock. Restock it in the shop.", 1)]


def test_a_linked_product_that_the_copy_lacks_is_taken_as_being_there(shop: Connection):
    make_blocked(shop, "A", lines=lines("A", "B"))
    links.link(connection_id=shop.pk, sku="B", variant_id="unread", variant_title="", by="ana", at=NOON)

    assert linking.try_link(shop, "A", make_variant(shop, "STOOL")).go_on == 1


def test_a_product_that_is_not_for_sale_lets_nothing_go(shop: Connection):
    make_blocked(shop, "A")

    trial = linking.try_link(shop, "A", make_variant(shop, "STOOL", sellable=False))

    assert (trial.go_on, trial.blocked[0][1]) == (0, 1)


def test_a_trial_is_bounded_and_says_so(shop: Connection, monkeypatch):
    monkeypatch.setattr(linking, "TRIED_AT_MOST", 2)
    for _ in range(3):
        make_blocked(shop, "A")

    trial = linking.try_link(shop, "A", make_variant(shop, "STOOL"))

    assert (trial.tried, trial.more) == (2, True)


# --- waiting and going on ----------------------------------------------------------------------------


def checked(shop: Connection, store: FakeStore, *skus: str) -> Order:
    """An order whose first check has found that it is not linked."""
    order = make_order(shop.merchant, lines=lines(*skus), connections=[shop])
    with transaction.atomic():
        preflight.ask(order, at=store.clock.now())
    outbox.drain(at=store.clock.now(), world=make_world(store))
    return order


def test_an_unlinked_order_asks_the_store_once_and_then_waits_in_silence(shop: Connection):
    store = FakeStore()
    checked(shop, store, "OURS")
    asked = list(store.calls)

    for _ in range(5):
        store.clock.advance(3600)
        outbox.drain(at=store.clock.now(), world=make_world(store))

    assert store.calls == asked == ["find_variants"]
    assert UnlinkedSku.objects.get().sku == "OURS"


def test_a_waiting_order_makes_no_outbound_call(shop: Connection):
    """With the real driver: a call would stand in the log."""
    make_blocked(shop, "OURS")

    for hours in range(1, 6):
        outbox.drain(at=NOON + timedelta(hours=hours), world=World.real())
        stock_watch.look(world=World.real())

    assert not CallLog.objects.exists()
    assert OutboxMessage.objects.get(topic=Topic.CHECK_ORDER).attempts == 0


def test_orders_go_on_in_whatever_order_their_skus_are_linked(shop: Connection):
    for first, second in (("A", "B"), ("B", "A")):
        ProductLink.objects.all().delete()
        store = FakeStore(FakeClock(later()))
        order = checked(shop, store, "A", "B")
        store.stock_up("X")
        for sku in (first, second):
            links.link(connection_id=shop.pk, sku=sku, variant_id="variant-X", variant_title="", by="ana", at=NOON)
            store.clock.at = later()
            outbox.drain(at=store.clock.now(), world=make_world(store))

        assert order.pushes.get().status == PushStatus.WAITING
        assert order.pushes.get().wait_for == f"confirmed:{order.pk}"


def test_a_file_of_links_lets_orders_go_on(shop: Connection):
    store = FakeStore()
    order = checked(shop, store, "A")
    store.stock_up("X")

    links.link_many(connection_id=shop.pk, choices=[links.Choice("A", "variant-X", "X")], by="ana", at=NOON)
    outbox.drain(at=store.clock.now(), world=make_world(store))

    assert order.pushes.get().blockers == []


def test_reading_the_catalog_first_links_what_is_only_written_differently(shop: Connection):
    store = FakeStore()
    store.stock_up("our s")
    catalog.remember(shop, [RemoteVariant("variant-our s", "our s", "Stool")], at=NOON)

    order = checked(shop, store, "OUR-S")

    assert order.pushes.get().status == PushStatus.WAITING
    assert ProductLink.objects.get().source == "similar"


def test_a_refusal_at_the_last_moment_is_asked_too(shop: Connection):
    store = FakeStore()
    store.stock_up("A")
    order = checked(shop, store, "A")
    decisions.confirm(order_id=order.pk, by="ana", at=store.clock.now())
    gone = Blocker(BlockerCode.SKU_GONE, "Gone.", "lines.sku", "A")

    def refuse(_order):
        raise RejectedError("Gone.", [gone])

    store.create = refuse
    outbox.drain(at=store.clock.now(), world=make_world(store))

    assert (UnlinkedSku.objects.get().sku, UnlinkedSku.objects.get().reason) == ("A", "gone")
    assert ranked(shop) == [("A", 1, {"NZD": 15})]


class RealClock(FakeClock):
    def now(self):
        return timezone.now()


@pytest.mark.postgres  # the pump has threads of its own, and SQLite in memory has room for one
@pytest.mark.django_db(transaction=True)
def test_a_saved_link_lets_its_order_go_on_within_two_seconds(monkeypatch: pytest.MonkeyPatch):
    member = make_member(make_connection(name="Kauri Shopify").merchant)
    shop = Connection.objects.get(merchant=member.memberships.get().merchant)
    store = FakeStore(RealClock())
    order = checked(shop, store, "OURS")
    store.stock_up("X")
    passing, claimed_at = _time_of_the_pump(monkeypatch)
    began = passing.s
    pump = threading.Thread(target=_pump, args=(make_world(store),))
    pump.start()
    try:
        _until(lambda: passing.s > began)  # the pump has found nothing and lingers
        links.link(
            connection_id=shop.pk, sku="OURS", variant_id="variant-X", variant_title="", by="ana", at=timezone.now()
        )
        linked_at = passing.s
        _until(lambda: OrderPush.objects.get(order=order).status != PushStatus.HELD)
    finally:
        monkeypatch.setattr(pumping, "LINGER_S", 0.0)
        pump.join(timeout=60)

    assert OrderPush.objects.get(order=order).status == PushStatus.WAITING
    assert claimed_at[0] - linked_at < 2


def _time_of_the_pump(monkeypatch: pytest.MonkeyPatch) -> tuple[Passing, list[float]]:
    """It counts what the pump waits, however slow this machine is. When by it something was claimed."""
    passing, claimed_at, wait, claim = Passing(), [], pumping.Crew.wait, outbox.claim

    def noted(**wanted):
        found = claim(**wanted)
        claimed_at.extend(passing.s for _ in found)
        return found

    monkeypatch.setattr(pumping, "time", passing)
    monkeypatch.setattr(pumping, "LINGER_S", 3600.0)
    monkeypatch.setattr(pumping.Crew, "wait", lambda crew, seconds: (wait(crew, seconds), passing.pass_by(seconds)))
    monkeypatch.setattr(outbox, "claim", noted)
    return passing, claimed_at


def _until(holds: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def _pump(world: World) -> None:
    try:
        pumping.pump(budget_s=3600, threads=1, world=world)
    finally:
        database.close()


# --- forgetting ------------------------------------------------------------------------------------


def test_a_sku_that_an_order_waits_for_is_kept_however_old_it_is(shop: Connection):
    make_blocked(shop, "A")
    make_blocked(shop, "GIVEN UP").delete()
    late = NOON + links.KEEP_UNLINKED * 2

    linking.prune(at=late)

    assert list(UnlinkedSku.objects.values_list("sku", flat=True)) == ["A"]
    choice = links.Choice("A", "variant-A", "")
    links.link_many(connection_id=shop.pk, choices=[choice], by="ana", at=late)
    outbox.release(at=late)
    assert not OutboxMessage.objects.filter(wait_for__startswith="sku:").exists()
