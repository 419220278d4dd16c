"""Races on PostgreSQL: the second of two waits for the first's lock, seen in pg_locks, and then loses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection, transaction

from connectors.models import Connection, SandboxCharge
from orders import outbox
from orders.enums import OrderStatus, Topic
from orders.errors import OrderError
from orders.models import Order, OutboxMessage, PushLine
from orders.services import archiving, decisions, refunds, rerouting
from orders.services.transitions import lock
from tests import locks
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.orders.drafts import fill, make_draft
from tests.orders.services.refundable import make_paid, wanted
from tests.orders.services.split import Split, make_split
from tests.orders.services.test_calling_off import Scene

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _on_postgres():
    assert connection.vendor == "postgresql", "run by `make test-postgres`"


def behind_a_lock(order: Order, first: Callable[[], object], second: Callable[[], object]) -> list[str]:
    """Hold the order's lock, start both in turn so that they queue up behind it, let go. What each raised."""
    outcomes = ["", ""]

    def run(index: int, act: Callable[[], object]) -> None:
        try:
            act()
        except OrderError as error:
            outcomes[index] = error.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate((first, second))]
    with transaction.atomic():
        lock(order.pk)
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            locks.until_waiting(waiting)
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


def confirm(order: Order, by: str) -> Callable[[], object]:
    return lambda: decisions.confirm(order_id=order.pk, by=by, at=NOON)


def cancel(order: Order) -> Callable[[], object]:
    return lambda: decisions.cancel(order_id=order.pk, reason="x", by="cat", at=NOON)


def test_two_confirmations_at_once_make_one_capture():
    order = make_order()

    outcomes = behind_a_lock(order, confirm(order, "ana"), confirm(order, "ben"))

    order.refresh_from_db()
    assert sorted(outcomes) == ["", "transition_not_allowed"]
    assert OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).count() == 1


def test_confirm_against_cancel_ends_with_one_of_them_and_its_money():
    order = make_order()

    behind_a_lock(order, cancel(order), confirm(order, "ana"))

    order.refresh_from_db()
    waiting = set(OutboxMessage.objects.filter(status="waiting").values_list("topic", flat=True))
    assert order.status == OrderStatus.CANCELLED
    assert waiting == {Topic.VOID_PAYMENT}


def test_confirm_then_cancel_releases_and_never_captures():
    order = make_order()

    behind_a_lock(order, confirm(order, "ana"), cancel(order))

    waiting = set(OutboxMessage.objects.filter(status="waiting").values_list("topic", flat=True))
    assert waiting == {Topic.VOID_PAYMENT}


@pytest.mark.parametrize("step", ["marked", "captured"])
@pytest.mark.parametrize("worker_first", [True, False])
def test_a_cancellation_against_the_end_of_a_capture_gives_all_of_it_back(step: str, worker_first: bool):
    scene = Scene()
    worker = scene.run_to("capture_payment", step)
    acts = (lambda: list(worker), scene.call_off)

    outcomes = behind_a_lock(scene.order, *(acts if worker_first else reversed(acts)))
    scene.come_to_rest()

    charge = SandboxCharge.objects.get()
    assert outcomes == ["", ""]
    assert (scene.order.status, scene.order.payment_status, scene.standing) == ("cancelled", "refunded", [])
    assert charge.captured == charge.refunded > 0


@pytest.mark.parametrize("worker_first", [True, False])
def test_a_cancellation_against_a_capture_that_a_destination_stops_is_not_lost(worker_first: bool):
    scene = Scene()
    scene.store.variants.clear()
    worker = scene.run_to("capture_payment", "examined")
    acts = (lambda: list(worker), scene.call_off)

    outcomes = behind_a_lock(scene.order, *(acts if worker_first else reversed(acts)))
    scene.come_to_rest()

    assert outcomes == ["", ""]
    assert (scene.order.status, scene.order.payment_status) == ("cancelled", "voided")
    assert OutboxMessage.objects.get(topic=Topic.CAPTURE_PAYMENT).status == "done"


def move(split: Split, sku: str, to: Connection) -> Callable[[], object]:
    moves = [rerouting.Move(split.line(sku).pk, to.pk)]
    return lambda: rerouting.move(order_id=split.order.pk, moves=moves, by="ana", at=NOON)


def test_a_line_that_two_move_at_once_goes_to_one_store_and_the_parts_add_up():
    split = make_split()
    third = make_connection(split.order.merchant)

    outcomes = behind_a_lock(split.order, move(split, "A", split.second), move(split, "A", third))

    assert outcomes == ["", ""]
    assert PushLine.objects.get(line=split.line("A")).push.connection == third
    assert sum(push.total for push in split.order.pushes.all()) == split.order.total


