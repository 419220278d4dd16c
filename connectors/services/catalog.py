"""A copy of what a connection's shop sells: read page by page by a worker, searched by people, matched with SKUs.

The copy is for finding; before money is taken every product is read afresh at the shop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from logging import getLogger

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django_q.tasks import async_task

from accounts.services import audit
from connectors import conditions
from connectors.base import CatalogPage, Connector, RemoteVariant
from connectors.errors import ConnectionGoneError, ConnectorError, CredentialsError, RetryableError
from connectors.models import CatalogReading, CatalogVariant, Connection, ConnectionState, ReadingState, UnlinkedSku
from connectors.registry import connector_class
from connectors.services import connections, limits, matching, places
from connectors.services.clients import connector_for

logger = getLogger(__name__)

LEASE = timedelta(seconds=120)  # longer than any one page; a reader that died is replaced after it
AGAIN_AFTER = timedelta(seconds=60)  # a passing fault
FAILURES_ALLOWED = 10  # in a row
FRESH_FOR = timedelta(hours=20)  # the nightly reading leaves younger copies alone
FOUND_AT_MOST = 12
RELEASED_AT_MOST = 200  # SKUs after one reading
KEPT_FREE = 0.5  # the share of the shop's rate budget that belongs to orders

_PRICE_LIMIT = Decimal(10) ** 12
_STOCK_LIMIT = 2**31 - 1
_COLUMNS = (
    "sku", "normalized_sku", "barcode", "barcode_key", "title", "search_text", "price", "stock", "sellable", "seen_at",
)  # fmt: skip


class ReadingRefused(Exception):
    """The catalog cannot be read now; the text says why to the merchant."""


# --- reading ---------------------------------------------------------------------------------------


def offered(connection: Connection) -> bool:
    """Whether the whole catalog can be read: the platform lets that be, and it is not a partner's."""
    return connection.source_id is None and connector_class(connection.platform).capabilities.catalog


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page shows of the copy: whether it can be made, and how far the latest reading is."""

    offered: bool
    row: CatalogReading | None

    @property
    def is_running(self) -> bool:
        return self.row is not None and self.row.state == ReadingState.RUNNING

    @property
    def percent(self) -> int | None:
        """None where the platform does not say how much there is."""
        if self.row is None or not self.row.total:
            return None
        return min(100, self.row.variants * 100 // self.row.total)


def reading_of(connection: Connection) -> Reading:
    return Reading(offered(connection), CatalogReading.objects.filter(connection=connection).first())


@transaction.atomic
def start(*, connection_id: int, by: str, at: datetime) -> CatalogReading:
    """Promise to read the catalog from its beginning; one that is being read goes on where it is.

    Raises ReadingRefused when the platform does not offer it or the connection is not active.
    """
    connection = Connection.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=connection_id)
    if not offered(connection):
        raise ReadingRefused(f"{connection.name} does not let its whole catalog be read.")
    if connection.state != ConnectionState.ACTIVE:
        raise ReadingRefused(f"{connection.name}: {connection.get_state_display().lower()}. Its catalog was not read.")
    reading = CatalogReading.objects.filter(connection=connection).first()
    if reading is None or reading.state != ReadingState.RUNNING:
        reading = _begin(connection, at)
        audit.record(merchant=connection.merchant, kind="catalog.reading", subject=connection.name, by=by, at=at)
    _call(connection_id)
    return reading


def _begin(connection: Connection, at: datetime) -> CatalogReading:
    """A new token, so that a reader of the one before writes nothing."""
    fresh = {
        "state": ReadingState.RUNNING, "cursor": "", "pages": 0, "variants": 0, "total": None, "started_at": at,
        "finished_at": None, "due_at": at, "failures": 0, "error": "",
    }  # fmt: skip
    if not CatalogReading.objects.filter(connection=connection).update(attempts=F("attempts") + 1, **fresh):
        CatalogReading.objects.create(connection=connection, **fresh)
    return CatalogReading.objects.get(connection=connection)


def start_due(*, at: datetime, by: str = connections.STOREWARD) -> int:
    """Every night: begin with each active connection whose copy is old. Returns how many were begun."""
    old = Q(catalog_reading=None) | (
        ~Q(catalog_reading__state=ReadingState.RUNNING) & Q(catalog_reading__started_at__lte=at - FRESH_FOR)
    )
    rows = Connection.objects.own().filter(old, state=ConnectionState.ACTIVE, is_destination=True).order_by("pk")
    return sum(_started(connection, by=by, at=at) for connection in rows if offered(connection))


def _started(connection: Connection, *, by: str, at: datetime) -> bool:
    try:
        start(connection_id=connection.pk, by=by, at=at)
    except ReadingRefused as refusal:  # paused or lost since it was looked at
        logger.info("catalog not begun", extra={"connection_id": connection.pk, "why": str(refusal)})
        return False
    return True


def call_due(*, at: datetime, limit: int = 50) -> int:
    """Every minute: wake a reader for each reading that is due, whatever became of the one before."""
    due = CatalogReading.objects.filter(state=ReadingState.RUNNING, due_at__lte=at).order_by("due_at", "pk")
    found = list(due.values_list("connection_id", flat=True)[:limit])
    for connection_id in found:
        async_task(settings.CATALOG_TASK, connection_id)
    return len(found)


def read_on(*, connection_id: int, at: datetime) -> bool:
    """Read the next page and keep it with the place where it ends. False when there is nothing (more) to do now.

    Network: never in a transaction. Two readers at once do no harm: the one with the older token writes nothing.
    """
    reading = _claim(connection_id, at)
    if reading is None:
        return False
    connection = reading.connection
    try:
        connector = connector_for(connection)
        with places.beside(connection, at=at):
            page = connector.catalog_pages(reading.cursor)
        if page.next_cursor and page.next_cursor == reading.cursor:
            raise RetryableError("The store sent the same page of its catalog again.")
    except ConnectorError as error:
        _fail(reading, error, at=at)
        return False
    limits.record(connection_id, outcome="ok", at=at)
    if connector.budget is not None:
        limits.learn(connection_id, connector.budget, at=at)
    return _keep(reading, page, wait_s=_courtesy_s(connection_id, connector, at), at=at)


def _claim(connection_id: int, at: datetime) -> CatalogReading | None:
    """Lease the reading when it is due and its connection takes calls; the token grows.

    It counts as a failure until a page is kept, so that a reader that dies each time ends too.
    """
    due = CatalogReading.objects.filter(connection_id=connection_id, state=ReadingState.RUNNING, due_at__lte=at)
    takes_calls = limits.eligible(at) & Q(breaker_opened=0)  # whether an open circuit may close is for orders to try
    if not Connection.objects.filter(takes_calls, pk=connection_id).exists():
        due.update(due_at=at + AGAIN_AFTER)
        return None
    if not due.update(due_at=at + LEASE, attempts=F("attempts") + 1, failures=F("failures") + 1):
        return None
    reading = CatalogReading.objects.select_related("connection__merchant").get(connection_id=connection_id)
    if reading.failures > FAILURES_ALLOWED:
        _end(reading, "The reading stopped again and again.", at=at)
        return None
    return reading


def _mine(reading: CatalogReading) -> QuerySet[CatalogReading]:
    return CatalogReading.objects.filter(pk=reading.pk, attempts=reading.attempts, state=ReadingState.RUNNING)


@transaction.atomic
def _keep(reading: CatalogReading, page: CatalogPage, *, wait_s: float, at: datetime) -> bool:
    """The page's rows and the place where it ends, in one transaction. True when another page may follow at once."""
    written = _mine(reading).update(
        cursor=page.next_cursor,
        pages=F("pages") + 1,
        variants=F("variants") + len(page.variants),
        total=reading.total if page.total is None else page.total,
        due_at=at + timedelta(seconds=wait_s),
        failures=0,
        error="",
    )
    if not written:
        return False
    remember(reading.connection, page.variants, at=at)
    if page.next_cursor:
        return wait_s == 0
    _complete(reading, at)
    return False


