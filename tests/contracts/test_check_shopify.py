"""The contract check can fail. Its run against Shopify's real schema is `make contracts`."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema

from tests.contracts import check_shopify, examples

SCHEMA = build_schema("""
    type Query { order(id: ID!): Order }
    type Order { id: ID! name: String! old: String @deprecated(reason: "use name") }
    type Mutation { create(order: OrderInput!, colour: Colour): Order }
    input OrderInput { name: String! old: String @deprecated(reason: "use name") lines: [LineInput!] }
    input LineInput { sku: String oldSku: String @deprecated(reason: "use sku") }
    enum Colour { RED GREY @deprecated(reason: "use RED") }
""")
CREATE = "mutation M($order: OrderInput!, $colour: Colour) { create(order: $order, colour: $colour) { id name } }"


def test_a_document_and_variables_that_fit_have_no_problems():
    assert check_shopify.problems(SCHEMA, CREATE, {"order": {"name": "1", "lines": [{"sku": "A"}]}}) == []


def test_a_spoiled_field_name_is_a_problem():
    found = check_shopify.problems(SCHEMA, CREATE.replace("id name", "id nome"), {"order": {"name": "1"}})

    assert found == ["Cannot query field 'nome' on type 'Order'. Did you mean 'name'?"]


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"order": {"nome": "1", "name": "1"}}, "Field 'nome' is not defined"),
        ({"order": {"name": "1", "old": "2"}}, "$order.old is deprecated"),
        ({"order": {"name": "1", "lines": [{"oldSku": "2"}]}}, "$order.lines[0].oldSku is deprecated"),
        ({"order": {"name": "1"}, "colour": "GREY"}, "$colour is deprecated: GREY"),
        ({"order": {}}, "Field 'name' of required type"),
        ({"order": {"name": "1"}, "color": "RED"}, "$color is not declared"),
    ],
)
def test_a_wrong_variable_is_a_problem(variables, problem):
    (found,) = check_shopify.problems(SCHEMA, CREATE, variables)

    assert problem in found


def test_a_deprecated_field_is_a_problem():
    (found,) = check_shopify.problems(SCHEMA, "query Q($id: ID!) { order(id: $id) { old } }", {"id": "1"})

    assert "deprecated" in found


def test_a_missing_schema_is_a_failure(tmp_path: Path, capsys):
    assert check_shopify.main(tmp_path / "none.json.gz") == 1
    assert "fetch_shopify_schema.sh" in capsys.readouterr().out


def test_the_examples_use_every_document_of_the_driver():
    assert {operation for operation, _, _ in examples.sent()} == set(check_shopify.operations())
