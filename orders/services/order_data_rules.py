"""What order data settings may be, and what each platform cannot do, in words that stand beside the field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import pycountry

from accounts.services.addresses import is_address
from connectors import thresholds
from connectors.base import Capabilities
from connectors.models import Connection, EmailPolicy, FinancialStatus, FulfillmentChoice, SyncSettings
from connectors.models.sync_settings import AGE_MAX, MINUTES_MAX, TRACKING_KEY_MAX
from connectors.registry import connector_class
from orders.errors import FieldProblem
from orders.services import text_templates

if TYPE_CHECKING:
    from orders.services.order_data import NewRule, NewTax

ADDRESSES_MAX = 10
ROWS_MAX = 50
NAME_MAX = 60

# field -> (whether the platform can, what to say where it cannot); a field that is not named is there for all.
_OFFERED: dict[str, tuple[Callable[[Capabilities], bool], str]] = {
    "push_by_hand": (lambda can: not can.supplier, "For a supplier this is “Auto fulfillment”, in its set-up."),
    "financial_status": (lambda can: can.unpaid, "{label} takes orders as paid only."),
    "fulfillment_status": (lambda can: can.fulfilled, "{label} takes orders as unfulfilled only."),
    "location": (lambda can: can.locations, "{label} has no locations that an order could be assigned to."),
    "bypass_stock_check": (
        lambda can: can.stock and not can.supplier,
        "{label} tells no stock, or sends no more than it has: there is nothing to bypass.",
    ),
    "email_policy": (lambda can: can.emails, "{label} gets no e-mail address."),
    "other_email": (lambda can: can.emails, "{label} gets no e-mail address."),
    "create_customer": (lambda can: can.customers, "{label} decides by itself whose order it is."),
    "tag_template": (lambda can: can.tag_max > 0, "{label} takes no tags."),
    "note_template": (lambda can: can.note_max > 0, "{label} takes no notes."),
    "tracking_key": (lambda can: can.tracking_key, "{label} has one place for tracking: none has to be named."),
    "taxes": (lambda can: can.tax_lines, "{label} takes no tax by name and rate."),
    "shipping_rules": (
        lambda can: can.shipping and can.unpaid,
        "{label} takes paid orders only, or charges its own shipping: another price is never possible.",
    ),
}


def why_not(field: str, connection: Connection) -> str:
    """Why the platform cannot do what the field is for; empty when it can."""
    cls = connector_class(connection.platform)
    can, words = _OFFERED.get(field, (_always, ""))
    return "" if can(cls.capabilities) else words.format(label=cls.label)


def problems(
    row: SyncSettings, connection: Connection, offers: Capabilities, changed: Collection[str]
) -> Iterator[FieldProblem]:
    """Everything that is wrong with the settings as they would be."""
    for field in sorted(changed):
        if reason := why_not(field, connection):
            yield FieldProblem(field, "not_offered", reason)
    yield from _times(row, connection, offers)
    yield from _statuses(row, connection, offers)
    yield from _addresses(row)
    yield from _templates(row, connection, offers)
    yield from _tracking_key(row)


def without_effect(row: SyncSettings, offers: Capabilities) -> Iterator[FieldProblem]:
    """What is chosen and does nothing as the rest is chosen. Nothing is refused for it."""
    if offers.customers and row.create_customer and row.email_policy != EmailPolicy.CUSTOMER:
        text = (
            "No customers are created: a store tells them apart by their e-mail address. Choose “The customer's” for the "
            "address that the store gets."
        )
        yield FieldProblem("create_customer", "without_effect", text)


def tax_problems(taxes: Sequence[NewTax], offers: Capabilities) -> Iterator[FieldProblem]:
    if taxes and not offers.tax_lines:
        yield FieldProblem("taxes", "not_offered", "This platform takes no tax by name and rate.")
    if len(taxes) > ROWS_MAX:
        yield FieldProblem("taxes", "too_many", f"{ROWS_MAX} countries at the most.")
    seen: set[str] = set()
    for index, tax in enumerate(taxes):
        where = f"taxes[{index}]"
        if pycountry.countries.get(alpha_2=tax.country_code) is None:
            yield FieldProblem(f"{where}.country_code", "unknown_country", "A country has two letters, as in NZ.")
        elif tax.country_code in seen:
            text = f"{tax.country_code} has a tax already: one for each country."
            yield FieldProblem(f"{where}.country_code", "overlaps", text)
        seen.add(tax.country_code)
        if not tax.name.strip() or len(tax.name) > NAME_MAX:
            yield FieldProblem(
                f"{where}.name", "invalid", f"Give the tax a name of up to {NAME_MAX} characters, as GST."
            )
        if not Decimal(0) <= tax.rate < 1 or tax.rate != round(tax.rate, 6):
            text = "A rate is at least 0 and below 100 percent, with four decimals at the most."
            yield FieldProblem(f"{where}.rate", "out_of_range", text)


def rule_problems(rules: Sequence[NewRule], connection: Connection, offers: Capabilities) -> Iterator[FieldProblem]:
    if rules and (reason := why_not("shipping_rules", connection)):
        yield FieldProblem("shipping_rules", "not_offered", reason)
    if len(rules) > ROWS_MAX:
        yield FieldProblem("shipping_rules", "too_many", f"{ROWS_MAX} rules at the most.")
    seen: set[Decimal] = set()
    for index, rule in enumerate(rules):
        where = f"shipping_rules[{index}]"
        if rule.minimum in seen:
            yield FieldProblem(f"{where}.minimum", "overlaps", "There is a rule from this sum on already.")
        seen.add(rule.minimum)
        for name in ("minimum", "cost"):
            amount: Decimal = getattr(rule, name)
            if wrong := thresholds.problem(amount, connection.currency):
                yield FieldProblem(f"{where}.{name}", *wrong)


def _always(can: Capabilities) -> bool:
    return True


def _times(row: SyncSettings, connection: Connection, offers: Capabilities) -> Iterator[FieldProblem]:
    minutes, shortest = row.push_every_minutes, offers.shortest_interval_min
    if minutes and not shortest <= minutes <= MINUTES_MAX:
        label = connector_class(connection.platform).label
        text = (
            f"{label} is sent collected orders at the most every {shortest} minutes, which spares its rate limit. "
            f"Choose {shortest} to {MINUTES_MAX}, or at once."
        )
        yield FieldProblem("push_every_minutes", "out_of_range", text)
    if row.max_age_days is not None and not 1 <= row.max_age_days <= AGE_MAX:
        yield FieldProblem("max_age_days", "out_of_range", f"1 to {AGE_MAX} days, or none.")


def _statuses(row: SyncSettings, connection: Connection, offers: Capabilities) -> Iterator[FieldProblem]:
    if row.fulfillment_status != FulfillmentChoice.FULFILLED:
        return
    label = connector_class(connection.platform).label
    if offers.unpaid and not offers.unpaid_fulfilled and row.financial_status != FinancialStatus.PAID:
        text = f"{label} counts an order that is fulfilled as paid. Choose “Paid”, or unfulfilled."
        yield FieldProblem("financial_status", "not_possible", text)
    place = row.location
    if place is not None and (place.connection_id != connection.pk or not place.is_active):
        yield FieldProblem("location", "unknown", "This location is not one of the store's, or it is closed.")
    elif place is None and offers.locations:
        text = f"{label} fulfills an order at a location. Choose one; read them from the store if none is listed."
        yield FieldProblem("location", "required", text)


def _tracking_key(row: SyncSettings) -> Iterator[FieldProblem]:
    key = row.tracking_key
    if len(key) > TRACKING_KEY_MAX or not key.isprintable() or any(mark.isspace() for mark in key):
        text = f"A key is one word of up to {TRACKING_KEY_MAX} characters, as _tracking_code."
        yield FieldProblem("tracking_key", "invalid", text)
    elif key.lstrip("_").startswith("storeward"):
        yield FieldProblem("tracking_key", "invalid", "Storeward keeps its own reference there.")


def _addresses(row: SyncSettings) -> Iterator[FieldProblem]:
    if row.email_policy == EmailPolicy.OTHER and not row.other_email:
        yield FieldProblem("other_email", "required", "Give the address that the store gets.")
    elif row.other_email and not is_address(row.other_email):
        yield FieldProblem("other_email", "invalid", f"{row.other_email} is not an e-mail address.")
    if len(row.alert_addresses) > ADDRESSES_MAX:
        yield FieldProblem("alert_addresses", "too_many", "Ten addresses at the most.")
    for address in row.alert_addresses:
        if not is_address(address):
            yield FieldProblem("alert_addresses", "invalid", f"{address} is not an e-mail address.")


def _templates(row: SyncSettings, connection: Connection, offers: Capabilities) -> Iterator[FieldProblem]:
    known = text_templates.known_fields(connection)
    for field, most in (("tag_template", offers.tag_max), ("note_template", offers.note_max)):
        template: str = getattr(row, field)
        if not most or not template:
            continue
        try:
            text_templates.check(template, known)
        except text_templates.TemplateRefused as refusal:
            yield FieldProblem(field, "bad_template", str(refusal))
            continue
        least = text_templates.least_length(template)
        if least > most:
            text = f"Without its fields it has {least} characters already; the store takes {most}."
            yield FieldProblem(field, "text_too_long", text)
