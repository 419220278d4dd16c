"""What the Order Manager's list reads: tabs, search, filters, pages by key, and the figures above them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum, Value
from django.db.models.functions import TruncDate

from accounts.models import Merchant
from orders.enums import ATTENTION, Headline, OrderStatus, PaymentStatus
from orders.models import Order, Payment
from orders.money import money

PAGE_SIZE = 50
COUNT_CAP = 1000  # a tab with more says "999+"
PERIODS = ("1", "7", "30", "90")  # days, as the filter offers them
CHART_DAYS = 14
DUE_SOON = timedelta(hours=4)
LONG_WAIT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    label: str
    headlines: tuple[str, ...] = ()  # empty: all of them


TABS: tuple[Tab, ...] = (
    Tab("all", "All"),
    Tab("confirm", "Needs confirmation", (Headline.NEEDS_CONFIRMATION,)),
    Tab("attention", "Needs attention", ATTENTION),
    Tab("syncing", "Syncing", (Headline.SYNCING,)),
    Tab("fulfillment", "Awaiting fulfillment", (Headline.AWAITING_FULFILLMENT, Headline.PARTLY_FULFILLED)),
    Tab("completed", "Completed", (Headline.COMPLETED,)),
    Tab("closed", "Closed", (Headline.DECLINED, Headline.EXPIRED, Headline.CANCELLED)),
    Tab("drafts", "Drafts", (Headline.DRAFT,)),
)
_BY_KEY = {tab.key: tab for tab in TABS}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked the list for."""

    tab: Tab = TABS[0]
    words: str = ""
    destination: str = ""  # a connection's public id
    payment: str = ""
    days: int = 0  # 0: no limit
    oldest_first: bool = False
    cursor: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Wanted:
        """Whatever makes no sense is left out."""
        days = query.get("days", "")
        return cls(
            tab=_BY_KEY.get(query.get("tab", ""), TABS[0]),
            words=query.get("q", "").replace("\x00", "")[:200].strip(),
            destination=query.get("destination", "")[:32],
            payment=query.get("payment", "") if query.get("payment") in PaymentStatus.values else "",
            days=int(days) if days in PERIODS else 0,
            oldest_first=query.get("sort") == "oldest",
            cursor=query.get("cursor", ""),
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.words or self.destination or self.payment or self.days)


@dataclass(frozen=True, slots=True)
class Page:
    orders: list[Order]
    next_cursor: str = ""


def order_page(merchant: Merchant, wanted: Wanted, *, at: datetime) -> Page:
    """One page by key: as fast on the ten-thousandth page as on the first, and no order twice or left out."""
    orders = narrowed(Order.objects.of(merchant), wanted, at=at).for_list()  # type: ignore[attr-defined]
    if wanted.oldest_first:
        orders = orders.order_by("placed_at", "pk")
    key = read_cursor(wanted.cursor)
    if key is not None:
        orders = orders.filter(_beyond(key, oldest_first=wanted.oldest_first))
    rows = list(orders[: PAGE_SIZE + 1])
    more = rows[PAGE_SIZE:]
    return Page(rows[:PAGE_SIZE], write_cursor(rows[PAGE_SIZE - 1]) if more else "")


def narrowed(orders: QuerySet[Order], wanted: Wanted, *, at: datetime) -> QuerySet[Order]:
    """The orders that the tab, the search and the filters leave."""
    if wanted.tab.headlines:
        orders = orders.filter(headline__in=wanted.tab.headlines)
    for word in wanted.words.lower().split()[:6]:
        orders = orders.filter(search_text__contains=word)
    if wanted.destination:
        orders = orders.filter(pushes__connection__public_id=wanted.destination).distinct()
    if wanted.payment:
        orders = orders.filter(payment_status=wanted.payment)
    if wanted.days:
        orders = orders.filter(placed_at__gte=at - timedelta(days=wanted.days))
    return orders


