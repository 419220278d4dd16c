"""What a person found at the destination about a push that is held: it is there under this id, or it is not there.

The destination is read before anything is believed. Network: never in a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil

from django.db import transaction

from connectors.base import Connector, RemoteOrder, RemoteRef
from connectors.errors import ConnectorError
from connectors.money import Money, named
from connectors.registry import connector_class
from connectors.services.clients import connector_for
from connectors.services.connections import ASK_DEADLINE_S
from orders import outbox
from orders.attempt import Attempt
from orders.enums import PushStatus
from orders.errors import FindingRefused
from orders.models import OrderPush, OutboxMessage
from orders.services import history, pushes, sight
from orders.services.keys import push_key
from orders.services.push_records import compares_totals
from orders.services.transitions import lock
from orders.world import World

MARGIN = timedelta(hours=1)  # around our clock and the destination's


def is_there(*, push_id: int, typed: str, by: str, at: datetime, world: World | None = None) -> OrderPush:
    """Record the order that stands there as this push's, once it was read and is the same.

    `typed` is its id there, or the address of its page. Raises FindingRefused when there is none, when it carries
    another reference or another total, and when the push is not held.
    """
    push = _held(push_id)
    remote_id = connector_class(push.connection.platform).remote_id_of(typed.strip())
    if not remote_id:
        raise FindingRefused(
            "This is no id of an order there. Copy it, or the address of the order's page in the store."
        )
    with _asking(push, world) as connector:
        remote = connector.read(remote_id)
    if remote is None:
        raise FindingRefused(f"{push.connection.name} has no order with this id.")
    _refuse_another(push, remote)
    _adopt(push, remote.ref, by=by, at=at, text=f"{by} found it in {push.connection.name} as {remote.ref.name}.")
    return push


def is_not_there(*, push_id: int, by: str, at: datetime, world: World | None = None) -> OrderPush:
    """Take back that it may be there, once a look finds nothing; then it can be kept out, or sent as if for the first time.

    What the look finds is recorded instead: `push.status` says which. Where the store shows nothing so old any more, the
    person's word alone counts, and the history says so. Raises FindingRefused when the push is not held,
    and before the longest time that the last request can take is over.
    """
    push = _held(push_id)
    message = OutboxMessage.objects.get(key=push_key(push))
    if message.maybe_sent_at is None:
        raise FindingRefused("Nothing was sent that could be there.")
    with _asking(push, world) as connector:
        found = connector.find(push.reference, since=min(message.maybe_sent_at, message.created_at) - MARGIN)
        shown = bool(found) or sight.reaches(connector, message.maybe_sent_at, at=at)
    if found:
        text = f"{by} looked for it: {push.connection.name} has it as {found[0].name}."
        _adopt(push, found[0], by=by, at=at, text=text)
        return push
    over_at = message.maybe_sent_at + timedelta(seconds=connector.horizon_s)
    if at < over_at:
        seconds = ceil((over_at - at).total_seconds())
        raise FindingRefused(f"It is not there yet, but may still be on its way: look again in {seconds} seconds.")
    with transaction.atomic():
        lock(push.order_id)
        if not outbox.take_back_mark(message.key, maybe_sent_at=message.maybe_sent_at):
            raise FindingRefused("It was just sent again: look at what came of it.")
        text = f"{by} looked for it: it is not in {push.connection.name}."
        if not shown:
            text = f"{text} It is too old to be shown to Storeward: that it is not there is {by}'s word."
        history.note(push.order, kind="push.not_there", text=text, by=by, at=at, push=push.public_id)
    return push


def _held(push_id: int) -> OrderPush:
    push = OrderPush.objects.select_related("order", "connection__source").get(pk=push_id)
    promised = OutboxMessage.objects.filter(key=push_key(push)).exists()
    if push.status != PushStatus.HELD or push.remote_id or not promised:
        raise FindingRefused("This is for what was to be sent and is held.")
    return push


@contextmanager
def _asking(push: OrderPush, world: World | None) -> Iterator[Connector]:
    """The destination's driver, as its limits allow. What it raises becomes a FindingRefused that says so."""
    outside = world or replace(World.real(), connector_for=partial(connector_for, deadline_s=ASK_DEADLINE_S))
    attempt = Attempt(outside)
    try:
        yield attempt.world.connector_for(push.connection)
    except ConnectorError as error:
        attempt.failed(error)
        raise FindingRefused(f"{push.connection.name} could not be asked: {error}") from error
    except Exception:
        attempt.broke_off()
        raise
    attempt.answered()


def _refuse_another(push: OrderPush, remote: RemoteOrder) -> None:
    """It must carry our reference; one that was typed by hand there carries none, and is ours by its total and time.

    Of a partner's orders nothing is told but that they are others.
    """
    if remote.reference != push.reference and (remote.reference or push.connection.source_id):
        raise FindingRefused("That order carries another reference: it is not this one.")
    if not remote.reference and remote.created_at and remote.created_at < push.order.received_at - MARGIN:
        raise FindingRefused(f"{remote.ref.name} is older than this order: it is not this one.")
    due = Money(push.expected_total, push.order.currency)
    if compares_totals(push) and (remote.total, remote.currency) != (due.amount, due.currency):
        text = f"{remote.ref.name} has {named(remote.total, remote.currency)}, and this is {due}."
        raise FindingRefused(f"{text} Correct it there, or it is another order.")
    others = OrderPush.objects.at_store(push.connection.speaker_id).filter(remote_id=remote.ref.remote_id)
    if other := others.select_related("order").first():
        of = f"order {other.order.number}" if other.order.merchant_id == push.order.merchant_id else "another order"
        raise FindingRefused(f"{remote.ref.name} is recorded for {of} already.")


@transaction.atomic
def _adopt(push: OrderPush, ref: RemoteRef, *, by: str, at: datetime, text: str) -> None:
    if not pushes.adopt(push_id=push.pk, ref=ref, at=at):
        raise FindingRefused("It was just taken up again: look at what came of it.")
    history.note(push.order, kind="push.found", text=text, by=by, at=at, push=push.public_id)
    push.refresh_from_db()
