"""What django-q2 runs, by dotted path. Arguments are ids; everything that matters stands in our own rows."""

from __future__ import annotations

from django.utils import timezone

from connectors.models import Connection, ConnectionState
from connectors.services import connections
from orders import pump as pumping
from orders.services import clock, inbound, preflight, reconcile
from orders.world import World


def pump() -> int:
    """Carry out what is due; called by every wake-up. Safe to run many at once, or never: the sweep calls it too."""
    return pumping.pump()


def sweep() -> int:
    """Every minute: deadlines, forgotten events, and whatever wake-ups lost."""
    clock.tick(at=timezone.now())
    return pumping.pump()


def process_inbound(event_id: int) -> None:
    inbound.process(event_id=event_id, at=timezone.now())


def poll_changes() -> None:
    """Every few minutes: ask each destination what changed there."""
    reconcile.poll_changes(world=World.real())
    preflight.look_for_stock(at=timezone.now())


def check_webhooks() -> None:
    """Every hour: make sure that each active connection still delivers webhooks."""
    for connection in Connection.objects.filter(state=ConnectionState.ACTIVE).values_list("pk", flat=True):
        connections.register_webhooks(connection_id=connection, at=timezone.now())


def prune() -> None:
    """Every night: delete what has been kept long enough."""
    clock.prune(at=timezone.now())


def canary() -> None:
    """Does nothing, so that the supervisor sees that tasks are done and acknowledged."""
