"""How the practice pages show a store's own words and amounts."""

from __future__ import annotations

from decimal import Decimal

from django import template

from connectors.money import plain

register = template.Library()


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """The amount with the currency's decimals: "31.90", "45440", "0.500"."""
    return plain(amount, currency)


@register.filter
def spoken(status: str) -> str:
    """PARTIALLY_FULFILLED as people read it."""
    return status.replace("_", " ").capitalize()


@register.filter
def percent(rate: str) -> str:
    """A tax line's rate: "0.15" is "15%"."""
    return f"{(Decimal(rate) * 100).normalize():f}%"
