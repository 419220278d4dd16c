"""How a carrier is asked for rates, to sell a label and to void it: RATE_LABEL, BUY_LABEL and VOID_LABEL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

from django.db import transaction

from connectors.carriers.base import Carrier
from connectors.carriers.labels import Label, LabelRequest
from connectors.errors import CredentialsError, NotOfferedError, RejectedError
from connectors.models import CarrierState
from orders import outbox
from orders.enums import OutboxStatus
from orders.errors import TransitionNotAllowed
from orders.models import LabelStatus, Order, OutboxMessage, ShippingLabel
from orders.services import label_rows, labels, open_units
from orders.world import World

STALE_MARK = timedelta(seconds=1)  # a process that paused longer after its mark marks again


def rate(message: OutboxMessage, world: World) -> Iterator[str]:
    """RATE_LABEL: changes nothing there, and may be repeated."""
    label = _fresh(message)
    if label.status != LabelStatus.RATING:
        return
    _refuse_disconnected(label)
    with closing(world.carrier_for(label.account)) as carrier:
        yield "asking"
        rates = carrier.rates(label_rows.request_of(label))
        yield "answered"
    with outbox.finishing(message, at=world.now()):
        label_rows.record_rates(label.pk, rates, at=world.now())


def rate_settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    if _fresh(message).status == LabelStatus.RATING:
        _settle(message, outcome, at=at)


def buy(message: OutboxMessage, world: World) -> Iterator[str]:
    """BUY_LABEL: ask once. After a mark the carrier is looked at and never asked again: it would charge again."""
    label = _fresh(message)
    if label.status != LabelStatus.BUYING:
        return
    _refuse_disconnected(label)
    with closing(world.carrier_for(label.account)) as carrier:
        request = label_rows.request_of(label)
        if message.maybe_sent_at is not None or label.maybe_bought_at is not None:
            yield "looking"
            found, words = _look(carrier, request)
            yield "looked"
            if found is not None:
                _finish(message, found, world)
                return
            if message.maybe_sent_at is not None:
                _wait_or_hold(carrier, message, words, world)
        elif labels.is_stale(label, at=world.now()):
            raise outbox.Hold("The rates were more than a day old before the carrier could be asked.")
        yield from _mark(message, world)
        bought = _buy(carrier, request)
        yield "bought"
        _finish(message, bought, world)


def buy_settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """What was never marked, or was refused, cost nothing; anything else may have."""
    label = _fresh(message)
    if label.status != LabelStatus.BUYING:
        return
    since = message.maybe_sent_at or label.maybe_bought_at
    if outcome.status == OutboxStatus.HELD and since is not None:
        label_rows.record_unsure(label.pk, outcome.reason, since=since, at=at)
    else:
        _settle(message, outcome, at=at)


def void(message: OutboxMessage, world: World) -> Iterator[str]:
    """VOID_LABEL: voiding twice is harmless."""
    label = _fresh(message)
    if label.status != LabelStatus.VOIDING:
        return
    if label.account.state == CarrierState.REMOVED:
        raise outbox.Hold(f"{label.account.name} was disconnected: void it there.")
    with closing(world.carrier_for(label.account)) as carrier:
        yield "voiding"
        carrier.void_label(label.number)
        yield "voided"
    with outbox.finishing(message, at=world.now()):
        label_rows.record_voided(label.pk, at=world.now())


def void_settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    label = _fresh(message)
    if label.status != LabelStatus.VOIDING:
        return
    if outcome.status == OutboxStatus.HELD:
        label_rows.record_kept(label.pk, outcome.reason, at=at)
    else:
        _say(label, outcome)


def _look(carrier: Carrier, request: LabelRequest) -> tuple[Label | None, str]:
    """What was sold under our reference, or in the carrier's words why it shows none."""
    try:
        return carrier.find_label(request), f"{carrier.label} shows no label {request.reference}."
    except (RejectedError, NotOfferedError) as error:
        return None, str(error)


def _wait_or_hold(carrier: Carrier, message: OutboxMessage, words: str, world: World) -> None:
    """It is not found. Before the horizon that proves nothing; after it a person decides, since a mistake costs money."""
    assert message.maybe_sent_at is not None  # noqa: S101  # the caller's condition
    left = (message.maybe_sent_at + timedelta(seconds=carrier.horizon_s) - world.now()).total_seconds()
    if left > 0:
        raise outbox.Postponed(f"{carrier.label} did not answer: looking whether it sold the label.", after_s=left)
    raise outbox.Hold(
        f"{carrier.label} did not answer and may have sold it. {words} Look there before you buy it again."
    )


def _buy(carrier: Carrier, request: LabelRequest) -> Label:
    """A carrier that does not let us in has sold nothing."""
    try:
        return carrier.buy_label(request)
    except (CredentialsError, NotOfferedError) as error:
        raise RejectedError(str(error)) from error


def _mark(message: OutboxMessage, world: World) -> Iterator[str]:
    """Commit "maybe sent", and again if the process was stopped in between; look for a withdrawal with it."""
    for _ in range(5):
        with transaction.atomic():
            label = label_rows.locked(message.payload["label"])
            if label.status != LabelStatus.BUYING:
                raise outbox.Postponed("The label was withdrawn.", after_s=0)
            if message.maybe_sent_at is None:
                _refuse_closed(label.order)
            outbox.mark_sending(message, at=world.now())
        yield "marked"
        if message.maybe_sent_at and world.now() - message.maybe_sent_at <= STALE_MARK:
            return
    raise outbox.Postponed("This machine is too slow to buy safely; trying again.", after_s=5)


def _finish(message: OutboxMessage, bought: Label, world: World) -> None:
    with outbox.finishing(message, at=world.now()):
        pk, at = message.payload["label"], world.now()
        label_rows.record_bought(pk, bought, by=_fresh(message).account.name, at=at)


def _settle(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    label = _fresh(message)
    if outcome.status == OutboxStatus.HELD:
        label_rows.record_refusal(label.pk, outcome.reason, at=at)
    else:
        _say(label, outcome)


def _say(label: ShippingLabel, outcome: outbox.Outcome) -> None:
    """Why it takes longer."""
    ShippingLabel.objects.filter(pk=label.pk).update(reason=outcome.reason[:500])


def _refuse_closed(order: Order) -> None:
    """The last moment at which it is free."""
    try:
        open_units.refuse_closed(order)
    except TransitionNotAllowed as refusal:
        raise outbox.Hold(str(refusal)) from refusal


def _refuse_disconnected(label: ShippingLabel) -> None:
    if label.account.state == CarrierState.REMOVED:
        raise outbox.Hold(f"{label.account.name} was disconnected.")


def _fresh(message: OutboxMessage) -> ShippingLabel:
    return ShippingLabel.objects.select_related("account__merchant", "order").get(pk=message.payload["label"])
