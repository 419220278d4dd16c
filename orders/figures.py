"""The figures above the Order Manager's list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import cast

from django.core.cache import cache
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate

from accounts.models import Merchant
from connectors.money import total
from orders.enums import Headline, OrderStatus
from orders.models import Order, Payment
from orders.models.fields import ZERO
from orders.models.payment import STORE
from orders.money import money
from orders.queries import COUNT_CAP

CHART_DAYS = 14
DUE_SOON = timedelta(hours=4)
LONG_WAIT = timedelta(days=2)
KEPT_FOR_S = 60


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


@dataclass(frozen=True, slots=True)
class Week:
    """What Storeward captured since Monday, in the merchant's currency, and per day since the Monday before.

    `in_stores`: what customers paid since Monday in the merchant's own stores, which took it themselves.
    """

    amount: Decimal
    before: Decimal
    in_stores: Decimal
    per_day: list[int]


@dataclass(frozen=True, slots=True)
class Figures:
    kpis: list[Kpi]
    days: list[Day]


def of(merchant: Merchant, counts: Mapping[str, str], *, at: datetime) -> Figures:
    """The four cards and the chart. `counts` are those of the tabs; what sums up two weeks may be a minute old."""
    days, week = _kept(f"figures:2:{merchant.pk}", lambda: (_days_of(merchant, at=at), _captured(merchant, at=at)))
    return Figures(_kpis(merchant, counts, days, week, at=at), days)


def _kept(key: str, make: Callable[[], tuple[list[Day], Week]]) -> tuple[list[Day], Week]:
    return cast("tuple[list[Day], Week]", cache.get_or_set(key, make, timeout=KEPT_FOR_S))


def _days_of(merchant: Merchant, *, at: datetime) -> list[Day]:
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


def _kpis(merchant: Merchant, counts: Mapping[str, str], days: Sequence[Day], week: Week, *, at: datetime) -> list[Kpi]:
    orders = Order.objects.of(merchant)
    due = orders.filter(status=OrderStatus.PENDING, is_archived=False, confirm_by__lte=at + DUE_SOON).count()
    waiting = orders.filter(headline=Headline.AWAITING_FULFILLMENT, is_archived=False, placed_at__lte=at - LONG_WAIT)[
        :COUNT_CAP
    ].count()
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
        Kpi("Captured this week", _home_money(week.amount, merchant), _note(week, merchant), "ok", "all", week.per_day),
    ]  # fmt: skip


def _note(week: Week, merchant: Merchant) -> str:
    if not week.in_stores:
        return _change(week)
    return f"{_change(week)}; {_home_money(week.in_stores, merchant)} paid in your stores"


def _home_money(amount: Decimal, merchant: Merchant) -> str:
    return money(amount, merchant.currency, home=merchant.currency)


def _change(week: Week) -> str:
    return (
        f"{(week.amount - week.before) / week.before * 100:+.0f} % on last week" if week.before else "nothing last week"
    )


def _captured(merchant: Merchant, *, at: datetime) -> Week:
    today = at.astimezone(merchant.zone).date()
    monday = today - timedelta(days=today.weekday())
    first = monday - timedelta(days=7)
    start, _ = merchant.day_bounds(first)
    rows = (
        Payment.objects.filter(order__merchant=merchant, currency=merchant.currency, captured_at__gte=start)
        .annotate(day=TruncDate("captured_at", tzinfo=merchant.zone))
        .values("day")
        .annotate(
            amount=Sum("captured", filter=~Q(gateway=STORE), default=ZERO),
            in_stores=Sum("captured", filter=Q(gateway=STORE), default=ZERO),
        )
        .order_by("day")
    )
    amounts, in_stores = {}, ZERO
    for row in rows:
        amounts[row["day"]] = row["amount"]
        in_stores += row["in_stores"] if row["day"] >= monday else ZERO
    return Week(
        amount=total(amount for day, amount in amounts.items() if day >= monday),
        before=total(amount for day, amount in amounts.items() if day < monday),
        in_stores=in_stores,
        per_day=[int(amounts.get(first + timedelta(days=n), 0)) for n in range(14)],
    )
