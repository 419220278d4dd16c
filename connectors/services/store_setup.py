"""The set-up of a store in steps, each saved by itself: it can be left and gone on with later."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connectors.models import Connection, SyncSettings
from connectors.services import connections
from connectors.services.suppliers import Step, is_supplier

STEPS = (Step("connection", "Connection"), Step("orders", "Orders"), Step("products", "Products"))


def offered(connection: Connection) -> bool:
    """Suppliers have a set-up of their own."""
    return connection.is_destination and not is_supplier(connection)


def next_step(connection: Connection) -> str:
    """The first step that was not done yet; empty when all are."""
    done = connection.sync_settings.setup_done
    return next((step.name for step in STEPS if step.name not in done), "")


def after(step: str) -> str:
    """The step that follows; empty after the last."""
    names = [each.name for each in STEPS]
    return "".join(names[names.index(step) + 1 : names.index(step) + 2])


@transaction.atomic
def save(*, connection_id: int, step: str, by: str, at: datetime, **chosen: bool) -> SyncSettings:
    """What was chosen in a step counts for orders that have not been sent yet."""
    row = connections.save_settings(connection_id=connection_id, by=by, at=at, **chosen)
    if step not in row.setup_done:
        row.setup_done = [*row.setup_done, step]
        row.save(update_fields=["setup_done"])
    return row
