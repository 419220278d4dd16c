"""The verbs, against answers as WooCommerce gives them."""

from __future__ import annotations

import json

import pytest
import responses

from connectors.errors import CredentialsError, HostRefusedError, OutcomeUnknownError, RejectedError
from connectors.registry import connector_class
from connectors.woocommerce.connector import WooCommerceConnector
from tests.connectors.neutral import tax
from tests.connectors.woocommerce.orders import SETTINGS, line, order
from tests.connectors.woocommerce.store import (
    API,
    ROOT,
    answers,
    asked,
    calls,
    connector,
    refuses,
    sent,
    stored,
    stored_line,
    takes,
)

HOOK = "https://portal.example.com/webhooks/woocommerce/x/"

pytestmark = pytest.mark.usefixtures("wire")


def test_the_registry_knows_the_driver():
    assert connector_class("woocommerce") is WooCommerceConnector


# --- check ---------------------------------------------------------------------------------------


def index(**changed):
    known = {"name": "Kauri", "home": "https://www.Kauri.example.com/shop", "timezone_string": "Pacific/Auckland"}
    answers(f"{ROOT}/", {**known, "namespaces": ["wp/v2", "wc/v3"], **changed})


def options(version="10.2.4"):
    answers("system_status", {"environment": {"version": version}})
    if version != "10.2.4":
        return
    general = {
        "default_country": "NZ:AUK",
        "store_postcode": "1010",
        "store_city": "Auckland",
        "currency": "NZD",
        "price_num_decimals": "2",
        "calc_taxes": "yes",
    }
    tax_options = {
        "prices_include_tax": "yes",
        "tax_based_on": "shipping",
        "shipping_tax_class": "inherit",
        "tax_round_at_subtotal": "no",
    }
    answers("settings/general", [{"id": f"woocommerce_{key}", "value": value} for key, value in general.items()])
    answers("settings/tax", [{"id": f"woocommerce_{key}", "value": value} for key, value in tax_options.items()])


