"""The root value: a function per field of QueryRoot and Mutation, each behind its scope."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone
from graphql import GraphQLError, GraphQLResolveInfo, get_directive_values

from connectors.practice.models import PracticeShop
from connectors.practice.shopify import access, mutations, preparing, queries, refunding, updating
from connectors.practice.shopify.queries import Call

logger = logging.getLogger(__name__)

INTERNAL_ERROR = "Internal error. Looks like something went wrong on our end."
QUERIES: dict[str, Callable[..., Any]] = {
    "shop": queries.shop,
    "currentAppInstallation": queries.current_app_installation,
    "publicApiVersions": queries.public_api_versions,
    "productVariants": queries.product_variants,
    "productVariantsCount": queries.product_variants_count,
    "node": queries.node,
    "nodes": queries.nodes_by_id,
    "order": queries.order,
    "orders": queries.orders,
    "orderByIdentifier": queries.order_by_identifier,
    "fulfillment": queries.fulfillment,
    "fulfillmentOrder": queries.fulfillment_order,
    "job": queries.job,
    "webhookSubscriptions": queries.webhook_subscriptions,
    "locations": queries.locations,
    "metafieldDefinitions": queries.metafield_definitions,
}
MUTATIONS: dict[str, Callable[..., Any]] = {
    "orderCreate": mutations.order_create,
    "orderCancel": mutations.order_cancel,
    "orderMarkAsPaid": mutations.order_mark_as_paid,
    "orderUpdate": updating.order_update,
    "refundCreate": refunding.refund_create,
    "tagsAdd": mutations.tags_add,
    "fulfillmentCreate": mutations.fulfillment_create,
    "fulfillmentTrackingInfoUpdate": mutations.fulfillment_tracking_info_update,
    "fulfillmentCancel": mutations.fulfillment_cancel,
    "fulfillmentOrderLineItemsPreparedForPickup": preparing.prepared_for_pickup,
    "metafieldDefinitionCreate": mutations.metafield_definition_create,
    "webhookSubscriptionCreate": mutations.webhook_subscription_create,
    "webhookSubscriptionDelete": mutations.webhook_subscription_delete,
}


def of(shop: PracticeShop) -> dict[str, Callable[..., Any]]:
    reading = {name: _field(shop, name, run) for name, run in QUERIES.items()}
    writing = {name: _field(shop, name, transaction.atomic(run)) for name, run in MUTATIONS.items()}
    return {**reading, **writing}


def _field(shop: PracticeShop, name: str, run: Callable[..., Any]) -> Callable[..., Any]:
    def answer(info: GraphQLResolveInfo, **arguments: Any) -> Any:
        access.check(name, shop.scopes)
        try:
            return run(Call(shop, timezone.now(), _idempotency_key(info)), **arguments)
        except GraphQLError:
            raise
        except Exception as error:
            logger.exception("practice store failed", extra={"field": name})
            raise GraphQLError(INTERNAL_ERROR, extensions={"code": "INTERNAL_SERVER_ERROR"}) from error

    return answer


def _idempotency_key(info: GraphQLResolveInfo) -> str | None:
    directive = info.schema.get_directive("idempotent")
    values = get_directive_values(directive, info.field_nodes[0], info.variable_values) if directive else None
    return values["key"] if values else None
