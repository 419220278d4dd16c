"""What a merchant's auto-accept rules say of an order: the first rule whose conditions all hold decides, else the default.

The same words and the same code speak on the order's page, in its history and in the look back at past orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models.functions import Lower

from accounts.models import Merchant
from connectors.money import Money, plain
from orders import business_time
from orders.accepting import ArrivedIn, CustomerKind, Listed, SkuMatch, Verdict
from orders.enums import AddressKind, Delivery, PushStatus
from orders.models import (
    AcceptDecision,
    AcceptRule,
    AcceptSettings,
    BusinessHours,
    Order,
    OrderAddress,
    OrderPush,
    PushLine,
)
from orders.services import history

NAMED = 5  # countries or SKUs in a sentence


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at."""

    total: Decimal
    currency: str
    country: str  # of the shipping address; empty for a pickup
    channel_id: int
    skus: tuple[str, ...]
    is_known: bool  # the customer ordered here before
    unready: str  # why not every line is known to be linked and in stock where it goes; empty when it is
    in_hours: bool  # it arrived in opening hours


@dataclass(frozen=True, slots=True)
class Ruling:
    accepts: bool
    rule: AcceptRule | None  # None: the default
    text: str
    trail: tuple[dict[str, Any], ...] = ()  # the rules that did not hold, and why

    @property
    def verdict(self) -> Verdict:
        return Verdict.ACCEPT if self.accepts else Verdict.ASK


def in_a_sentence(merchant: Merchant) -> str:
    """What happens to the merchant's new orders."""
    rules_decide = AcceptRule.objects.of(merchant).exclude(merchant__accept_settings__shadow=True).exists()
    match rules_decide, merchant.auto_accept:
        case True, True:
            return "Your auto-accept rules decide about new orders; what no rule names is confirmed at once."
        case True, False:
            return "Your auto-accept rules confirm new orders or leave them to you; payment is taken on confirmation."
        case False, True:
            return "New orders that their destinations will take are confirmed at once, and their payment is taken."
        case _:
            return "New orders wait here until you confirm them; payment is taken on confirmation."


def accepts(order: Order, *, at: datetime) -> bool:
    """Whether a locked order, which its destinations will take, is accepted now; the reason is kept on the order.

    Merchants without rules have the toggle alone, and no reason is written.
    """
    rules = list(AcceptRule.objects.of(order.merchant).in_order())
    default = order.merchant.auto_accept
    if not rules:
        return default
    ruling = rule_on(rules, facts_of(order, rules), default=default)
    shadow = AcceptSettings.objects.filter(merchant=order.merchant, shadow=True).exists()
    _keep(order, ruling, shadow=shadow, at=at)
    return default if shadow else ruling.accepts


def rule_on(rules: Sequence[AcceptRule], facts: Facts, *, default: bool) -> Ruling:
    trail: list[dict[str, Any]] = []
    for number, rule in enumerate(rules, start=1):
        failed = failure(rule, facts)
        if not failed:
            accepts = rule.verdict == Verdict.ACCEPT
            verb = "accepts it" if accepts else "asks you"
            return Ruling(accepts, rule, f"Rule {number} {verb}: {describe(rule)}.", tuple(trail))
        trail.append({"rule": number, "failed": failed})
    ends = "accepts everything else" if default else "asks you about everything else"
    return Ruling(default, None, f"No rule holds, and auto-accept {ends}.", tuple(trail))


def failure(rule: AcceptRule, facts: Facts) -> str:
    """The first condition that does not hold, in words; empty when all do."""
    for check in (_total, _customer, _ready, _country, _channel, _skus, _arrival):
        said = check(rule, facts)
        if said:
            return said
    return ""


def describe(rule: AcceptRule) -> str:
    """All conditions of a rule, in words."""
    channel = rule.channel.name if rule.channel_id and rule.channel else ""
    said = [
        _total_words(rule),
        {CustomerKind.NEW: "first order of the customer", CustomerKind.KNOWN: "customer has ordered before"}.get(
            CustomerKind(rule.customer), ""
        ),
        "all lines linked and in stock" if rule.ready else "",
        {
            Listed.IN: f"ships to {_list(rule.countries)}",
            Listed.NOT_IN: f"does not ship to {_list(rule.countries)}",
        }.get(Listed(rule.listed), ""),
        f"from {channel}" if channel else "",
        _sku_words(rule),
        {ArrivedIn.OPEN: "arrived in opening hours", ArrivedIn.CLOSED: "arrived outside opening hours"}.get(
            ArrivedIn(rule.arrived_in), ""
        ),
    ]
    return "; ".join(filter(None, said)) or "every order"


def facts_of(order: Order, rules: Iterable[AcceptRule]) -> Facts:
    """Asks only for what some rule looks at."""
    rules = list(rules)
    country = ""
    if any(rule.listed for rule in rules) and order.delivery == Delivery.SHIP:
        addresses = OrderAddress.objects.filter(order=order, kind=AddressKind.SHIPPING)
        country = addresses.values_list("country_code", flat=True).first() or ""
    skus: tuple[str, ...] = ()
    if any(rule.sku_match for rule in rules):
        skus = tuple(order.lines.order_by("position").values_list("sku", flat=True))
    return Facts(
        total=order.total,
        currency=order.currency,
        country=country,
        channel_id=order.channel_id,
        skus=skus,
        is_known=any(rule.customer for rule in rules) and is_known(order),
        unready=_unready(order) if any(rule.ready for rule in rules) else "",
        in_hours=not any(rule.arrived_in for rule in rules) or arrived_in_hours(order.merchant, order.received_at),
    )


