"""Without a mark, a test that leaves a contradiction behind fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orders.models import Order
from orders.services import decisions
from tests.conftest import pytest_runtest_call
from tests.factories import NOON, make_order

pytestmark = pytest.mark.django_db


class Unmarked:
    """A test that uses a database, as pytest knows it."""

    fixturenames = ("db",)

    def get_closest_marker(self, name: str) -> None:
        return None

    def iter_markers(self, name: str) -> Iterator[pytest.Mark]:
        return iter(())


def leave_a_contradiction() -> None:
    order = make_order()
    decisions.decline(order_id=order.pk, reason="Sold out.", by="ana", at=NOON)
    Order.objects.update(status="expired")


@pytest.mark.plants("I5", "to see that a test without this mark fails")
def test_a_contradiction_fails_the_test_that_left_it():
    asked = pytest_runtest_call(Unmarked())
    next(asked)
    leave_a_contradiction()

    with pytest.raises(AssertionError, match="I5"):
        next(asked)


def test_a_test_that_leaves_none_goes_well():
    asked = pytest_runtest_call(Unmarked())
    next(asked)
    make_order()

    with pytest.raises(StopIteration):
        next(asked)


@pytest.mark.plants("I5", "to see that the mark counts")
def test_a_marked_one_does_not():
    leave_a_contradiction()
