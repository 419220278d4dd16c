"""What a person found at the destination is read before it is believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.registry import connector_class
from orders import outbox
from orders.enums import PushStatus
from orders.errors import FindingRefused, TransitionNotAllowed
from orders.models import OrderPush
from orders.services import outbound, push_findings, pushes
from tests.factories import NOON, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.test_pushes import captured, drained, message_of

pytestmark = pytest.mark.django_db

ID = "gid://shopify/Order/1001"


def held(store: FakeStore, fault: str = "rejected") -> OrderPush:
    push = captured(store)
    store.next_fault = fault
    return drained(store, push)


def doubtful(store: FakeStore) -> OrderPush:
    """Sent without an answer, and held since nobody knew more for three days."""
    push = held(store, "timeout_after_create")
    store.orders.clear()
    type(message_of(push)).objects.filter(pk=message_of(push).pk).update(
        first_failed_at=NOON - outbox.RETRY_FOR - timedelta(hours=1)
    )
    store.clock.advance(60)
    store.next_fault = "down"
    push = drained(store, push)
    assert (push.status, message_of(push).maybe_sent_at) == (PushStatus.HELD, NOON)
    return push


def put_there(store: FakeStore, push: OrderPush, **changes: Any) -> None:
    """The order of the push stands there, under an id of the platform that the connection names."""
    ref = store.add(outbound.build(push))
    order = store.orders.pop(ref.remote_id)
    store.orders[ID] = replace(order, **{"ref": replace(ref, remote_id=ID), **changes})


def there(store: FakeStore, push: OrderPush, typed: str = "1001") -> OrderPush:
    at = store.clock.now()
    push_findings.is_there(push_id=push.pk, typed=typed, by="ana", at=at, world=make_world(store))
    return OrderPush.objects.get(pk=push.pk)


def not_there(store: FakeStore, push: OrderPush) -> OrderPush:
    push_findings.is_not_there(push_id=push.pk, by="ana", at=store.clock.now(), world=make_world(store))
    return OrderPush.objects.get(pk=push.pk)


def test_what_is_there_is_recorded_and_not_sent_again():
    store = FakeStore()
    push = held(store)
    put_there(store, push)

    push = there(store, push, "https://admin.shopify.com/store/kauri/orders/1001?x=1")
    calls = store.calls.count("create")

    assert (push.status, push.remote_id, push.remote_name) == (PushStatus.PUSHED, ID, "#1001")
    assert push.order.events.get(kind="push.found").by == "ana"
    drained(store, push)
    assert (store.calls.count("create"), len(store.orders)) == (calls, 1)


def test_one_that_was_typed_there_by_hand_is_known_by_its_total_and_time():
    store = FakeStore()
    push = held(store)
    put_there(store, push, reference="")

    assert there(store, push).status == PushStatus.PUSHED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reference": "SW-OTHER"}, "another reference"),
        ({"total": Decimal(1)}, "Correct it there"),
        ({"currency": "AUD"}, "Correct it there"),
        ({"reference": "", "created_at": NOON - timedelta(days=9)}, "older than this order"),
    ],
)
def test_another_order_is_not_taken_for_it(changes: dict[str, Any], words: str):
    store = FakeStore()
    push = held(store)
    put_there(store, push, **changes)

    with pytest.raises(FindingRefused, match=words):
        there(store, push)

    push.refresh_from_db()
    assert (push.status, push.remote_id) == (PushStatus.HELD, "")


def test_one_that_is_recorded_for_another_order_is_not_taken():
    store = FakeStore()
    push = held(store)
    put_there(store, push)
    other = make_order(push.order.merchant, connections=[push.connection]).pushes.get()
    OrderPush.objects.filter(pk=other.pk).update(remote_id=ID, pushed_at=NOON, status=PushStatus.PUSHED, wait_for="")

    with pytest.raises(FindingRefused, match=f"recorded for order {other.order.number} already"):
        there(store, push)


@pytest.mark.parametrize(("typed", "words"), [("77", "no order with this id"), ("../1", "no id of an order")])
def test_an_id_without_an_order_is_refused(typed: str, words: str):
    store = FakeStore()

    with pytest.raises(FindingRefused, match=words):
        there(store, held(store), typed)


def test_a_store_that_does_not_answer_proves_nothing():
    store = FakeStore()
    push = held(store)
    for find in (there, not_there):
        push = OrderPush.objects.get(pk=push.pk)
        store.next_fault = "down"
        with pytest.raises(FindingRefused, match=r"could not be asked|Nothing was sent"):
            find(store, push)


def test_what_is_not_there_can_be_kept_out_after_a_look():
    store = FakeStore()
    push = doubtful(store)
    with pytest.raises(TransitionNotAllowed, match="whether it is there"):
        pushes.skip(push_id=push.pk, by="ana", at=NOON)
    with pytest.raises(FindingRefused, match="look again in 60 seconds"):
        not_there(store, push)
    store.clock.advance(61)

    push = not_there(store, push)

    assert (push.status, message_of(push).maybe_sent_at) == (PushStatus.HELD, None)
    assert "not in" in push.order.events.get(kind="push.not_there").text
    assert pushes.skip(push_id=push.pk, by="ana", at=NOON).status == PushStatus.SKIPPED


def test_a_look_that_finds_it_records_it_instead():
    store = FakeStore()
    push = doubtful(store)
    put_there(store, push)

    push = not_there(store, push)

    assert (push.status, push.remote_id, push.adopted) == (PushStatus.PUSHED, ID, True)


def test_a_refusal_after_a_look_past_the_horizon_leaves_no_doubt():
    store = FakeStore()
    push = held(store, "timeout_after_create")
    store.orders.clear()
    store.clock.advance(130)
    store.unique_references = True
    store.add(replace(outbound.build(push), reference="SW-OTHER"))
    refuse_creates(store)

    push = drained(store, push)

    assert (push.status, message_of(push).maybe_sent_at) == (PushStatus.HELD, None)
    assert pushes.skip(push_id=push.pk, by="ana", at=NOON).status == PushStatus.SKIPPED


def refuse_creates(store: FakeStore) -> None:
    create = store.create

    def refusing(order: Any) -> Any:
        store.next_fault = "rejected"
        return create(order)

    store.create = refusing  # type: ignore[method-assign]


def test_what_was_never_sent_cannot_be_said_to_be_there():
    store = FakeStore()
    push = make_order(connections=[captured(store).connection]).pushes.get()

    with pytest.raises(FindingRefused, match="held"):
        there(store, push)


@pytest.mark.parametrize(
    ("platform", "typed", "remote_id"),
    [
        ("shopify", "gid://shopify/Order/12", "gid://shopify/Order/12"),
        ("shopify", "https://kauri.myshopify.com/admin/orders/12", "gid://shopify/Order/12"),
        ("shopify", "#1001", ""),
        ("woocommerce", "12", "12"),
        ("woocommerce", "https://kauri.nz/wp-admin/admin.php?page=wc-orders&action=edit&id=12", "12"),
        ("woocommerce", "12/notes", ""),
        ("squarespace", "585d498fdee9f31a60284a37", "585d498fdee9f31a60284a37"),
        ("squarespace", "585d498f x", ""),
        ("ssactivewear", "SW-AP-1", "SW-AP-1"),
        ("ssactivewear", "a/b", ""),
    ],
)
def test_the_id_is_taken_out_of_what_people_copy(platform: str, typed: str, remote_id: str):
    assert connector_class(platform).remote_id_of(typed) == remote_id