def is_known(order: Order) -> bool:
    """Whether an earlier order of this merchant has the same e-mail address, in whatever case it was typed."""
    if not order.customer_email:
        return False
    theirs = Order.objects.of(order.merchant).exclude(customer_email="").alias(email=Lower("customer_email"))
    same = theirs.filter(email=order.customer_email.lower())
    return same.filter(received_at__lt=order.received_at).exclude(pk=order.pk).exists()


def arrived_in_hours(merchant: Merchant, at: datetime) -> bool:
    """Merchants without opening hours are always open."""
    hours = BusinessHours.objects.of(merchant).first()
    if hours is None:
        return True
    hours.merchant = merchant
    return business_time.is_open(hours.calendar, at)


def _unready(order: Order) -> str:
    """The caller knows that no push is held: what went through the checks is linked, and in stock unless that is in doubt.

    It is where the settings let out of stock products go, and where the destination does not tell.
    """
    sent = PushLine.objects.filter(push__order=order).exclude(push__status=PushStatus.SKIPPED)
    if sent.values("line").distinct().count() != order.lines.count():
        return "not every line is linked and in stock at a store"
    doubts = OrderPush.objects.filter(pk__in=sent.values("push")).exclude(stock_doubt="").order_by("pk")
    return doubts.values_list("stock_doubt", flat=True).first() or ""


def _keep(order: Order, ruling: Ruling, *, shadow: bool, at: datetime) -> None:
    """Write it on the order and into its history, unless the same stands there already."""
    text = f"Shadow mode: {ruling.text} Nothing was done." if shadow else ruling.text
    values = {
        "rule": ruling.rule,
        "at": at,
        "verdict": ruling.verdict,
        "shadow": shadow,
        "text": text[:500],
        "trail": list(ruling.trail),
    }
    known = AcceptDecision.objects.filter(order=order).first()
    if known is not None and (known.text, known.trail) == (values["text"], values["trail"]):
        return
    AcceptDecision.objects.update_or_create(order=order, defaults=values)
    rule = ruling.rule.public_id if ruling.rule else ""
    history.note(
        order, kind=f"auto_accept.{ruling.verdict}", text=text, by="Auto-accept", at=at, rule=rule, shadow=shadow
    )


# --- conditions, each with its words ---------------------------------------------------------------


def _total(rule: AcceptRule, facts: Facts) -> str:
    if rule.total_from is None and rule.total_to is None:
        return ""
    if facts.currency != rule.currency:
        return f"the order is in {facts.currency}, the rule in {rule.currency}"
    low = rule.total_from is not None and facts.total < rule.total_from
    high = rule.total_to is not None and facts.total > rule.total_to
    return f"total {Money(facts.total, facts.currency)} is not {_total_words(rule)[6:]}" if low or high else ""


def _total_words(rule: AcceptRule) -> str:
    low, high = (
        None if amount is None else plain(amount, rule.currency) for amount in (rule.total_from, rule.total_to)
    )
    if low is not None and high is not None:
        return f"total from {low} to {high} {rule.currency}"
    if low is not None:
        return f"total at least {low} {rule.currency}"
    return f"total at most {high} {rule.currency}" if high is not None else ""


def _customer(rule: AcceptRule, facts: Facts) -> str:
    if rule.customer == CustomerKind.NEW and facts.is_known:
        return "the customer has ordered before"
    if rule.customer == CustomerKind.KNOWN and not facts.is_known:
        return "the customer has not ordered before"
    return ""


def _ready(rule: AcceptRule, facts: Facts) -> str:
    return facts.unready if rule.ready else ""


def _country(rule: AcceptRule, facts: Facts) -> str:
    where = f"ships to {facts.country}" if facts.country else "is not shipped to any country"
    if rule.listed == Listed.IN and facts.country not in rule.countries:
        return f"it {where}, not to {_list(rule.countries)}"
    return f"it {where}" if rule.listed == Listed.NOT_IN and facts.country in rule.countries else ""


def _channel(rule: AcceptRule, facts: Facts) -> str:
    if rule.channel_id is None or rule.channel_id == facts.channel_id:
        return ""
    return f"it is not from {rule.channel.name if rule.channel else 'this channel'}"


def _skus(rule: AcceptRule, facts: Facts) -> str:
    beginnings = tuple(sku.lower() for sku in rule.skus)
    found = [sku for sku in facts.skus if sku.lower().startswith(beginnings)] if beginnings else []
    others = [sku for sku in facts.skus if sku not in found]
    match rule.sku_match:
        case SkuMatch.ALL if others or not found:
            return f"{_sku(others)} does not begin with {_list(rule.skus)}"
        case SkuMatch.SOME if not found:
            return f"no line begins with {_list(rule.skus)}"
        case SkuMatch.NONE if found:
            return f"{_sku(found)} begins with {_list(rule.skus)}"
    return ""


def _sku_words(rule: AcceptRule) -> str:
    words = {SkuMatch.ALL: "every SKU begins", SkuMatch.SOME: "at least one SKU begins", SkuMatch.NONE: "no SKU begins"}
    begins = words.get(SkuMatch(rule.sku_match), "")
    return f"{begins} with {_list(rule.skus)}" if begins else ""


def _sku(skus: Sequence[str]) -> str:
    return f"SKU {skus[0]}" if skus and skus[0] else "a line without a SKU"


def _arrival(rule: AcceptRule, facts: Facts) -> str:
    if rule.arrived_in == ArrivedIn.OPEN and not facts.in_hours:
        return "it arrived outside opening hours"
    return "it arrived in opening hours" if rule.arrived_in == ArrivedIn.CLOSED and facts.in_hours else ""


def _list(values: Sequence[str]) -> str:
    more = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
    return ", ".join(values[:NAMED]) + more
