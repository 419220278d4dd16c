"""What a source shares with its partner: products of its store, which the partner may then sell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.services import audit
from connectors import conditions
from connectors.base import RemoteVariant
from connectors.models import CatalogVariant, Connection, LinkSource, Partnership, PartnershipState, ProductLink
from connectors.services import catalog
from connectors.services.clients import connector_for
from connectors.services.connections import ASK_DEADLINE_S
from connectors.services.partners import PartnerRefused

SHARED_AT_MOST = 5000
SHARED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Found:
    """What the source's store has for the SKUs that were typed."""

    variants: tuple[RemoteVariant, ...]
    missing: tuple[str, ...] = ()  # no product, or several, have this SKU


def sku_list(text: str) -> list[str]:
    """SKUs as somebody types or pastes them: one a line, or between commas."""
    words = (word.strip() for line in text.splitlines() for word in line.split(","))
    return list(dict.fromkeys(word[:120] for word in words if word))


def look_up(connection: Connection, skus: Sequence[str]) -> Found:
    """Ask the source's own store. Network: never in a transaction. Raises ConnectorError."""
    hits = connector_for(connection, deadline_s=ASK_DEADLINE_S).find_variants(skus[:SHARED_AT_ONCE])
    one = {sku: variants[0] for sku, variants in hits.items() if len(variants) == 1}
    return Found(tuple(one.values()), tuple(sku for sku in skus if sku not in one))


@transaction.atomic
def share(*, partnership_id: int, variants: Iterable[RemoteVariant], by: str, at: datetime) -> int:
    """Let the partner sell these products; a SKU that it has too is synced at once. Returns how many are shared now.

    `variants` were read in the source's store just now. Raises PartnerRefused.
    """
    partnership = _standing(partnership_id)
    connection, given = partnership.connection, list(variants)
    assert connection is not None  # noqa: S101  # partnership_accepted_is_whole
    if CatalogVariant.objects.filter(connection=connection).count() + len(given) > SHARED_AT_MOST:
        raise PartnerRefused(f"At most {SHARED_AT_MOST} products can be shared with one partner.", "skus")
    catalog.share(connection, given, at=at)
    ProductLink.objects.bulk_create(
        [
            ProductLink(
                connection=connection,
                sku=variant.sku[:120],
                variant_id=variant.variant_id,
                variant_title=variant.title[:300],
                source=LinkSource.SKU,
                checked_at=at,
            )
            for variant in given
            if variant.sku
        ],
        ignore_conflicts=True,
    )
    for variant in given:
        conditions.cleared(conditions.sku_linked(connection.pk, variant.sku))
    conditions.cleared(conditions.routing_changed(connection.merchant_id))
    _note_both(partnership, "partnership.shared", by, at, products=len(given))
    return CatalogVariant.objects.filter(connection=connection).count()


@transaction.atomic
def unshare(*, partnership_id: int, variant_id: str, by: str, at: datetime) -> None:
    """The partner may not sell it any more: its links go, and orders that have not been sent need another way."""
    partnership = _standing(partnership_id)
    rows = CatalogVariant.objects.filter(connection=partnership.connection, variant_id=variant_id)
    if not rows.exists():
        raise PartnerRefused("This product is not shared.")
    rows.delete()
    ProductLink.objects.filter(connection=partnership.connection, variant_id=variant_id).delete()
    _note_both(partnership, "partnership.unshared", by, at, variant=variant_id)


def _standing(partnership_id: int) -> Partnership:
    rows = Partnership.objects.select_for_update(of=("self",))
    partnership = rows.select_related("source", "destination", "connection").get(pk=partnership_id)
    if partnership.state != PartnershipState.ACCEPTED:
        raise PartnerRefused(f"It is {partnership.get_state_display().lower()}: nothing can be shared.")
    return partnership


def _note_both(partnership: Partnership, kind: str, by: str, at: datetime, **data: str | int) -> None:
    for merchant in filter(None, (partnership.source, partnership.destination)):
        audit.record(merchant=merchant, kind=kind, subject=str(partnership), by=by, at=at, **data)
