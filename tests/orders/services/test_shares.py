"""The parts of an order add up to it, to the currency's last decimal, however it is split."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import MoneyError, apportion, exponent, fits, from_minor, total
from orders.models import Order, OrderLine
from orders.services import shares
from orders.services.shares import Part

AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")


def tax(amount: Decimal) -> dict[str, str]:
    return {"title": "GST", "rate": "0.15", "amount": f"{amount}"}


def make_order(lines: list[OrderLine], **fields) -> Order:
    """Not saved; its total is worked out."""
    order = Order(
        **{"currency": "NZD", "prices_include_tax": True, "discount": Decimal(0), "shipping": Decimal(0), **fields}
    )
    order.subtotal = total(line.amount for line in lines)
    taxed = [*order.shipping_taxes, *(tax for line in lines for tax in line.taxes)]
    order.tax = fields.get("tax", total(Decimal(tax["amount"]) for tax in taxed))
    on_top = Decimal(0) if order.prices_include_tax else order.tax
    order.total = order.subtotal - order.discount + order.shipping + on_top
    return order


def line(position: int = 0, price: str = "10.00", **fields) -> OrderLine:
    return OrderLine(position=position, quantity=1, unit_price=Decimal(price), **fields)


@st.composite
def orders(draw) -> tuple[Order, list[Part]]:
    """Any order that intake takes, and any way to put its lines into parts."""
    currency = draw(st.sampled_from(["JPY", "NZD", "KWD"]))

    def amount(most: int) -> Decimal:
        return from_minor(draw(st.integers(0, most)), currency)

    lines = [
        OrderLine(
            position=position,
            quantity=draw(st.integers(1, 7)),
            unit_price=amount(100_000),
            taxes=[tax(amount(9_999))] if draw(st.booleans()) else [],
            requires_shipping=draw(st.booleans()),
        )
        for position in range(draw(st.integers(1, 9)))
    ]
    units = int(total(line.amount for line in lines).scaleb(exponent(currency)))
    order = make_order(
        lines,
        currency=currency,
        prices_include_tax=draw(st.booleans()),
        discount=from_minor(draw(st.integers(0, units)), currency),
        shipping=amount(50_000),
        shipping_taxes=[tax(amount(999))] if draw(st.booleans()) else [],
    )
    places = [draw(st.integers(0, 3)) for _ in lines]
    parts = [
        Part(tuple(line for line, at in zip(lines, places, strict=True) if at == place), draw(st.booleans()))
        for place in sorted(set(places))
    ]
    return order, parts


def adds_up(order: Order, given: list[shares.Share]) -> bool:
    return all(total(getattr(share, name) for share in given) == getattr(order, name) for name in AMOUNTS)


@given(orders())
def test_the_parts_add_up_to_the_order(made: tuple[Order, list[Part]]):
    order, parts = made

    given = shares.split(order, parts)

    assert adds_up(order, given)
    assert [share.carries_shipping for share in given].count(True) == 1


@given(orders())
def test_no_part_is_negative_or_finer_than_the_currency(made: tuple[Order, list[Part]]):
    order, parts = made

    for share in shares.split(order, parts):
        amounts = [getattr(share, name) for name in AMOUNTS]
        assert all(amount >= 0 and fits(amount, order.currency) for amount in amounts)
        assert share.discount <= share.subtotal
        on_top = Decimal(0) if order.prices_include_tax else share.tax
        assert share.total == share.subtotal - share.discount + share.shipping + on_top


@given(orders(), st.data())
def test_what_has_left_keeps_its_share_and_the_rest_is_shared_out_anew(made, data):
    order, parts = made
    before = shares.split(order, parts)
    left = data.draw(st.integers(0, len(parts) - 1))
    lines = [line for index, part in enumerate(parts) for line in part.lines if index != left]
    places = [data.draw(st.integers(0, 2)) for _ in lines]
    rest = [
        Part(tuple(line for line, at in zip(lines, places, strict=True) if at == place))
        for place in sorted(set(places))
    ]

    after = shares.split(order, rest, settled=[before[left]]) if rest else []

    assert adds_up(order, [before[left], *after])
    assert all(getattr(share, name) >= 0 for share in after for name in AMOUNTS)


def test_shipping_goes_whole_to_the_first_part_that_ships():
    download = line(0, requires_shipping=False)
    order = make_order([download, line(1), line(2)], shipping=Decimal("7.00"), shipping_taxes=[tax(Decimal("0.91"))])

    given = shares.split(order, [Part((download,)), Part((order_line := line(2),)), Part((line(1),))])

    assert order_line.requires_shipping
    assert [share.shipping for share in given] == [0, 0, 7]
    assert [share.tax for share in given] == [0, 0, Decimal("0.91")]


def test_a_part_that_stays_here_does_not_carry_shipping():
    order = make_order([line(0), line(1)], shipping=Decimal("7.00"))

    given = shares.split(order, [Part((line(0),), goes_out=False), Part((line(1),))])

    assert [share.shipping for share in given] == [0, 7]


def test_the_odd_cent_of_a_discount_goes_to_the_largest_remainder():
    order = make_order([line(0), line(1), line(2)], discount=Decimal("0.05"))

    given = shares.split(order, [Part((line(0), line(1))), Part((line(2),))])

    assert [share.discount for share in given] == [Decimal("0.03"), Decimal("0.02")]


def test_tax_that_no_line_names_is_shared_out_by_the_lines():
    order = make_order([line(0), line(1, "30.00")], tax=Decimal("5.21"))

    given = shares.split(order, [Part((line(0),)), Part((line(1, "30.00"),))])

    assert [share.tax for share in given] == [Decimal("1.30"), Decimal("3.91")]


def test_weights_of_zero_leave_all_to_the_first():
    assert apportion(Decimal("0.03"), [Decimal(0), Decimal(0)], "NZD") == [Decimal("0.03"), 0]


@pytest.mark.parametrize(("amount", "weights"), [("-1", ["1"]), ("1", ["1", "-1"])])
def test_nothing_negative_is_shared_out(amount: str, weights: list[str]):
    with pytest.raises(MoneyError):
        apportion(Decimal(amount), [Decimal(weight) for weight in weights], "NZD")
