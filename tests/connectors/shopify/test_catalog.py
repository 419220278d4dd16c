"""The whole catalog, a page at a time."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.errors import CredentialsError, NotOfferedError, RetryableError
from tests.connectors.shopify.shop import answers, connector, fails, operations, page, sent
from tests.connectors.shopify.test_connector import node
from tests.fakes import FakeStore

pytestmark = pytest.mark.usefixtures("wire")
COUNT = {"productVariantsCount": {"count": 2, "precision": "EXACT"}}


def listed(number: int = 1, **fields) -> dict:
    return node(number, price="50.00", **fields)


def test_the_first_page_tells_how_many_there_are():
    answers({**page("productVariants", listed(1), after="abc"), **COUNT})

    variants, cursor, total = connector().catalog_pages("")

    assert [(variant.sku, variant.price, variant.stock) for variant in variants] == [("SKU-1", Decimal("50.00"), 4)]
    assert (cursor, total) == ("abc", 2)
    assert (operations(), sent()) == (["VariantsPage"], {"first": 250, "isFirst": True})


def test_a_later_page_begins_at_its_cursor_and_counts_nothing():
    answers(page("productVariants", listed(2)))

    assert connector().catalog_pages("abc")[1:] == ("", None)
    assert sent() == {"first": 250, "after": "abc", "isFirst": False}


@pytest.mark.parametrize("count", [None, {"count": 10_000, "precision": "AT_LEAST"}])
def test_a_count_that_is_not_exact_is_none(count):
    answers({**page("productVariants"), "productVariantsCount": count})

    assert connector().catalog_pages("").total is None


@pytest.mark.parametrize("broken", [{"price": None}, {"price": "free"}, {"sku": 7, "product": None}])
def test_a_variant_that_lacks_what_the_schema_promises_is_a_passing_fault(broken: dict):
    answers({**page("productVariants", {**listed(), **broken}), **COUNT})

    with pytest.raises(RetryableError):
        connector().catalog_pages("")


def test_a_missing_scope_is_a_matter_of_credentials():
    fails("ACCESS_DENIED", data=None)

    with pytest.raises(CredentialsError):
        connector().catalog_pages("")


def test_a_platform_that_has_no_list_says_so():
    with pytest.raises(NotOfferedError, match="Fake store does not let its whole catalog be read"):
        FakeStore().catalog_pages("")
