"""On which terms an order goes to a destination: paid or not, with which shipping and tax, to which e-mail address.

Everything comes from the connection's settings as they are now. What the platform cannot do is as if it were not set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.services.addresses import own_address
from connectors.base import Capabilities, OutboundTax
from connectors.models import (
    Connection,
    EmailPolicy,
    FinancialStatus,
    FulfillmentChoice,
    ShippingRule,
    SyncSettings,
    TaxPreset,
)
from connectors.money import apportion, round_half_up, to_minor, total
from connectors.registry import connector_class, knows
from orders.enums import PaymentStatus
from orders.models import Order, OrderPush
from orders.models.fields import ZERO
from orders.services.shares import Share
from orders.services.still_due import Due, DueLine

Taxes = tuple[OutboundTax, ...]
WHOLESALE = "payment_terms"  # an order that names them is paid later


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a push asks the destination to hold, in the order's currency."""

    lines: tuple[Taxes, ...]  # of each line, in their order
    shipping: Decimal
    shipping_taxes: Taxes
    tax: Decimal
    total: Decimal
    preset: bool = False  # the taxes are those of the settings: the order named none


def offers_of(connection: Connection) -> Capabilities:
    """What the platform can do."""
    return connector_class(connection.platform).capabilities if knows(connection.platform) else Capabilities()


def is_wholesale(order: Order) -> bool:
    return bool(str(order.attributes.get(WHOLESALE, "")).strip())


def is_paid(order: Order, connection: Connection) -> bool:
    """Whether the destination is told that the order is paid. One that came without a payment is not."""
    if order.payment_status == PaymentStatus.NONE:
        return False
    wanted = connection.sync_settings.financial_status
    if not offers_of(connection).unpaid or wanted == FinancialStatus.PAID:
        return True
    return wanted == FinancialStatus.AUTO and not is_wholesale(order)


def is_fulfilled(connection: Connection) -> bool:
    chosen = connection.sync_settings.fulfillment_status
    return offers_of(connection).fulfilled and chosen == FulfillmentChoice.FULFILLED


def location_id(chosen: SyncSettings) -> str:
    """Of the place that fulfills; empty when none was chosen or it was closed since."""
    place = chosen.location
    return place.remote_id if place and place.is_active else ""


def email(order: Order, chosen: SyncSettings) -> str:
    """The address that the destination gets; empty for none."""
    match chosen.email_policy:
        case EmailPolicy.CUSTOMER:
            return order.customer_email
        case EmailPolicy.MERCHANT:
            return own_address(order.merchant)
        case EmailPolicy.OTHER:
            return chosen.other_email
    return ""


def why_no_fee(push: OrderPush, order: Order) -> str:
    """Why shipping costs there what the order says; empty when another price may be charged."""
    connection = push.connection
    label = connector_class(connection.platform).label
    if not offers_of(connection).shipping:
        return f"{label} charges its own shipping."
    if is_paid(order, connection):
        return (
            f"{connection.name} must hold what the customer paid, to the cent, and shipping is a part of it. "
            "Another price is possible for orders that go out as unpaid."
        )
    return ""


def amounts(push: OrderPush, order: Order, due: Due, billing_country: str) -> Amounts:
    """What the order says of the part that is due, with the shipping price and the taxes that the settings put in."""
    share = due.share
    named = tuple(taxes_of(line.taxes) for line in due.lines)
    shipping_taxes = taxes_of(order.shipping_taxes) if share.carries_shipping else ()
    plain = Amounts(named, share.shipping, shipping_taxes, share.tax, share.total)
    if push.connection.source_id is not None:
        return plain  # what sending costs there was agreed, and is in it already
    fee = fee_of(push, order, share)
    if fee is not None:
        plain = _with_fee(plain, share, order, fee)
    if names_taxes(order, due.lines) or not offers_of(push.connection).tax_lines:
        return plain
    preset = TaxPreset.objects.filter(connection=push.connection_id, country_code=billing_country).first()
    if preset is None or not billing_country:
        return plain
    return _with_preset(plain, preset, due=due, order=order, fee=fee)


def fee_of(push: OrderPush, order: Order, share: Share) -> Decimal | None:
    """The shipping price that was typed, or that of the rules; None when the order's own counts."""
    if why_no_fee(push, order):
        return None
    if push.shipping_fee is not None:
        return push.shipping_fee
    rules = list(ShippingRule.objects.filter(connection=push.connection_id).order_by("-minimum"))
    if not rules:
        return None
    fitting = (rule.cost for rule in rules if share.subtotal - share.discount >= rule.minimum)
    return next(fitting, ZERO)


def names_taxes(order: Order, lines: Sequence[DueLine]) -> bool:
    return bool(order.shipping_taxes) or any(line.taxes for line in lines)


def taxes_of(rows: Sequence[Mapping[str, str]]) -> Taxes:
    return tuple(OutboundTax(row["title"], Decimal(row["rate"]), Decimal(row["amount"])) for row in rows)


def _with_fee(given: Amounts, share: Share, order: Order, fee: Decimal) -> Amounts:
    """Shipping is taxed as it was, at the new price."""
    inside = order.prices_include_tax
    taxes = tuple(
        OutboundTax(tax.title, tax.rate, tax_on(fee, tax.rate, inside=inside, currency=order.currency))
        for tax in given.shipping_taxes
    )
    more = total(tax.amount for tax in taxes) - total(tax.amount for tax in given.shipping_taxes)
    tax = max(given.tax + more, ZERO)
    whole = share.subtotal - share.discount + fee + (ZERO if inside else tax)
    return Amounts(given.lines, fee, taxes, tax, whole)


def _with_preset(
    given: Amounts,
    preset: TaxPreset,
    *,
    due: Due,
    order: Order,
    fee: Decimal | None,
) -> Amounts:
    """Tax by the preset's rate; where the order says what the tax comes to, exactly that, if only rounding differs."""
    inside, currency = order.prices_include_tax, order.currency
    share, sums = due.share, [line.amount for line in due.lines]
    nets = [amount - less for amount, less in zip(sums, apportion(share.discount, sums, currency), strict=True)]
    taxed = [*nets, given.shipping if preset.on_shipping else ZERO]
    found = [tax_on(amount, preset.rate, inside=inside, currency=currency) for amount in taxed]
    tax, whole = given.tax, given.total
    if fee is not None:
        tax = total(found)
        whole = share.subtotal - share.discount + fee + (ZERO if inside else tax)
    elif tax and abs(to_minor(total(found) - tax, currency)) * 2 <= len(found):
        found = apportion(tax, found, currency)
    rows = [(OutboundTax(preset.name, preset.rate, amount),) if amount else () for amount in found]
    return Amounts(tuple(rows[:-1]), given.shipping, rows[-1], tax, whole, preset=True)


def tax_on(amount: Decimal, rate: Decimal, *, inside: bool, currency: str) -> Decimal:
    """The tax on an amount, or in it; rounded as the platforms round."""
    return round_half_up(amount * rate / (1 + rate) if inside else amount * rate, currency)
