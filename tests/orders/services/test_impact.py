"""What disconnecting would do, told before it is done."""

from __future__ import annotations

import pytest
from django.db import transaction

from connectors.models import Connection, Side
from connectors.services import partners
from orders.enums import OrderStatus, PushStatus
from orders.models import Channel, OrderPush, WriteBack
from orders.services import decisions, impact
from tests.factories import NOON, make_blocked, make_connection, make_order
from tests.orders.drafts import make_draft
from tests.orders.services.bought import StoreWhereBought
from tests.orders.services.partnered import Partnered, make_partnered
from tests.orders.services.pushed import make_pushed

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(merchant) -> Connection:
    return make_connection(merchant, name="Kauri Shopify")


@pytest.fixture
def pair() -> Partnered:
    return make_partnered()


def lines(sku: str, *, price: str) -> list[dict[str, str]]:
    return [{"sku": sku, "unit_price": price}]


def told(connection: Connection) -> list[tuple[str, int, list]]:
    return [(share.label, share.orders, share.money) for share in impact.of(connection).shares]


def ended(connection: Connection) -> list[tuple[str, str]]:
    return [(one.partner, one.state) for one in impact.of(connection).partnerships]


# --- orders that go there ---


def test_it_tells_orders_and_money_by_what_becomes_of_them(shop: Connection):
    make_blocked(shop, "A", lines=lines("A", price="10.00"))
    make_blocked(shop, "A", lines=lines("A", price="20.00"), currency="USD")
    make_pushed(connection=shop)
    flying = make_order(shop.merchant, connections=[shop], lines=lines("A", price="30.00"))
    OrderPush.objects.filter(order=flying).update(status=PushStatus.UNKNOWN, wait_for="")
    make_order(shop.merchant, connections=[make_connection(shop.merchant)])

    assert told(shop) == [
        ("Not sent yet", 2, [(10, "NZD"), (20, "USD")]),
        ("On their way", 1, [(30, "NZD")]),
        ("In the store, not fulfilled", 1, [(45, "NZD")]),
    ]


def test_a_draft_that_was_to_go_there_is_held_too(shop: Connection):
    make_draft(shop.merchant, connections=[shop], lines=lines("A", price="10.00"))

    assert told(shop) == [("Not sent yet", 1, [(10, "NZD")])]


def test_orders_that_are_over_are_not_touched(shop: Connection):
    order = make_order(shop.merchant, connections=[shop])
    decisions.decline(order_id=order.pk, reason="x", by="ana", at=NOON)

    assert impact.of(shop) == impact.Impact([], [])


# --- orders that were placed there ---


def test_open_orders_that_were_placed_in_the_store_are_told_whoever_sends_them(shop: Connection):
    channel = Channel.objects.create(connection=shop, name=shop.name)
    make_order(shop.merchant, channel=channel, lines=lines("A", price="10.00"))
    make_order(
        shop.merchant, channel=channel, lines=lines("A", price="20.00"), connections=[make_connection(shop.merchant)]
    )
    make_draft(shop.merchant, channel=channel, lines=lines("A", price="5.00"))
    make_draft(shop.merchant, channel=channel, is_archived=True)
    over = make_order(shop.merchant, channel=channel)
    decisions.decline(order_id=over.pk, reason="x", by="ana", at=NOON)
    make_order(shop.merchant)

    assert told(shop) == [("Placed in this store", 3, [(35, "NZD")])]


# --- what the store was not told of ---


@pytest.fixture
def sold(pair: Partnered) -> Connection:
    """The store where an order was bought that the partner has sent; nobody told the store yet."""
    store = make_connection(pair.seller, name="Kauri Shop", is_destination=False)
    pair.stores[store.pk] = StoreWhereBought(pair.world.clock)
    order = pair.paid(("BOWL", 2, "30.00"), channel=Channel.objects.create(connection=store, name="Kauri Shop"))
    pair.push(order)
    pair.remote.fulfill(pair.push_of(order).remote_id)
    with transaction.atomic():
        pair.pull(order)
    order.refresh_from_db()
    assert order.status == OrderStatus.COMPLETED
    return store


@pytest.mark.parametrize("state", ["waiting", "held"])
def test_what_was_sent_and_not_told_counts_though_the_order_is_over(sold: Connection, state: str):
    WriteBack.objects.update(state=state, reason="Why")

    assert told(sold) == [("Sent, and the store not told yet", 1, [(67, "NZD")])]


def test_what_was_told_is_done(sold: Connection):
    WriteBack.objects.update(state="done")

    assert told(sold) == []


# --- partners ---


def test_a_source_is_told_what_partners_pushed_and_which_partnerships_end(pair: Partnered):
    pair.push(pair.paid(("BOWL", 2, "30.00")))
    sent = pair.paid(("MUG", 1, "10.00"))
    pair.push(sent)
    pair.remote.fulfill(pair.push_of(sent).remote_id)
    with transaction.atomic():
        pair.pull(sent)
    pair.paid(("BOWL", 1, "30.00"))  # not pushed: its partner's alone

    assert told(pair.store) == [("Partners' orders in the store, not fulfilled", 1, [])]
    assert ended(pair.store) == [("Kauri & Clay", "Working together")]


def test_an_invitation_to_the_store_ends_too(pair: Partnered):
    pair.revoke()
    partners.invite(
        merchant_id=pair.owner.pk,
        side=Side.SOURCE,
        whom="new@shop.example",
        connection_id=pair.store.pk,
        by="mia",
        at=NOON,
    )

    assert ended(pair.store) == [("new@shop.example", "Invited")]


def test_another_store_of_the_source_ends_nothing(pair: Partnered):
    pair.push(pair.paid(("BOWL", 2, "30.00")))

    assert impact.of(make_connection(pair.owner)) == impact.Impact([], [])
