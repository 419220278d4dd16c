"""Product links: which variant at a destination stands for a marketplace SKU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.services import audit
from connectors import conditions
from connectors.base import Blocker, BlockerCode, Connector, RemoteVariant
from connectors.models import Connection, LinkSource, ProductLink


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the destination has for the asked SKUs, and why some cannot be sent."""

    variants: dict[str, RemoteVariant]
    blockers: tuple[Blocker, ...]


def look_up(connection: Connection, connector: Connector, skus: Sequence[str], *, at: datetime) -> Lookup:
    """Read saved links afresh and look for the SKUs that have none; one exact hit is saved as a link.

    Two calls at most; none inside a transaction.
    """
    saved = dict(ProductLink.objects.filter(connection=connection, sku__in=skus).values_list("sku", "variant_id"))
    seen = connector.read_variants(sorted(set(saved.values()))) if saved else {}
    variants = {sku: seen[variant_id] for sku, variant_id in saved.items() if variant_id in seen}
    blockers = [_gone(connection, sku) for sku in saved if sku not in variants]
    unknown = [sku for sku in dict.fromkeys(skus) if sku not in saved]
    for sku, hits in (connector.find_variants([sku for sku in unknown if sku]) if any(unknown) else {}).items():
        if len(hits) == 1:
            variants[sku] = hits[0]
            _save(connection, sku, hits[0], at)
        else:
            blockers.append(_not_one(connection, sku, len(hits)))
    if "" in unknown:
        text = "A line has no SKU: it cannot be matched with a product."
        blockers.append(Blocker(BlockerCode.CUSTOM_LINE, text, "lines.sku"))
    return Lookup(variants, tuple(blockers))


@transaction.atomic
def link(*, connection_id: int, sku: str, variant_id: str, variant_title: str, by: str, at: datetime) -> ProductLink:
    """Save a link chosen by hand; what waited for it goes on."""
    connection = Connection.objects.select_related("merchant").get(pk=connection_id)
    row, _ = ProductLink.objects.update_or_create(
        connection=connection,
        sku=sku,
        defaults={
            "variant_id": variant_id,
            "variant_title": variant_title[:300],
            "source": LinkSource.HAND,
            "checked_at": at,
        },
    )
    audit.record(merchant=connection.merchant, kind="product_link.saved", subject=sku, by=by, at=at, variant=variant_id)
    conditions.cleared(conditions.sku_linked(connection_id, sku))
    return row


@transaction.atomic
def unlink(*, link_id: int, by: str, at: datetime) -> None:
    """Forget a link; the next check looks for the SKU again."""
    row = ProductLink.objects.select_related("connection__merchant").get(pk=link_id)
    audit.record(merchant=row.connection.merchant, kind="product_link.removed", subject=row.sku, by=by, at=at)
    row.delete()


def _save(connection: Connection, sku: str, variant: RemoteVariant, at: datetime) -> None:
    ProductLink.objects.get_or_create(
        connection=connection,
        sku=sku,
        defaults={
            "variant_id": variant.variant_id,
            "variant_title": variant.title[:300],
            "source": LinkSource.SKU,
            "checked_at": at,
        },
    )


def _gone(connection: Connection, sku: str) -> Blocker:
    text = f"The product linked to SKU {sku} is no longer in {connection.name}. Link it to another one."
    return Blocker(BlockerCode.SKU_GONE, text, "lines.sku", sku)


def _not_one(connection: Connection, sku: str, hits: int) -> Blocker:
    if hits:
        text = f"{connection.name} has {hits} products with SKU {sku}. Link it to the right one."
        return Blocker(BlockerCode.DUPLICATE_SKU, text, "lines.sku", sku)
    text = f"{connection.name} has no product with SKU {sku}. Add it there or link it to another product."
    return Blocker(BlockerCode.UNMAPPED_SKU, text, "lines.sku", sku)
