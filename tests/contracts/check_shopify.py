"""Hold every Shopify document, with the variables that the driver really sends, against Shopify's published schema.

    python -m tests.contracts.check_shopify

Unknown or deprecated fields, arguments and input fields, wrong types and unused documents are failures, and so is a
missing schema. The check ends by spoiling what passed: a check that cannot fail proves nothing.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pycountry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    build_client_schema,
    parse,
    specified_rules,
    type_from_ast,
    validate,
)
from graphql.execution.values import get_variable_values

from connectors.shopify import mapping
from connectors.shopify.client import API_VERSION, operations
from tests.contracts import examples

SCHEMA = Path(__file__).resolve().parents[2] / "var" / "contracts" / f"admin_{API_VERSION}.json.gz"


def problems(schema: GraphQLSchema, document: str, variables: dict[str, Any]) -> list[str]:
    """What Shopify would refuse or has deprecated in this call."""
    parsed = parse(document)
    found = [error.message for error in validate(schema, parsed, [*specified_rules, NoDeprecatedCustomRule])]
    if found:
        return found
    (operation,) = [node for node in parsed.definitions if isinstance(node, OperationDefinitionNode)]
    coerced = get_variable_values(schema, operation.variable_definitions, variables)
    if isinstance(coerced, list):
        return [error.message for error in coerced]
    known = {node.variable.name.value: type_from_ast(schema, node.type) for node in operation.variable_definitions}
    unused = [f"${name} is not declared" for name in variables if name not in known]
    return unused + [
        text for name, value in variables.items() for text in _deprecated(value, known.get(name), f"${name}")
    ]


def _deprecated(value: Any, kind: Any, path: str) -> Iterator[str]:
    """Deprecated input fields and enum values inside variables: the rules of GraphQL see the document alone."""
    if isinstance(kind, GraphQLNonNull):
        yield from _deprecated(value, kind.of_type, path)
    elif isinstance(kind, GraphQLList) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _deprecated(item, kind.of_type, f"{path}[{index}]")
    elif isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
        for key, item in value.items():
            if kind.fields[key].deprecation_reason is not None:
                yield f"{path}.{key} is deprecated"
            yield from _deprecated(item, kind.fields[key].type, f"{path}.{key}")
    elif (
        isinstance(kind, GraphQLEnumType) and value in kind.values and kind.values[value].deprecation_reason is not None
    ):
        yield f"{path} is deprecated: {value}"


def load(path: Path = SCHEMA) -> GraphQLSchema:
    """The schema without its descriptions, which take most of the time to build."""
    with gzip.open(path) as file:
        introspection = json.load(file)["data"]
    for kind in introspection["__schema"]["types"]:
        kind["description"] = None
        for member in (kind.get("fields") or []) + (kind.get("inputFields") or []) + (kind.get("enumValues") or []):
            member["description"] = None
            for argument in member.get("args") or []:
                argument["description"] = None
    return build_client_schema(introspection, assume_valid=True)


def controls(schema: GraphQLSchema, document: str, variables: dict[str, Any]) -> Iterator[str]:
    """Spoilings of a good orderCreate that were not noticed."""
    spoiled_field = document.replace("legacyResourceId", "legacyResourceIdd")
    spoiled_input = {**variables, "order": {**variables["order"], "sourceIdentifer": "SW-1"}}
    deprecated = {**variables, "order": {**variables["order"], "customerId": "gid://shopify/Customer/1"}}
    wrong_type = {**variables, "order": {**variables["order"], "currency": "dollars"}}
    for name, spoiled in {
        "a misspelt field": (spoiled_field, variables),
        "a misspelt input field": (document, spoiled_input),
        "a deprecated input field": (document, deprecated),
        "a currency that is none": (document, wrong_type),
    }.items():
        if not problems(schema, *spoiled):
            yield f"the check does not notice {name}"


def countries(schema: GraphQLSchema) -> Iterator[str]:
    """ISO countries that Shopify lacks and the driver does not know of."""
    codes = cast("GraphQLEnumType", schema.type_map["CountryCode"]).values
    handled = mapping.US_PROVINCES | mapping.NO_COUNTRY
    for country in pycountry.countries:
        if (country.alpha_2 in codes) == (country.alpha_2 in handled):
            yield f"country {country.alpha_2}: the driver and CountryCode disagree"


def main(path: Path = SCHEMA) -> int:
    if not path.exists():
        return _report([f"no schema at {path}: run tests/contracts/fetch_shopify_schema.sh"])
    schema, calls = load(path), examples.sent()
    wrong = [f"{name}: {text}" for name, document, variables in calls for text in problems(schema, document, variables)]
    wrong += [f"{name}: never sent by the driver" for name in operations() if name not in {call[0] for call in calls}]
    wrong += controls(
        schema, *next((document, variables) for name, document, variables in calls if name == "order_create")
    )
    wrong += countries(schema)
    return _report(wrong, f"{API_VERSION}: {len(operations())} documents, {len(calls)} calls")


def _report(wrong: list[str], checked: str = "nothing checked") -> int:
    print("\n".join(f"Shopify: {text}" for text in [*wrong, f"{checked}, {len(wrong)} problems"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