def _complete(reading: CatalogReading, at: datetime) -> None:
    """What was not on any page is no longer sold there."""
    _mine(reading).update(state=ReadingState.DONE, due_at=None, finished_at=at, completed_at=at, cursor="")
    CatalogVariant.objects.filter(connection_id=reading.connection_id, seen_at__lt=reading.started_at).delete()
    release_what_fits(reading.connection_id)


def release_what_fits(connection_id: int) -> None:
    """SKUs that are asked and fit a single product of the new copy: their orders are checked anew, which links them."""
    asked = UnlinkedSku.objects.filter(connection_id=connection_id).asked().order_by("-seen_at", "pk")
    skus = list(asked.values_list("sku", flat=True)[:RELEASED_AT_MOST])
    rows = alike([connection_id], skus) if skus else []
    for sku in skus:
        if sum(bool(fits(row, sku)) for row in rows) == 1:
            conditions.cleared(conditions.sku_linked(connection_id, sku))


def _courtesy_s(connection_id: int, connector: Connector, at: datetime) -> float:
    """Seconds to leave the shop alone, so that orders always find half of its rate budget."""
    if connector.budget is None:
        return 0.0
    connection = Connection.objects.get(pk=connection_id)
    return limits.wait_for_budget(connection, connector.budget.maximum * KEPT_FREE, at=at)


