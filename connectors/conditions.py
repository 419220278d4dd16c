"""Conditions that work waits for, and the one way to say that one has come about.

A key names a thing that can change: `confirmed:<order pk>`, `captured:<order pk>`,
`sku:<connection pk>:<sku>`, `stock:<connection pk>:<sku>`,
`token:<connection pk>`, `paused:<connection pk>`. `cleared(key)` writes a row and wakes a pump, which releases what
waits for that key.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from connectors.models.condition import ClearedCondition


def confirmed(order_id: int) -> str:
    return f"confirmed:{order_id}"


def captured(order_id: int) -> str:
    return f"captured:{order_id}"


def sku_linked(connection_id: int, sku: str) -> str:
    return f"sku:{connection_id}:{sku}"


def stock_back(connection_id: int, sku: str) -> str:
    return f"stock:{connection_id}:{sku}"


def token_renewed(connection_id: int) -> str:
    return f"token:{connection_id}"


def pause_lifted(connection_id: int) -> str:
    return f"paused:{connection_id}"


def cleared(key: str) -> None:
    """What waits for `key` may go on. Call it in the transaction that made it true."""
    ClearedCondition.objects.create(key=key)
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    import_string(settings.WAKE)()
