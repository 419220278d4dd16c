"""Product links over the API: a merchant's own, all or nothing, every refusal with its field."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.services import api_keys
from connectors.models import CallLog, ClearedCondition, Connection, LinkSource, ProductLink
from tests.connectors.views.pages import linked
from tests.connectors.wire import ShopOnTheWire
from tests.factories import make_blocked, make_connection, make_variant
from tests.orders.api.client import Api, make_api

pytestmark = pytest.mark.django_db
LINKS = "product-links/"
IMPORT = "product-links/import/"


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def shop(api: Api) -> Connection:
    return make_connection(api.merchant, name="Kauri Shopify")


def send(api: Api, method: str, path: str, body=None):
    return api.send(method, path, body, key=api.merchant_key)


def problems(response) -> list[tuple[str, str]]:
    assert response["Content-Type"] == "application/problem+json"
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


def test_connections_tell_their_ids_and_no_secret(api: Api, shop: Connection):
    make_connection()
    make_connection(api.merchant, state="removed")

    response = send(api, "GET", "connections/")

    assert response.json() == [
        {"id": shop.public_id, "name": "Kauri Shopify", "platform": "shopify", "state": "active", "currency": "NZD"}
    ]


def test_links_are_listed_and_narrowed(api: Api, shop: Connection):
    linked(shop, sku="A", variant_title="Oak stool")
    linked(make_connection(api.merchant), sku="B")
    linked(make_connection(), sku="FOREIGN")

    everything = send(api, "GET", LINKS).json()["results"]
    one = send(api, "GET", f"{LINKS}?connection={shop.public_id}&sku=A").json()["results"]

    assert [row["sku"] for row in everything] == ["A", "B"]
    assert [(row["sku"], row["connection"], row["variant_title"]) for row in one] == [
        ("A", shop.public_id, "Oak stool")
    ]


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(
    api: Api, shop: Connection, django_assert_max_num_queries
):
    for sku in ("A", "B", "C"):
        linked(shop, sku=sku)
        with django_assert_max_num_queries(4):
            send(api, "GET", LINKS)


def test_a_filter_that_does_not_exist_is_refused(api: Api, shop: Connection):
    assert problems(send(api, "GET", f"{LINKS}?title=x")) == [("title", "unknown_filter")]


def test_a_saved_link_releases_what_waits(api: Api, shop: Connection):
    make_blocked(shop, "OURS")
    variant = make_variant(shop, "STOOL")

    response = send(api, "POST", LINKS, {"connection": shop.public_id, "sku": "OURS", "store_sku": "STOOL"})

    assert (response.status_code, response.json()["variant_id"]) == (201, variant.variant_id)
    assert ClearedCondition.objects.get(key__startswith="sku:").key == f"sku:{shop.pk}:OURS"
    assert ProductLink.objects.get().source == LinkSource.API
    assert AuditEvent.objects.get(kind="product_link.saved").by.startswith("API key tests (")


def test_a_second_save_is_200(api: Api, shop: Connection):
    variant = make_variant(shop, "STOOL")
    body = {"connection": shop.public_id, "sku": "OURS", "variant_id": variant.variant_id}

    assert [send(api, "POST", LINKS, body).status_code for _ in range(2)] == [201, 200]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("body", "status", "errors"),
    [
        ({}, 400, [("connection", "required"), ("sku", "required")]),
        ({"sku": "", "store_sku": "S"}, 400, [("sku", "blank")]),
        ({"sku": "A\x00", "store_sku": "S"}, 400, [("sku", "null_characters_not_allowed")]),
        ({"sku": "A" * 121, "store_sku": "S"}, 400, [("sku", "max_length")]),
        ({"sku": {"a": 1}, "store_sku": "S"}, 400, [("sku", "invalid")]),
        ({"sku": "A"}, 422, [("sku", "bad")]),
        ({"sku": "A", "store_sku": "NONE"}, 422, [("store_sku", "unknown")]),
        ({"sku": "A", "store_sku": "TWIN"}, 422, [("store_sku", "ambiguous")]),
        ({"sku": "A", "variant_id": "gone"}, 422, [("variant_id", "unknown")]),
    ],
)
def test_a_refusal_names_its_field(api: Api, shop: Connection, body: dict, status: int, errors: list):
    for _ in range(2):
        make_variant(shop, "TWIN")
    whole = {"connection": shop.public_id, **body} if body else {}

    response = send(api, "POST", LINKS, whole)

    assert (response.status_code, problems(response)) == (status, errors)
    assert not ProductLink.objects.exists()


def test_the_store_is_asked_for_what_the_copy_lacks(api: Api, shop: Connection, store: ShopOnTheWire):
    store.variants = [("STOOL", "Oak stool")]

    response = send(api, "POST", LINKS, {"connection": shop.public_id, "sku": "OURS", "store_sku": "STOOL"})

    assert response.status_code == 201
    assert CallLog.objects.count() == 1


def test_a_store_that_does_not_answer_is_502(api: Api, shop: Connection, store: ShopOnTheWire):
    store.status = 503

    response = send(api, "POST", LINKS, {"connection": shop.public_id, "sku": "OURS", "store_sku": "STOOL"})

    assert (response.status_code, response["Content-Type"]) == (502, "application/problem+json")
    assert "could not be asked" in response.json()["detail"]


def test_a_link_is_deleted(api: Api, shop: Connection):
    link = linked(shop)

    assert send(api, "DELETE", f"{LINKS}{link.pk}/").status_code == 204
    assert not ProductLink.objects.exists()
    assert AuditEvent.objects.get(kind="product_link.removed").subject == "A"


# --- many --------------------------------------------------------------------------------------------


def rows(shop: Connection, *pairs: tuple[str, str], **more) -> dict:
    return {
        "connection": shop.public_id,
        "rows": [{"marketplace_sku": sku, "store_sku": store_sku} for sku, store_sku in pairs],
        **more,
    }


def test_rows_are_saved_together(api: Api, shop: Connection):
    make_variant(shop, "STOOL")
    make_variant(shop, "LAMP")

    response = send(api, "POST", IMPORT, rows(shop, ("A", "STOOL"), ("B", "LAMP")))

    assert (response.status_code, response.json()["saved"]) == (200, 2)
    assert [row["verdict"] for row in response.json()["rows"]] == ["new", "new"]
    assert set(ProductLink.objects.values_list("source", flat=True)) == {LinkSource.API}


def test_a_row_that_cannot_be_refuses_the_whole(api: Api, shop: Connection, store: ShopOnTheWire):
    make_variant(shop, "STOOL")

    response = send(api, "POST", IMPORT, rows(shop, ("A", "STOOL"), ("B", "NONE"), ("A", "STOOL"), ("", "STOOL")))

    assert response.json()["code"] == "invalid_links"
    assert problems(response) == [
        ("rows[1].store_sku", "unknown"),
        ("rows[2].marketplace_sku", "duplicate"),
        ("rows[3].marketplace_sku", "bad"),
    ]
    assert not ProductLink.objects.exists()


def test_a_dry_run_tells_and_saves_nothing(api: Api, shop: Connection, store: ShopOnTheWire):
    make_variant(shop, "STOOL")

    response = send(api, "POST", IMPORT, rows(shop, ("A", "STOOL"), ("B", "NONE"), dry_run=True))

    assert (response.status_code, response.json()["saved"]) == (200, 0)
    assert [row["verdict"] for row in response.json()["rows"]] == ["new", "unknown"]
    assert not ProductLink.objects.exists()


@pytest.mark.parametrize(
    "bad", [[], [7], [{"marketplace_sku": "A\x00", "store_sku": "S"}], [{"store_sku": "S"}], "rows", None]
)
def test_rows_of_another_shape_are_refused(api: Api, shop: Connection, bad: object):
    response = send(api, "POST", IMPORT, {"connection": shop.public_id, "rows": bad})

    assert (response.status_code, response.json()["code"]) == (400, "invalid")


# --- who may -----------------------------------------------------------------------------------------


def test_another_merchants_links_and_connections_do_not_exist(api: Api, shop: Connection):
    foreign = make_connection()
    link = linked(foreign)

    assert send(api, "DELETE", f"{LINKS}{link.pk}/").status_code == 404
    for path, body in (
        (LINKS, {"connection": foreign.public_id, "sku": "A", "store_sku": "S"}),
        (IMPORT, rows(foreign, ("A", "S"))),
    ):
        response = send(api, "POST", path, body)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert ProductLink.objects.count() == 1


def test_a_marketplaces_key_sees_no_links(api: Api, shop: Connection):
    for path in ("connections/", LINKS):
        assert api.send("GET", path).status_code == 403


def test_a_key_that_may_only_read_changes_nothing(api: Api, shop: Connection):
    issued = {"name": "reader", "can_write": False, "expires_at": None, "by": "tests", "at": timezone.now()}
    key = api_keys.issue(merchant=api.merchant, **issued)[1]
    link = linked(shop)

    assert api.send("GET", LINKS, key=key).status_code == 200
    assert api.send("DELETE", f"{LINKS}{link.pk}/", key=key).status_code == 403
    assert api.send("POST", LINKS, {}, key=key).status_code == 403


def test_no_key_is_401(api: Api):
    assert api.send("GET", LINKS, key="sw_none").status_code == 401
