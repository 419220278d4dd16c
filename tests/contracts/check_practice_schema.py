"""Hold the practice store's schema against Shopify's published one: everything in ours is in theirs, and fits.

    python -m tests.contracts.check_practice_schema

Ours may leave things out; it may not know a name that theirs lacks, nor take or answer what theirs does not. The check
ends by spoiling our schema: a check that cannot fail proves nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_specified_directive,
)
from graphql.type import GraphQLArgument, GraphQLInputField, is_required_argument, is_required_input_field

from tests.contracts.check_shopify import SCHEMA, load

OURS = Path(__file__).resolve().parents[2] / "connectors" / "practice" / "shopify" / "schema.graphql"


def problems(ours: GraphQLSchema, theirs: GraphQLSchema) -> list[str]:
    """What our schema says and theirs does not."""
    own = [kind for name, kind in ours.type_map.items() if not name.startswith("__")]
    return [*(text for kind in own for text in _type(kind, theirs)), *_directives(ours, theirs)]


def _type(kind: GraphQLNamedType, theirs: GraphQLSchema) -> Iterator[str]:
    other = theirs.get_type(kind.name)
    if other is None or type(other) is not type(kind):
        yield f"{kind.name}: Shopify has no such {type(kind).__name__}"
    elif isinstance(kind, GraphQLEnumType) and isinstance(other, GraphQLEnumType):
        yield from (f"{kind.name}.{value}: Shopify has no such value" for value in kind.values.keys() - other.values)
    elif isinstance(kind, GraphQLInputObjectType) and isinstance(other, GraphQLInputObjectType):
        yield from _input(kind, other)
    elif isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
        yield from _output(kind, other)


def _output(
    kind: GraphQLObjectType | GraphQLInterfaceType, other: GraphQLObjectType | GraphQLInterfaceType
) -> Iterator[str]:
    for name, field in kind.fields.items():
        path, known = f"{kind.name}.{name}", other.fields.get(name)
        if known is None:
            yield f"{path}: Shopify has no such field"
            continue
        if str(field.type) != str(known.type):
            yield f"{path}: is {field.type}, Shopify's is {known.type}"
        yield from _taken(path, field.args, known.args)
        required = {key for key, value in known.args.items() if is_required_argument(value)}
        yield from (f"{path}({key}): Shopify requires it" for key in required - field.args.keys())


def _input(kind: GraphQLInputObjectType, other: GraphQLInputObjectType) -> Iterator[str]:
    yield from _taken(kind.name, kind.fields, other.fields)
    required = {key for key, value in other.fields.items() if is_required_input_field(value)}
    yield from (f"{kind.name}.{key}: Shopify requires it" for key in required - kind.fields.keys())
    if kind.is_one_of != other.is_one_of:
        yield f"{kind.name}: @oneOf differs"


def _taken(
    path: str,
    ours: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
    theirs: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
) -> Iterator[str]:
    """Arguments and input fields: the same type, and the same default."""
    for name, value in ours.items():
        known = theirs.get(name)
        if known is None:
            yield f"{path}.{name}: Shopify takes no such input"
        elif str(value.type) != str(known.type):
            yield f"{path}.{name}: takes {value.type}, Shopify takes {known.type}"
        elif value.default_value != known.default_value:
            yield f"{path}.{name}: defaults to {value.default_value!r}, Shopify's to {known.default_value!r}"
        elif (value.deprecation_reason is None) != (known.deprecation_reason is None):
            yield f"{path}.{name}: deprecated in one of the two"


def _directives(ours: GraphQLSchema, theirs: GraphQLSchema) -> Iterator[str]:
    """Those that our schema declares; GraphQL's own are the library's."""
    for directive in ours.directives:
        known = theirs.get_directive(directive.name)
        if is_specified_directive(directive):
            continue
        if known is None or str(known.to_kwargs()["locations"]) != str(directive.to_kwargs()["locations"]):
            yield f"@{directive.name}: Shopify has no such directive"
        else:
            yield from _taken(f"@{directive.name}", directive.args, known.args)


SPOILINGS = {
    "a field that Shopify lacks": ("  sourceIdentifier: String\n  subtotal", "  sourceIdentifer: String\n  subtotal"),
    "another nullability": ("  myshopifyDomain: String!", "  myshopifyDomain: String"),
    "an argument that Shopify lacks": ("order(id: ID!)", "order(id: ID!, name: String)"),
    "a missing required input": ("  rate: Decimal!\n", ""),
    "another default": ("taxable: Boolean = true", "taxable: Boolean = false"),
    "an enum value that Shopify lacks": ("enum FulfillmentStatus {\n", "enum FulfillmentStatus {\n  SHIPPED\n"),
    "a lost @oneOf": ("input OrderIdentifierInput @oneOf", "input OrderIdentifierInput"),
}


def controls(text: str, theirs: GraphQLSchema) -> Iterator[str]:
    """Spoilings of our schema that were not noticed."""
    for name, (right, wrong) in SPOILINGS.items():
        if right not in text:
            yield f"the control for {name} fits our schema no more"
        elif not problems(build_schema(text.replace(right, wrong, 1)), theirs):
            yield f"the check does not notice {name}"


def main(path: Path = SCHEMA) -> int:
    if not path.exists():
        return _report([f"no schema at {path}: run tests/contracts/fetch_shopify_schema.sh"])
    text, theirs = OURS.read_text(encoding="utf-8"), load(path)
    ours = build_schema(text)
    fields = sum(len(kind.fields) for kind in ours.type_map.values() if hasattr(kind, "fields"))
    return _report([*problems(ours, theirs), *controls(text, theirs)], f"{fields} fields and inputs")


def _report(wrong: list[str], checked: str = "nothing checked") -> int:
    print("\n".join(f"Practice store: {text}" for text in [*wrong, f"{checked}, {len(wrong)} problems"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
