"""What each field of QueryRoot answers. A node is a plain dict whose keys are the schema's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from graphql import GraphQLError

from connectors.practice import dials
from connectors.practice.models import PracticeFulfillment, PracticeOrder, PracticeShop
from connectors.practice.shopify import access, nodes, places
from connectors.practice.shopify.creating import metafield_key
from connectors.practice.shopify.nodes import Node
from connectors.practice.shopify.search import finds_sku, has_tags, number_of, order_filter, page

ALL_ORDERS, SHOWN_FOR = "read_all_orders", timedelta(days=60)

_ORDER_BY = {"UPDATED_AT": "updated_at", "CREATED_AT": "created_at", "PROCESSED_AT": "created_at", "ID": "pk"}


@dataclass(frozen=True, slots=True)
class Call:
    """One root field's shop, instant and key of @idempotent."""

    shop: PracticeShop
    at: datetime
    idempotency_key: str | None = None


def shop(call: Call) -> Node:
    row = call.shop
    return {
        "id": f"gid://shopify/Shop/{row.pk}",
        "name": row.name,
        "myshopifyDomain": row.domain,
        "contactEmail": f"hello@{row.domain}",
        "currencyCode": row.currency,
        "taxesIncluded": row.taxes_included,
        "ianaTimezone": row.time_zone,
    }


def current_app_installation(call: Call) -> Node:
    scopes = [{"handle": scope} for scope in call.shop.scopes]
    return {"id": f"gid://shopify/AppInstallation/{call.shop.pk}", "accessScopes": scopes}


def public_api_versions(call: Call) -> list[Node]:
    return [{"handle": "2026-10", "supported": True}]


def product_variants(call: Call, query: str | None = None, reverse: bool = False, **paging: Any) -> Node:
    rows = call.shop.variants.select_related("shop").order_by("-pk" if reverse else "pk")
    return page([nodes.variant(row) for row in rows if finds_sku(row.sku, query)], **_only_paging(paging))


def product_variants_count(call: Call, limit: int | None = None, query: str | None = None) -> Node:
    """`query` has no supported search fields (the schema says so): it changes nothing."""
    count = call.shop.variants.count()
    if limit is not None and count > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": count, "precision": "EXACT"}


def node(call: Call, id: str) -> Node | None:  # noqa: A002  # the schema's name
    return nodes_by_id(call, [id])[0]


def nodes_by_id(call: Call, ids: list[str]) -> list[Node | None]:
    """Variants and orders; what is gone, or another shop's, is null."""
    keys = [number_of(gid, "ProductVariant") for gid in ids]
    if any(keys):
        access.check_node("ProductVariant", call.shop.scopes)
    variants = call.shop.variants.select_related("shop").in_bulk([key for key in keys if key])
    orders = [number_of(gid, "Order") for gid in ids]
    if any(orders):
        access.check_node("Order", call.shop.scopes)
    found = {row.pk: row for row in orders_of(call).filter(pk__in=[key for key in orders if key])}
    return [
        nodes.variant(variants[key])
        if key in variants
        else order_node(call, found[number])
        if number in found
        else None
        for key, number in zip(keys, orders, strict=True)
    ]


def order(call: Call, id: str) -> Node | None:  # noqa: A002  # the schema's name
    key = number_of(id, "Order")
    row = orders_of(call).filter(pk=key).first() if key else None
    return order_node(call, row) if row else None


def orders(
    call: Call,
    query: str | None = None,
    sortKey: str = "PROCESSED_AT",  # noqa: N803  # the schema's name
    reverse: bool = False,
    **paging: Any,
) -> Node:
    """The search index: it can lag, and filters that it does not know are ignored."""
    rows = orders_of(call).filter(order_filter(query)).order_by(_ORDER_BY.get(sortKey, "created_at"), "pk")
    lag_s = dials.take(call.shop, "index_lag")
    if lag_s is not None:
        rows = rows.filter(created_at__lte=call.at - timedelta(seconds=lag_s))
    found = [order_node(call, row) for row in rows if has_tags(row.tags, query)]
    return page(found[::-1] if reverse else found, **_only_paging(paging))


