"""What unlinked SKUs cost: which orders wait for each, how much money that is, and how many a link would let go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum

from accounts.models import Merchant
from connectors.base import Connector, RemoteVariant
from connectors.models import CatalogVariant, Connection, ProductLink, UnlinkedSku
from connectors.services import catalog, links
from connectors.services.clients import connector_for
from orders.enums import Headline, OrderStatus, OutboxStatus, PushStatus
from orders.models import OrderLine, OrderPush, OutboxMessage, PushLine
from orders.services import outbound
from orders.states import ATTENTION

LISTED_AT_MOST = 2_000  # SKUs; the ranking is made of them
TRIED_AT_MOST = 25  # orders
WAITING_SHOWN = 10

_BLOCKED = (*ATTENTION, Headline.SYNCING)  # what an order with a push that cannot go on may be headed by
_UNFINISHED = (
    *_BLOCKED, Headline.NEEDS_CONFIRMATION, Headline.AWAITING_FULFILLMENT, Headline.PARTLY_FULFILLED,
)  # fmt: skip
_OPEN = (OrderStatus.PENDING, OrderStatus.CONFIRMED)


@dataclass(slots=True)
class Blocked:
    """One unlinked SKU and what waits for it."""

    row: UnlinkedSku
    title: str = ""  # of the marketplace's line
    orders: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)  # order totals by currency
    candidates: list[CatalogVariant] = field(default_factory=list)

    def in_currency(self, currency: str) -> Decimal:
        return self.money.get(currency, Decimal(0))

    def elsewhere(self, currency: str) -> list[tuple[Decimal, str]]:
        """What is blocked in other currencies than the merchant's."""
        return [(amount, code) for code, amount in sorted(self.money.items()) if code != currency]


def ranked(merchant: Merchant, *, skipped: bool = False, by_money: bool = False) -> list[Blocked]:
    """The merchant's unlinked SKUs, those that block most orders (or most money of its currency) first.

    Two queries. An order counts with its whole total, once for each of its unlinked SKUs.
    """
    rows = UnlinkedSku.objects.of(merchant).filter(skipped_at__isnull=not skipped)
    found = {
        (row.connection_id, row.sku): Blocked(row)
        for row in rows.select_related("connection").order_by("-seen_at", "pk")[:LISTED_AT_MOST]
    }
    for sum_ in _sums(merchant, skipped=skipped) if found else ():
        blocked = found.get((sum_["push__connection_id"], sum_["line__sku"]))
        if blocked is not None:
            blocked.title = blocked.title or sum_["title"]
            blocked.orders += sum_["orders"]
            blocked.money[sum_["push__order__currency"]] = sum_["money"]
    return sorted(found.values(), key=lambda one: _rank(one, merchant.currency, by_money=by_money), reverse=True)


def _rank(one: Blocked, currency: str, *, by_money: bool) -> tuple[Decimal, Decimal]:
    orders, money = Decimal(one.orders), one.in_currency(currency)
    return (money, orders) if by_money else (orders, money)


def _sums(merchant: Merchant, *, skipped: bool) -> Iterable[Mapping[str, Any]]:
    """Orders, money and title for each connection, SKU and currency. A SKU on two lines of an order counts once."""
    asked = UnlinkedSku.objects.filter(
        connection=OuterRef("push__connection"), sku=OuterRef("line__sku"), skipped_at__isnull=not skipped
    )
    earlier = PushLine.objects.filter(push=OuterRef("push"), line__sku=OuterRef("line__sku"), pk__lt=OuterRef("pk"))
    return (
        PushLine.objects.filter(_is_blocked(), push__order__merchant=merchant)
        .filter(Exists(asked), ~Exists(earlier))
        .values("push__connection_id", "line__sku", "push__order__currency")
        .annotate(orders=Count("push__order", distinct=True), money=Sum("push__order__total"), title=Max("line__title"))
        .order_by("push__connection_id", "line__sku", "push__order__currency")
    )


def _is_blocked() -> Q:
    """Pushes that a link could let go, by the index on orders' headlines."""
    held = Q(push__status=PushStatus.HELD) | Q(push__status=PushStatus.WAITING, push__wait_for__startswith="sku:")
    return held & Q(push__order__headline__in=_BLOCKED, push__order__status__in=_OPEN, push__remote_id="")


def with_candidates(rows: Sequence[Blocked]) -> Sequence[Blocked]:
    """Put beside each SKU what the copies of the catalogs have that fits it. One query for all."""
    connections = {one.row.connection_id for one in rows}
    variants = catalog.alike(connections, [one.row.sku for one in rows]) if rows else []
    for one in rows:
        here = (variant for variant in variants if variant.connection_id == one.row.connection_id)
        one.candidates = _of(one.row.connection, (variant for variant in here if catalog.fits(variant, one.row.sku)))
    return rows


