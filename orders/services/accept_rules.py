"""A merchant's auto-accept rules: added, changed, removed, put in another order. They count for orders checked from then on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import Merchant
from accounts.services import audit, merchants
from connectors import money
from orders.accepting import ArrivedIn, CustomerKind, Listed, SkuMatch, Verdict
from orders.errors import FieldProblem, InvalidSettings
from orders.models import AcceptRule, AcceptSettings, Channel
from orders.services import acceptance
from orders.services.intake_reading import is_country

RULES_MOST = 50
LISTED_MOST = 250
SKU_MOST = 120  # characters


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule as it is asked for; a condition that is left as it is here holds for every order."""

    verdict: str
    total_from: Decimal | None = None
    total_to: Decimal | None = None
    customer: str = ""
    ready: bool = False
    listed: str = ""
    countries: tuple[str, ...] = ()
    channel_id: int | None = None
    sku_match: str = ""
    skus: tuple[str, ...] = ()
    arrived_in: str = ""


def channels_of(merchant: Merchant) -> QuerySet[Channel]:
    """Where orders of this merchant come from: its marketplaces and its own stores."""
    own = Q(marketplace__merchants=merchant) | Q(connection__merchant=merchant)
    return Channel.objects.filter(own).distinct().order_by("name", "pk")


@transaction.atomic
def add(*, merchant_id: int, rule: NewRule, place: int | None = None, by: str, at: datetime) -> AcceptRule:
    """Put a rule at a place as move() does, or below the others. Raises InvalidSettings."""
    merchant = _locked(merchant_id)
    new = _checked(merchant, rule)
    standing = AcceptRule.objects.of(merchant)
    if standing.count() >= RULES_MOST:
        text = f"There are {RULES_MOST} rules already, and no more can be kept."
        raise InvalidSettings([FieldProblem("", "too_many", text)])
    last = standing.in_order().last()
    row = AcceptRule.objects.create(
        merchant=merchant, currency=merchant.currency, position=last.position + 1 if last else 0, **_columns(new)
    )
    _record(merchant, "accept_rule.added", row, by, at)
    if place is not None:
        move(rule_id=row.pk, to=place, by=by, at=at)
    return row


@transaction.atomic
def change(*, rule_id: int, rule: NewRule, place: int | None = None, by: str, at: datetime) -> AcceptRule:
    """Make this of a rule, where it stands or at another place as move() does. Raises InvalidSettings."""
    merchant = _locked(AcceptRule.objects.values_list("merchant_id", flat=True).get(pk=rule_id))
    values = _columns(_checked(merchant, rule))
    row = AcceptRule.objects.select_related("channel").get(pk=rule_id)
    before = _in_words(row)
    for name, value in {**values, "currency": merchant.currency}.items():
        setattr(row, name, value)
    row.save()
    row.refresh_from_db()
    if _in_words(row) != before:
        _record(merchant, "accept_rule.changed", row, by, at, before=before)
    if place is not None:
        move(rule_id=rule_id, to=place, by=by, at=at)
    return row


@transaction.atomic
def remove(*, rule_id: int, by: str, at: datetime) -> None:
    """Forget a rule; what it said of orders stays on them."""
    merchant = _locked(AcceptRule.objects.values_list("merchant_id", flat=True).get(pk=rule_id))
    row = AcceptRule.objects.select_related("channel").get(pk=rule_id)
    _record(merchant, "accept_rule.removed", row, by, at)
    row.delete()
    _number(AcceptRule.objects.of(merchant).in_order())


@transaction.atomic
def move(*, rule_id: int, to: int, by: str, at: datetime) -> None:
    """Put a rule at this place, 0 being the first; the last place when there are not so many."""
    merchant = _locked(AcceptRule.objects.values_list("merchant_id", flat=True).get(pk=rule_id))
    rows = list(AcceptRule.objects.of(merchant).in_order())
    index = next(index for index, row in enumerate(rows) if row.pk == rule_id)
    to = max(min(to, len(rows) - 1), 0)
    if to == index:
        return
    row = rows.pop(index)
    rows.insert(to, row)
    _number(rows)
    _record(merchant, "accept_rule.moved", row, by, at)


def lift(*, rule_id: int, by: str, at: datetime) -> None:
    """Put a rule one place higher; nothing happens to the first."""
    position = AcceptRule.objects.values_list("position", flat=True).get(pk=rule_id)
    move(rule_id=rule_id, to=position - 1, by=by, at=at)