def order_by_identifier(call: Call, identifier: Mapping[str, Any]) -> Node | None:
    """A key look-up, immediate. Raises NOT_FOUND for a metafield that has no definition of type id."""
    if "id" in identifier:
        return order(call, identifier["id"])
    custom = identifier["customId"]
    key = metafield_key(custom)
    if not any(metafield_key(item) == key and item["type"] == "id" for item in call.shop.definitions):
        text = "Metafield definition of type 'id' is required when using custom ids."
        raise GraphQLError(text, extensions={"code": "NOT_FOUND"})
    row = orders_of(call).filter(custom_id=f"{key}={custom['value']}").order_by("pk").first()
    return order_node(call, row) if row else None


def fulfillment(call: Call, id: str) -> Node | None:  # noqa: A002  # the schema's name
    key = number_of(id, "Fulfillment")
    row = PracticeFulfillment.objects.filter(order__in=visible(call), pk=key).first() if key else None
    if row is None:
        return None
    return nodes.fulfillment(row, orders_of(call).get(pk=row.order_id))


def fulfillment_order(call: Call, id: str) -> Node | None:  # noqa: A002  # the schema's name
    """Null for what the token may not see, as in the list."""
    number, place = places.order_and_place(call.shop, id)
    row = orders_of(call).filter(pk=number).first()
    lines = places.by_place(row, row.lines.all()).get(place) if row else None
    if row is None or lines is None or not access.sees_fulfillment_orders(call.shop.scopes):
        return None
    return nodes.fulfillment_order(row, lines, place)


def job(call: Call, id: str) -> Node:  # noqa: A002  # the schema's name
    """Jobs are over as soon as somebody asks."""
    number_of(id, "Job")
    return {"id": id, "done": True}


def webhook_subscriptions(call: Call, topics: list[str] | None = None, uri: str | None = None, **paging: Any) -> Node:
    rows = call.shop.webhooks.order_by("pk")
    if topics:
        rows = rows.filter(topic__in=topics)
    if uri:
        rows = rows.filter(uri=uri)
    return page([nodes.webhook(row) for row in rows], **_only_paging(paging))


def locations(call: Call, **paging: Any) -> Node:
    every = range(len(places.names(call.shop)))
    return page([nodes.location(call.shop, place) for place in every], **_only_paging(paging))


def metafield_definitions(call: Call, namespace: str | None = None, key: str | None = None, **paging: Any) -> Node:
    found = [
        item for item in call.shop.definitions if namespace in (None, item["namespace"]) and key in (None, item["key"])
    ]
    return page(found, **_only_paging(paging))


def visible(call: Call) -> QuerySet[PracticeOrder]:
    """The orders that the app may see: without read_all_orders those of the last 60 days."""
    rows = PracticeOrder.objects.filter(shop=call.shop)
    return rows if ALL_ORDERS in call.shop.scopes else rows.filter(created_at__gt=call.at - SHOWN_FOR)


def orders_of(call: Call) -> QuerySet[PracticeOrder]:
    """The same with all that a node shows."""
    return (
        visible(call)
        .select_related("shop")
        .prefetch_related(
            "refunds",
            "lines__variant__shop",
            "lines__fulfillment_lines__fulfillment",
            "fulfillments__lines__line__variant__shop",
            "fulfillments__lines__line__fulfillment_lines__fulfillment",
        )
    )


def order_node(call: Call, row: PracticeOrder) -> Node:
    return nodes.order(row, shows_fulfillment_orders=access.sees_fulfillment_orders(call.shop.scopes))


def _only_paging(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: arguments[name] for name in ("first", "after", "last", "before") if name in arguments}