def test_two_lines_moved_at_once_to_one_store_share_a_push():
    split = make_split()

    outcomes = behind_a_lock(split.order, move(split, "A", split.second), move(split, "B", split.second))

    assert outcomes == ["", ""]
    assert split.skus(split.second) == ["A", "B"]
    assert sum(push.total for push in split.order.pushes.all()) == split.order.total


def refund(order: Order, lines: dict[str, int], **fields: object) -> Callable[[], object]:
    wish = wanted(lines, **fields)
    return lambda: refunds.issue(order_id=order.pk, wanted=wish, by="ana", at=NOON)


def test_two_refunds_at_once_give_no_unit_twice():
    order = make_paid()

    outcomes = behind_a_lock(order, refund(order, {"1": 2}), refund(order, {"1": 2}))

    assert sorted(outcomes) == ["", "invalid_refund"]
    assert [refund.amount for refund in order.refunds.all()] == [20]


def test_two_refunds_at_once_give_no_more_than_was_taken():
    order = make_paid()

    outcomes = behind_a_lock(order, refund(order, {}, amount=Decimal(30)), refund(order, {}, amount=Decimal(30)))

    assert sorted(outcomes) == ["", "invalid_refund"]


def test_a_refund_against_a_cancellation_gives_everything_once():
    order = make_paid()

    behind_a_lock(order, cancel(order), refund(order, {"1": 1}))

    assert [refund.amount for refund in order.refunds.all()] == [order.total]


@pytest.mark.plants("I3", "without the lock, to see what it is good for")
def test_without_the_lock_both_refunds_would_pass(monkeypatch):
    """The negative control of the refunds."""
    order = make_paid()
    monkeypatch.setattr(refunds, "lock", lambda pk: Order.objects.select_related("merchant").get(pk=pk))
    barrier = threading.Barrier(2)
    quote = refunds.quote

    def quote_together(*args):
        quoted = quote(*args)
        barrier.wait(60)
        return quoted

    monkeypatch.setattr(refunds, "quote", quote_together)
    threads = [threading.Thread(target=closing(refund(order, {"1": 3}))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert [refund.amount for refund in order.refunds.all()] == [30, 30]


def closing(act: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        act()
        connection.close()

    return run


def test_eight_claimers_never_share_a_message():
    for _ in range(5):
        merchant = make_merchant()
        for _ in range(4):
            order = make_order(merchant)
            with transaction.atomic():
                outbox.post(Topic.CAPTURE_PAYMENT, order=order, key=f"k{order.pk}", at=NOON)
    claimed: list[int] = []

    def work() -> None:
        while messages := outbox.claim(at=NOON, limit=3):
            claimed.extend(message.pk for message in messages)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert len(claimed) == len(set(claimed))
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) <= {0, 1}


def test_without_the_lock_both_confirmations_would_pass(monkeypatch):
    """The negative control: this test's own method sees the race when the lock is gone."""
    order = make_order()
    monkeypatch.setattr(decisions, "lock", lambda pk: Order.objects.select_related("merchant").get(pk=pk))
    barrier = threading.Barrier(2)
    refuse = decisions._refuse_late
    monkeypatch.setattr(decisions, "_refuse_late", lambda *args: (barrier.wait(60), refuse(*args)))
    outcomes = []

    def run(by: str) -> None:
        try:
            decisions.confirm(order_id=order.pk, by=by, at=NOON)
            outcomes.append("")
        except OrderError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(by,)) for by in ("ana", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert outcomes == ["", ""]


def test_of_two_who_fill_in_a_draft_the_second_is_told():
    order = make_draft(address={"city": "", "postcode": ""})

    def fills(city: str) -> Callable[[], object]:
        return lambda: fill(order, seen={"shipping_address.city": ""}, city=city)

    assert behind_a_lock(order, fills("Auckland"), fills("Hamilton")) == ["", "changed_meanwhile"]
    assert order.addresses.get(kind="shipping").city == "Auckland"


def test_two_who_archive_an_order_leave_one_line_in_its_history():
    order = make_order(status=OrderStatus.DECLINED, payment_status="none")

    def archives() -> object:
        return archiving.archive(orders=Order.objects.filter(pk=order.pk), consent=False, by="ana", at=NOON)

    behind_a_lock(order, archives, archives)

    assert order.events.filter(kind="order.archived").count() == 1