RATE = {
    "id": 1, "country": "NZ", "state": "", "postcodes": [], "cities": [], "rate": "15.0000", "name": "GST",
    "priority": 1, "compound": False, "shipping": True, "order": 0, "class": "standard",
}  # fmt: skip
UPDATED_NOTHING = (400, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")


def test_check_tells_the_store_and_all_that_decides_its_totals():
    index()
    options()
    answers("taxes", [RATE])
    refuses("orders/0", *UPDATED_NOTHING, method="POST")

    shop = connector().check()

    assert (shop.name, shop.domain, shop.remote_id) == ("Kauri", "kauri.example.com/shop", "kauri.example.com/shop")
    assert (shop.currency, shop.timezone, shop.missing_scopes) == ("NZD", "Pacific/Auckland", ())
    assert shop.settings == SETTINGS


def test_a_key_that_may_only_read_lacks_a_permission():
    index()
    options()
    answers("taxes", [])
    message = "The API key provided does not have write permissions."
    refuses("orders/0", 401, "woocommerce_rest_authentication_error", message, method="POST")

    assert connector().check().missing_scopes == ("read_write",)


def test_a_host_that_turns_every_change_away_is_no_store_that_orders_can_be_sent_to():
    index()
    options()
    answers("taxes", [])
    responses.add("POST", f"{API}/orders/0", body="<html>", status=406, content_type="text/html")

    with pytest.raises(HostRefusedError, match="The host refused it"):
        connector().check()


def test_plain_permalinks_are_named():
    responses.add("GET", f"{ROOT}/", status=404, body="<html>", content_type="text/html")

    with pytest.raises(RejectedError, match="Permalinks"):
        connector().check()


def test_a_wordpress_without_woocommerce_is_named():
    index(namespaces=["wp/v2"])

    with pytest.raises(RejectedError, match="not active"):
        connector().check()


def test_a_store_that_is_too_old_is_told_to_update():
    index()
    options(version="8.1.9")

    with pytest.raises(RejectedError, match=r"8\.2 or newer") as caught:
        connector().check()

    assert caught.value.code == "api_version_retired"


def test_a_dead_key_is_for_the_merchant():
    index()
    refuses("system_status", 401, "woocommerce_rest_cannot_view")

    with pytest.raises(CredentialsError, match="Reconnect"):
        connector().check()


def test_a_very_long_table_of_rates_is_not_kept():
    index()
    options()
    answers("taxes", [RATE] * 100, X_WP_TotalPages=400)
    refuses("orders/0", *UPDATED_NOTHING, method="POST")

    assert connector().check().settings["rates"] is None
    assert calls().count("GET taxes") == 10


# --- products ------------------------------------------------------------------------------------


def product(number=1, **changed):
    known = {
        "id": number, "parent_id": 0, "sku": f"SKU-{number}", "name": f"Stool {number}", "type": "simple",
        "status": "publish", "purchasable": True, "manage_stock": True, "stock_quantity": 4, "stock_status": "instock",
        "backorders": "no", "tax_status": "taxable", "tax_class": "", "global_unique_id": "",
    }  # fmt: skip
    return {**known, **changed}


def test_products_and_variations_are_found_by_exact_sku():
    answers("products", [product(1, sku="CUP"), product(2, sku="cup"), product(3, sku="MUG", parent_id=9)])

    found = connector().find_variants(["CUP", "MUG", "NONE"])

    assert [[hit.variant_id for hit in found[sku]] for sku in ("CUP", "MUG", "NONE")] == [["1"], ["3"], []]
    assert found["MUG"][0].product_id == "9"
    assert asked()["sku"] == "CUP,MUG,NONE"


def test_what_only_holds_variations_is_no_hit():
    answers("products", [product(1, type="variable"), product(2, sku="SKU-1", type="variation", parent_id=1)])

    assert [hit.variant_id for hit in connector().find_variants(["SKU-1"])["SKU-1"]] == ["2"]


def test_a_sku_with_a_comma_is_asked_for_alone():
    answers("products", [product(1, sku="A,B")])
    answers("products", [])

    connector().find_variants(["A,B", "C"])

    assert [asked(0)["sku"], asked(1)["sku"]] == ["A,B", "C"]


def test_variations_that_no_list_has_are_read_one_by_one():
    answers("products", [product(1)])
    answers("products/17", product(17, type="variation", parent_id=3))
    refuses("products/18", 404, "woocommerce_rest_product_invalid_id")

    found = connector().read_variants(["1", "17", "18", "not-an-id"])

    assert sorted(found) == ["1", "17"]
    assert calls() == ["GET products", "GET products/17", "GET products/18"]


@pytest.mark.parametrize(
    ("changed", "stock"),
    [
        ({}, 4),
        ({"manage_stock": "parent", "stock_quantity": 2}, 2),
        ({"manage_stock": False, "stock_quantity": None}, None),
        ({"manage_stock": False, "stock_status": "outofstock"}, 0),
        ({"backorders": "notify", "stock_quantity": -3}, None),
    ],
)
def test_stock_is_what_can_be_promised(changed, stock):
    answers("products", [product(**changed)])

    assert connector().read_variants(["1"])["1"].stock == stock


@pytest.mark.parametrize("changed", [{"status": "draft"}, {"purchasable": False}, {"type": "external"}])
def test_what_cannot_be_bought_is_not_sellable(changed):
    answers("products", [product(**changed)])

    assert not connector().read_variants(["1"])["1"].sellable


@pytest.mark.parametrize(
    ("changed", "tax_class"),
    [({}, "standard"), ({"tax_class": "zero-rate"}, "zero-rate"), ({"tax_status": "none"}, None)],
)
def test_a_product_tells_its_tax_class(changed, tax_class):
    answers("products", [product(**changed)])

    assert connector().read_variants(["1"])["1"].tax_class == tax_class


# --- creating ------------------------------------------------------------------------------------


def test_creating_is_one_request():
    takes("orders", stored())

    ref = connector().create(order())

    assert (ref.remote_id, ref.name) == ("7", "#7")
    assert ref.url == "https://kauri.example.com/shop/wp-admin/admin.php?page=wc-orders&action=edit&id=7"
    assert sent() == connector().request_for(order())
    assert calls() == ["POST orders"]


def test_a_product_that_vanished_is_taken_back_and_waited_for():
    takes("orders", stored(line_items=[stored_line(product_id=0, sku="")]))
    takes("orders/7", stored(status="cancelled"), status=200)

    with pytest.raises(RejectedError) as caught:
        connector().create(order())

    assert [(one.code, one.value) for one in caught.value.blockers] == [("sku_gone", "SKU-1")]
    void = [{"key": "storeward_reference", "value": "void SW-1"}]
    assert sent() == {"status": "cancelled", "transaction_id": "", "meta_data": void}


@pytest.mark.parametrize("lost", [{"line_items": []}, {"meta_data": []}])
def test_what_was_stored_in_part_is_taken_back(lost):
    takes("orders", stored(**lost))
    takes("orders/7", stored(status="cancelled"), status=200)

    with pytest.raises(RejectedError, match="only a part"):
        connector().create(order())


@pytest.mark.parametrize("status", [429, 500, 401])
def test_what_could_not_be_taken_back_is_looked_for(status):
    """It stands there still: "nothing was sent" would make a second order."""
    takes("orders", stored(line_items=[]))
    refuses("orders/7", status, "any", method="POST")

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())


