"""The GraphQL door of a practice store: token, faults, budget, then the schema; refusals in Shopify's shape."""

from __future__ import annotations

import hmac
import json
import math
import time
import uuid
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    build_schema,
    execute,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from connectors.practice import dials
from connectors.practice.models import PracticeShop
from connectors.practice.shopify import resolvers

VERSION = "2026-10"
BUCKET, RESTORE_PER_S = 2000.0, 100.0
MAX_COST = 1000

_CODES = (
    ("Cannot query field", "undefinedField"),
    ("Unknown argument", "argumentNotAccepted"),
    ("is required, but it was not provided", "missingRequiredArguments"),
    ("must have a selection of subfields", "selectionMismatch"),
)


@csrf_exempt
@login_not_required
@require_POST
def graphql(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    shop = get_object_or_404(PracticeShop, slug=slug)
    if version != VERSION:
        return _answer({"errors": "Not Found"}, status=404)
    fault = _fault_before(shop)
    if fault is not None:
        return fault
    if not hmac.compare_digest(request.headers.get("X-Shopify-Access-Token", "").encode(), shop.access_token.encode()):
        return _answer({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}, status=401)
    try:
        body = json.loads(request.body)
        query, variables = str(body["query"]), body.get("variables") or {}
    except (ValueError, KeyError, TypeError):
        return _answer({"errors": {"query": "Required parameter missing or invalid"}}, status=400)
    return _run(shop, query, variables, body.get("operationName"))


def _run(shop: PracticeShop, query: str, variables: Mapping[str, Any], name: str | None) -> HttpResponse:
    try:
        document = parse(query)
    except GraphQLError as error:
        return _errors([_shaped(error, "parseError")])
    problems = validate(schema(), document)
    if problems:
        return _errors([_shaped(problem, _code_of(problem)) for problem in problems])
    operation = get_operation_ast(document, name)
    if operation is None:
        return _errors([{"message": "No operation named that way", "extensions": {"code": "undefinedOperation"}}])
    values = get_variable_values(schema(), operation.variable_definitions or (), dict(variables))
    if isinstance(values, list):
        return _errors([_invalid_variable(error) for error in values])
    return _execute(shop, document, operation, variables, name)


def _execute(
    shop: PracticeShop, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any], name: str | None
) -> HttpResponse:
    cost = cost_of(operation, variables)
    if cost > MAX_COST:
        return _errors([{"message": f"Query cost is {cost}, which exceeds the single query max cost limit (1000).", "extensions": {"code": "MAX_COST_EXCEEDED"}}])
    available = _spend(shop.pk, cost)
    extensions = {"cost": _cost_report(cost, available)}
    if available is None:
        return _answer({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}], "extensions": extensions})
    changes = operation.operation == OperationType.MUTATION
    with transaction.atomic():
        result = execute(schema(), document, resolvers.roots(shop), variable_values=dict(variables), operation_name=name)
    body: dict[str, Any] = {"data": result.data, "extensions": extensions}
    if result.errors:
        body["errors"] = [_shaped(error, "INTERNAL_SERVER_ERROR") for error in result.errors]
    return _fault_after(shop, created=changes and "orderCreate" in (result.data or {})) or _torn(shop, body) or _answer(body)


# --- faults --------------------------------------------------------------------------------------


def _fault_before(shop: PracticeShop) -> HttpResponse | None:
    seconds = dials.take(shop.pk, "slow")
    if seconds:
        time.sleep(seconds)
    if dials.take(shop.pk, "down") is not None:
        return HttpResponse("Bad Gateway", status=502, content_type="text/plain")
    seconds = dials.take(shop.pk, "too_many")
    if seconds is not None:
        return _answer({"errors": "Exceeded request limit"}, status=429, headers={"Retry-After": f"{seconds}.0"})
    if dials.take(shop.pk, "dead_token") is not None:
        return _answer({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}, status=401)
    if dials.take(shop.pk, "frozen") is not None:
        return _answer({"errors": "Unavailable Shop"}, status=402)
    if dials.take(shop.pk, "html") is not None:
        return HttpResponse("<!doctype html><title>Something is wrong</title>", content_type="text/html")
    return None


def _fault_after(shop: PracticeShop, *, created: bool) -> HttpResponse | None:
    """After an order was created: its answer is lost, or comes too late."""
    if not created:
        return None
    if dials.take(shop.pk, "lost_answer") is not None:
        return HttpResponse("Internal Server Error", status=500, content_type="text/plain")
    seconds = dials.take(shop.pk, "hang")
    if seconds:
        time.sleep(seconds)
    return None


