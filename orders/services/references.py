"""What a destination carries of ours. Unique there, also beside another installation that sends to the same store."""

from __future__ import annotations

from connectors.services import installation
from orders.models import Order


def reference_of(order: Order, *, generation: int) -> str:
    """New for each generation. Those that were given stand with their pushes and stay what they are."""
    first = f"SW-{installation.token()}-{order.pk}"
    return first if generation == 1 else f"{first}-G{generation}"
