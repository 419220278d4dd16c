"""What a shop has for a SKU, where it can be asked for that only by reading all that it sells.

The copy of the catalog answers first; what it names is read afresh. Only a SKU that it does not know leads to a reading
of the whole, which makes the copy new; who wants the same meanwhile, in whichever process, waits for it and looks there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from connectors.base import Connector, RemoteVariant
from connectors.errors import RetryableError
from connectors.models import CatalogReading, CatalogVariant, Connection, ReadingState
from connectors.services import catalog
from connectors.services.clients import connector_for
from connectors.services.connections import ASK_DEADLINE_S

COPY_HOLDS = timedelta(hours=26)  # it is read anew every night
LEASE = timedelta(seconds=90)  # of a reader: one that died is replaced after it
WAITS_S = 60.0  # for another one's reading, shorter than a message's lease
PERSON_WAITS_S = 10.0
LOOKS_EVERY_S = 0.2

Hits = dict[str, tuple[RemoteVariant, ...]]


def ask_by_sku(connection: Connection, sku: str, *, at: datetime) -> tuple[RemoteVariant, ...]:
    """Ask the shop itself for a SKU, for a person who waits, and remember what it has. Network."""
    connector = connector_for(connection, deadline_s=ASK_DEADLINE_S)
    hits = find_variants(connection, connector, [sku], at=at, waits_s=PERSON_WAITS_S)[sku]
    catalog.remember(connection, hits, at=at)
    return hits


def find_variants(
    connection: Connection, connector: Connector, skus: Sequence[str], *, at: datetime, waits_s: float = WAITS_S
) -> Hits:
    """The driver's verb, spared where it would read the whole catalog and the copy knows the SKU. Network.

    A second product that got a SKU of the copy since is not seen before the copy is read anew, which is every night: an
    order for it goes to the first until then.
    """
    if not connector.finds_by_reading_all or not catalog.offered(connection):
        return connector.find_variants(skus)
    so_far = Connection.objects.values_list("whole_reads", flat=True).get(pk=connection.pk)
    hits = _in_copy(connection, connector, skus, at=at)
    missed = [sku for sku in skus if not hits.get(sku)]
    if not missed:
        return hits
    with _turn(connection, so_far=so_far, at=at, waits_s=waits_s) as is_mine:
        if not is_mine:  # somebody has just read it
            return hits | _in_copy(connection, connector, missed, at=at)
        return hits | _sorted_out(_read_whole(connection, connector, at=at), missed)


@contextmanager
def _turn(connection: Connection, *, so_far: int, at: datetime, waits_s: float) -> Iterator[bool]:
    """One reads at a time. False: another one's reading was counted since, so nothing is read.

    Raises RetryableError when another one's does not end. The lease is a row: nothing is locked while a shop is asked.
    """
    row, began_s = Connection.objects.filter(pk=connection.pk), time.monotonic()
    while True:
        waited_s = time.monotonic() - began_s
        now = at + timedelta(seconds=waited_s)
        is_free = Q(whole_read_until=None) | Q(whole_read_until__lte=now)
        if row.filter(is_free, whole_reads=so_far).update(whole_read_until=now + LEASE):
            break
        if not row.filter(whole_reads=so_far).exists():
            yield False
            return
        if waited_s > waits_s:
            raise RetryableError(f"The products of {connection.name} are being read.", after_s=WAITS_S)
        time.sleep(LOOKS_EVERY_S)
    mine = row.filter(whole_read_until=now + LEASE)
    try:
        yield True
    except BaseException:
        mine.update(whole_read_until=None)
        raise
    mine.update(whole_read_until=None, whole_reads=F("whole_reads") + 1)


def _in_copy(connection: Connection, connector: Connector, skus: Sequence[str], *, at: datetime) -> Hits:
    """What a complete, young copy has for them, as it is in the shop now."""
    young = CatalogReading.objects.filter(connection=connection, completed_at__gte=at - COPY_HOLDS)
    rows = CatalogVariant.objects.filter(connection=connection, sku__in=skus) if young.exists() else ()
    ids = sorted(row.variant_id for row in rows)
    return _sorted_out(connector.read_variants(ids).values() if ids else (), skus)


def _sorted_out(variants: Iterable[RemoteVariant], skus: Sequence[str]) -> Hits:
    found: dict[str, dict[str, RemoteVariant]] = {sku: {} for sku in skus}
    for variant in variants:
        if variant.sku in found:
            found[variant.sku][variant.variant_id] = variant
    return {sku: tuple(hits.values()) for sku, hits in found.items()}


def _read_whole(connection: Connection, connector: Connector, *, at: datetime) -> list[RemoteVariant]:
    """All pages, put into the copy."""
    pages = list(_pages(connector))
    variants = [variant for page in pages for variant in page]
    with transaction.atomic():
        catalog.remember(connection, {variant.variant_id: variant for variant in variants}.values(), at=at)
        _complete(connection, pages=len(pages), variants=len(variants), at=at)
    return variants


def _pages(connector: Connector) -> Iterator[tuple[RemoteVariant, ...]]:
    seen, cursor = {""}, ""
    while True:
        page = connector.catalog_pages(cursor)
        yield page.variants
        cursor = page.next_cursor
        if not cursor:
            return
        if cursor in seen:
            raise RetryableError("The store sent the same page of its catalog again.")
        seen.add(cursor)


def _complete(connection: Connection, *, pages: int, variants: int, at: datetime) -> None:
    """The copy is whole as of now. A reading that a worker is at is left to end by itself."""
    whole = {
        "state": ReadingState.DONE, "cursor": "", "pages": pages, "variants": variants, "total": None, "started_at": at,
        "finished_at": at, "completed_at": at, "due_at": None, "failures": 0, "error": "",
    }  # fmt: skip
    reading, is_new = CatalogReading.objects.select_for_update().get_or_create(connection=connection, defaults=whole)
    if not is_new:
        if reading.state == ReadingState.RUNNING:
            return
        CatalogReading.objects.filter(pk=reading.pk).update(**whole)
    CatalogVariant.objects.filter(connection=connection, seen_at__lt=at).delete()
    catalog.release_what_fits(connection.pk)