def test_a_variation_is_stored_under_its_parent():
    takes("orders", stored(line_items=[stored_line(product_id=3, variation_id=17)]))

    assert connector().create(order(line(variant_id="17", taxes=(tax("13.04"),)))).remote_id == "7"


# --- notes ---------------------------------------------------------------------------------------


def test_only_missing_notes_are_written():
    answers("orders/7", stored())
    answers("orders/7/notes", [{"note": "ArchiPro order AP-1<br />https://portal.example.com/orders/abc/"}])
    answers("orders/7/notes", [{"note": "ArchiPro order AP-1\nhttps://portal.example.com/orders/abc/"}])
    takes("orders/7/notes", {"id": 1})
    takes("orders/7/notes", {"id": 2})
    answers("orders/7", stored())

    connector().add_notes("7", order())
    connector().add_notes("7", order())

    assert calls().count("POST orders/7/notes") == 3
    assert sent()["note"].startswith("Delivery: ")
    assert sent()["customer_note"] is False


def test_notes_on_another_order_than_was_sent_are_refused():
    answers("orders/7", stored(line_items=[stored_line(product_id=0)]))

    with pytest.raises(RejectedError, match="gone"):
        connector().add_notes("7", order())


def test_an_order_that_is_gone_needs_no_notes():
    refuses("orders/7", 404, "woocommerce_rest_shop_order_invalid_id")

    connector().add_notes("7", order())

    assert calls() == ["GET orders/7"]


# --- cancelling ----------------------------------------------------------------------------------


def test_cancelling_says_why_in_a_note():
    answers("orders/7", stored())
    takes("orders/7", stored(status="cancelled"), status=200)
    answers("orders/7/notes", [])
    takes("orders/7/notes", {"id": 1})

    connector().cancel("7", note="Cancelled in Storeward (order AP-1)")

    assert sent(1) == {"status": "cancelled"}
    assert sent()["note"] == "Cancelled in Storeward (order AP-1)"


def test_cancelling_again_changes_nothing():
    answers("orders/7", stored(status="cancelled"))
    answers("orders/7/notes", [{"note": "Why"}])

    connector().cancel("7", note="Why")

    assert calls() == ["GET orders/7", "GET orders/7/notes"]


def test_an_order_in_the_trash_or_gone_stays_there():
    """An update would bring it back out of the trash."""
    answers("orders/7", stored(status="trash"))
    refuses("orders/8", 404, "woocommerce_rest_shop_order_invalid_id")

    connector().cancel("7", note="Why")
    connector().cancel("8", note="Why")

    assert calls() == ["GET orders/7", "GET orders/8"]


