"""Rows that are added and changed by statements of our own are as Django would have written them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import DataError, transaction

from connectors import rows
from orders.models import Order, OrderEvent, OrderLine
from tests.factories import NOON, make_order

pytestmark = pytest.mark.django_db


def line(order: Order, position: int, **fields: object) -> OrderLine:
    given: dict = {"external_id": f"x-{position}", "sku": "RIMU", "title": "Bowl", "quantity": 2, **fields}
    return OrderLine(order=order, position=position, unit_price=Decimal("12.50"), **given)


def columns(row: OrderLine) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_rows_that_are_stored_learn_their_keys_in_their_order():
    order = make_order()
    stored = [line(order, n, taxes=[{"title": "GST", "rate": "0.15", "amount": "1.00"}]) for n in (10, 12, 11)]

    rows.store(stored)

    assert all(not row._state.adding for row in stored)
    found = OrderLine.objects.in_bulk([row.pk for row in stored])
    assert [columns(found[row.pk]) for row in stored] == [columns(row) for row in stored]


def test_a_stored_row_knows_what_the_database_reckons_of_it():
    order, made = make_order(), {}
    for field in Order._meta.concrete_fields:
        if not (field.primary_key or field.generated):
            made[field.attname] = getattr(order, field.attname)
    copy = Order(**{**made, "public_id": "copy", "external_id": "copy", "number": "copy"})

    rows.store([copy])

    read = Order.objects.get(pk=copy.pk)
    generated = [field.attname for field in Order._meta.concrete_fields if field.generated]
    assert generated
    assert [getattr(copy, name) for name in generated] == [getattr(read, name) for name in generated]


def test_rows_that_were_rolled_back_can_be_added_again():
    order = make_order()
    event = OrderEvent(order=order, at=NOON, by="ana", kind="order.test", text="Twice", data={"a": 1})
    with transaction.atomic():
        rows.insert([event])
        transaction.set_rollback(True)

    rows.insert([event])

    (found,) = OrderEvent.objects.filter(kind="order.test")
    assert (found.at, found.by, found.data, event.pk) == (NOON, "ana", {"a": 1}, None)


@pytest.mark.parametrize("count", [1, 3])
def test_each_row_gets_its_own_values(count: int):
    order = make_order()
    stored = [line(order, 10 + n) for n in range(count)]
    rows.store(stored)
    for number, row in enumerate(stored):
        row.title, row.quantity, row.sku = f"Bowl {number}", 5 + number, "NOT WRITTEN"

    rows.write(stored, ["title", "quantity"])

    now = (
        OrderLine.objects.filter(pk__in=[row.pk for row in stored])
        .order_by("pk")
        .values_list("title", "quantity", "sku")
    )
    assert list(now) == [(f"Bowl {n}", 5 + n, "RIMU") for n in range(count)]


def test_a_change_is_counted_and_of_the_named_rows_only():
    one, other = make_order(), make_order()

    assert rows.change(Order, {"customer_note": "Rimu", "ship_by": NOON}, "id = %s", [one.pk]) == 1

    notes = dict(Order.objects.values_list("pk", "customer_note"))
    assert (notes[one.pk], notes[other.pk]) == ("Rimu", other.customer_note)
    assert Order.objects.get(pk=one.pk).ship_by == NOON


def test_nothing_is_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        rows.insert([])
        rows.store([])
        rows.write([], ["title"])


def test_several_rows_are_changed_as_each_by_itself():
    order = make_order()
    rows.store([line(order, n) for n in (10, 11, 12)])
    kept, *changed = OrderLine.objects.filter(order=order, position__gte=10).order_by("position")
    for number, row in enumerate(changed, start=1):
        row.title, row.unit_price, row.taxes = (
            f"It's {number} %s \\ ü",
            Decimal(number) / 4,
            [{"title": "GST", "n": number}],
        )
    names = ("title", "unit_price", "taxes", "called_off_quantity")

    rows.write(changed, names)

    found = OrderLine.objects.in_bulk([row.pk for row in (kept, *changed)])
    assert [columns(found[row.pk]) for row in (kept, *changed)] == [columns(row) for row in (kept, *changed)]


@pytest.mark.postgres
def test_a_text_that_is_too_long_for_several_rows_is_refused_and_not_cut():
    order = make_order()
    found = [line(order, n) for n in (10, 11)]
    rows.store(found)
    for row in found:
        row.sku = "X" * 1000

    with pytest.raises(DataError), transaction.atomic():
        rows.write(found, ("sku",))
