"""Statements that are formed once bring and change what Django's own would."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection as database
from django.db.models import F, Sum
from django.test.utils import CaptureQueriesContext
from psycopg import _queries as psycopg_queries
from psycopg.adapt import Transformer

from accounts.formed import AT_ONCE, Change, Read
from orders.models import Order, OrderLine
from tests.factories import NOON, make_merchant, make_order

pytestmark = pytest.mark.django_db

LINES = [{"sku": "A", "quantity": 2, "unit_price": Decimal("12.50")}, {"sku": "B"}]


@pytest.fixture
def orders() -> list[Order]:
    merchant = make_merchant()
    return [make_order(merchant, lines=LINES, attributes={"gift": "yes"}) for _ in range(3)]


def same(one: object, other: object) -> bool:
    """Every column, as Django reads it."""
    return {**vars(one), "_state": 0} == {**vars(other), "_state": 0}


def test_rows_and_what_they_belong_to_are_those_that_django_reads(orders):
    read: Read[OrderLine] = Read(
        lambda keys: OrderLine.objects.filter(order__in=keys).select_related("order").order_by("pk")
    )
    wanted = OrderLine.objects.filter(order__in=orders).select_related("order").order_by("pk")

    for _ in range(2):  # formed, and used again
        found = read([order.pk for order in orders])
        assert found == list(wanted)
        for one, other in zip(found, wanted, strict=True):
            with CaptureQueriesContext(database) as seen:
                assert same(one.order, other.order)
            assert not seen.captured_queries
            assert (one.unit_price, one.order.attributes) == (other.unit_price, {"gift": "yes"})
            assert not one._state.adding


def test_one_to_one_from_the_other_end_is_there_or_known_to_be_missing(orders):
    orders[1].payment.delete()
    read: Read[Order] = Read(lambda keys: Order.objects.filter(pk__in=keys).select_related("payment").order_by("pk"))

    found = read([order.pk for order in orders])

    assert [hasattr(order, "payment") for order in found] == [True, False, True]


def test_the_text_is_formed_once_and_the_keys_differ(orders):
    formed = []

    def make(keys: list[int]) -> object:
        formed.append(keys)
        return Order.objects.filter(pk__in=keys).order_by("pk").values_list("pk", "total")

    read: Read[tuple[int, Decimal]] = Read(make)

    assert read([orders[0].pk]) == [(orders[0].pk, orders[0].total)]
    assert read([orders[2].pk, orders[1].pk]) == [(orders[n].pk, orders[n].total) for n in (1, 2)]
    assert read([]) == []
    assert len(formed) == 1


def test_more_keys_than_go_at_once_go_in_several_statements(django_assert_num_queries):
    merchant = make_merchant()
    keys = [make_order(merchant).pk for _ in range(AT_ONCE + 2)]
    read: Read[tuple[int]] = Read(lambda keys: Order.objects.filter(pk__in=keys).values_list("pk"))
    read(keys[:1])

    with django_assert_num_queries(2):
        found = read(keys)

    assert sorted(found) == [(key,) for key in keys]


def test_text_keys_of_one_row_above(orders):
    read: Read[tuple[str, int]] = Read(
        lambda keys, of: (
            OrderLine.objects.filter(sku__in=keys, order=of).order_by("sku").values_list("sku", "order_id")
        ),
        text=True,
        of=True,
    )

    assert read(["B", "A", "no"], orders[1].pk) == [("A", orders[1].pk), ("B", orders[1].pk)]
    assert read(["A"], orders[0].pk) == [("A", orders[0].pk)]


def test_the_instant_and_what_rows_belong_to_are_said_each_time(orders):
    Order.objects.filter(pk=orders[1].pk).update(confirm_by=NOON - timedelta(hours=1))
    due: Read[tuple[int]] = Read(
        lambda merchant, at: Order.objects.filter(merchant=merchant, confirm_by__lte=at).values_list("pk"),
        of=True,
        at=True,
        keys=False,
    )
    merchant = orders[0].merchant_id

    assert due.once(merchant, at=NOON - timedelta(hours=2)) == []
    assert due.once(merchant, at=NOON - timedelta(hours=1)) == [(orders[1].pk,)]
    assert due.once(merchant + 1, at=NOON) == []


def test_a_value_that_is_reckoned_is_on_its_row(orders):
    read: Read[Order] = Read(
        lambda keys: Order.objects.filter(pk__in=keys).annotate(units=Sum("lines__quantity")).order_by("pk")
    )

    assert [order.units for order in read([order.pk for order in orders[:2]])] == [3, 3]


def test_a_change_is_of_these_rows_only(orders):
    change = Change(lambda keys: Order.objects.filter(pk__in=keys), revision=F("revision") + 1, customer_note="Rimu")

    assert [change([orders[0].pk, orders[1].pk]), change([orders[0].pk]), change([])] == [2, 1, 0]
    now = Order.objects.order_by("pk").values_list("revision", "customer_note")
    assert [row[0] - order.revision for row, order in zip(now, orders, strict=True)] == [2, 1, 0]
    assert [row[1] for row in now] == ["Rimu", "Rimu", orders[2].customer_note]


def test_the_placeholders_of_a_long_statement_are_found_once(monkeypatch: pytest.MonkeyPatch):
    split, found = psycopg_queries._split_query, []
    monkeypatch.setattr(
        psycopg_queries, "_split_query", lambda *given, **rest: found.append(1) or split(*given, **rest)
    )
    statement, values = f"SELECT {', '.join(['%s'] * 200)} -- {'long' * 1500}", [7] * 200

    for _ in range(2):
        psycopg_queries.PostgresClientQuery(Transformer()).convert(statement, values)

    assert len(found) == 1
