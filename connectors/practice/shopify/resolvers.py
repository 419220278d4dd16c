"""What each root field answers. A node is a plain dict whose keys are the schema's names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from graphql import GraphQLError

from connectors.practice import dials, services
from connectors.practice.models import PracticeOrder, PracticeShop, PracticeVariant, PracticeWebhook
from connectors.practice.shopify import nodes
from connectors.practice.shopify.creating import create_order
from connectors.practice.shopify.rules import OrderRefused

NAMESPACE_KEY = ("$app:order_sync", "marketplace_order_id")
_TERM = re.compile(r"(\w+):(>=|<=|>|<)?(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(\S+))")
_PAGE_LIMIT = 250


@dataclass
class Call:
    """One request's shop and instant."""

    shop: PracticeShop
    at: datetime


def roots(shop: PracticeShop) -> dict[str, Callable[..., Any]]:
    """The root value: a function per field of QueryRoot and Mutation."""
    call = Call(shop, timezone.now())
    bound = {
        "shop": _shop, "currentAppInstallation": _installation, "publicApiVersions": _versions,
        "productVariants": _variants, "nodes": _nodes, "order": _order, "orders": _orders,
        "orderByIdentifier": _order_by_identifier, "job": _job, "webhookSubscriptions": _webhooks,
        "locations": _locations, "orderCreate": _order_create, "orderCancel": _order_cancel,
        "metafieldDefinitionCreate": _definition_create, "webhookSubscriptionCreate": _webhook_create,
        "webhookSubscriptionDelete": _webhook_delete, "tagsAdd": _tags_add,
    }  # fmt: skip
    return {name: (lambda info, run=run, **args: run(call, **args)) for name, run in bound.items()}


# --- reading -------------------------------------------------------------------------------------


def _shop(call: Call) -> dict[str, Any]:
    shop = call.shop
    return {
        "id": f"gid://shopify/Shop/{shop.pk}",
        "name": shop.name,
        "myshopifyDomain": shop.domain,
        "contactEmail": f"hello@{shop.domain}",
        "currencyCode": shop.currency,
        "taxesIncluded": shop.taxes_included,
        "ianaTimezone": shop.time_zone,
    }


def _installation(call: Call) -> dict[str, Any]:
    return {"id": "gid://shopify/AppInstallation/1", "accessScopes": [{"handle": scope} for scope in call.shop.scopes]}


def _versions(call: Call) -> list[dict[str, Any]]:
    return [{"handle": "2026-10", "supported": True}]


def _variants(call: Call, query: str = "", **page: Any) -> dict[str, Any]:
    """A search: case and word borders do not count, so a part of a SKU finds it too."""
    wanted = [value.lower() for name, _, value in terms(query) if name == "sku"]
    rows = [row for row in call.shop.variants.order_by("pk") if not wanted or any(_finds(value, row.sku) for value in wanted)]
    return _page([nodes.variant(row) for row in rows], **page)