def _fail(reading: CatalogReading, error: ConnectorError, *, at: datetime) -> None:
    """A passing fault is tried again; what needs a person ends the reading and says why."""
    connection = reading.connection
    match error:
        case CredentialsError():
            version = connection.credential_version
            connections.auth_lost(connection_id=connection.pk, reason=str(error), at=at, credential_version=version)
        case ConnectionGoneError():
            connections.gone(connection_id=connection.pk, reason=str(error), at=at)
        case RetryableError():
            outcome: limits.CallOutcome = "throttled" if error.throttled else "failed"
            limits.record(connection.pk, outcome=outcome, at=at, after_s=error.after_s)
            if reading.failures < FAILURES_ALLOWED:
                _try_again(reading, error, at=at)
                return
    _end(reading, str(error), at=at)


def _try_again(reading: CatalogReading, error: RetryableError, *, at: datetime) -> None:
    wait = max(AGAIN_AFTER, timedelta(seconds=error.after_s or 0))
    _mine(reading).update(due_at=at + wait, error=str(error)[:500])


def _end(reading: CatalogReading, why: str, *, at: datetime) -> None:
    _mine(reading).update(state=ReadingState.FAILED, due_at=None, finished_at=at, error=why[:500] or "It failed.")
    logger.warning("catalog not read", extra={"connection_id": reading.connection_id})


def _call(connection_id: int) -> None:
    transaction.on_commit(lambda: async_task(settings.CATALOG_TASK, connection_id), robust=True)


# --- keeping ---------------------------------------------------------------------------------------


def remember(connection: Connection, variants: Iterable[RemoteVariant], *, at: datetime) -> None:
    """Put variants that were just read into the copy; an older reading of the same one is replaced.

    Of a partner's store the copy is what the partner shares: nothing is added to it by reading, see `share`.
    """
    rows = _rows(connection, variants, at)
    if connection.source_id is None:
        _put(rows.values())
        return
    known = list(CatalogVariant.objects.filter(connection=connection, variant_id__in=rows))
    for row in known:
        row.__dict__.update({name: getattr(rows[row.variant_id], name) for name in _COLUMNS})
    CatalogVariant.objects.bulk_update(known, _COLUMNS, batch_size=500)  # one that was taken back meanwhile stays away


def share(connection: Connection, variants: Iterable[RemoteVariant], *, at: datetime) -> None:
    """Add to what a partner shares."""
    _put(_rows(connection, variants, at).values())


def _put(rows: Iterable[CatalogVariant]) -> None:
    CatalogVariant.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["connection", "variant_id"], update_fields=_COLUMNS
    )


