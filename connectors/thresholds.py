"""The amounts that a shipping rule may name, whoever the rule is for."""

from __future__ import annotations

from decimal import Decimal

from connectors.money import fits

BELOW = Decimal(1_000_000)  # major units; more is a slip of the decimal point


def problem(amount: Decimal, currency: str) -> tuple[str, str] | None:
    """Why a rule may not name this amount, as a code and in words; None when it may."""
    if not amount.is_finite() or not 0 <= amount < BELOW:
        return "out_of_range", f"An amount from 0 to below {BELOW:,}."
    if not fits(amount, currency):
        return "too_many_decimals", f"{currency} has fewer decimals."
    return None
