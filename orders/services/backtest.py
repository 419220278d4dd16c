"""What a merchant's auto-accept rules would have done with its past orders, and how those orders ended.

A bounded number of orders and a fixed number of statements; nothing is written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min
from django.db.models.functions import Lower

from accounts.models import Merchant
from connectors.money import Money
from orders import business_time
from orders.accepting import Verdict
from orders.enums import AddressKind, Delivery, OrderStatus, PaymentStatus
from orders.models import AcceptRule, Order, OrderAddress, OrderLine
from orders.services import acceptance, opening_hours

DAYS = 90
MOST = 5000  # orders, the newest
NOT_KNOWABLE = (
    "Stock and product links as they were then are not kept: “all lines linked and in stock” counts as true.",
    "What a store would have refused at that moment is not known either; such an order would have waited for its fix.",
    "Opening hours, closed days and rules are those of today.",
)
_BACK = (PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED)
_COLUMNS = (
    "pk", "public_id", "number", "placed_at", "total", "currency", "delivery", "channel_id", "customer_email", "received_at", "status",
    "payment_status", "auto_accepted", "decided_by", "channel__name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleCount:
    number: int | None  # None: no rule held
    verdict: str
    words: str
    orders: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order that would have been accepted: by which rule, and how it ended where that was not well."""

    public_id: str
    number: str
    placed_at: datetime
    total: Money
    rule: int | None  # its number; None: no rule held
    ended: str  # cancelled, declined, expired, refunded or empty


@dataclass(frozen=True, slots=True)
class Result:
    looked_at: int
    is_capped: bool  # there were more
    accepted: int
    asked: int
    refunded: int  # of the accepted: given back, wholly or in part
    cancelled: int
    turned_down: int  # of the accepted: declined, or nobody confirmed it in time
    asked_and_confirmed: int  # of the asked: a person confirmed it
    assumed: int  # of the accepted: rests on stock and links that are not known
    rules: tuple[RuleCount, ...]
    orders: tuple[Accepted, ...]  # all that would have been accepted, the newest first
    not_knowable: tuple[str, ...] = NOT_KNOWABLE


def run(merchant: Merchant, *, at: datetime) -> Result:
    """Over the orders that were placed in the last DAYS days; drafts are left out."""
    rules = list(AcceptRule.objects.of(merchant).in_order())
    since = at - timedelta(days=DAYS)
    orders = Order.objects.of(merchant).filter(placed_at__gte=since).exclude(status=OrderStatus.DRAFT)
    rows = list(orders.order_by("-placed_at", "-pk").values(*_COLUMNS)[: MOST + 1])
    past = _Past.read(merchant, rows[:MOST])
    ruled = [(row, acceptance.rule_on(rules, past.facts(row), default=merchant.auto_accept)) for row in past.rows]
    accepted = [(row, ruling) for row, ruling in ruled if ruling.accepts]
    asked = [row for row, ruling in ruled if not ruling.accepts]
    ends = Counter(_ended(row) for row, _ in accepted)
    return Result(
        looked_at=len(past.rows),
        is_capped=len(rows) > MOST,
        accepted=len(accepted),
        asked=len(asked),
        refunded=ends["refunded"],
        cancelled=ends["cancelled"],
        turned_down=ends["declined"] + ends["expired"],
        asked_and_confirmed=sum(_was_confirmed_by_a_person(row) for row in asked),
        assumed=sum(ruling.rule is not None and ruling.rule.ready for _, ruling in accepted),
        rules=_counts(rules, [ruling for _, ruling in ruled], default=merchant.auto_accept),
        orders=tuple(_told(row, ruling, rules) for row, ruling in accepted),
    )


@dataclass(frozen=True, slots=True)
class _Past:
    """Rows of orders, with what stands below them."""

    rows: Sequence[dict[str, Any]]
    skus: dict[int, list[str]]
    countries: dict[int, str]
    first_seen: dict[str, datetime]  # by e-mail address in small letters
    calendar: business_time.Calendar | None  # None: always open

    @classmethod
    def read(cls, merchant: Merchant, rows: Sequence[dict[str, Any]]) -> _Past:
        ids = [row["pk"] for row in rows]
        skus: dict[int, list[str]] = defaultdict(list)
        for order_id, sku in OrderLine.objects.filter(order__in=ids).values_list("order_id", "sku"):
            skus[order_id].append(sku)
        addresses = OrderAddress.objects.filter(order__in=ids, kind=AddressKind.SHIPPING)
        emails = {row["customer_email"].lower() for row in rows} - {""}
        theirs = Order.objects.of(merchant).exclude(customer_email="").annotate(email=Lower("customer_email"))
        seen = theirs.filter(email__in=emails).order_by().values("email")
        hours = opening_hours.of(merchant)
        return cls(
            rows=rows,
            skus=skus,
            countries=dict(addresses.values_list("order_id", "country_code")),
            first_seen=dict(seen.annotate(first=Min("received_at")).values_list("email", "first")),
            calendar=hours.calendar if hours.pk else None,
        )

    def facts(self, row: dict[str, Any]) -> acceptance.Facts:
        first = self.first_seen.get(row["customer_email"].lower())
        return acceptance.Facts(
            total=row["total"],
            currency=row["currency"],
            country=self.countries.get(row["pk"], "") if row["delivery"] == Delivery.SHIP else "",
            channel_id=row["channel_id"],
            skus=tuple(self.skus.get(row["pk"], ())),
            is_known=first is not None and first < row["received_at"],
            unready="",
            in_hours=self.calendar is None or business_time.is_open(self.calendar, row["received_at"]),
        )


def _told(row: dict[str, Any], ruling: acceptance.Ruling, rules: Sequence[AcceptRule]) -> Accepted:
    return Accepted(
        public_id=row["public_id"],
        number=row["number"],
        placed_at=row["placed_at"],
        total=Money(row["total"], row["currency"]),
        rule=next((number for number, rule in enumerate(rules, start=1) if rule == ruling.rule), None),
        ended=_ended(row),
    )


def _ended(row: dict[str, Any]) -> str:
    """How an order ended that one would rather not have accepted; empty for all others."""
    if row["status"] in (OrderStatus.CANCELLED, OrderStatus.DECLINED, OrderStatus.EXPIRED):
        return str(row["status"])
    return "refunded" if row["payment_status"] in _BACK else ""


def _was_confirmed_by_a_person(row: dict[str, Any]) -> bool:
    if row["auto_accepted"] or row["decided_by"] == row["channel__name"]:  # sent by the shop where it was placed
        return False
    return row["status"] in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)


def _counts(
    rules: Sequence[AcceptRule], rulings: Sequence[acceptance.Ruling], *, default: bool
) -> tuple[RuleCount, ...]:
    held = Counter(ruling.rule.pk if ruling.rule else None for ruling in rulings)
    named = [
        RuleCount(number, rule.verdict, acceptance.describe(rule), held[rule.pk])
        for number, rule in enumerate(rules, start=1)
    ]
    rest = RuleCount(None, Verdict.ACCEPT if default else Verdict.ASK, "everything else", held[None])
    return (*named, rest)
