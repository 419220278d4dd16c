"""The arithmetic of refunds: every share exact, in currencies with none, two and three decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import from_minor, to_minor, total
from orders.enums import OrderStatus, PaymentStatus
from orders.errors import InvalidRefund
from orders.models import Order, OrderLine, Payment, Refund
from orders.services import refund_quotes, refunds
from orders.services.refund_quotes import Wanted, WantedLine
from orders.services.refund_shares import part, share_out, shares_of
from tests.examples import tried
from tests.factories import NOON, make_order

CURRENCIES = st.sampled_from(["JPY", "NZD", "KWD"])


@st.composite
def orders(draw: Any) -> dict[str, Any]:
    """Sums that add up as intake demands, with tax inside or on top and a discount on the order."""
    currency, on_top = draw(CURRENCIES), draw(st.booleans())
    units = st.integers(0, 100_000)
    sizes = draw(st.lists(st.tuples(st.integers(1, 7), units, units), min_size=1, max_size=4))
    subtotal = sum(quantity * price for quantity, price, _ in sizes)
    shipping, shipping_tax = draw(units), draw(units) if on_top else 0
    tax = sum(tax for *_, tax in sizes) + shipping_tax if on_top else 0
    discount = draw(st.integers(0, subtotal))
    money = {
        "subtotal": subtotal,
        "discount": discount,
        "shipping": shipping,
        "tax": tax,
        "total": subtotal - discount + shipping + tax,
    }
    amount = lambda minor: from_minor(minor, currency)  # noqa: E731
    taxes = lambda minor: [{"title": "Tax", "rate": "0.1", "amount": str(amount(minor))}] if on_top else []  # noqa: E731
    return {
        "currency": currency,
        "prices_include_tax": not on_top,
        "shipping_taxes": taxes(shipping_tax),
        "lines": [
            {"quantity": quantity, "unit_price": str(amount(price)), "taxes": taxes(tax)}
            for quantity, price, tax in sizes
        ],
        **{name: amount(minor) for name, minor in money.items()},
    }


@given(orders())
@tried(100)
def test_the_shares_add_up_to_what_was_paid(made: dict[str, Any]):
    lines = [
        OrderLine(pk=pk, **line | {"unit_price": Decimal(line["unit_price"])}) for pk, line in enumerate(made["lines"])
    ]
    order = Order(**{name: value for name, value in made.items() if name != "lines"})

    shares = shares_of(order, lines)

    assert sum(shares.lines.values()) + shares.shipping == to_minor(order.total, order.currency)
    assert min(*shares.lines.values(), shares.shipping) >= 0


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
@tried(100)
def test_nothing_is_lost_when_something_is_shared_out(whole: int, weights: list[int]):
    shares = share_out(whole, weights)

    assert sum(shares) == whole
    if of := sum(weights):
        assert all(abs(share * of - whole * weight) <= of for share, weight in zip(shares, weights, strict=True))


@given(st.integers(0, 10**9), st.integers(1, 1000))
@tried(100)
def test_the_units_of_a_line_never_cost_less_than_nothing(whole: int, of: int):
    steps = [part(whole, units, of) for units in range(of + 1)]

    assert (steps[0], steps[-1]) == (0, whole)
    assert steps == sorted(steps)


@pytest.mark.django_db
@given(made=orders(), data=st.data())
@tried(25)
def test_all_refunds_of_everything_are_what_was_captured(made: dict[str, Any], data: Any):
    """Units in any bundles one after another; now and then a refund is withdrawn on the way."""
    with transaction.atomic():
        order = make_order(status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.AUTHORIZED, **made)
        Payment.objects.filter(order=order).update(status="captured", captured=order.total, captured_at=NOON)

        for withdrawn in (True, True, False, False, False):
            give_back_some(order, data, withdrawn=withdrawn and data.draw(st.booleans()))
        give_back_the_rest(order)

        given_back = total(Refund.objects.filter(order=order).standing().values_list("amount", flat=True))
        assert given_back == order.total
        transaction.set_rollback(True)


def give_back_some(order: Order, data: Any, *, withdrawn: bool) -> None:
    left = refund_quotes.left_of(order)
    units = {item.line.external_id: data.draw(st.integers(0, item.quantity)) for item in left.lines}
    shipping = from_minor(data.draw(st.integers(0, to_minor(left.shipping, order.currency))), order.currency)
    wish = Wanted(tuple(WantedLine(line, count) for line, count in units.items() if count), shipping)
    try:
        refund, _ = refunds.issue(order_id=order.pk, wanted=wish, by="ana", at=NOON)
    except InvalidRefund as refusal:
        assert [problem.code for problem in refusal.problems] in (["required"], ["too_much"])  # worth nothing; all gone
        return
    if withdrawn:
        refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)


def give_back_the_rest(order: Order) -> None:
    left = refund_quotes.left_of(order)
    everything = tuple(WantedLine(item.line.external_id, item.quantity) for item in left.lines if item.quantity)
    if left.amount:
        refunds.issue(order_id=order.pk, wanted=Wanted(everything, left.shipping), by="ana", at=NOON)
