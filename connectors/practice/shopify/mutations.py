"""What each field of Mutation does. Every one runs in a transaction of its own; a refusal leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from connectors.practice import dials, events, services
from connectors.practice.models import PracticeFulfillment, PracticeOrder, PracticeShop, PracticeWebhook
from connectors.practice.platforms import Change
from connectors.practice.services import PracticeError
from connectors.practice.shopify import access, nodes, places
from connectors.practice.shopify.creating import create_order, metafield_key, split_tags
from connectors.practice.shopify.nodes import Node
from connectors.practice.shopify.queries import Call, order_node, orders_of, visible
from connectors.practice.shopify.rules import IdTaken, OrderRefused, check_awake
from connectors.practice.shopify.search import number_of

_STAFF_NOTE_MAX = 255
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def order_create(call: Call, order: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Node:
    if order.get("customer"):
        access.check_customer(call.shop.scopes)
    given = {"inventoryBehaviour": "BYPASS", **(options or {})}
    try:
        check_awake(call.shop)
        with transaction.atomic():
            row = create_order(call.shop.pk, order, given, at=call.at)
            events.tell(Change("created", row))
    except OrderRefused as refused:
        if isinstance(refused, IdTaken):
            dials.take(call.shop, "unique_ids")  # here, where the refusal takes nothing back
        return {"order": None, "userErrors": [refusal.as_node() for refusal in refused.refusals]}
    return {"order": order_node(call, orders_of(call).get(pk=row.pk)), "userErrors": []}


def order_cancel(
    call: Call,
    orderId: str,  # noqa: N803  # the schema's name
    reason: str,
    restock: bool,
    staffNote: str | None = None,  # noqa: N803  # the schema's name
    **_: Any,
) -> Node:
    """Done at once; the job says so when it is asked."""
    try:
        row = _order(call, orderId)
    except PracticeError as error:
        return _not_cancelled(str(error), "NOT_FOUND")
    if len(staffNote or "") > _STAFF_NOTE_MAX:
        return _not_cancelled(f"Staff note is too long (maximum is {_STAFF_NOTE_MAX} characters)", field="staffNote")
    if dials.take(call.shop, "cancelling") is not None:
        return _not_cancelled("Cancellation is already in progress")
    try:
        services.cancel_order(order_id=row.pk, reason=reason, restock=restock)
    except PracticeError as error:
        return _not_cancelled(str(error))
    return {"job": {"id": f"gid://shopify/Job/{row.pk}", "done": False}, "orderCancelUserErrors": []}


def order_mark_as_paid(call: Call, input: Mapping[str, Any]) -> Node:  # noqa: A002  # the schema's name
    try:
        row = services.mark_as_paid(order_id=_order(call, input["id"]).pk)
    except PracticeError as error:
        return {"order": None, "userErrors": [_plain_error(["id"], str(error))]}
    return {"order": order_node(call, orders_of(call).get(pk=row.pk)), "userErrors": []}


def tags_add(call: Call, id: str, tags: Sequence[str]) -> Node:  # noqa: A002  # the schema's name
    try:
        row = _order(call, id)
    except PracticeError as error:
        return {"node": None, "userErrors": [_plain_error(["id"], str(error))]}
    row.tags = split_tags([*row.tags, *tags])
    row.updated_at = call.at
    row.save(update_fields=["tags", "updated_at"])
    return {"node": order_node(call, orders_of(call).get(pk=row.pk)), "userErrors": []}


def fulfillment_create(call: Call, fulfillment: Mapping[str, Any], message: str | None = None) -> Node:
    try:
        order_id, quantities = _wanted(call, fulfillment["lineItemsByFulfillmentOrder"])
        row = services.fulfill(
            order_id=order_id, quantities=quantities, parcels=_parcels(fulfillment.get("trackingInfo"))
        )
    except PracticeError as error:
        return {"fulfillment": None, "userErrors": [_plain_error(["fulfillment"], str(error))]}
    return _fulfillment_payload(call, row)


def fulfillment_tracking_info_update(
    call: Call,
    fulfillmentId: str,  # noqa: N803  # the schema's name
    trackingInfoInput: Mapping[str, Any],  # noqa: N803  # the schema's name
    **_: Any,
) -> Node:
    try:
        row = services.replace_tracking(
            fulfillment_id=_fulfillment(call, fulfillmentId).pk, parcels=_parcels(trackingInfoInput)
        )
    except PracticeError as error:
        return {"fulfillment": None, "userErrors": [_plain_error(["fulfillmentId"], str(error))]}
    return _fulfillment_payload(call, row)


def fulfillment_cancel(call: Call, id: str) -> Node:  # noqa: A002  # the schema's name
    try:
        row = services.cancel_fulfillment(fulfillment_id=_fulfillment(call, id).pk)
    except PracticeError as error:
        return {"fulfillment": None, "userErrors": [_plain_error(["id"], str(error))]}
    return _fulfillment_payload(call, row)


def metafield_definition_create(call: Call, definition: Mapping[str, Any]) -> Node:
    shop = PracticeShop.objects.select_for_update().get(pk=call.shop.pk)
    if any(metafield_key(item) == metafield_key(definition) for item in shop.definitions):
        text = f"Key is in use for {definition['ownerType'].capitalize()} metafields on the '{definition['key']}' key."
        return {"createdDefinition": None, "userErrors": [_error(["definition", "key"], text, "TAKEN")]}
    number = len(shop.definitions) + 1
    created = {
        "id": f"gid://shopify/MetafieldDefinition/{shop.pk}{number:03}",
        "namespace": definition.get("namespace") or "",
        "key": definition["key"],
        "name": definition["name"],
        "type": definition["type"],
    }
    shop.definitions = [*shop.definitions, created]
    shop.save(update_fields=["definitions"])
    return {"createdDefinition": created, "userErrors": []}


def webhook_subscription_create(
    call: Call,
    topic: str,
    webhookSubscription: Mapping[str, Any],  # noqa: N803  # the schema's name
) -> Node:
    uri = webhookSubscription.get("uri") or ""
    refusal = _refusal_of_address(uri)
    if not access.may_subscribe(topic, call.shop.scopes):
        refusal = "You cannot create a webhook subscription with the specified topic"
    if not refusal:
        PracticeShop.objects.select_for_update().get(pk=call.shop.pk)  # two at once: the second is refused
        row, created = PracticeWebhook.objects.get_or_create(
            shop=call.shop, topic=topic, uri=uri, defaults={"created_at": call.at}
        )
        if created:
            return {"webhookSubscription": nodes.webhook(row), "userErrors": []}
    text = refusal or "Address for this topic has already been taken"
    return {"webhookSubscription": None, "userErrors": [_plain_error(["webhookSubscription", "uri"], text)]}


def webhook_subscription_delete(call: Call, id: str) -> Node:  # noqa: A002  # the schema's name
    key = number_of(id, "WebhookSubscription")
    if not key or not call.shop.webhooks.filter(pk=key).delete()[0]:
        error = _plain_error(["id"], "Webhook subscription does not exist")
        return {"deletedWebhookSubscriptionId": None, "userErrors": [error]}
    return {"deletedWebhookSubscriptionId": id, "userErrors": []}


def _order(call: Call, gid: str) -> PracticeOrder:
    key = number_of(gid, "Order")
    row = visible(call).filter(pk=key).first() if key else None
    if row is None:
        raise PracticeError("Order does not exist")
    return row


def _fulfillment(call: Call, gid: str) -> PracticeFulfillment:
    key = number_of(gid, "Fulfillment")
    row = PracticeFulfillment.objects.filter(order__in=visible(call), pk=key).first() if key else None
    if row is None:
        raise PracticeError("Fulfillment does not exist.")
    return row


def _wanted(call: Call, groups: Sequence[Mapping[str, Any]]) -> tuple[int, dict[int, int]]:
    """The order and the quantities by line, of fulfillment orders at one place; without quantities all that is left."""
    asked = {places.order_and_place(call.shop, group["fulfillmentOrderId"]) for group in groups}
    if len(asked) != 1 or len(groups) != 1:
        raise PracticeError("All fulfillment orders must be assigned to a single location and belong to one order.")
    ((key, place),) = asked
    row = orders_of(call).filter(pk=key).first()
    lines = places.by_place(row, row.lines.all()).get(place) if row else None
    if row is None or lines is None:
        raise PracticeError("Fulfillment order does not exist.")
    status = nodes.fulfillment_order(row, lines, place)["status"]
    if status in ("CLOSED", "CANCELLED"):
        number = places.fulfillment_order_number(row, place)
        raise PracticeError(f"Fulfillment order {number} has an unfulfillable status= {status.lower()}.")
    items = groups[0].get("fulfillmentOrderLineItems")
    if not items:
        return row.pk, {line.pk: line.unfulfilled for line in lines}
    wanted = {number_of(item["id"], "FulfillmentOrderLineItem") or 0: item["quantity"] for item in items}
    if not wanted.keys() <= {line.pk for line in lines}:
        raise PracticeError("Invalid fulfillment order line item quantity requested.")
    return row.pk, wanted


def _parcels(info: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """One number with its URL, or lists of both; Shopify takes either."""
    info = info or {}
    numbers = info.get("numbers") or ([info["number"]] if info.get("number") else [])
    urls = info.get("urls") or ([info["url"]] if info.get("url") else [])
    padded = [*urls, *[""] * len(numbers)]
    return [
        {"number": number, "url": url, "company": info.get("company") or ""}
        for number, url in zip(numbers, padded, strict=False)
    ]


def _fulfillment_payload(call: Call, row: PracticeFulfillment) -> Node:
    of = orders_of(call).get(pk=row.order_id)
    fresh = next(item for item in of.fulfillments.all() if item.pk == row.pk)
    return {"fulfillment": nodes.fulfillment(fresh, of), "userErrors": []}


def _refusal_of_address(uri: str) -> str:
    """Why webhooks cannot be sent there. Plain http to this machine is taken by practice stores alone."""
    parts = urlsplit(uri)
    if not parts.hostname:
        return "Address is invalid"
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return ""
    return f"Address protocol {parts.scheme}:// is not supported"


def _not_cancelled(message: str, code: str = "INVALID", *, field: str = "orderId") -> Node:
    return {"job": None, "orderCancelUserErrors": [_error([field], message, code)]}


def _error(field: list[str], message: str, code: str) -> Node:
    return {"field": field, "message": message, "code": code}


def _plain_error(field: list[str], message: str) -> Node:
    """A UserError, which has no code."""
    return {"field": field, "message": message}
