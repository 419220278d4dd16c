"""How the practice pages show a store's own words and amounts."""

from __future__ import annotations

import html
from decimal import Decimal

from django import template

from connectors.money import plain
from connectors.practice import looks
from connectors.practice.models import PracticeOrder, PracticeShop

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


@register.filter
def unescaped(text: str) -> str:
    """As it was meant: WooCommerce keeps an order note's "&amp;" for "&". The page escapes it again."""
    return html.unescape(text)


@register.simple_tag
def look_of(shop: PracticeShop) -> looks.Look:
    """The words of a store's platform."""
    return looks.of(shop.platform)


@register.simple_tag
def states_of(shop: PracticeShop, order: PracticeOrder, fulfillment: str) -> tuple[looks.State, ...]:
    """How an order stands, in the words of its platform."""
    return looks.states(shop.platform, order, fulfillment)


@register.simple_tag
def consent_of(shop: PracticeShop, app: str) -> str:
    """What the platform's page asks before it lets an app in."""
    return looks.of(shop.platform).consent.format(app=app, shop=shop.name)
