"""Which destination a line goes to when it comes in, and how little that costs."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Merchant
from connectors.models import Connection, ProductLink
from connectors.services import connections
from orders.enums import Headline, OrderStatus, PushStatus, RoutedBy, RuleKind
from orders.models import Order, OutboxMessage, PushLine, RoutingRule
from orders.services import routing
from orders.services.routing import Facts
from tests.factories import NOON, make_connection, make_order
from tests.orders.api.client import Api, make_api, sample

pytestmark = pytest.mark.django_db
HERE = Facts({"tags": "Wholesale, rush", "terms": "Net 30"}, "NZ")


@pytest.fixture
def stores(merchant: Merchant) -> tuple[Connection, Connection]:
    return make_connection(merchant, name="Kauri", is_default=True), make_connection(merchant, name="Rimu")


def rule(connection: Connection, kind: str = RuleKind.SKU_PREFIX, value: str = "OAK", **fields) -> RoutingRule:
    merchant = connection.merchant
    position = RoutingRule.objects.of(merchant).count()
    return RoutingRule.objects.create(
        merchant=merchant, connection=connection, kind=kind, value=value, position=position, **fields
    )


def link(connection: Connection, sku: str) -> None:
    ProductLink.objects.create(connection=connection, sku=sku, variant_id=sku, source="sku", checked_at=NOON)


def route(merchant: Merchant, sku: str, facts: Facts = HERE) -> tuple[str, str]:
    found = routing.read_book(merchant, [sku]).route(sku, facts)
    return found.connection.name if found.connection else "", found.by


def test_the_only_destination_takes_everything(merchant: Merchant):
    make_connection(merchant, name="Kauri")

    assert route(merchant, "OAK-1") == ("Kauri", RoutedBy.ONLY)


def test_a_rule_comes_before_a_link(merchant: Merchant, stores):
    kauri, rimu = stores
    rule(rimu)
    link(kauri, "OAK-1")

    assert route(merchant, "oak-1") == ("Rimu", RoutedBy.RULE)
    assert route(merchant, "PINE-1") == ("Kauri", RoutedBy.DEFAULT)


def test_the_first_rule_that_holds_decides(merchant: Merchant, stores):
    kauri, rimu = stores
    rule(kauri, value="OAK-9")
    rule(rimu, value="OAK")

    assert route(merchant, "OAK-9-S")[0] == "Kauri"
    assert route(merchant, "OAK-1")[0] == "Rimu"


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (RuleKind.TAG, "", "RUSH"),
        (RuleKind.ATTRIBUTE, "terms", "net 30"),
        (RuleKind.COUNTRY, "", "NZ"),
        (RuleKind.SKU_PREFIX, "", "p"),
    ],
)
def test_each_kind_of_rule_holds(merchant: Merchant, stores, kind: str, name: str, value: str):
    rule(stores[1], kind, value, name=name)

    assert route(merchant, "P-1") == ("Rimu", RoutedBy.RULE)
    assert route(merchant, "X-1", Facts({}, "")) == ("Kauri", RoutedBy.DEFAULT)


def test_a_rule_for_a_store_that_left_is_passed_over(merchant: Merchant, stores):
    third = make_connection(merchant)
    rule(third)
    connections.disconnect(connection_id=third.pk, by="ana", at=NOON)

    assert route(merchant, "OAK-1") == ("Kauri", RoutedBy.DEFAULT)


def test_a_link_beats_the_default(merchant: Merchant, stores):
    link(stores[1], "A")

    assert route(merchant, "A") == ("Rimu", RoutedBy.LINK)


def test_of_two_stores_with_a_link_the_default_is_taken(merchant: Merchant, stores):
    connections.set_default(connection_id=stores[1].pk, by="ana", at=NOON)
    for store in stores:
        link(store, "A")

    assert route(merchant, "A") == ("Rimu", RoutedBy.LINK)


def test_without_a_default_a_line_goes_nowhere(merchant: Merchant, stores):
    Connection.objects.update(is_default=False)

    assert route(merchant, "A")[0] == ""


def test_another_merchants_rules_and_links_do_not_count(merchant: Merchant, stores):
    rule(make_connection())
    link(make_connection(), "OAK-1")

    assert route(merchant, "OAK-1") == ("Kauri", RoutedBy.DEFAULT)


# --- orders that come in -----------------------------------------------------------------------------


def two_stores(api: Api) -> tuple[Connection, Connection]:
    return (
        make_connection(api.merchant, name="Kauri", is_default=True),
        make_connection(api.merchant, name="Rimu"),
    )


def skus_of(body: dict) -> list[str]:
    return [line["sku"] for line in body["lines"]]


def test_an_order_arrives_in_parts_that_add_up():
    api, body = make_api(), sample("order_discount")
    _, rimu = two_stores(api)
    rule(rimu, value=skus_of(body)[0])

    api.place(body)

    order = Order.objects.get()
    pushes = list(order.pushes.order_by("pk"))
    assert len(pushes) == 2
    for name in ("subtotal", "discount", "shipping", "tax", "total"):
        assert sum(getattr(push, name) for push in pushes) == getattr(order, name)
    assert PushLine.objects.filter(push__order=order).count() == len(body["lines"])


def test_an_order_that_goes_nowhere_is_blocked_and_waits_for_a_destination():
    api, body = make_api(), sample()
    two_stores(api)
    Connection.objects.update(is_default=False)

    response = api.place(body)

    order = Order.objects.get()
    assert (order.headline, order.push_status, order.pushes.count()) == (Headline.BLOCKED, PushStatus.HELD, 0)
    assert response.json()["blockers"][0]["code"] == "no_destination"
    assert OutboxMessage.objects.get().key == f"check:{order.public_id}:order"


def test_an_order_of_which_a_part_goes_nowhere_waits_for_both():
    api, body = make_api(), sample("order_discount")
    _, rimu = two_stores(api)
    Connection.objects.update(is_default=False)
    rule(rimu, value=skus_of(body)[0])

    api.place(body)

    order = Order.objects.get()
    checks = {f"check:{order.public_id}:{order.pushes.get().pk}", f"check:{order.public_id}:order"}
    assert set(OutboxMessage.objects.values_list("key", flat=True)) == checks
    assert order.headline == Headline.BLOCKED


def test_a_merchant_without_any_store_keeps_its_orders_unblocked():
    api = make_api()

    api.place(sample())

    assert Order.objects.get().headline == Headline.NEEDS_CONFIRMATION


def test_an_incomplete_order_that_goes_nowhere_says_both():
    api, body = make_api(), sample()
    two_stores(api)
    Connection.objects.update(is_default=False)
    del body["payment"]

    api.place(body)

    order = Order.objects.get()
    assert order.status == OrderStatus.DRAFT
    assert [blocker["code"] for blocker in order.blockers] == ["not_paid", "no_destination"]


def test_what_an_order_costs_does_not_grow_with_lines_or_destinations():
    api = make_api()
    stores = [*two_stores(api), make_connection(api.merchant, settings={"sync_orders": False})]
    for index, sku in enumerate(skus_of(sample("sixty_lines"))[:6]):
        rule(stores[index % 3], value=sku)
    api.place(sample("sixty_lines"))  # makes the lanes
    with CaptureQueriesContext(connection) as many:
        api.place(sample("sixty_lines", suffix="-two"))
    RoutingRule.objects.all().delete()
    with CaptureQueriesContext(connection) as few:
        api.place(sample(suffix="-one"))

    assert [order.pushes.count() for order in Order.objects.order_by("pk")] == [3, 3, 1]
    assert len(many) - len(few) <= 1  # one for the history of what stays here


# --- the default destination, and what must never be true ---------------------------------------------


def test_the_default_changes_hands(merchant: Merchant, stores):
    connections.set_default(connection_id=stores[1].pk, by="ana", at=NOON)

    assert Connection.objects.get(is_default=True) == stores[1]


def test_a_store_of_no_orders_cannot_be_the_default(merchant: Merchant, stores):
    other = make_connection(merchant, is_destination=False)

    with pytest.raises(Connection.DoesNotExist):
        connections.set_default(connection_id=other.pk, by="ana", at=NOON)


def test_the_last_store_that_is_left_becomes_the_default(merchant: Merchant, stores):
    connections.disconnect(connection_id=stores[0].pk, by="ana", at=NOON)

    assert Connection.objects.get(is_default=True) == stores[1]


def test_a_default_that_leaves_several_behind_has_no_heir(merchant: Merchant, stores):
    make_connection(merchant)

    connections.disconnect(connection_id=stores[0].pk, by="ana", at=NOON)

    assert not Connection.objects.filter(is_default=True).exists()


@pytest.mark.parametrize(("price", "shipping", "total"), [("0.10", "0.20", "0.30"), ("0.70", "0.10", "0.80")])
def test_sums_that_floats_get_wrong_are_stored(price: str, shipping: str, total: str):
    order = make_order(
        lines=[{"unit_price": price}], shipping=shipping, total=Decimal(total), connections=[make_connection()]
    )

    assert order.pushes.get().total == Decimal(total)
