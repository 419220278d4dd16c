"""Amounts going out: as text, with as many decimals as their currency has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from connectors.money import is_currency, plain


def text(amount: Decimal, currency: str) -> str:
    """Of a store that has not told its currency, without needless zeros."""
    return plain(amount, currency) if is_currency(currency) else f"{amount.normalize():f}"


class ChosenAmountField(serializers.DecimalField):
    """An amount of somebody's settings. Going out it is in `context["currency"]`."""

    def to_representation(self, value: Any) -> str:
        return text(value, self.context["currency"])
