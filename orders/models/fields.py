"""Columns that several models share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Round

ZERO = Decimal(0)


def amount_field(**kwargs: Any) -> models.DecimalField[Any, Decimal]:
    """Major units of the row's currency; four decimals hold every ISO 4217 currency."""
    return models.DecimalField(max_digits=16, decimal_places=4, **kwargs)


def sum_of_parts(*more: str) -> Round:
    """Lines less discount plus shipping, and the columns named. Rounded: SQLite reckons in floats, 0.1 + 0.2 is not 0.3."""
    whole = F("subtotal") - F("discount") + F("shipping")
    for name in more:
        whole += F(name)
    return Round(whole, precision=4)
