"""Ids as Squarespace writes them: 24 hexadecimal digits for an order, a UUID for a variant."""

from __future__ import annotations

import re
import uuid

from connectors.practice.models import PracticeLine, PracticeOrder, PracticeVariant

_HEX = re.compile(r"[0-9a-f]{24}")
_LINES_FROM = 1 << 80  # lines and orders never share an id
_BIGGEST = 1 << 62


def of_order(row: PracticeOrder) -> str:
    return f"{row.pk:024x}"


def order_pk(order_id: str) -> int:
    """0, which no row has, for what is no id."""
    pk = int(order_id, 16) if _HEX.fullmatch(order_id) else 0
    return pk if pk < _BIGGEST else 0


def of_line(row: PracticeLine) -> str:
    return f"{_LINES_FROM + row.pk:024x}"


def of_variant(row: PracticeVariant) -> str:
    return str(uuid.UUID(int=row.pk))


def variant_pk(variant_id: str) -> int:
    """0, which no row has, for what is no id."""
    try:
        pk = uuid.UUID(variant_id).int
    except ValueError:
        return 0
    return pk if pk < _BIGGEST else 0
