"""Which scope each root field asks for (Shopify's access scopes, 2026-10). A write scope lets read too."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import GraphQLError

_ORDERS, _CHANGE_ORDERS = ("read_orders",), ("write_orders",)
_FULFILL = (
    "write_merchant_managed_fulfillment_orders",
    "write_assigned_fulfillment_orders",
    "write_third_party_fulfillment_orders",
)
_REQUIRED: dict[str, tuple[str, ...]] = {
    "productVariants": ("read_products",),
    "productVariantsCount": ("read_products",),
    "order": _ORDERS,
    "orders": _ORDERS,
    "orderByIdentifier": _ORDERS,
    "fulfillment": ("read_orders", "read_fulfillments"),
    "locations": ("read_locations", "read_inventory"),
    "metafieldDefinitions": _ORDERS,
    "orderCreate": _CHANGE_ORDERS,
    "orderCancel": _CHANGE_ORDERS,
    "orderMarkAsPaid": _CHANGE_ORDERS,
    "orderUpdate": _CHANGE_ORDERS,
    "refundCreate": _CHANGE_ORDERS,
    "tagsAdd": _CHANGE_ORDERS,
    "metafieldDefinitionCreate": _CHANGE_ORDERS,
    "fulfillmentCreate": _FULFILL,
    "fulfillmentTrackingInfoUpdate": _FULFILL,
    "fulfillmentCancel": _FULFILL,
    "fulfillmentOrderLineItemsPreparedForPickup": _FULFILL[:1],
}
_CUSTOMERS = ("write_customers",)
_OF_NODES = {"ProductVariant": ("read_products",), "Order": _ORDERS}
_OF_TOPICS = {"FULFILLMENTS": ("read_fulfillments",), "ORDERS": _ORDERS, "REFUNDS": _ORDERS}


def check(field: str, granted: Iterable[str]) -> None:
    """Raises ACCESS_DENIED when none of the scopes that let use the field was granted."""
    _refuse(field, _REQUIRED.get(field, ()), granted)


def check_customer(granted: Iterable[str]) -> None:
    """The same for an order that is to be attached to a customer."""
    _refuse("orderCreate", _CUSTOMERS, granted)


def check_node(kind: str, granted: Iterable[str]) -> None:
    """The same for a node asked for by its id."""
    _refuse("nodes", _OF_NODES.get(kind, ()), granted)


def may_subscribe(topic: str, granted: Iterable[str]) -> bool:
    return _allowed(_OF_TOPICS.get(topic.partition("_")[0], ()), granted)


def sees_fulfillment_orders(granted: Iterable[str]) -> bool:
    """Without a scope the list is empty, and nothing says so."""
    return _allowed([scope.replace("write_", "read_", 1) for scope in _FULFILL], granted)


def _refuse(field: str, scopes: Iterable[str], granted: Iterable[str]) -> None:
    if not _allowed(scopes, granted):
        required = " or ".join(f"`{scope}`" for scope in scopes) + " access scope."
        extensions = {"code": "ACCESS_DENIED", "requiredAccess": required}
        raise GraphQLError(f"Access denied for {field} field. Required access: {required}", extensions=extensions)


def _allowed(scopes: Iterable[str], granted: Iterable[str]) -> bool:
    """Any of the scopes; none asked for is allowed to everybody."""
    wanted, held = set(scopes), set(granted)
    implied = {scope.replace("write_", "read_", 1) for scope in held}
    return not wanted or bool(wanted & (held | implied))
