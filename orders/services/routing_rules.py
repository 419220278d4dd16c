"""A merchant's routing rules: added, removed, put in another order, replaced as a whole. Each change lets lines that
went nowhere be routed again; orders that have their destinations keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from accounts.models import Merchant
from accounts.services import audit
from connectors import conditions
from connectors.services import connections
from orders.enums import RuleKind
from orders.errors import RoutingRefused
from orders.models import RoutingRule
from orders.services import routing
from orders.services.intake_reading import is_country

RULES_MOST = 100


@dataclass(frozen=True, slots=True)
class NewRule:
    kind: str  # of RuleKind
    name: str  # of an attribute; empty for the other kinds
    value: str
    connection_id: int


@transaction.atomic
def add(*, merchant_id: int, rule: NewRule, by: str, at: datetime) -> RoutingRule:
    """Put a rule below the others. Raises RoutingRefused for one that makes no sense or stands already."""
    merchant = _locked(merchant_id)
    new = _checked(merchant, rule)
    standing = RoutingRule.objects.of(merchant)
    if standing.filter(kind=new.kind, name=new.name, value__iexact=new.value).exists():
        raise RoutingRefused("There is a rule for this already. Remove it first.")
    if standing.count() >= RULES_MOST:
        raise RoutingRefused(f"There are {RULES_MOST} rules already, and no more can be kept.")
    last = standing.in_order().last()
    row = RoutingRule.objects.create(merchant=merchant, position=last.position + 1 if last else 0, **_columns(new))
    _changed(merchant, "routing_rule.added", str(row), by, at)
    return row


@transaction.atomic
def remove(*, rule_id: int, by: str, at: datetime) -> None:
    """Forget a rule."""
    row = RoutingRule.objects.select_related("merchant").get(pk=rule_id)
    row.delete()
    _changed(row.merchant, "routing_rule.removed", str(row), by, at)


@transaction.atomic
def lift(*, rule_id: int, by: str, at: datetime) -> None:
    """Put a rule one place higher; nothing happens to the first."""
    merchant = _locked(RoutingRule.objects.values_list("merchant_id", flat=True).get(pk=rule_id))
    rows = list(RoutingRule.objects.of(merchant).in_order())
    index = next(index for index, row in enumerate(rows) if row.pk == rule_id)
    if index == 0:
        return
    rows[index - 1], rows[index] = rows[index], rows[index - 1]
    for position, row in enumerate(rows):
        row.position = position
    RoutingRule.objects.bulk_update(rows, ["position"])
    _changed(merchant, "routing_rule.raised", str(rows[index - 1]), by, at)


@transaction.atomic
def replace_all(*, merchant_id: int, rules: Sequence[NewRule], default_id: int | None, by: str, at: datetime) -> None:
    """Make these the merchant's rules, in this order, and this its default destination; None leaves the one there is."""
    merchant = _locked(merchant_id)
    new = [_checked(merchant, rule) for rule in rules]
    conditions_named = [(rule.kind, rule.name, rule.value.lower()) for rule in new]
    if len(set(conditions_named)) < len(new):
        raise RoutingRefused("Two rules have the same condition: the second would never be used.")
    RoutingRule.objects.of(merchant).delete()
    RoutingRule.objects.bulk_create(
        RoutingRule(merchant=merchant, position=position, **_columns(rule)) for position, rule in enumerate(new)
    )
    if default_id is not None:
        connections.set_default(connection_id=default_id, by=by, at=at)
    _changed(merchant, "routing_rule.replaced", f"{len(new)} rules", by, at)


def _checked(merchant: Merchant, rule: NewRule) -> NewRule:
    """The rule without stray spaces. Raises RoutingRefused."""
    new = replace(rule, name=rule.name.strip(), value=rule.value.strip())
    if new.kind not in RuleKind.values or not new.value:
        raise RoutingRefused("A rule needs something to look for.")
    if new.kind == RuleKind.ATTRIBUTE and not new.name:
        raise RoutingRefused("Say which detail of the order the rule looks at, as payment_terms.")
    if new.kind != RuleKind.ATTRIBUTE:
        new = replace(new, name="")
    if new.kind == RuleKind.COUNTRY:
        new = replace(new, value=new.value.upper())
        if not is_country(new.value):
            raise RoutingRefused(f"{new.value} is no ISO 3166-1 country code, as NZ.")
    if new.connection_id not in {connection.pk for connection in routing.destinations(merchant)}:
        raise RoutingRefused("This store is no destination of yours.")
    return new


def _columns(rule: NewRule) -> dict[str, str | int]:
    return {"kind": rule.kind, "name": rule.name, "value": rule.value, "connection_id": rule.connection_id}


def _locked(merchant_id: int) -> Merchant:
    return Merchant.objects.select_for_update().get(pk=merchant_id)


def _changed(merchant: Merchant, kind: str, subject: str, by: str, at: datetime) -> None:
    audit.record(merchant=merchant, kind=kind, subject=subject, by=by, at=at)
    conditions.cleared(conditions.routing_changed(merchant.pk))
