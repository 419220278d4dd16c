"""Who is let in, and how everybody else is told."""

from __future__ import annotations

import pytest
from django.test import Client

from connectors.practice import dials
from tests.connectors.practice.woocommerce.shop import ask, basic, body_of, change, refusal, send, url


def index(shop):
    return Client().get(f"/practice/woocommerce/{shop.slug}/wp-json/")


def test_the_index_is_open_to_everybody(shop):
    about = index(shop).json()

    assert about["namespaces"][-1] == "wc/v3"
    assert about["home"].endswith("/practice/woocommerce/rimu")


def test_an_inactive_plugin_has_no_routes(shop):
    change(shop, active=False)

    assert "wc/v3" not in index(shop).json()["namespaces"]
    assert refusal(shop, "GET", "orders") == (404, "rest_no_route")


def test_plain_permalinks_have_no_api_at_all(shop):
    change(shop, permalinks="plain")

    assert index(shop).status_code == 404
    assert index(shop)["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "code"), [("GET", "woocommerce_rest_cannot_view"), ("POST", "woocommerce_rest_cannot_create")]
)
@pytest.mark.parametrize("header", ["", "Basic !!", basic("ck_unknown", "cs_unknown"), "Bearer x"])
def test_an_unknown_key_is_refused_by_method(shop, method, code, header):
    answer = send(shop, method, "orders", Authorization=header)

    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_a_wrong_secret_is_told(shop):
    answer = send(shop, "GET", "orders", Authorization=basic(shop.access_token, "cs_wrong"))

    assert answer.json()["message"] == "Consumer secret is invalid."


def test_a_key_that_may_only_read_cannot_write(shop):
    shop.scopes = ["read"]
    shop.save()

    assert refusal(shop, "POST", "orders/0", {}) == (401, "woocommerce_rest_authentication_error")
    assert ask(shop, "orders") == []


def test_a_key_that_may_only_write_cannot_read(shop):
    shop.scopes = ["write"]
    shop.save()

    assert refusal(shop, "GET", "orders") == (401, "woocommerce_rest_authentication_error")
    assert send(shop, "POST", "orders", body_of(shop)).status_code == 201


def test_maintenance_names_the_time_to_wait(shop):
    dials.turn(shop.pk, "maintenance", left=1)

    answer = send(shop, "GET", "orders")

    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "600", "wp_die")


def test_a_database_that_is_down_answers_with_a_page(shop):
    dials.turn(shop.pk, "database_down", left=1)

    answer = send(shop, "POST", "orders", body_of(shop))

    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert b"Database Error" in answer.content
    assert ask(shop, "orders") == []


def test_the_keys_user_needs_rights(shop):
    change(shop, role="editor")

    assert refusal(shop, "GET", "orders") == (403, "woocommerce_rest_cannot_view")
    assert refusal(shop, "POST", "orders", body_of(shop)) == (403, "woocommerce_rest_cannot_create")


def test_another_version_has_no_route(shop):
    answer = send(shop, "GET", "/practice/woocommerce/rimu/wp-json/wc/v9/orders")

    assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")


def test_a_method_that_is_not_there_is_no_route(shop):
    assert refusal(shop, "POST", "system_status", {}) == (404, "rest_no_route")


def test_broken_json_is_told(shop):
    assert refusal(shop, "POST", "orders", "{") == (400, "rest_invalid_json")
    assert refusal(shop, "POST", "orders", "[" * 100_000) == (400, "rest_invalid_json")


def test_a_store_of_another_platform_is_not_here(shop):
    assert Client().get(url(shop, "orders").replace("rimu", "nobody")).status_code == 404


def test_the_version_and_the_settings_are_told(shop):
    general = {row["id"]: row["value"] for row in ask(shop, "settings/general")}

    assert ask(shop, "system_status?_fields=environment") == {
        "environment": {"home_url": index(shop).json()["home"], "version": "10.2.4"}
    }
    assert general["woocommerce_default_country"] == "NZ:AUK"
    assert refusal(shop, "GET", "settings/unknown") == (404, "rest_setting_setting_group_invalid")


def test_an_orders_admin_page_leads_to_its_page(shop, client):
    answer = client.get("/practice/woocommerce/rimu/wp-admin/admin.php?page=wc-orders&action=edit&id=7")

    assert answer["Location"] == "/practice/stores/rimu/orders/7/"
