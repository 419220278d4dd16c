"""Lines of orders that stand, and many orders in one request."""

from __future__ import annotations

import pytest

from connectors.practice.models import PracticeOrder
from tests.connectors.practice.woocommerce.shop import ask, body_of, create, line, product, refusal, send


def test_a_line_without_an_id_is_added_and_one_with_an_id_changed(shop):
    order = create(shop)
    (first,) = order["line_items"]
    lines = [{"id": first["id"], "quantity": 1, "total": "43.478261"}, line(shop, "MUG-RED", quantity=1, total="10.00")]

    changed = send(shop, "PUT", f"orders/{order['id']}", {"line_items": lines}).json()

    assert [(one["sku"], one["quantity"]) for one in changed["line_items"]] == [("STOOL", 1), ("MUG-RED", 1)]
    assert changed["total"] == "61.50"
    assert (product(shop).stock, product(shop, "MUG-RED").stock) == (4, 2)


def test_a_quantity_of_0_takes_a_line_away(shop):
    order = create(shop, line_items=[line(shop), line(shop, "MUG-RED", quantity=1)])
    gone = order["line_items"][0]["id"]

    changed = send(shop, "PUT", f"orders/{order['id']}", {"line_items": [{"id": gone, "quantity": 0}]}).json()

    assert [one["sku"] for one in changed["line_items"]] == ["MUG-RED"]
    assert product(shop).stock == 5


def test_a_shipping_line_is_added(shop):
    order = create(shop)
    shipping = {"method_id": "flat_rate", "method_title": "Courier", "total": "8.695652"}

    changed = send(shop, "PUT", f"orders/{order['id']}", {"shipping_lines": [shipping]}).json()

    assert ([one["method_title"] for one in changed["shipping_lines"]], changed["total"]) == (["Courier"], "110.00")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"line_items": [{"quantity": 1}]}, 400, "woocommerce_rest_required_product_reference"),
        ({"shipping_lines": [{"method_title": "Courier"}]}, 400, "woocommerce_rest_invalid_shipping_item"),
        ({"customer_id": 7}, 400, "woocommerce_rest_invalid_customer_id"),
    ],
)
def test_what_a_new_order_may_not_have_cannot_be_added_either(shop, sent, status, code):
    order = create(shop)

    assert refusal(shop, "POST", f"orders/{order['id']}", sent) == (status, code)
    assert ask(shop, f"orders/{order['id']}") == order


def test_each_item_of_a_batch_is_for_itself(shop):
    standing = create(shop)["id"]
    sent = {
        "create": [body_of(shop), body_of(shop, line_items=[{"quantity": 1}])],
        "update": [{"id": standing, "status": "completed"}, {"id": 999_999}],
    }

    answer = send(shop, "POST", "orders/batch", sent)

    told = answer.json()
    assert (answer.status_code, told["create"][0]["total"], told["update"][0]["status"]) == (200, "100.00", "completed")
    assert (told["create"][1]["id"], told["create"][1]["error"]["code"]) == (
        0, "woocommerce_rest_required_product_reference",
    )  # fmt: skip
    assert told["update"][1]["error"]["code"] == "woocommerce_rest_shop_order_invalid_id"
    assert PracticeOrder.objects.count() == 2


def test_a_batch_takes_any_word_for_a_status(shop):
    told = send(shop, "POST", "orders/batch", {"create": [body_of(shop, status="shipped")]}).json()

    assert told["create"][0]["status"] == "pending"


def test_a_batch_of_more_than_a_hundred_is_refused(shop):
    sent = {"create": [{}] * 60, "delete": [1] * 41}

    assert refusal(shop, "POST", "orders/batch", sent) == (413, "woocommerce_rest_request_entity_too_large")
    assert not PracticeOrder.objects.exists()
