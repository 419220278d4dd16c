"""Why Squarespace would refuse an order or hold another total than was paid, found without asking it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors import preflight
from connectors.base import Account, Blocker, BlockerCode, OutboundOrder, RemoteVariant
from connectors.squarespace import mapping


def blockers(
    order: OutboundOrder, body: Mapping[str, Any], variants: Mapping[str, RemoteVariant], account: Account
) -> tuple[Blocker, ...]:
    """`body` is the very one that will be sent; `variants` by id, fresh."""
    return (
        *preflight.payable(order, account, place="the site"),
        *preflight.equal_total(
            order,
            mapping.predicted_total(body),
            holder="The lines come to",
            fix="Correct the amounts or taxes at their source.",
        ),
        *preflight.linked(order, variants, place="the site"),
        *_stock(order, variants),
        *_address(order),
        *_texts(order),
    )


def _stock(order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> Iterator[Blocker]:
    """Squarespace refuses to deduct what is not there."""
    if not order.options.bypass_stock_check:
        yield from preflight.stocked(order, variants, where=". Restock it on the site.")


def _address(order: OutboundOrder) -> Iterator[Blocker]:
    """Squarespace asks for none; whoever sends the parcel does."""
    if order.pickup is None:
        yield from preflight.complete(order.shipping_address)


def _texts(order: OutboundOrder) -> Iterator[Blocker]:
    """Only limits that are known; an unknown one comes back as Squarespace's own refusal."""
    if len(order.reference) > mapping.REFERENCE_MAX:
        message = f"The reference has {len(order.reference)} characters, Squarespace takes {mapping.REFERENCE_MAX}."
        yield Blocker(BlockerCode.TEXT_TOO_LONG, message, "reference", str(len(order.reference)))
