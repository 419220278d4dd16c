"""How the orders of one merchant go to its partner's store: by hand or by themselves, to which address, at what cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.services import audit
from accounts.services.addresses import own_address
from connectors import thresholds
from connectors.models import (
    Connection,
    PartnerEmail,
    PartnerSettings,
    Partnership,
    PartnerShippingRule,
    PartnershipState,
)
from connectors.services.partners import PartnerRefused

ZERO = Decimal(0)
RULES_AT_MOST = 50


@dataclass(frozen=True, slots=True)
class Threshold:
    """Items that come to `at_least` or more: sending costs `costs`."""

    at_least: Decimal
    costs: Decimal


def settings_of(connection: Connection) -> PartnerSettings:
    """What was chosen for a connection that stands for a partner's; the defaults, not saved, when nothing was."""
    rows = PartnerSettings.objects.filter(partnership__connection=connection)
    return rows.first() or PartnerSettings(partnership=Partnership.objects.get(connection=connection))


def shipping_for(connection: Connection, items: Decimal, currency: str) -> Decimal:
    """What the rules say of items of this total. No rule, or another currency than the merchant's: nothing.

    The highest threshold that is reached counts.
    """
    rules = PartnerShippingRule.objects.filter(partnership__connection=connection, at_least__lte=items)
    if currency != connection.merchant.currency:
        return ZERO
    return rules.order_by("-at_least").values_list("costs", flat=True).first() or ZERO


def address_for(connection: Connection, customer_email: str) -> str:
    """The e-mail address that the source's store gets, and that is told when it sends; empty when there is none."""
    chosen = settings_of(connection)
    match chosen.email_policy:
        case PartnerEmail.CUSTOMER:
            return customer_email
        case PartnerEmail.OTHER:
            return chosen.other_email
    return own_address(connection.merchant)


@transaction.atomic
def save(
    *, partnership_id: int, by: str, at: datetime, rules: Iterable[Threshold] | None = None, **chosen: Any
) -> PartnerSettings:
    """Change some of the choices, and all shipping rules where some are given; nothing when any of it is refused.

    They count for orders that have not been sent yet. Raises PartnerRefused.
    """
    partnership = _standing(partnership_id)
    row = PartnerSettings.objects.filter(partnership=partnership).first() or PartnerSettings(partnership=partnership)
    changed = {name: value for name, value in chosen.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if row.email_policy == PartnerEmail.OTHER and not row.other_email:
        raise PartnerRefused("Type the address that the partner's store gets.", "other_email")
    if row.email_policy != PartnerEmail.OTHER:
        row.other_email = ""
    row.save()
    if changed:
        _note(partnership, "partner.settings", by, at, **changed)
    if rules is not None:
        replace_rules(partnership_id=partnership_id, rules=rules, by=by, at=at)
    return row


@transaction.atomic
def replace_rules(*, partnership_id: int, rules: Iterable[Threshold], by: str, at: datetime) -> None:
    """Put these shipping rules in the place of those there are.

    Raises PartnerRefused for two with one threshold, and for amounts that the destination's currency cannot have. What
    waits is charged by them once orders.services.partner_terms is told.
    """
    partnership, given = _standing(partnership_id), list(rules)
    if len(given) > RULES_AT_MOST:
        raise PartnerRefused(f"At most {RULES_AT_MOST} shipping rules are possible.", "rules")
    if len({rule.at_least for rule in given}) < len(given):
        raise PartnerRefused("Two shipping rules begin at the same total.", "rules")
    assert partnership.destination is not None  # noqa: S101  # an accepted one has both sides
    currency = partnership.destination.currency
    for rule in given:
        for name, amount in (("from", rule.at_least), ("costs", rule.costs)):
            if wrong := thresholds.problem(amount, currency):
                raise PartnerRefused(f"The rule “from {rule.at_least}: {rule.costs}”, {name}: {wrong[1]}", "rules")
    PartnerShippingRule.objects.filter(partnership=partnership).delete()
    PartnerShippingRule.objects.bulk_create(
        PartnerShippingRule(partnership=partnership, at_least=rule.at_least, costs=rule.costs) for rule in given
    )
    told = [f"{rule.at_least}: {rule.costs}" for rule in given]
    _note(partnership, "partner.shipping_rules", by, at, rules=told)


def _standing(partnership_id: int) -> Partnership:
    rows = Partnership.objects.select_for_update(of=("self",)).select_related("destination")
    partnership = rows.get(pk=partnership_id)
    if partnership.state != PartnershipState.ACCEPTED:
        raise PartnerRefused(f"It is {partnership.get_state_display().lower()}: nothing can be changed.")
    return partnership


def _note(partnership: Partnership, kind: str, by: str, at: datetime, **data: Any) -> None:
    audit.record(merchant=partnership.destination, kind=kind, subject=str(partnership), by=by, at=at, **data)
