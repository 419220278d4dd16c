"""Making sure, connection after connection, that webhooks are still delivered."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Greatest

from connectors.models import Connection
from connectors.services import connections, limits

EVERY = timedelta(minutes=50)  # called once an hour
BUDGET_S = 40.0  # for all connections of one call; the next begins with those that waited longest
_NEVER = Value(datetime(1970, 1, 1, tzinfo=UTC))


def check_due(*, at: datetime) -> bool:
    """Check those that are due, longest ago first, for a while. True when it is worth going on with the rest at once.

    One that failed waits behind all that were not asked since: a few that never answer keep no other from its turn.
    Network: never in a transaction. Safe to repeat, and to run twice at once.
    """
    due = Connection.objects.own().filter(limits.eligible(at))
    due = due.filter(Q(webhooks_checked_at=None) | Q(webhooks_checked_at__lte=at - EVERY))
    asked_at = Greatest(Coalesce(F("webhooks_checked_at"), _NEVER), Coalesce(F("last_failure_at"), _NEVER))
    began, checked = time.monotonic(), 0
    for connection_id in list(due.order_by(asked_at, "pk").values_list("pk", flat=True)):
        if time.monotonic() - began > BUDGET_S:
            return checked > 0
        checked += connections.register_webhooks(connection_id=connection_id, at=at) != ("all",)
    return False
