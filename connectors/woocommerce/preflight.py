"""Why a store would refuse an order or hold another total than was paid, found without asking it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors import preflight
from connectors.base import Account, Blocker, BlockerCode, OutboundOrder, RemoteVariant
from connectors.woocommerce import mapping, taxes


def blockers(
    order: OutboundOrder, body: Mapping[str, Any], variants: Mapping[str, RemoteVariant], account: Account
) -> tuple[Blocker, ...]:
    """`body` is the very one that will be sent; `variants` by id, fresh."""
    lines = tuple(
        preflight.linked(
            order,
            variants,
            place="the store",
            unsellable="is not published in the store or has no price. Publish it there.",
        )
    )
    return (
        *preflight.payable(order, account, place="the store"),
        *(() if lines else _total(order, body, variants, account)),
        *lines,
        *_stock(order, variants),
        *_addresses(order),
        *texts(order, body),
    )


def _total(
    order: OutboundOrder, body: Mapping[str, Any], variants: Mapping[str, RemoteVariant], account: Account
) -> Iterator[Blocker]:
    """A store whose rates are not known is compared after the order was created, as every store is."""
    if "taxes_enabled" not in account.settings:
        message = "The store's tax settings are not known yet. Test the connection."
        yield Blocker(BlockerCode.TAX_MISSING, message, "tax")
        return
    if not taxes.are_known(account.settings):
        if order.prices_include_tax and not any(line.taxes for line in order.lines):
            message = "The order tells no taxes, and the store has too many rates to find its own. Tell them per line."
            yield Blocker(BlockerCode.TAX_MISSING, message, "tax")
        return
    classes = [variants[line.variant_id].tax_class for line in order.lines]
    yield from preflight.equal_total(
        order,
        taxes.total(body, account.settings, classes),
        holder="WooCommerce would hold",
        fix="Make the order's taxes and the store's agree: WooCommerce → Settings → Tax.",
    )


def _stock(order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> Iterator[Blocker]:
    """WooCommerce checks no stock for orders that come over its API."""
    if not order.options.bypass_stock_check:
        yield from preflight.stocked(order, variants, where=". Restock it in the store.")


def _addresses(order: OutboundOrder) -> Iterator[Blocker]:
    """WooCommerce checks none: an order without a country would be taxed as if it stayed at the store."""
    if order.pickup is None:
        yield from preflight.complete(order.shipping_address)


def texts(order: OutboundOrder, body: Mapping[str, Any]) -> Iterator[Blocker]:
    """What is too long. Beyond these WooCommerce cuts what we look for, or loses lines and addresses without a word."""
    if len(order.reference) > mapping.TRANSACTION_ID_MAX:
        yield _too_long("reference", len(order.reference), mapping.TRANSACTION_ID_MAX)
    for kind in ("billing", "shipping"):
        for key, value in body[kind].items():
            most = mapping.PHONE_MAX if key == "phone" else mapping.TEXT_MAX
            if len(value) > most:
                yield _too_long(f"{kind}_address.{key}", len(value), most)
    for field, text in (("customer_note", order.customer_note), *(("note", text) for text in mapping.notes(order))):
        if len(text) > mapping.NOTE_MAX:
            yield _too_long(field, len(text), mapping.NOTE_MAX)


def _too_long(field: str, size: int, most: int) -> Blocker:
    message = f"The {field.replace('_', ' ')} has {size} characters; the store takes {most}. Shorten it at its source."
    return Blocker(BlockerCode.TEXT_TOO_LONG, message, field, str(size))
