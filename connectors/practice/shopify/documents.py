"""The schema, and what Shopify says to a document or to variables that do not fit it; nothing has run then."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_operation_ast,
    is_input_type,
    parse,
    type_from_ast,
    validate,
)
from graphql.utilities import coerce_input_value

from connectors.practice.shopify.search import LIST_LIMIT

# What graphql-core says -> Shopify's words (None: the same) and code.
_WORDS: tuple[tuple[str, str | None, str], ...] = (
    (r"Cannot query field '(\w+)' on type '(\w+)'", "Field '{0}' doesn't exist on type '{1}'", "undefinedField"),
    (
        r"Unknown argument '(\w+)' on field '\w+\.(\w+)'",
        "Field '{1}' doesn't accept argument '{0}'",
        "argumentNotAccepted",
    ),
    (
        r"Field '(\w+)' argument '(\w+)' of type .* is required",
        "Field '{0}' is missing required arguments: {1}",
        "missingRequiredArguments",
    ),
    (r"Directive '@(\w+)' argument '(\w+)' of type .* is required", None, "missingRequiredArguments"),
    (r"Field '(\w+)' of type '(\w+).*' must have a selection", None, "selectionMismatch"),
    (r"must not have a selection", None, "selectionMismatch"),
    (r"Unknown type '(\w+)'", "{0} isn't a defined input type", "undefinedType"),
    (r"Variable '\$(\w+)' is not defined", None, "variableNotDefined"),
    (r"Variable '\$(\w+)' is never used", None, "variableNotUsed"),
    (r"Variable '\$(\w+)' of type .* used in position", None, "variableMismatch"),
    (r"Unknown fragment '(\w+)'|Fragment '(\w+)' is never used", None, "useAndDefineFragment"),
    (r"Field '(\w+)' is not defined by type '(\w+)'", None, "argumentNotAccepted"),
    (r"Field '(.*)' of required type .* was not provided", None, "missingRequiredInputObjectAttribute"),
)
_LARGEST = Decimal("1e18")


class DocumentRefused(Exception):
    """Top-level errors of a request that is not carried out."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(str(errors[0]["message"]))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Request:
    """A document that fits the schema, with its variables as they came."""

    document: DocumentNode
    operation: OperationDefinitionNode
    variables: Mapping[str, Any]
    fragments: Mapping[str, FragmentDefinitionNode] = field(default_factory=dict)


def read(query: str, variables: Mapping[str, Any], name: str | None) -> Request:
    """Raises DocumentRefused."""
    try:
        document = parse(query)
    except GraphQLError as error:
        raise DocumentRefused([_error(error.message, "parseError")]) from None
    problems = validate(schema(), document)
    if problems:
        raise DocumentRefused([_in_shopifys_words(problem.message) for problem in problems])
    operation = get_operation_ast(document, name)
    if operation is None:
        raise DocumentRefused([_error(f'No operation named "{name or ""}"', "undefinedOperation")])
    _check_variables(operation, variables)
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    return Request(document, operation, variables, fragments)


@cache
def schema() -> GraphQLSchema:
    """Our subset of the Admin API, with scalars as strict as Shopify's."""
    built = build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))
    readers: dict[str, Callable[[Any], Any]] = {
        "Decimal": _decimal,
        "Money": _decimal,
        "DateTime": _moment,
        "URL": _url,
    }
    for name, reader in readers.items():
        scalar = built.type_map[name]
        if isinstance(scalar, GraphQLScalarType):
            scalar.parse_value = reader  # type: ignore[method-assign, assignment]  # graphql-core's own way to give a scalar a reader
    return built


def _check_variables(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> None:
    """Every variable against its type; each problem with its path, as Shopify tells it."""
    errors = []
    for definition in operation.variable_definitions:
        name, kind = definition.variable.name.value, type_from_ast(schema(), definition.type)
        if name not in variables and definition.default_value is not None:
            continue
        if not is_input_type(kind):
            continue  # the validation has refused it already
        problems = _problems(variables.get(name), kind)
        if problems:
            errors.append(_invalid(name, str(kind), variables.get(name), problems))
    if errors:
        raise DocumentRefused(errors)


def _problems(value: Any, kind: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def note(path: list[str | int], _value: Any, error: GraphQLError) -> None:
        found.append({"path": path, "explanation": error.message})

    coerce_input_value(value, kind, note)
    return found


def _invalid(name: str, kind: str, value: Any, problems: list[dict[str, Any]]) -> dict[str, Any]:
    told = ", ".join(f"{'.'.join(map(str, item['path']))} ({item['explanation']})".strip() for item in problems)
    error = _error(f"Variable ${name} of type {kind} was provided invalid value for {told}", "INVALID_VARIABLE")
    error["extensions"].update(value=value, problems=problems)
    return error


def check_sizes(value: Any) -> None:
    """Lists in arguments hold 250 items at the most. Raises DocumentRefused."""
    if isinstance(value, Mapping):
        for item in value.values():
            check_sizes(item)
    elif isinstance(value, list):
        if len(value) > LIST_LIMIT:
            text = f"The input array size of {len(value)} is greater than the maximum allowed of {LIST_LIMIT}."
            raise DocumentRefused([_error(text, "MAX_INPUT_SIZE_EXCEEDED")])
        for item in value:
            check_sizes(item)


def _in_shopifys_words(message: str) -> dict[str, Any]:
    for pattern, words, code in _WORDS:
        match = re.search(pattern, message)
        if match:
            return _error(words.format(*match.groups()) if words else message, code)
    return _error(message, "argumentLiteralsIncompatible")


def _error(message: str, code: str) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code}}


def _decimal(value: Any) -> Decimal | None:
    """An empty text is no number and yet no wrong type: the mutation refuses it by name."""
    if value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise GraphQLError(f"invalid decimal '{value}'")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise GraphQLError(f"invalid decimal '{value}'") from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise GraphQLError(f"invalid decimal '{value}'")
    return number


def _moment(value: Any) -> str:
    text = f"invalid DateTime '{value}'"
    if not isinstance(value, str):
        raise GraphQLError(text)
    try:
        moment = parse_datetime(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GraphQLError(text)
    return value


def _url(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise GraphQLError(f"invalid URL '{value}'")
    return value
