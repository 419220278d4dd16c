"""An order that PHP left half made, found and completed by the real driver."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.base import BlockerCode, OutboundOrder, RemoteRef
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.practice.models import PracticeOrder
from connectors.practice.woocommerce import documents
from tests.connectors.contract import an_hour_ago
from tests.connectors.practice.woocommerce.shop import make_shop
from tests.connectors.practice_store import PracticeStore, at_work
from tests.connectors.woocommerce.test_contract import WooStore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store(live_server, settings) -> Iterator[PracticeStore]:
    settings.BASE_URL = live_server.url
    with at_work(WooStore.opened(make_shop(), live_server.url, sku="STOOL")) as store:
        yield store


def left_half_made(store: PracticeStore, order: OutboundOrder) -> RemoteRef:
    store.turn("half_made")
    with store.told.refusal(OutcomeUnknownError):
        store.driver.create(order)
    (ref,) = store.driver.find(order.reference, since=an_hour_ago())
    return ref


def forgotten(**fields: object) -> None:
    """Nobody has been at work on it for an hour."""
    PracticeOrder.objects.update(updated_at=timezone.now() - timedelta(hours=1), **fields)


def stock() -> int:
    return PracticeOrder.objects.get().shop.variants.get(sku="STOOL").stock


def test_an_order_without_lines_gets_them_and_its_status_once(store):
    order = store.order()
    ref = left_half_made(store, order)
    half = documents.order(store.row(ref))
    assert (half["status"], half["line_items"]) == ("pending", [])
    forgotten()

    for _ in range(2):
        store.driver.mend(ref.remote_id, order)

    seen, row = store.read(ref), documents.order(store.row(ref))
    assert (seen.total, seen.outstanding, row["status"]) == (order.total, 0, "processing")
    assert ([line["quantity"] for line in row["line_items"]], len(row["shipping_lines"])) == ([2], 1)
    assert (row["shipping"]["city"], store.orders(), stock()) == (order.shipping_address.city, 1, 3)


def test_an_order_that_lacks_its_status_alone_gets_it(store):
    order = store.order()
    ref = store.driver.create(order)
    row = store.row(ref)
    forgotten(details={**row.details, "status": "pending", "has_stock": False, "date_paid": None})
    assert store.read(ref).outstanding == order.total

    store.driver.mend(ref.remote_id, order)

    assert (store.read(ref).outstanding, documents.status(store.row(ref))) == (0, "processing")
    assert store.row(ref).lines.count() == 1


def test_an_order_that_may_still_be_in_the_making_is_left_alone(store):
    order = store.order()
    ref = left_half_made(store, order)

    with pytest.raises(RetryableError) as caught:
        store.driver.mend(ref.remote_id, order)

    assert type(caught.value) is RetryableError
    assert 0 < caught.value.after_s <= store.driver.horizon_s
    assert documents.order(store.row(ref))["line_items"] == []


def test_an_order_of_other_lines_is_not_completed(store):
    order = store.order()
    ref = store.driver.create(order)
    row = store.row(ref)
    row.lines.update(variant=store.shop.variants.get(sku="MUG-RED"))
    forgotten(details={**row.details, "status": "pending"})

    with pytest.raises(RejectedError) as caught:
        store.driver.mend(ref.remote_id, order)

    assert [blocker.code for blocker in caught.value.blockers] == [BlockerCode.SKU_GONE]
    assert documents.status(store.row(ref)) == "pending"


def test_an_order_that_was_cancelled_or_deleted_meanwhile_is_left_alone(store):
    order = store.order()
    ref = store.driver.create(order)
    store.cancel(ref)

    store.driver.mend(ref.remote_id, order)
    assert store.read(ref).cancelled

    store.delete(ref)
    store.driver.mend(ref.remote_id, order)
    assert store.orders() == 0
