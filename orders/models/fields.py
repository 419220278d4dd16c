"""Columns that several models share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models

ZERO = Decimal(0)


def amount_field(**kwargs: Any) -> models.DecimalField[Any, Decimal]:
    """Major units of the row's currency; four decimals hold every ISO 4217 currency."""
    return models.DecimalField(max_digits=16, decimal_places=4, **kwargs)
