"""Webhooks, once stored: find the push that each is about and promise to read the truth.

A webhook is a hint. Whether it comes twice, late or before our own record of the order, the read that it asks for ends
in the same state.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from connectors.errors import ConnectorError, CredentialsError, RetryableError
from connectors.models import Connection, InboundEvent, InboundState
from orders import alarms
from orders.enums import OutboxStatus, Topic
from orders.models import OrderPush, OutboxMessage
from orders.services import fulfillment, payment_news, privacy, store_hints

GRACE = timedelta(hours=1)  # how long an order that is just being created, or placed, may take to be recorded
UNINSTALLED = "app/uninstalled"


def process(*, event_id: int, at: datetime) -> None:
    """Deal with one event. Safe to run twice and in any order; one that cannot be placed yet stays new.

    Raises RetryableError or CredentialsError, and leaves the event new, when the gateway that a payment's event is about
    does not answer, or refuses our key.
    """
    event = InboundEvent.objects.filter(pk=event_id, state=InboundState.NEW).first()
    if event is None:
        return
    if event.gateway:
        _process_payment(event, at=at)
    else:
        _process_locked(event_id, at=at)


def give_up(*, event_id: int, why: str, at: datetime) -> None:
    """An event that failed again and again: kept for a person, out of the way of the others."""
    event = InboundEvent.objects.get(pk=event_id)
    _end(event, InboundState.FAILED, why, at=at)


def _process_payment(event: InboundEvent, *, at: datetime) -> None:
    """The gateway is asked before anything is written. It speaks of a payment as soon as the customer has paid, which is
    often before the order comes.
    """
    try:
        is_ours = payment_news.notice(gateway=event.gateway, reference=event.remote_order_id, at=at)
    except (RetryableError, CredentialsError):
        raise
    except ConnectorError as error:
        _end(event, InboundState.FAILED, str(error), at=at)
    else:
        if is_ours:
            _end(event, InboundState.DONE, at=at)
        elif event.remote_order_id and at < event.received_at + GRACE:
            InboundEvent.objects.filter(pk=event.pk).update(attempts=F("attempts") + 1)
        else:
            _end(event, InboundState.IGNORED, "Not about one of our payments.", at=at)


@transaction.atomic
def _process_locked(event_id: int, *, at: datetime) -> None:
    rows = InboundEvent.objects.select_for_update(of=("self",)).filter(state=InboundState.NEW)
    event = rows.filter(pk=event_id).first()
    if event is None or event.connection_id is None:
        return
    if event.topic.lower() == UNINSTALLED:
        _take_uninstall(event, event.connection_id, at=at)
        return
    if privacy.honour(event, at=at):
        _end(event, InboundState.DONE, at=at)
        return
    may_become_ours = _is_creating(event.connection_id)  # before the search: what is recorded in between is found
    push = _push_of(event)
    if push is not None:
        fulfillment.ask(push, cause=f"event-{event.pk}", at=at)
        _end(event, InboundState.DONE, at=at)
        return
    of_channel = _is_of_channel(event, at=at)
    if may_become_ours and at < event.received_at + GRACE:
        InboundEvent.objects.filter(pk=event_id).update(attempts=F("attempts") + 1)
    elif of_channel:
        _end(event, InboundState.DONE, at=at)
    else:
        _end(event, InboundState.IGNORED, "Not about one of our orders.", at=at)


def _take_uninstall(event: InboundEvent, connection_id: int, *, at: datetime) -> None:
    """The access is lost, unless the store was connected again after that: the message may come a day late."""
    connection = Connection.objects.get(pk=connection_id)
    uninstalled_at = event.occurred_at or event.received_at
    if connection.connected_at is not None and connection.connected_at > uninstalled_at:
        _end(event, InboundState.IGNORED, "The store was connected again after that.", at=at)
        return
    alarms.auth_lost(connection, reason="The app was uninstalled in the store.", at=at)
    _end(event, InboundState.DONE, at=at)


def _is_of_channel(event: InboundEvent, *, at: datetime) -> bool:
    """About an order of a store whose own orders come in: whether it is one of ours after all, the read will tell."""
    assert event.connection is not None  # noqa: S101  # the caller has looked
    return store_hints.ask(event.connection, remote_id=event.remote_order_id, cause=f"event-{event.pk}", at=at)


def _push_of(event: InboundEvent) -> OrderPush | None:
    """The recorded push that the event is about: by the store's id, else by our reference."""
    recorded = OrderPush.objects.at_store(event.connection_id or 0).exclude(remote_id="")
    recorded = recorded.select_related("order", "connection")
    push = recorded.filter(remote_id=event.remote_order_id).first() if event.remote_order_id else None
    if push is None and event.reference:
        push = recorded.filter(reference=event.reference).first()
    return push


def _is_creating(connection_id: int) -> bool:
    """Whether an order may be at this store without being recorded here yet."""
    unsure = OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER, maybe_sent_at__isnull=False, push__remote_id="")
    unsure = unsure.filter(push__in=OrderPush.objects.at_store(connection_id))
    return unsure.exclude(status=OutboxStatus.DONE).exists()


def _end(event: InboundEvent, state: InboundState, note: str = "", *, at: datetime) -> None:
    rows = InboundEvent.objects.filter(pk=event.pk, state=InboundState.NEW)
    rows.update(state=state, note=note[:300], processed_at=at, attempts=F("attempts") + 1)