def _rows(connection: Connection, variants: Iterable[RemoteVariant], at: datetime) -> dict[str, CatalogVariant]:
    """By id; ids that cannot be kept are left out."""
    rows = {variant.variant_id: _row(connection, variant, at) for variant in variants}
    return {variant_id: row for variant_id, row in rows.items() if 0 < len(variant_id) <= 200}


def _row(connection: Connection, variant: RemoteVariant, at: datetime) -> CatalogVariant:
    """A partner's stock and prices are not the seller's to see."""
    sku, title, barcode = _clean(variant.sku, 255), _clean(variant.title, 300), _clean(variant.barcode, 120)
    price, stock = (variant.price, variant.stock) if connection.source_id is None else (None, None)
    return CatalogVariant(
        connection=connection,
        variant_id=variant.variant_id,
        sku=sku,
        normalized_sku=matching.normalized(sku),
        barcode=barcode,
        barcode_key=matching.barcode_key(barcode),
        title=title,
        search_text=f"{title} {sku} {barcode}".lower(),
        price=_price(price),
        stock=None if stock is None else max(-_STOCK_LIMIT, min(stock, _STOCK_LIMIT)),
        sellable=variant.sellable,
        seen_at=at,
    )


def _clean(text: str, longest: int) -> str:
    """As PostgreSQL takes it: without NUL."""
    return text.replace("\x00", "")[:longest].strip()


def _price(price: Decimal | None) -> Decimal | None:
    """None as well for what no shop can mean."""
    if price is None or not price.is_finite() or abs(price) >= _PRICE_LIMIT:
        return None
    return price.quantize(Decimal("0.0001"))


# --- finding ---------------------------------------------------------------------------------------


def as_remote(row: CatalogVariant) -> RemoteVariant:
    """As it was when it was last read."""
    return RemoteVariant(
        variant_id=row.variant_id,
        sku=row.sku,
        title=row.title,
        barcode=row.barcode,
        sellable=row.sellable,
        stock=row.stock,
        price=row.price,
    )


def alike(connection_ids: Iterable[int], skus: Iterable[str]) -> list[CatalogVariant]:
    """Variants that any of the SKUs could mean: the same SKU written differently, or its barcode. One query."""
    asked = list(skus)
    normal = {key for key in map(matching.normalized, asked) if key}
    codes = {key for key in map(matching.barcode_key, asked) if key}
    fits = Q(normalized_sku__in=normal) | (~Q(barcode_key="") & Q(barcode_key__in=codes))
    rows = CatalogVariant.objects.filter(fits, connection_id__in=set(connection_ids))
    return list(rows.order_by("connection_id", "-sellable", "sku", "pk")[: FOUND_AT_MOST * max(len(asked), 1)])


def fits(row: CatalogVariant | RemoteVariant, sku: str) -> str:
    """How a variant fits a SKU: "similar", "barcode", or empty."""
    if matching.normalized(sku) and matching.normalized(row.sku) == matching.normalized(sku):
        return "similar"
    if matching.barcode_key(row.barcode) and matching.barcode_key(row.barcode) == matching.barcode_key(sku):
        return "barcode"
    return ""


def search(connection: Connection, text: str) -> list[CatalogVariant]:
    """Variants that hold every word of the text, in title, SKU or barcode; those that can be sold first."""
    rows = CatalogVariant.objects.filter(connection=connection)
    for word in text.replace("\x00", "").lower().split()[:6]:
        rows = rows.filter(search_text__contains=word)
    return list(rows.order_by("-sellable", "title", "pk")[:FOUND_AT_MOST])


def resembling(connection: Connection, text: str) -> list[CatalogVariant]:
    """Variants that share words with a line's title or SKU, those with most of them first."""
    wanted = matching.words(text)
    if not wanted:
        return []
    any_word = Q()
    for word in wanted:
        any_word |= Q(search_text__contains=word)
    rows = CatalogVariant.objects.filter(any_word, connection=connection).order_by("-sellable", "pk")[:500]
    return sorted(rows, key=lambda row: -_weight(row, wanted))[:FOUND_AT_MOST]


def _weight(row: CatalogVariant, wanted: Sequence[str]) -> int:
    return sum(len(word) for word in wanted if word in row.search_text)
