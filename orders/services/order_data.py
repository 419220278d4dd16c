"""The order data settings of a connection: what they may be, saving them, and what follows for orders that wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.services import audit
from connectors.models import Connection, Location, ShippingRule, SyncSettings, TaxPreset
from connectors.registry import connector_class
from connectors.services.clients import connector_for
from connectors.services.connections import ASK_DEADLINE_S
from orders.errors import FieldProblem, InvalidSettings
from orders.services import asked_again, order_data_rules, slots

FIELDS = (
    "sync_orders", "push_by_hand", "push_every_minutes", "max_age_days", "financial_status", "fulfillment_status", "location",
    "bypass_stock_check", "email_policy", "other_email", "create_customer", "tag_template", "note_template", "tracking_key",
    "alert_addresses",
)  # fmt: skip
_CHANGES_NO_CHECK = {"sync_orders", "push_by_hand", "push_every_minutes", "tracking_key", "alert_addresses"}


@dataclass(frozen=True, slots=True)
class NewTax:
    """`rate` is a fraction: 0.15."""

    country_code: str
    name: str
    rate: Decimal
    on_shipping: bool = True


@dataclass(frozen=True, slots=True)
class NewRule:
    """From this sum of the items on, shipping costs this; in the connection's currency."""

    minimum: Decimal
    cost: Decimal


def save(
    *,
    connection_id: int,
    by: str,
    at: datetime,
    taxes: Sequence[NewTax] | None = None,
    rules: Sequence[NewRule] | None = None,
    **chosen: Any,
) -> SyncSettings:
    """Change some of the settings; `taxes` and `rules` replace all there were, None leaves them.

    It counts for orders that have not been sent yet: what waits for a time waits for the new one, and orders that were
    blocked are asked again. Raises InvalidSettings, and then nothing was changed.
    """
    with transaction.atomic():
        row, changed = _write(connection_id, taxes, rules, chosen, by=by, at=at)
    if "push_every_minutes" in changed:
        slots.move_waiting(connection_id, at=at)
    if changed - _CHANGES_NO_CHECK:
        asked_again.held(connection_id=connection_id, at=at)
    return row


def without_effect(connection_id: int) -> list[FieldProblem]:
    """What is chosen and does nothing as the rest is chosen, by field. It stands; nothing is refused for it."""
    row = SyncSettings.objects.select_related("connection").get(connection=connection_id)
    return list(order_data_rules.without_effect(row, connector_class(row.connection.platform).capabilities))


def taxes_of(connection: Connection) -> list[TaxPreset]:
    return list(connection.tax_presets.order_by("country_code", "pk"))


def rules_of(connection: Connection) -> list[ShippingRule]:
    return list(connection.shipping_rules.order_by("minimum", "pk"))


def locations_of(connection: Connection) -> list[Location]:
    """Those that can be chosen."""
    return list(connection.locations.filter(is_active=True).order_by("name", "pk"))


def read_locations(*, connection_id: int, at: datetime) -> int:
    """Ask the store for its locations and keep them. How many are open. Network: never in a transaction.

    One that is gone, or closed, stays as closed: settings may name it. Raises ConnectorError.
    """
    connection = Connection.objects.get(pk=connection_id)
    found = connector_for(connection, deadline_s=ASK_DEADLINE_S).locations()
    with transaction.atomic():
        Location.objects.filter(connection=connection).update(is_active=False)
        for place in found:
            told = {"name": place.name[:200], "is_active": place.active}
            Location.objects.update_or_create(connection=connection, remote_id=place.location_id, defaults=told)
    return sum(place.active for place in found)


def _write(
    connection_id: int,
    taxes: Sequence[NewTax] | None,
    rules: Sequence[NewRule] | None,
    chosen: dict[str, Any],
    *,
    by: str,
    at: datetime,
) -> tuple[SyncSettings, set[str]]:
    rows = Connection.objects.select_for_update(of=("self",)).select_related("merchant")
    connection = rows.get(pk=connection_id)
    row = SyncSettings.objects.select_related("location").get(connection=connection)
    offers = connector_class(connection.platform).capabilities
    before = _told(row, connection)
    changed = {name for name, value in chosen.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, chosen[name])
    if row.fulfillment_status != "fulfilled":
        row.location = None
    problems = [
        *order_data_rules.problems(row, connection, offers, changed),
        *order_data_rules.tax_problems(taxes or (), offers),
        *order_data_rules.rule_problems(rules or (), connection, offers),
    ]
    if problems:
        raise InvalidSettings(problems)
    row.save()
    _replace(connection, taxes, rules)
    after = _told(row, connection)
    differing = {name for name in before if before[name] != after[name]}
    if differing:
        was, now = ({name: side[name] for name in sorted(differing)} for side in (before, after))
        audit.record(
            merchant=connection.merchant, kind="connection.settings", subject=connection.name, by=by, at=at,
            before=was, after=now,
        )  # fmt: skip
    return row, differing


def _replace(connection: Connection, taxes: Sequence[NewTax] | None, rules: Sequence[NewRule] | None) -> None:
    if taxes is not None:
        connection.tax_presets.all().delete()
        TaxPreset.objects.bulk_create(
            TaxPreset(
                connection=connection,
                country_code=tax.country_code,
                name=tax.name,
                rate=tax.rate,
                on_shipping=tax.on_shipping,
            )
            for tax in taxes
        )
    if rules is not None:
        connection.shipping_rules.all().delete()
        ShippingRule.objects.bulk_create(
            ShippingRule(connection=connection, minimum=rule.minimum, cost=rule.cost) for rule in rules
        )


def _told(row: SyncSettings, connection: Connection) -> dict[str, Any]:
    """All settings as the audit trail writes them. Addresses are the merchant's own choice, not a customer's."""
    told = {name: getattr(row, name) for name in FIELDS}
    told["location"] = row.location.name if row.location else ""
    told["alert_addresses"] = list(row.alert_addresses)
    told["taxes"] = [f"{tax}{'' if tax.on_shipping else ', not on shipping'}" for tax in taxes_of(connection)]
    told["shipping_rules"] = [str(rule) for rule in rules_of(connection)]
    return told