def _nodes(call: Call, ids: list[str]) -> list[dict[str, Any] | None]:
    if len(ids) > _PAGE_LIMIT:
        raise GraphQLError("The input array size is greater than the maximum allowed of 250", extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"})
    keys = [number_of(gid, "ProductVariant") for gid in ids]
    rows = {row.pk: row for row in PracticeVariant.objects.filter(shop=call.shop, pk__in=[key for key in keys if key])}
    return [nodes.variant(rows[key]) if key in rows else None for key in keys]


def _order(call: Call, id: str) -> dict[str, Any] | None:  # noqa: A002  # the schema's name
    key = number_of(id, "Order")
    row = _orders_of(call).filter(pk=key).first() if key else None
    return nodes.order(row) if row else None


def _orders(call: Call, query: str = "", sortKey: str = "PROCESSED_AT", reverse: bool = False, **page: Any) -> dict[str, Any]:  # noqa: N803
    """The search index: it lags, and filters that it does not know are ignored."""
    rows = _orders_of(call)
    lag = dials.take(call.shop.pk, "index_lag")
    if lag is not None:
        rows = rows.filter(created_at__lte=call.at - timedelta(seconds=lag))
    found = [row for row in rows.order_by(_ORDER_BY.get(sortKey, "created_at"), "pk") if _matches(row, query)]
    if reverse:
        found.reverse()
    return _page([nodes.order(row) for row in found], **page)


def _order_by_identifier(call: Call, identifier: Mapping[str, Any]) -> dict[str, Any] | None:
    if "id" in identifier:
        return _order(call, identifier["id"])
    custom = identifier["customId"]
    if not call.shop.has_id_definition or (custom.get("namespace"), custom["key"]) != NAMESPACE_KEY:
        text = "Metafield definition of type 'id' is required when using custom ids."
        raise GraphQLError(text, extensions={"code": "NOT_FOUND"})
    row = _orders_of(call).filter(custom_id=custom["value"]).first()
    return nodes.order(row) if row else None


def _job(call: Call, id: str) -> dict[str, Any]:  # noqa: A002  # the schema's name
    return {"id": id, "done": True}


def _webhooks(call: Call, **page: Any) -> dict[str, Any]:
    rows = call.shop.webhooks.order_by("pk")
    return _page([nodes.webhook(row) for row in rows], **{key: page[key] for key in ("first", "after") if key in page})


def _locations(call: Call, **page: Any) -> dict[str, Any]:
    here = {"id": f"gid://shopify/Location/{call.shop.pk}", "name": "Warehouse", "isActive": True}
    return _page([here], **{key: page[key] for key in ("first", "after") if key in page})


# --- writing -------------------------------------------------------------------------------------


def _order_create(call: Call, order: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    try:
        with transaction.atomic():
            row = create_order(call.shop.pk, order, options or {}, at=call.at)
    except OrderRefused as refusal:
        error = {"field": refusal.path, "message": str(refusal), "code": refusal.code}
        return {"order": None, "userErrors": [error]}
    return {"order": nodes.order(_orders_of(call).get(pk=row.pk)), "userErrors": []}


def _order_cancel(call: Call, orderId: str, reason: str, restock: bool, **rest: Any) -> dict[str, Any]:  # noqa: N803
    key = number_of(orderId, "Order")
    row = call.shop.orders.filter(pk=key).first() if key else None
    if row is None:
        return {"job": None, "orderCancelUserErrors": [_error(["orderId"], "Order does not exist", "NOT_FOUND")]}
    if len(rest.get("staffNote") or "") > 255:  # noqa: PLR2004  # Shopify's limit
        error = _error(["staffNote"], "Staff note is too long (maximum is 255 characters)", "INVALID")
        return {"job": None, "orderCancelUserErrors": [error]}
    try:
        services.cancel_order(order_id=row.pk, reason=reason, restock=restock)
    except services.PracticeError as error:
        return {"job": None, "orderCancelUserErrors": [_error(["orderId"], str(error), "INVALID")]}
    return {"job": {"id": f"gid://shopify/Job/{row.pk}", "done": False}, "orderCancelUserErrors": []}


def _definition_create(call: Call, definition: Mapping[str, Any]) -> dict[str, Any]:
    known = call.shop.has_id_definition
    if known or (definition.get("namespace"), definition["key"]) != NAMESPACE_KEY or definition["type"] != "id":
        code = "TAKEN" if known else "INVALID"
        error = _error(["definition", "key"], "Key is in use for Order metafields" if known else "Type is invalid", code)
        return {"createdDefinition": None, "userErrors": [error]}
    PracticeShop.objects.filter(pk=call.shop.pk).update(has_id_definition=True)
    created = {"id": f"gid://shopify/MetafieldDefinition/{call.shop.pk}", **definition}
    return {"createdDefinition": created, "userErrors": []}


def _webhook_create(call: Call, topic: str, webhookSubscription: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
    uri = webhookSubscription.get("uri") or ""
    parts = urlsplit(uri)
    loopback = parts.hostname in ("127.0.0.1", "localhost")  # the one thing that a practice store takes and Shopify does not
    if parts.scheme != "https" and not loopback:
        error = {"field": ["webhookSubscription", "uri"], "message": "Address protocol http:// is not supported"}
        return {"webhookSubscription": None, "userErrors": [error]}
    row, created = PracticeWebhook.objects.get_or_create(
        shop=call.shop, topic=topic, uri=uri, defaults={"created_at": call.at}
    )
    if not created:
        error = {"field": ["webhookSubscription", "uri"], "message": "Address for this topic has already been taken"}
        return {"webhookSubscription": None, "userErrors": [error]}
    return {"webhookSubscription": nodes.webhook(row), "userErrors": []}


def _webhook_delete(call: Call, id: str) -> dict[str, Any]:  # noqa: A002  # the schema's name
    key = number_of(id, "WebhookSubscription")
    if not key or not call.shop.webhooks.filter(pk=key).delete()[0]:
        error = {"field": ["id"], "message": "Webhook subscription does not exist"}
        return {"deletedWebhookSubscriptionId": None, "userErrors": [error]}
    return {"deletedWebhookSubscriptionId": id, "userErrors": []}


def _tags_add(call: Call, id: str, tags: list[str]) -> dict[str, Any]:  # noqa: A002  # the schema's name
    key = number_of(id, "Order")
    row = call.shop.orders.filter(pk=key).first() if key else None
    if row is None:
        return {"node": None, "userErrors": [{"field": ["id"], "message": "Order does not exist"}]}
    row.tags = sorted({*row.tags, *tags})
    row.updated_at = call.at
    row.save(update_fields=["tags", "updated_at"])
    return {"node": {"__typename": "Order", **nodes.order(row)}, "userErrors": []}


# --- shared --------------------------------------------------------------------------------------

_ORDER_BY = {"UPDATED_AT": "updated_at", "CREATED_AT": "created_at", "PROCESSED_AT": "created_at", "ID": "pk"}


def number_of(gid: str, kind: str) -> int | None:
    """The number in a gid of this kind; None for another kind. Raises for what is no gid, as Shopify does."""
    match = re.fullmatch(r"gid://shopify/(\w+)/([0-9]{1,18})(?:\?.*)?", gid)
    if match is None:
        raise GraphQLError(f"Invalid global id '{gid[:60]}'", extensions={"code": "RESOURCE_NOT_FOUND"})
    return int(match[2]) if match[1] == kind else None


def terms(query: str | None) -> list[tuple[str, str, str]]:
    """The (name, operator, value) of each term of a search."""
    found = []
    for match in _TERM.finditer(query or ""):
        value = next(part for part in (match[3], match[4], match[5]) if part is not None)
        found.append((match[1], match[2] or "", re.sub(r"\\(.)", r"\1", value)))
    return found


def _matches(row: PracticeOrder, query: str | None) -> bool:
    return all(_term_holds(row, name, operator, value) for name, operator, value in terms(query))


def _term_holds(row: PracticeOrder, name: str, operator: str, value: str) -> bool:
    match name:
        case "source_identifier":
            return row.source_identifier.lower() == value.lower()
        case "tag":
            return value.lower() in [tag.lower() for tag in row.tags]
        case "name":
            return row.name.lstrip("#") == value.lstrip("#")
        case "updated_at" | "created_at":
            edge = parse_datetime(value)
            moment = row.updated_at if name == "updated_at" else row.created_at
            return edge is None or (moment >= edge if operator in (">=", ">") else moment <= edge)
    return True  # unknown filters are ignored


def _finds(value: str, sku: str) -> bool:
    return value in sku.lower() or value in re.split(r"[^a-z0-9]+", sku.lower())


def _orders_of(call: Call) -> QuerySet[PracticeOrder]:
    return call.shop.orders.select_related("shop").prefetch_related(
        "lines__variant", "lines__fulfillment_lines__fulfillment", "fulfillments__lines__line"
    )


def _page(rows: list[dict[str, Any]], first: int | None = None, after: str | None = None, **_: Any) -> dict[str, Any]:
    size = first if first is not None else 50
    if not 0 <= size <= _PAGE_LIMIT:
        raise GraphQLError("first must be between 0 and 250", extensions={"code": "BAD_REQUEST"})
    start = int(after) if after and after.isdigit() else 0
    cut = rows[start : start + size]
    more = start + size < len(rows)
    info = {
        "hasNextPage": more, "hasPreviousPage": start > 0,
        "startCursor": str(start) if cut else None, "endCursor": str(start + len(cut)) if cut else None,
    }  # fmt: skip
    return {"nodes": cut, "pageInfo": info}


def _error(field: list[str], message: str, code: str) -> dict[str, Any]:
    return {"field": field, "message": message, "code": code}