@pytest.mark.parametrize("status", ["completed", "delivered"])
def test_an_order_that_was_sent_is_for_the_merchant(status):
    """A plugin moves what was completed on; cancelling would put its units back into stock."""
    answers("orders/7", stored(status=status, date_completed_gmt="2026-11-24T09:00:00"))

    with pytest.raises(RejectedError, match=status) as caught:
        connector().cancel("7", note="Why")

    assert caught.value.code == "changed_at_destination"


# --- webhooks ------------------------------------------------------------------------------------


def hook(number, topic, **changed):
    name = f"Storeward {topic} 3ac6b0c7"
    return {"id": number, "name": name, "topic": topic, "delivery_url": HOOK, "status": "active", **changed}


def test_each_topic_gets_a_webhook_with_our_secret():
    answers("webhooks", [hook(1, "order.updated", delivery_url="https://elsewhere.example/")])
    for number in (2, 3, 4):
        takes("webhooks", {"id": number})

    state = connector().register_webhooks(HOOK)

    assert (state.topics, state.missing) == (("order.updated", "order.deleted", "order.restored"), ())
    assert (sent()["topic"], sent()["delivery_url"], sent()["secret"]) == ("order.restored", HOOK, "5ec7e7")


def test_webhooks_that_stand_are_left_alone():
    made = names()
    answers("webhooks", [hook(at, topic, name=name) for at, (topic, name) in enumerate(made.items())])

    connector().register_webhooks(HOOK)

    assert calls() == ["GET webhooks"]


def test_a_disabled_webhook_and_one_with_an_old_secret_are_mended():
    made = names()
    rows = [hook(at, topic, name=name) for at, (topic, name) in enumerate(made.items(), start=1)]
    answers("webhooks", [{**rows[0], "status": "disabled"}, {**rows[1], "name": "Storeward order.deleted 0"}, rows[2]])
    takes("webhooks/1", {"id": 1}, status=200)
    takes("webhooks/2", {"id": 2}, status=200)

    connector().register_webhooks(HOOK)

    assert calls() == ["GET webhooks", "POST webhooks/1", "POST webhooks/2"]
    assert (sent(1)["status"], sent(2)["secret"]) == ("active", "5ec7e7")


def test_doubles_are_deleted():
    made = names()
    rows = [hook(at, topic, name=name) for at, (topic, name) in enumerate(made.items(), start=1)]
    answers("webhooks", [*rows, {**rows[0], "id": 9}])
    answers("webhooks/9", {}, method="DELETE")

    connector().register_webhooks(HOOK)

    assert calls() == ["GET webhooks", "DELETE webhooks/9"]
    assert asked() == {"force": "true"}


def test_a_double_that_somebody_else_deleted_meanwhile_is_gone_and_the_rest_goes_on():
    made = names()
    rows = [hook(at, topic, name=name) for at, (topic, name) in enumerate(made.items(), start=1)]
    answers("webhooks", [*rows, {**rows[0], "id": 8}, {**rows[1], "id": 9}])
    refuses("webhooks/8", 404, "woocommerce_rest_shop_webhook_invalid_id", method="DELETE")
    answers("webhooks/9", {}, method="DELETE")

    connector().register_webhooks(HOOK)

    assert calls() == ["GET webhooks", "DELETE webhooks/8", "DELETE webhooks/9"]


def names() -> dict[str, str]:
    """The names that the driver gives its webhooks, by topic."""
    with responses.RequestsMock() as wire:
        wire.add("GET", f"{ROOT}/wc/v3/webhooks", json=[])
        wire.add("POST", f"{ROOT}/wc/v3/webhooks", json={"id": 1}, status=201)
        connector().register_webhooks(HOOK)
        bodies = [call.request.body for call in wire.calls if call.request.method == "POST"]
    return {body["topic"]: body["name"] for body in map(json.loads, bodies)}
