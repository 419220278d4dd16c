"""Several requests at one practice site at once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from connectors.practice.squarespace import limits
from connectors.practice.squarespace.importing import import_order
from tests.connectors.practice.squarespace.site import import_body, make_site
from tests.connectors.practice.test_races import at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_one_key_makes_one_order_however_often_it_comes_at_once():
    site = make_site()
    body = import_body(site, inventoryBehavior="DEDUCT")

    errors = at_once(*[lambda: import_order(site.pk, body, key="key-1", at=timezone.now())] * 4)

    assert errors == []
    assert (site.orders.count(), site.variants.get(sku="STOOL").stock) == (1, 4)


def test_no_import_slips_past_the_limit():
    site = make_site()
    for _ in range(limits.IMPORTS - 2):
        limits.admit_import(site)
    admitted = []

    at_once(*[lambda: admitted.append(limits.admit_import(site))] * 4)

    assert admitted.count(True) == 2