@transaction.atomic
def save_settings(*, merchant_id: int, default: bool, shadow: bool, by: str, at: datetime) -> None:
    """What happens when no rule holds, and whether the rules only say what they would have done."""
    merchant = merchants.set_auto_accept(merchant_id=merchant_id, on=default, by=by, at=at)
    settings, _ = AcceptSettings.objects.get_or_create(merchant=merchant)
    if settings.shadow != shadow:
        settings.shadow = shadow
        settings.save(update_fields=["shadow"])
        kind = "accept_rules.shadow" if shadow else "accept_rules.live"
        audit.record(merchant=merchant, kind=kind, subject=merchant.name, by=by, at=at)


def is_shadow(merchant: Merchant) -> bool:
    return AcceptSettings.objects.filter(merchant=merchant, shadow=True).exists()


def _checked(merchant: Merchant, rule: NewRule) -> NewRule:
    """The rule without stray spaces and doubles. Raises InvalidSettings, which names every problem."""
    new = replace(
        rule,
        countries=_clean(country.upper() for country in rule.countries) if rule.listed else (),
        skus=_clean(rule.skus) if rule.sku_match else (),
    )
    problems = [*_word_problems(new), *_amount_problems(new, merchant.currency), *_list_problems(new)]
    if new.channel_id is not None and not channels_of(merchant).filter(pk=new.channel_id).exists():
        problems.append(FieldProblem("channel", "unknown", "No orders of yours come from this channel."))
    if problems:
        raise InvalidSettings(problems)
    return new


def _word_problems(rule: NewRule) -> Iterable[FieldProblem]:
    for field, value, known in (
        ("verdict", rule.verdict, Verdict.values),
        ("customer", rule.customer, CustomerKind.values),
        ("listed", rule.listed, Listed.values),
        ("sku_match", rule.sku_match, SkuMatch.values),
        ("arrived_in", rule.arrived_in, ArrivedIn.values),
    ):
        if value not in known:
            yield FieldProblem(field, "unknown_value", "This is not one of the choices.")


def _amount_problems(rule: NewRule, currency: str) -> Iterable[FieldProblem]:
    amounts = (("total_from", rule.total_from), ("total_to", rule.total_to))
    for field, amount in amounts:
        if amount is not None and (amount < 0 or not money.fits(amount, currency)):
            text = f"This is an amount in {currency}, with {money.exponent(currency)} decimals at the most."
            yield FieldProblem(field, "bad_amount", text)
    if rule.total_from is not None and rule.total_to is not None and rule.total_from > rule.total_to:
        yield FieldProblem("total_to", "out_of_range", "This is less than the amount that it begins with.")


def _list_problems(rule: NewRule) -> Iterable[FieldProblem]:
    if rule.listed and not rule.countries:
        yield FieldProblem("countries", "required", "Name the countries, as NZ, AU.")
    if rule.sku_match and not rule.skus:
        yield FieldProblem("skus", "required", "Name the beginnings of SKUs, as CHAIR-, LAMP-.")
    unknown = [country for country in rule.countries if not is_country(country)]
    if unknown:
        yield FieldProblem("countries", "unknown_country", f"{unknown[0]} is no ISO 3166-1 country code, as NZ.")
    if len(rule.countries) > LISTED_MOST:
        yield FieldProblem("countries", "too_many", f"{LISTED_MOST} at the most.")
    if len(rule.skus) > LISTED_MOST or any(len(sku) > SKU_MOST for sku in rule.skus):
        text = f"{LISTED_MOST} beginnings of {SKU_MOST} characters at the most."
        yield FieldProblem("skus", "too_many", text)


def _clean(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (value.strip() for value in values))))


def _columns(rule: NewRule) -> dict[str, Any]:
    return {**asdict(rule), "countries": list(rule.countries), "skus": list(rule.skus)}


def _number(rows: Iterable[AcceptRule]) -> None:
    numbered = list(rows)
    for position, row in enumerate(numbered):
        row.position = position
    AcceptRule.objects.bulk_update(numbered, ["position"])


def _locked(merchant_id: int) -> Merchant:
    return Merchant.objects.select_for_update().get(pk=merchant_id)


def _in_words(rule: AcceptRule) -> str:
    return f"{rule.get_verdict_display()}: {acceptance.describe(rule)}"


def _record(merchant: Merchant, kind: str, rule: AcceptRule, by: str, at: datetime, **data: str) -> None:
    audit.record(merchant=merchant, kind=kind, subject=_in_words(rule), by=by, at=at, rule=rule.public_id, **data)
