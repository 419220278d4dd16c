"""Product links: which variant at a destination stands for a marketplace SKU.

One exact SKU there makes a link by itself; so does a SKU that is only written differently, or a barcode, when the copy of
the catalog has a single product that fits. Everything else is asked: it stands among the unlinked SKUs until a person,
a file or an integration links it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.services import audit
from connectors import conditions
from connectors.base import Blocker, BlockerCode, Connector, RemoteVariant
from connectors.models import (
    CatalogVariant,
    Connection,
    LinkImport,
    LinkSource,
    ProductLink,
    UnlinkedReason,
    UnlinkedSku,
)
from connectors.services import catalog, finding
from connectors.services.connections import STOREWARD

KEEP_UNLINKED = timedelta(days=90)  # since an order last asked for it
KEEP_IMPORTS = timedelta(days=2)
_AT_ONCE = 500

_REASONS = {
    BlockerCode.UNMAPPED_SKU: UnlinkedReason.MISSING,
    BlockerCode.DUPLICATE_SKU: UnlinkedReason.AMBIGUOUS,
    BlockerCode.SKU_GONE: UnlinkedReason.GONE,
}


class SkuRefused(Exception):
    """The SKU is not among the unlinked ones any more. The text is for people."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the destination has for the asked SKUs, and why some cannot be sent."""

    variants: dict[str, RemoteVariant]
    blockers: tuple[Blocker, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A link to be saved."""

    sku: str
    variant_id: str
    variant_title: str


# --- looking up ------------------------------------------------------------------------------------


def look_up(connection: Connection, connector: Connector, skus: Sequence[str], *, at: datetime) -> Lookup:
    """Read saved links afresh and look for the SKUs that have none; what fits without doubt is saved as a link.

    Two calls at most, except where a SKU is found by reading the whole catalog (`finding`); none inside a transaction.
    SKUs that remain are kept among the unlinked ones.
    """
    known = ProductLink.objects.filter(connection=connection, sku__in=skus).order_by("sku")  # and so are the blockers
    saved = dict(known.values_list("sku", "variant_id"))
    unknown = [sku for sku in dict.fromkeys(skus) if sku and sku not in saved]
    hits = finding.find_variants(connection, connector, unknown, at=at) if unknown else {}
    guesses = _guesses(connection, [sku for sku, found in hits.items() if not found])
    wanted = {*saved.values(), *(row.variant_id for rows in guesses.values() for row in rows)}
    seen = connector.read_variants(sorted(wanted)) if wanted else {}
    variants = {sku: seen[variant_id] for sku, variant_id in saved.items() if variant_id in seen}
    blockers = [_gone(connection, sku) for sku in saved if sku not in variants]
    for sku, found in hits.items():
        fitting = [seen[row.variant_id] for row in guesses.get(sku, ()) if row.variant_id in seen]
        match = _match(connection, sku, found, fitting, at)
        if match is not None:
            variants[sku] = match
        else:
            blockers.append(_not_one(connection, sku, len(found or fitting)))
    _keep_asking(connection, list(variants), blockers, saved, at=at)
    if "" in skus:
        text = (
            "A line has no SKU: it cannot be matched with a product. Move it to another destination, or keep it out of "
            "this store and ship it yourself."
        )
        blockers.append(Blocker(BlockerCode.CUSTOM_LINE, text, "lines.sku"))
    return Lookup(variants, tuple(blockers))


def _guesses(connection: Connection, skus: Sequence[str]) -> dict[str, list[CatalogVariant]]:
    """By SKU, what the copy of the catalog has that is written alike or carries it as its barcode."""
    rows = catalog.alike([connection.pk], skus) if skus else []
    return {sku: [row for row in rows if catalog.fits(row, sku)] for sku in skus}


def _match(
    connection: Connection, sku: str, exact: Sequence[RemoteVariant], alike: Sequence[RemoteVariant], at: datetime
) -> RemoteVariant | None:
    """The one variant that the SKU means beyond doubt, saved as a link; None when a person must say."""
    if exact:
        if len(exact) == 1:
            _save(connection, sku, exact[0], LinkSource.SKU, at)
            return exact[0]
        catalog.remember(connection, exact, at=at)  # so that a person can choose among them
        return None
    fitting = [variant for variant in alike if catalog.fits(variant, sku)]  # as they are now
    if len(fitting) != 1 or _stands_for_another(connection, sku, fitting[0]):
        return None
    _save(connection, sku, fitting[0], LinkSource(catalog.fits(fitting[0], sku)), at)
    return fitting[0]


def _stands_for_another(connection: Connection, sku: str, variant: RemoteVariant) -> bool:
    """Two marketplace SKUs for one product are a person's to decide."""
    others = ProductLink.objects.filter(connection=connection, variant_id=variant.variant_id).exclude(sku=sku)
    return others.exists()


@transaction.atomic
def _save(connection: Connection, sku: str, variant: RemoteVariant, source: LinkSource, at: datetime) -> None:
    _, created = ProductLink.objects.get_or_create(
        connection=connection,
        sku=sku,
        defaults={
            "variant_id": variant.variant_id,
            "variant_title": variant.title[:300],
            "source": source,
            "checked_at": at,
        },
    )
    if created and source != LinkSource.SKU:
        _note(connection, "product_link.matched", sku, STOREWARD, at, variant=variant.variant_id, how=source.value)


# --- saving ----------------------------------------------------------------------------------------


@transaction.atomic
def link(
    *,
    connection_id: int,
    sku: str,
    variant_id: str,
    variant_title: str,
    by: str,
    at: datetime,
    source: LinkSource = LinkSource.HAND,
) -> ProductLink:
    """Save a link that somebody chose; what waited for it goes on."""
    connection = _locked(connection_id)
    row, _ = ProductLink.objects.update_or_create(
        connection=connection,
        sku=sku,
        defaults={
            "variant_id": variant_id,
            "variant_title": variant_title[:300],
            "source": source,
            "checked_at": at,
        },
    )
    UnlinkedSku.objects.filter(connection=connection, sku=sku).delete()
    _note(connection, "product_link.saved", sku, by, at, variant=variant_id)
    conditions.cleared(conditions.sku_linked(connection_id, sku))
    conditions.cleared(conditions.routing_changed(connection.merchant_id))
    return row


@transaction.atomic
def link_many(
    *, connection_id: int, choices: Sequence[Choice], by: str, at: datetime, source: LinkSource = LinkSource.HAND
) -> int:
    """Save all the links or none; what waited for any of them goes on. Returns how many were saved.

    Only SKUs that were asked for release something: a check that asks at this moment waits for the lock, sees the
    link and does not wait for it (see `_keep_asking`).
    """
    connection = _locked(connection_id)
    rows = {choice.sku: _link_of(connection, choice, source, at) for choice in choices}
    ProductLink.objects.bulk_create(
        rows.values(),
        batch_size=500,
        update_conflicts=True,
        unique_fields=["connection", "sku"],
        update_fields=["variant_id", "variant_title", "source", "checked_at"],
    )
    waiting = [
        sku for sku in UnlinkedSku.objects.filter(connection=connection).values_list("sku", flat=True) if sku in rows
    ]
    UnlinkedSku.objects.filter(connection=connection, sku__in=waiting).delete()
    for sku in waiting:
        conditions.cleared(conditions.sku_linked(connection_id, sku))
    conditions.cleared(conditions.routing_changed(connection.merchant_id))
    _note(connection, "product_link.saved_many", connection.name, by, at, source=source.value, links=len(rows))
    return len(rows)


@transaction.atomic
def unlink(*, link_id: int, by: str, at: datetime) -> None:
    """Forget a link; the next check looks for the SKU again."""
    row = ProductLink.objects.select_related("connection__merchant").get(pk=link_id)
    _note(row.connection, "product_link.removed", row.sku, by, at)
    row.delete()


def _link_of(connection: Connection, choice: Choice, source: LinkSource, at: datetime) -> ProductLink:
    return ProductLink(
        connection=connection,
        sku=choice.sku,
        variant_id=choice.variant_id,
        variant_title=choice.variant_title[:300],
        source=source,
        checked_at=at,
    )


# --- what is asked ---------------------------------------------------------------------------------


def ask(connection_id: int, blockers: Iterable[Blocker], *, at: datetime) -> None:
    """Put SKUs that cannot be sent among the unlinked ones. A SKU that was put aside stays there."""
    UnlinkedSku.objects.bulk_create(
        [
            UnlinkedSku(connection_id=connection_id, sku=blocker.value[:120], reason=_REASONS[blocker.code], seen_at=at)
            for blocker in blockers
            if blocker.code in _REASONS and blocker.value
        ],
        update_conflicts=True,
        unique_fields=["connection", "sku"],
        update_fields=["reason", "seen_at"],
    )


@transaction.atomic
def skip(*, unlinked_id: int, by: str, at: datetime) -> UnlinkedSku:
    """Put a SKU aside: its orders go on waiting, but nobody is asked any more. Raises SkuRefused once it is linked."""
    row = _asked(unlinked_id)
    row.skipped_at, row.skipped_by = at, by
    row.save(update_fields=["skipped_at", "skipped_by"])
    _note(row.connection, "unlinked_sku.skipped", row.sku, by, at)
    return row


@transaction.atomic
def bring_back(*, unlinked_id: int, by: str, at: datetime) -> UnlinkedSku:
    """Ask for a SKU again that was put aside. Raises SkuRefused once it is linked."""
    row = _asked(unlinked_id)
    row.skipped_at, row.skipped_by = None, ""
    row.save(update_fields=["skipped_at", "skipped_by"])
    _note(row.connection, "unlinked_sku.brought_back", row.sku, by, at)
    return row


def prune(*, at: datetime, waited_for: Collection[str]) -> None:
    """Once a night: SKUs that no order has asked for in a long time, and files that nobody applied.

    `waited_for` are the conditions that orders wait for, read just now: a SKU among them is still asked.
    """
    old = UnlinkedSku.objects.filter(seen_at__lt=at - KEEP_UNLINKED)
    rows = old.values_list("pk", "connection_id", "sku")
    over = [pk for pk, connection_id, sku in rows if conditions.sku_linked(connection_id, sku) not in waited_for]
    for start in range(0, len(over), _AT_ONCE):
        old.filter(pk__in=over[start : start + _AT_ONCE]).delete()
    LinkImport.objects.filter(created_at__lt=at - KEEP_IMPORTS).delete()


def _keep_asking(
    connection: Connection, found: Sequence[str], blockers: Sequence[Blocker], saved: Mapping[str, str], *, at: datetime
) -> None:
    """Forget what is linked now, ask for what is not. `saved` are the links as this look-up read them.

    Whoever saves many links holds the connection's lock while reading what was asked. So either that reading sees
    these SKUs and releases them, or the new links are seen here; then the condition is cleared here.
    """
    if found:
        UnlinkedSku.objects.filter(connection=connection, sku__in=found).delete()
    if not blockers:
        return
    with transaction.atomic():
        _locked(connection.pk)
        ask(connection.pk, blockers, at=at)
        skus = [blocker.value for blocker in blockers]
        now = ProductLink.objects.filter(connection=connection, sku__in=skus).values_list("sku", "variant_id")
        for sku in [sku for sku, variant_id in now if saved.get(sku) != variant_id]:
            UnlinkedSku.objects.filter(connection=connection, sku=sku).delete()
            conditions.cleared(conditions.sku_linked(connection.pk, sku))


def _locked(connection_id: int) -> Connection:
    rows = Connection.objects.select_for_update(of=("self",)).select_related("merchant")
    return rows.get(pk=connection_id)


def _asked(unlinked_id: int) -> UnlinkedSku:
    """Under its lock: whoever links it at this moment deletes the row."""
    rows = UnlinkedSku.objects.select_for_update(of=("self",)).select_related("connection__merchant")
    row = rows.filter(pk=unlinked_id).first()
    if row is None:
        raise SkuRefused("This SKU was linked meanwhile, or no order asks for it any more. Nothing was changed.")
    return row


def _note(connection: Connection, kind: str, subject: str, by: str, at: datetime, **data: str | int) -> None:
    audit.record(merchant=connection.merchant, kind=kind, subject=subject, by=by, at=at, **data)


# --- why not ---------------------------------------------------------------------------------------


def _gone(connection: Connection, sku: str) -> Blocker:
    text = f"The product linked to SKU {sku} is no longer in {connection.name}. Link it to another one."
    return Blocker(BlockerCode.SKU_GONE, text, "lines.sku", sku)


def _not_one(connection: Connection, sku: str, hits: int) -> Blocker:
    if hits > 1:
        text = f"{connection.name} has {hits} products with SKU {sku}. Link it to the right one."
        return Blocker(BlockerCode.DUPLICATE_SKU, text, "lines.sku", sku)
    text = f"{connection.name} has no product with SKU {sku}. Add it there or link it to another product."
    return Blocker(BlockerCode.UNMAPPED_SKU, text, "lines.sku", sku)
