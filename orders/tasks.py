"""What django-q2 runs, by dotted path. Arguments are ids; everything that matters stands in our own rows."""

from __future__ import annotations

import time

from django.conf import settings
from django.utils import timezone
from django_q.tasks import async_task

from connectors.services import catalog, oauth, webhook_checks
from orders import pump as pumping
from orders.services import (
    access,
    book_audit,
    clock,
    inbound,
    linking,
    nightly_reads,
    reconcile,
    stock_watch,
    store_sync,
)
from orders.world import World

LEAST_PUMP_S = 5.0  # of a sweep whose other work took long; the next one, and every wake-up, pumps again


def pump() -> int:
    """Carry out what is due; called by every wake-up. Safe to run many at once, or never: the sweep calls it too."""
    return pumping.pump()


def sweep() -> int:
    """Every minute: deadlines, forgotten events, and whatever wake-ups lost."""
    began = time.monotonic()
    clock.tick(at=timezone.now())
    catalog.call_due(at=timezone.now())
    store_sync.call_due(at=timezone.now())
    clock.process_forgotten(at=timezone.now())
    return pumping.pump(budget_s=max(settings.PUMP_BUDGET_S - (time.monotonic() - began), LEAST_PUMP_S))


def process_inbound(event_id: int) -> None:
    inbound.process(event_id=event_id, at=timezone.now())


def poll_changes() -> None:
    """Every few minutes: ask each destination what changed there and whether there is stock again, and begin to read each
    store channel's orders."""
    reconcile.poll_changes(world=World.real())
    store_sync.start_due(at=timezone.now())
    stock_watch.look(world=World.real())


def poll_unanswered() -> None:
    """Every two minutes: ask again those destinations that did not answer."""
    reconcile.poll_unanswered(world=World.real())


def check_webhooks() -> None:
    """Every hour: make sure that each active connection still delivers webhooks. What is left is another call's."""
    if webhook_checks.check_due(at=timezone.now()):
        async_task("orders.tasks.check_webhooks")


def refresh_tokens() -> None:
    """Every minute: renew the access that runs out soon, and tell merchants of what only they can renew."""
    at = timezone.now()
    access.settle(oauth.refresh_due(at), at=at)


def read_catalog(connection_id: int) -> None:
    """Read one catalog on for a while; what is left is gone on with by another call. Safe to run twice, or never."""
    deadline = time.monotonic() + settings.PUMP_BUDGET_S
    while catalog.read_on(connection_id=connection_id, at=timezone.now()):
        if time.monotonic() > deadline:
            async_task(settings.CATALOG_TASK, connection_id)
            return


def read_store_orders(sync_id: int) -> None:
    """Read one store channel's orders on for a while, as read_catalog does. Safe to run twice, or never."""
    deadline, world = time.monotonic() + settings.PUMP_BUDGET_S, World.real()
    while store_sync.read_on(sync_id=sync_id, world=world):
        if time.monotonic() > deadline:
            async_task(settings.STORE_ORDERS_TASK, sync_id)
            return


def refresh_catalogs() -> None:
    """Every night: begin to read the catalogs whose copy is old."""
    catalog.start_due(at=timezone.now())


def read_standing() -> None:
    """Every night: have each order read that stands at a destination and is not sent yet, and each payment set aside."""
    nightly_reads.promise(at=timezone.now())
    nightly_reads.promise_payments(at=timezone.now())


def audit_books() -> None:
    """Every hour: tell the operator of rows that contradict each other."""
    book_audit.report(at=timezone.now())


def prune() -> None:
    """Every night: delete what has been kept long enough."""
    clock.prune(at=timezone.now())
    linking.prune(at=timezone.now())


def canary() -> None:
    """Does nothing, so that the supervisor sees that tasks are done and acknowledged."""
