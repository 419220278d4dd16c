"""Why Shopify would refuse an order or hold another total than was paid, found without asking it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors import preflight
from connectors.base import Account, Blocker, BlockerCode, OutboundOrder, RemoteVariant
from connectors.shopify import mapping
from connectors.shopify.reading import CUSTOMERS

LINES_MAX = 250  # Shopify takes no longer list in an argument (API limits, November 2026)


def blockers(
    order: OutboundOrder, variables: Mapping[str, Any], variants: Mapping[str, RemoteVariant], account: Account
) -> tuple[Blocker, ...]:
    """`variables` are the very ones that will be sent; `variants` by id, fresh."""
    return (
        *preflight.payable(order, account, place="the shop"),
        *preflight.equal_total(
            order,
            mapping.predicted_total(variables),
            holder="Shopify would hold",
            fix="Correct the amounts or taxes at their source.",
        ),
        *_length(order),
        *preflight.linked(
            order, variants, place="the shop", unsellable="is archived or a draft in the shop. Make it active there."
        ),
        *_stock(order, variants),
        *_addresses(order),
        *_texts(variables),
        *_place(order),
        *_customer(variables, account),
    )


def _length(order: OutboundOrder) -> Iterator[Blocker]:
    if len(order.lines) > LINES_MAX:
        message = f"The order has {len(order.lines)} lines, Shopify takes {LINES_MAX}. Split it at its source."
        yield Blocker(BlockerCode.INTERNAL_ERROR, message, "lines", str(len(order.lines)))


def _stock(order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> Iterator[Blocker]:
    if not order.options.bypass_stock_check:
        yield from preflight.stocked(order, variants, where=". Restock it in the shop.")


def _addresses(order: OutboundOrder) -> Iterator[Blocker]:
    if order.pickup is None:
        yield from preflight.complete(order.shipping_address)
    for name, address in (("shipping_address", order.shipping_address), ("billing_address", order.billing)):
        if address and address.country_code in mapping.NO_COUNTRY:
            message = f"Shopify does not know the country {address.country_code}."
            yield Blocker(BlockerCode.COUNTRY_UNSUPPORTED, message, f"{name}.country", address.country_code)


def _texts(variables: Mapping[str, Any]) -> Iterator[Blocker]:
    """Only limits that are known; an unknown one comes back as Shopify's own refusal."""
    body = variables["order"]
    note = body.get("note", "")
    if len(note) > mapping.NOTE_MAX:
        message = f"The note would have {len(note)} characters, Shopify takes {mapping.NOTE_MAX}."
        yield Blocker(BlockerCode.TEXT_TOO_LONG, message, "note", str(len(note)))
    for tag in body["tags"]:
        if len(tag) > mapping.TAG_MAX:
            message = f"The tag “{tag}” has {len(tag)} characters, Shopify takes {mapping.TAG_MAX}."
            yield Blocker(BlockerCode.TEXT_TOO_LONG, message, "tags", str(len(tag)))


def _customer(variables: Mapping[str, Any], account: Account) -> Iterator[Blocker]:
    if CUSTOMERS in account.missing_scopes and variables["order"].get("customer"):
        message = (
            "The app may not create customers in the shop. Reconnect it and allow write_customers, or turn off that"
            " customers are created in the connection's settings."
        )
        yield Blocker(BlockerCode.SCOPE_MISSING, message, "customer", CUSTOMERS)


def _place(order: OutboundOrder) -> Iterator[Blocker]:
    """The location may have been closed after it was chosen."""
    if order.options.fulfilled and not order.options.location_id:
        message = "Orders go out as fulfilled, and no location is chosen. Choose one in the connection's settings."
        yield Blocker(BlockerCode.PICKUP_LOCATION_UNMAPPED, message, "location")
