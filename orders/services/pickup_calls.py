"""How a carrier is asked to come, and called off: SCHEDULE_PICKUP and CANCEL_PICKUP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

from django.db import transaction

from connectors.carriers.base import Carrier, Confirmation, PickupRequest
from connectors.models import CarrierState
from orders import outbox
from orders.enums import OutboxStatus, PickupStatus
from orders.models import CarrierPickup, OutboxMessage
from orders.services import carrier_pickups
from orders.world import World

STALE_MARK = timedelta(seconds=1)  # a process that paused longer after its mark marks again


def schedule(message: OutboxMessage, world: World) -> Iterator[str]:
    """SCHEDULE_PICKUP: ask exactly once."""
    pickup = _fresh(message)
    if pickup.status != PickupStatus.REQUESTED:
        return
    if pickup.account.state == CarrierState.REMOVED:
        raise outbox.Hold(f"{pickup.account.name} was disconnected.")
    with closing(world.carrier_for(pickup.account)) as carrier:
        request = carrier_pickups.request_of(pickup)
        if message.maybe_sent_at is not None and not carrier.repeats_safely:
            yield "looking"
            found = _look(carrier, request, message, world)
            yield "looked"
            if found is not None:
                _finish(message, found, world)
                return
        if pickup.closes_at <= world.now():
            raise outbox.Hold("The window was over before the carrier could be asked.")
        yield from _mark(message, world)
        confirmation = carrier.schedule(request)
        yield "scheduled"
        _finish(message, confirmation, world)


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    pickup = _fresh(message)
    if pickup.status != PickupStatus.REQUESTED:
        return
    if outcome.status == OutboxStatus.HELD:
        carrier_pickups.record_failure(pickup.pk, outcome.reason, at=at)
    else:
        CarrierPickup.objects.filter(pk=pickup.pk).update(reason=outcome.reason[:500])


def cancel(message: OutboxMessage, world: World) -> Iterator[str]:
    """CANCEL_PICKUP: calling off twice is harmless."""
    pickup = _fresh(message)
    if pickup.status != PickupStatus.CANCELLING:
        return
    if pickup.account.state == CarrierState.REMOVED:
        raise outbox.Hold(f"{pickup.account.name} was disconnected: call it off there.")
    with closing(world.carrier_for(pickup.account)) as carrier:
        yield "cancelling"
        carrier.cancel(carrier_pickups.request_of(pickup), pickup.confirmation)
        yield "cancelled"
    with outbox.finishing(message, at=world.now()):
        carrier_pickups.record_cancelled(pickup.pk, at=world.now())


def cancel_settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    pickup = _fresh(message)
    if pickup.status == PickupStatus.CANCELLING and outcome.status == OutboxStatus.HELD:
        carrier_pickups.record_comes_anyway(pickup.pk, outcome.reason, at=at)


def _look(carrier: Carrier, request: PickupRequest, message: OutboxMessage, world: World) -> Confirmation | None:
    """What stands there. Not found proves nothing before the horizon, nor where nothing can be looked up."""
    name = carrier.label
    days = (request.opens_at.date() - world.now().astimezone(request.opens_at.tzinfo).date()).days
    if not carrier.looks_up or days > carrier.looks_ahead_days:
        reason = f"{name} did not answer and may have taken it. Look there before you ask again."
        raise outbox.Hold(reason)
    found = carrier.find(request)
    if found is None and message.maybe_sent_at is not None:
        left = (message.maybe_sent_at + timedelta(seconds=carrier.horizon_s) - world.now()).total_seconds()
        if left > 0:
            raise outbox.Postponed(f"{name} did not answer: looking there before it is asked again.", after_s=left)
    return found


def _mark(message: OutboxMessage, world: World) -> Iterator[str]:
    """Commit "maybe sent", and again if the process was stopped in between; look for a withdrawal with it."""
    for _ in range(5):
        with transaction.atomic():
            if carrier_pickups.locked(message.payload["pickup"]).status != PickupStatus.REQUESTED:
                raise outbox.Postponed("The pickup was withdrawn.", after_s=0)
            outbox.mark_sending(message, at=world.now())
        yield "marked"
        if message.maybe_sent_at and world.now() - message.maybe_sent_at <= STALE_MARK:
            return
    raise outbox.Postponed("This machine is too slow to send safely; trying again.", after_s=5)


def _finish(message: OutboxMessage, confirmation: Confirmation, world: World) -> None:
    with outbox.finishing(message, at=world.now()):
        carrier_pickups.record(message.payload["pickup"], confirmation, at=world.now())


def _fresh(message: OutboxMessage) -> CarrierPickup:
    return CarrierPickup.objects.select_related("account__merchant").get(pk=message.payload["pickup"])
