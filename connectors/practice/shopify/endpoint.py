"""The GraphQL door of a practice store: faults, token, document, budget, then the work; refusals in Shopify's shape."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from graphql import ExecutionResult, GraphQLError, OperationType, execute_sync

from connectors.practice import apps, dials, faults
from connectors.practice.models import PracticeShop
from connectors.practice.shopify import budget, queries, roots
from connectors.practice.shopify.documents import DocumentRefused, Request, check_sizes, read, schema
from connectors.practice.shopify.platform import API_VERSION, UNAUTHORIZED
from connectors.practice.shopify.roots import INTERNAL_ERROR


@csrf_exempt
@login_not_required
@require_POST
def graphql(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    shop = get_object_or_404(PracticeShop, platform="shopify", slug=slug)
    if version != API_VERSION:
        raise Http404
    fault = faults.before(shop)
    if fault is not None:
        return fault
    token = request.headers.get("X-Shopify-Access-Token", "")
    if not _let_in(shop, token):
        return _answer({"errors": UNAUTHORIZED}, status=401)
    if dials.take(shop, dials.ALL_ORDERS) is not None:
        shop.scopes = [*shop.scopes, queries.ALL_ORDERS]
    try:
        query, variables, name = _body(request.body)
    except ValueError:
        return _answer({"errors": {"query": "Required parameter missing or invalid"}}, status=400)
    try:
        asked = read(query, variables, name)
        check_sizes(variables)
    except DocumentRefused as refused:
        return _answer({"errors": refused.errors})
    return _run(shop, asked, name)


def _let_in(shop: PracticeShop, token: str) -> bool:
    """With a custom app's token, or with our app's that has not run out: then its scopes count."""
    if hmac.compare_digest(token.encode(), shop.access_token.encode()):
        return True
    granted = apps.access_of(shop, token, at=timezone.now())
    if granted is not None:
        shop.scopes = granted.scopes
    return granted is not None


def _body(raw: bytes) -> tuple[str, dict[str, Any], str | None]:
    """Query, variables and name of the operation. Raises ValueError for anything that is not these."""
    try:
        body = json.loads(raw)
    except RecursionError:
        raise ValueError from None
    match body:
        case {"query": str(query), **rest}:
            variables, name = rest.get("variables") or {}, rest.get("operationName")
            if isinstance(variables, dict) and isinstance(name, str | None):
                return query, variables, name
    raise ValueError


def _run(shop: PracticeShop, asked: Request, name: str | None) -> HttpResponse:
    cost = budget.cost_of(asked)
    if cost > budget.MAX_COST:
        text = f"Query cost is {cost}, which exceeds the single query max cost limit ({budget.MAX_COST})."
        return _answer({"errors": [{"message": text, "extensions": {"code": "MAX_COST_EXCEEDED", "cost": cost}}]})
    receipt = budget.spend(shop, cost)
    extensions = {"cost": receipt.as_node()}
    if not receipt.enough:
        throttled = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
        return _answer({"errors": throttled, "extensions": extensions})
    result = execute_sync(
        schema(), asked.document, roots.of(shop), variable_values=dict(asked.variables), operation_name=name
    )
    if dials.take(shop, "internal") is not None:
        return _answer({"errors": [_error(GraphQLError(INTERNAL_ERROR))], "extensions": extensions})
    body: dict[str, Any] = {"data": result.data, "extensions": extensions}
    if result.errors:
        body["errors"] = [_error(error) for error in result.errors]
    return faults.after(shop, _answer(body), creates=_created(asked, result))


def _created(asked: Request, result: ExecutionResult) -> bool:
    """Whether an order came into being."""
    if asked.operation.operation != OperationType.MUTATION:
        return False
    return any(payload and payload.get("order") for payload in (result.data or {}).values()) and any(
        getattr(getattr(node, "name", None), "value", "") == "orderCreate"
        for node in asked.operation.selection_set.selections
    )


def _error(error: GraphQLError) -> dict[str, Any]:
    shaped: dict[str, Any] = {
        "message": error.message,
        "extensions": {"code": "INTERNAL_SERVER_ERROR", **(error.extensions or {})},
    }
    return {**shaped, "path": list(error.path)} if error.path else shaped


def _answer(body: Mapping[str, Any], *, status: int = 200) -> JsonResponse:
    return JsonResponse(
        body, status=status, headers={"X-Shopify-API-Version": API_VERSION, "X-Request-Id": str(uuid.uuid4())}
    )
