"""Changing an order that stands there: only what keeps its total."""

from __future__ import annotations

import pytest

from connectors.errors import RejectedError
from tests.connectors.shopify.orders import order
from tests.connectors.shopify.shop import answers, connector, operations, sent

GID = "gid://shopify/Order/1"

pytestmark = pytest.mark.usefixtures("wire")


def test_only_what_was_changed_is_overwritten():
    answers({"orderUpdate": {"order": {"id": GID}, "userErrors": []}})

    connector().update(GID, order(), fields=frozenset({"note"}))

    assert operations() == ["OrderUpdate"]
    assert sent() == {"input": {"id": GID, "note": connector().request_for(order())["order"]["note"]}}


def test_the_details_are_those_of_a_new_order():
    answers({"orderUpdate": {"order": {"id": GID}, "userErrors": []}})

    connector().update(GID, order(), fields=frozenset({"attributes"}))

    created = connector().request_for(order())["order"]
    assert sent() == {"input": {"id": GID, "customAttributes": created["customAttributes"]}}


def test_a_refusal_is_told_in_shopifys_words():
    answers({"orderUpdate": {"order": None, "userErrors": [{"field": ["id"], "message": "Order does not exist"}]}})

    with pytest.raises(RejectedError, match="Order does not exist"):
        connector().update(GID, order(), fields=frozenset({"note"}))