def write_cursor(order: Order) -> str:
    text = f"{order.placed_at.astimezone(UTC).isoformat()}|{order.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, int] | None:
    """None for no cursor, and for one that somebody changed: then the list begins at its beginning."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, pk = text.partition("|")
        at = datetime.fromisoformat(moment)
        return (at, int(pk)) if at.tzinfo and 0 <= int(pk) < 2**63 else None
    except (ValueError, binascii.Error):
        return None


def _beyond(key: tuple[datetime, int], *, oldest_first: bool) -> Q:
    at, pk = key
    if oldest_first:
        return Q(placed_at__gte=at) & (Q(placed_at__gt=at) | Q(pk__gt=pk))
    return Q(placed_at__lte=at) & (Q(placed_at__lt=at) | Q(pk__lt=pk))


# --- figures -------------------------------------------------------------------------------------


def tab_counts(merchant: Merchant) -> dict[str, str]:
    """How many orders stand behind each tab, in one query that looks at COUNT_CAP rows of a headline at the most."""
    parts = [
        Order.objects.of(merchant)
        .filter(headline=headline)
        .order_by("-placed_at", "-pk")
        .annotate(kind=Value(headline))
        .values_list("kind", "pk")[:COUNT_CAP]
        for headline in Headline.values
    ]
    counts = dict.fromkeys(Headline.values, 0)
    for part in _capped_counts(parts):
        counts[part] += 1
    return {tab.key: _shown([counts[name] for name in tab.headlines or Headline.values]) for tab in TABS}


def _capped_counts(parts: Sequence[Any]) -> list[str]:
    """The kind of each row of all parts, by one UNION ALL of limited selects."""
    wrapped = [
        Order.objects.filter(pk__in=part.values("pk")).order_by().values_list("headline", flat=True) for part in parts
    ]
    return list(wrapped[0].union(*wrapped[1:], all=True))


def _shown(counts: list[int]) -> str:
    return f"{COUNT_CAP - 1}+" if any(count >= COUNT_CAP for count in counts) else str(sum(counts))


@dataclass(frozen=True, slots=True)
class Kpi:
    label: str
    value: str
    note: str
    tone: str
    tab: str
    series: list[int]


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    auto: int
    by_hand: int


def days_of(merchant: Merchant, *, at: datetime) -> list[Day]:
    """Orders per day of the merchant's zone over the last two weeks, and who accepted them."""
    today = at.astimezone(merchant.zone).date()
    first = today - timedelta(days=CHART_DAYS - 1)
    start, _ = merchant.day_bounds(first)
    rows = (
        Order.objects.of(merchant)
        .filter(placed_at__gte=start)
        .annotate(day=TruncDate("placed_at", tzinfo=merchant.zone))
        .values("day")
        .annotate(auto=Count("pk", filter=Q(auto_accepted=True)), all=Count("pk"))
        .order_by("day")
    )
    known = {row["day"]: row for row in rows}
    days = [first + timedelta(days=n) for n in range(CHART_DAYS)]
    return [
        Day(day, known[day]["auto"], known[day]["all"] - known[day]["auto"]) if day in known else Day(day, 0, 0)
        for day in days
    ]


def kpis(merchant: Merchant, counts: Mapping[str, str], days: Sequence[Day], *, at: datetime) -> list[Kpi]:
    """The four cards. `counts` are those of the tabs."""
    orders = Order.objects.of(merchant)
    due = orders.filter(status=OrderStatus.PENDING, confirm_by__lte=at + DUE_SOON).count()
    waiting = orders.filter(headline=Headline.AWAITING_FULFILLMENT, placed_at__lte=at - LONG_WAIT)[:COUNT_CAP].count()
    captured, change, per_day = _captured(merchant, at=at)
    series = [day.auto + day.by_hand for day in days]
    attention = counts["attention"]
    return [
        Kpi(
            "Needs confirmation", counts["confirm"], f"{due} due in under 4 h" if due else "none due soon",
            "warn" if due else "", "confirm", series,
        ),
        Kpi(
            "Needs attention", attention, "open them to see the fix" if attention != "0" else "all is well",
            "bad" if attention != "0" else "ok", "attention", [],
        ),
        Kpi(
            "Awaiting fulfillment", counts["fulfillment"], f"{waiting} older than 2 days" if waiting else "none older than 2 days",
            "warn" if waiting else "", "fulfillment", [],
        ),
        Kpi("Captured this week", captured, change, "ok", "all", per_day),
    ]  # fmt: skip


def _captured(merchant: Merchant, *, at: datetime) -> tuple[str, str, list[int]]:
    """This week's captures in the merchant's currency, against the week before, and per day."""
    today = at.astimezone(merchant.zone).date()
    monday, _ = merchant.day_bounds(today - timedelta(days=today.weekday()))
    payments = Payment.objects.filter(order__merchant=merchant, currency=merchant.currency)
    rows = (
        payments.filter(captured_at__gte=monday - timedelta(days=7))
        .annotate(day=TruncDate("captured_at", tzinfo=merchant.zone))
        .values("day")
        .annotate(amount=Sum("captured"))
        .order_by("day")
    )
    amounts = {row["day"]: row["amount"] for row in rows}
    start = today - timedelta(days=today.weekday())
    week = sum((amount for day, amount in amounts.items() if day >= start), Decimal(0))
    before = sum((amount for day, amount in amounts.items() if day < start), Decimal(0))
    change = f"{(week - before) / before * 100:+.0f} % on last week" if before else "nothing last week"
    series = [int(amounts.get(start - timedelta(days=7) + timedelta(days=n), 0)) for n in range(14)]
    return money(week, merchant.currency), change, series