def _torn(shop: PracticeShop, body: Mapping[str, Any]) -> HttpResponse | None:
    if dials.take(shop.pk, "torn") is None:
        return None
    text = json.dumps(body)
    return HttpResponse(text[: len(text) // 2], content_type="application/json")


# --- budget --------------------------------------------------------------------------------------


def cost_of(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
    """Points asked for: an object 1, a mutation 10, a connection 2 + 2·ln(first) times its node (fitted to records)."""
    base = 10 if operation.operation == OperationType.MUTATION else 0
    return base + sum(_field_cost(node, variables) for node in _fields(operation.selection_set))


def _field_cost(node: FieldNode, variables: Mapping[str, Any]) -> int:
    if node.selection_set is None or node.name.value in ("pageInfo", "shopMoney", "presentmentMoney", "userErrors"):
        return 0
    first = _first(node, variables)
    below = sum(_field_cost(child, variables) for child in _fields(node.selection_set))
    if first is None:
        return 1 + below
    return 2 + max(1, math.floor(2 * math.log(max(first, 1)))) * max(below, 1)


def _fields(selection: SelectionSetNode) -> list[FieldNode]:
    return [node for node in selection.selections if isinstance(node, FieldNode)]


def _first(node: FieldNode, variables: Mapping[str, Any]) -> int | None:
    for argument in node.arguments:
        if argument.name.value == "first":
            value = getattr(argument.value, "value", None)
            named = getattr(getattr(argument.value, "name", None), "value", "")
            return int(value) if value is not None else int(variables.get(named) or 1)
    return None


@transaction.atomic
def _spend(shop_id: int, cost: int) -> float | None:
    """What is left in the bucket after this request; None when it holds too little."""
    shop, now = PracticeShop.objects.select_for_update().get(pk=shop_id), timezone.now()
    restored = (now - shop.bucket_at).total_seconds() * RESTORE_PER_S if shop.bucket_at else BUCKET
    shop.bucket, shop.bucket_at = min(shop.bucket + restored, BUCKET), now
    enough = shop.bucket >= cost and dials.take(shop_id, "throttled") is None
    if enough:
        shop.bucket -= cost
    PracticeShop.objects.filter(pk=shop_id).update(bucket=shop.bucket, bucket_at=now)
    return shop.bucket if enough else None


def _cost_report(cost: int, available: float | None) -> dict[str, Any]:
    return {
        "requestedQueryCost": cost,
        "actualQueryCost": cost if available is not None else None,
        "throttleStatus": {
            "maximumAvailable": BUCKET,
            "currentlyAvailable": int(available or 0),
            "restoreRate": RESTORE_PER_S,
        },
    }


# --- the schema ----------------------------------------------------------------------------------


@cache
def schema() -> GraphQLSchema:
    """Our subset of the Admin API, with scalars as strict as Shopify's."""
    built = build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))
    for name, read in {"Decimal": _decimal, "Money": _decimal, "DateTime": _moment, "UnsignedInt64": str, "URL": _url}.items():
        scalar = built.type_map.get(name)
        if isinstance(scalar, GraphQLScalarType):
            scalar.parse_value = read  # type: ignore[method-assign]
    return built


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise GraphQLError(f"invalid decimal '{value}'")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise GraphQLError(f"invalid decimal '{value}'") from None
    if not number.is_finite():
        raise GraphQLError(f"invalid decimal '{value}'")
    return number


def _moment(value: Any) -> str:
    if not isinstance(value, str) or parse_datetime(value) is None:
        raise GraphQLError(f"invalid DateTime '{value}'")
    return value


def _url(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise GraphQLError(f"invalid URL '{value}'")
    return value


# --- answers -------------------------------------------------------------------------------------


def _answer(body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> JsonResponse:
    known = {"X-Shopify-API-Version": VERSION, "X-Request-Id": str(uuid.uuid4()), **(headers or {})}
    return JsonResponse(body, status=status, headers=known)


def _errors(errors: list[dict[str, Any]]) -> JsonResponse:
    return _answer({"errors": errors})


def _shaped(error: GraphQLError, code: str) -> dict[str, Any]:
    shaped: dict[str, Any] = {"message": error.message, "extensions": {"code": (error.extensions or {}).get("code", code)}}
    if error.path:
        shaped["path"] = list(error.path)
    return shaped


def _code_of(problem: GraphQLError) -> str:
    return next((code for words, code in _CODES if words in problem.message), "argumentLiteralsIncompatible")


def _invalid_variable(error: GraphQLError) -> dict[str, Any]:
    problems = [{"path": [], "explanation": error.message}]
    return {"message": error.message, "extensions": {"code": "INVALID_VARIABLE", "problems": problems}}


