"""Races for labels on PostgreSQL: the second of two waits for the first's lock, and then buys nothing."""

from __future__ import annotations

import pytest
from django.db import connection

from orders.enums import Topic
from orders.models import LabelStatus, OutboxMessage, ShippingLabel
from orders.services import labels
from tests.factories import NOON
from tests.orders.services.labelled import buy, make_bought, make_rated
from tests.orders.services.refundable import make_paid
from tests.orders.test_races import behind_a_lock

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _on_postgres():
    assert connection.vendor == "postgresql", "run by `make test-postgres`"


def purchases() -> int:
    return OutboxMessage.objects.filter(topic=Topic.BUY_LABEL).count()


def test_the_same_click_twice_at_once_buys_one_label():
    order = make_paid()
    label = make_rated(order)

    outcomes = behind_a_lock(order, lambda: buy(label), lambda: buy(label))

    assert sorted(outcomes) == ["", "transition_not_allowed"]
    assert purchases() == 1


def test_two_labels_for_the_same_units_are_not_bought_at_once():
    order = make_paid()
    first = make_rated(order)
    second = make_rated(order, account=first.account)

    outcomes = behind_a_lock(order, lambda: buy(first), lambda: buy(second))

    assert sorted(outcomes) == ["", "invalid_shipment"]
    assert purchases() == 1


def test_a_label_is_shipped_with_or_voided_and_not_both():
    order = make_paid()
    label = make_bought(order)

    def ship() -> None:
        labels.ship(label_id=label.pk, by="ana", at=NOON)

    def void() -> None:
        labels.void(label_id=label.pk, by="ana", at=NOON)

    assert sorted(behind_a_lock(order, ship, void)) == ["", "transition_not_allowed"]
    label = ShippingLabel.objects.select_related("fulfillment").get()
    assert label.is_shipped is (label.status == LabelStatus.BOUGHT)
