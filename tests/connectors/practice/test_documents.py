"""What a practice store says to requests that it does not carry out."""

from __future__ import annotations

import pytest

from connectors.practice.models import PracticeOrder
from tests.connectors.practice.shop import CREATE, ask, bag, code, line, order_input, send


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ shop { nome } }", "undefinedField"),
        ("{ shop(id: 1) { name } }", "argumentNotAccepted"),
        ("{ order { id } }", "missingRequiredArguments"),
        ("{ shop }", "selectionMismatch"),
        ("{ shop { name { first } } }", "selectionMismatch"),
        ("{ shop { ...Nothing } }", "useAndDefineFragment"),
        ("query Q($x: Whatever) { shop { name } }", "undefinedType"),
        ("query Q { order(id: $id) { id } }", "variableNotDefined"),
        ("query Q($id: String!) { order(id: $id) { id } }", "variableMismatch"),
        ("{ shop { name ", "parseError"),
    ],
)
def test_a_document_that_does_not_fit_the_schema_is_refused_with_shopifys_code(shop, query, expected):
    body = ask(shop, query)

    assert expected in [error["extensions"]["code"] for error in body["errors"]]
    assert "data" not in body


def test_an_unknown_field_is_named_in_shopifys_words(shop):
    body = ask(shop, "{ shop { nome } }")

    assert body["errors"][0]["message"] == "Field 'nome' doesn't exist on type 'Shop'"


def test_a_usererror_without_code_cannot_be_asked_for_one(shop):
    query = 'mutation { tagsAdd(id: "gid://shopify/Order/1", tags: []) { userErrors { code } } }'

    assert code(ask(shop, query)) == "undefinedField"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"currency": "dollars"}, ["currency"]),
        ({"processedAt": "yesterday"}, ["processedAt"]),
        ({"processedAt": "2026-11-23T12:00:00"}, ["processedAt"]),
        ({"processedAt": "2026-13-45T12:00:00Z"}, ["processedAt"]),
        ({"sourceUrl": "orders/1"}, ["sourceUrl"]),
        ({"note": 5}, ["note"]),
        ({"sourceIdentifer": "SW-1"}, []),
        ({"fulfillmentStatus": "SHIPPED"}, ["fulfillmentStatus"]),
        ({"lineItems": [{"title": "Chair"}]}, ["lineItems", 0]),
        ({"lineItems": [{"quantity": "2"}]}, ["lineItems", 0, "quantity"]),
        ({"lineItems": [{"quantity": 1, "priceSet": bag("ten")}]}, ["lineItems", 0, "priceSet", "shopMoney", "amount"]),
        (
            {"lineItems": [{"quantity": 1, "priceSet": bag("1e30")}]},
            ["lineItems", 0, "priceSet", "shopMoney", "amount"],
        ),
        ({"customer": {"toUpsert": {}, "toAssociate": {}}}, ["customer"]),
    ],
)
def test_a_wrong_variable_is_refused_with_its_path(shop, fields, path):
    body = ask(shop, CREATE, order=order_input(shop, **fields))

    assert code(body) == "INVALID_VARIABLE"
    assert body["errors"][0]["extensions"]["problems"][0]["path"] == path
    assert not PracticeOrder.objects.exists()


def test_a_missing_variable_is_refused(shop):
    body = ask(shop, "query Q($id: ID!) { order(id: $id) { id } }")

    assert code(body) == "INVALID_VARIABLE"


def test_more_than_250_items_in_a_list_are_refused(shop):
    body = ask(shop, CREATE, order=order_input(shop, lineItems=[line(shop)] * 251))

    assert code(body) == "MAX_INPUT_SIZE_EXCEEDED"


@pytest.mark.parametrize("gid", ["1", "gid://shopify/Order/x", "gid://other/Order/1", ""])
def test_what_is_no_gid_is_not_found_at_the_top(shop, gid):
    body = ask(shop, "query Q($id: ID!) { order(id: $id) { id } }", id=gid)

    assert code(body) == "RESOURCE_NOT_FOUND"
    assert body["errors"][0]["message"] == "invalid id"


def test_a_gid_of_another_kind_or_shop_is_null(shop):
    query = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    body = ask(shop, query, ids=["gid://shopify/ProductVariant/999999", "gid://shopify/Customer/1"])

    assert body["data"] == {"nodes": [None, None]}


@pytest.mark.parametrize(
    "raw", ["", "[]", "{", "null", '{"query": 1}', '{"query": "{shop{id}}", "variables": [1]}', "[" * 100_000]
)
def test_a_body_that_is_no_graphql_request_is_400(shop, raw):
    assert send(shop, raw).status_code == 400


@pytest.mark.parametrize("token", ["", "shpat_wrong", "schlüssel"])
def test_a_wrong_token_is_401(shop, token):
    if not token.isascii():
        token = token.encode().decode("latin-1")

    assert send(shop, {"query": "{ shop { id } }"}, token=token).status_code == 401


def test_another_version_is_404(shop):
    assert send(shop, {"query": "{ shop { id } }"}, version="2020-01").status_code == 404


def test_a_connection_without_a_size_is_refused(shop):
    assert code(ask(shop, "{ orders { nodes { id } } }")) == "BAD_REQUEST"


def test_an_answer_names_its_version_and_request(shop):
    answer = send(shop, {"query": "{ shop { id } }"})

    assert answer.headers["X-Shopify-API-Version"] == "2026-10"
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("scopes", "query", "expected"),
    [
        (["read_orders"], "{ productVariants(first: 1) { nodes { id } } }", "ACCESS_DENIED"),
        (["read_products"], "{ orders(first: 1) { nodes { id } } }", "ACCESS_DENIED"),
        (
            ["read_orders"],
            'mutation { tagsAdd(id: "gid://shopify/Order/1", tags: []) { node { id } } }',
            "ACCESS_DENIED",
        ),
    ],
)
def test_a_field_asks_for_its_scope(shop, scopes, query, expected):
    shop.scopes = scopes
    shop.save()

    assert code(ask(shop, query)) == expected


def test_a_write_scope_lets_read(shop):
    shop.scopes = ["write_orders"]
    shop.save()

    assert ask(shop, "{ orders(first: 1) { nodes { id } } }")["data"] == {"orders": {"nodes": []}}
