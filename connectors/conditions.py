"""Conditions that work waits for, and the one way to say that one has come about.

A key names a thing that can change: `confirmed:<order pk>`, `captured:<order pk>`, `sku:<connection pk>:<sku>`,
`stock:<connection pk>:<sku>`, `token:<connection pk>`, `paused:<connection pk>`, `routing:<merchant pk>`,
`marked:<push pk>`, `hand:<push pk>`, `slot:<connection pk>`, `addon:<merchant pk>`, `fulfilled:<order pk>`,
`gateway:<name>`, `answers:<connection pk>`. `cleared(key)` writes a row and wakes a pump, which releases what waits for that key.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from connectors.models.condition import ClearedCondition

ANSWERS = "answers:"


def confirmed(order_id: int) -> str:
    return f"confirmed:{order_id}"


def captured(order_id: int) -> str:
    return f"captured:{order_id}"


def marked(push_id: int) -> str:
    """A person has to mark the order for fulfillment."""
    return f"marked:{push_id}"


def pushed_by_hand(push_id: int) -> str:
    """A person has to push it."""
    return f"hand:{push_id}"


def slot(connection_id: int) -> str:
    """The connection's next time for collected orders. It comes by the clock: nobody clears it."""
    return f"slot:{connection_id}"


def sku_linked(connection_id: int, sku: str) -> str:
    return f"sku:{connection_id}:{sku}"


def stock_back(connection_id: int, sku: str) -> str:
    return f"stock:{connection_id}:{sku}"


def token_renewed(connection_id: int) -> str:
    return f"token:{connection_id}"


def pause_lifted(connection_id: int) -> str:
    return f"paused:{connection_id}"


def routing_changed(merchant_id: int) -> str:
    return f"routing:{merchant_id}"


def addon_on(merchant_id: int) -> str:
    """The merchant has the Orders add-on switched on."""
    return f"addon:{merchant_id}"


def fulfilled(order_id: int) -> str:
    """Everything of the order is sent."""
    return f"fulfilled:{order_id}"


def gateway_open(name: str) -> str:
    """The payment gateway accepts our key again."""
    return f"gateway:{name}"


def answers_again(connection_id: int) -> str:
    """The other side failed and answers now. Nothing waits for it by name: retries are pulled forward."""
    return f"{ANSWERS}{connection_id}"


def answering(key: str) -> int | None:
    """The connection that `answers_again` made the key of; None for another key."""
    return int(key.removeprefix(ANSWERS)) if key.startswith(ANSWERS) else None


def cleared(key: str) -> None:
    """What waits for `key` may go on. Call it in the transaction that made it true."""
    ClearedCondition.objects.create(key=key)
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    import_string(settings.WAKE)()