def waiting_orders(connection: Connection, sku: str) -> QuerySet[OrderPush]:
    """Pushes to this connection that wait and hold this SKU, oldest first."""
    held = Q(status=PushStatus.HELD) | Q(status=PushStatus.WAITING, wait_for__startswith="sku:")
    lines = PushLine.objects.filter(push=OuterRef("pk"), line__sku=sku)
    rows = OrderPush.objects.filter(held, Exists(lines), connection=connection, remote_id="")
    rows = rows.filter(order__merchant_id=connection.merchant_id, order__headline__in=_BLOCKED, order__status__in=_OPEN)
    return rows.select_related("order", "connection__sync_settings").order_by("order__placed_at", "pk")


def title_of(pushes: Iterable[OrderPush], sku: str) -> str:
    """What the marketplace calls the SKU, by the newest of these orders; empty when none holds it."""
    lines = OrderLine.objects.filter(order__in=[push.order_id for push in pushes], sku=sku)
    return lines.order_by("-pk").values_list("title", flat=True).first() or ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One SKU: what the marketplace calls it, which orders wait, and products to choose from."""

    title: str
    waiting: list[OrderPush]
    more: bool  # more wait than these
    candidates: list[CatalogVariant]


def to_choose_from(connection: Connection, sku: str, words: str) -> Offer:
    """Products that were searched for by `words`, or else that fit the SKU or resemble the marketplace's line."""
    waiting = list(waiting_orders(connection, sku)[: WAITING_SHOWN + 1])
    title = title_of(waiting, sku)
    if words:
        fitting, others = [], catalog.search(connection, words)
    else:
        fitting = [variant for variant in catalog.alike([connection.pk], [sku]) if catalog.fits(variant, sku)]
        others = [row for row in catalog.resembling(connection, f"{title} {sku}") if row not in fitting]
    found = _of(connection, [*fitting, *others][: catalog.FOUND_AT_MOST])
    return Offer(title, waiting[:WAITING_SHOWN], len(waiting) > WAITING_SHOWN, found)


def _of(connection: Connection, variants: Iterable[CatalogVariant]) -> list[CatalogVariant]:
    """The same, each with its connection as it is read already."""
    known = list(variants)
    for variant in known:
        variant.connection = connection
    return known


# --- trying ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """What a link would do, as far as the copy of the catalog can tell."""

    tried: int
    more: bool  # not all that wait were tried
    go_on: int
    blocked: list[tuple[str, int]]  # the first reason that remains, and how many orders it holds


def try_link(connection: Connection, sku: str, variant: CatalogVariant) -> Trial:
    """Check the waiting orders as if the SKU were linked to this variant. No network, and nothing is written.

    Products are taken as they stand in the copy of the catalog; one that is not in it is taken as being there.
    """
    pushes = list(waiting_orders(connection, sku)[: TRIED_AT_MOST + 1])
    tried = pushes[:TRIED_AT_MOST]
    known = _variants(connection, tried, variant)
    connector = connector_for(connection)
    reasons = Counter(_remaining(push, sku, variant.variant_id, known, connector) for push in tried)
    go_on = reasons.pop("", 0)
    return Trial(len(tried), len(pushes) > len(tried), go_on, reasons.most_common())


def _remaining(
    push: OrderPush, sku: str, variant_id: str, known: Mapping[str, RemoteVariant], connector: Connector
) -> str:
    """The first reason why the order would still not go on; empty when it would."""
    order = outbound.build(push)
    lines = tuple(replace(line, variant_id=variant_id) if line.sku == sku else line for line in order.lines)
    there = {line.variant_id: RemoteVariant(line.variant_id, "", line.title) for line in lines if line.variant_id}
    blockers = connector.preflight(replace(order, lines=lines), {**there, **known})
    return blockers[0].message if blockers else ""


def _variants(
    connection: Connection, pushes: Iterable[OrderPush], chosen: CatalogVariant
) -> Mapping[str, RemoteVariant]:
    """The chosen product, and those that the other lines are linked to, as they were last read."""
    skus = PushLine.objects.filter(push__in=list(pushes)).values("line__sku")
    ids = ProductLink.objects.filter(connection=connection, sku__in=skus).values("variant_id")
    rows = CatalogVariant.objects.filter(connection=connection, variant_id__in=ids)
    return {row.variant_id: catalog.as_remote(row) for row in (*rows, chosen)}


# --- forgetting ------------------------------------------------------------------------------------


def prune(*, at: datetime) -> None:
    """Once a night: forget SKUs that no order has asked for in a long time, and that none waits for."""
    waiting = OutboxMessage.objects.filter(status=OutboxStatus.WAITING, wait_for__startswith="sku:")
    links.prune(at=at, waited_for=set(waiting.values_list("wait_for", flat=True)))
