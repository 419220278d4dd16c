"""The protocol with one safeguard taken out. Each must be caught, or the simulation proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from unittest import mock

from django.db import transaction
from django.db.models import Q

from orders import outbox
from orders.enums import PushStatus
from orders.models import OutboxMessage
from orders.outbox import work
from orders.services import history, payments, pushes
from orders.services.transitions import move_push
from tests.simulation import outside

_send, _finish = pushes.send, pushes._finish


def _mark_nothing(message, push, world):
    with transaction.atomic():
        fresh = pushes._fresh(message)
        if fresh.status != PushStatus.SENDING:
            move_push(fresh, to=PushStatus.SENDING, by=history.STOREWARD, at=world.now())
    yield "marked"


def _mark_then_finish(message, push, ref, connector, world, **found):
    outbox.mark_sending(message, at=world.now())
    yield from _finish(message, push, ref, connector, world, **found)


def _unfenced(message: OutboxMessage) -> Q:
    return Q(pk=message.pk)


def _give_anew(gateway, payment, due):
    """As if each try were a refund of its own."""
    key = f"{due.pk}:{next(_tries)}"
    return gateway.refund(payment.reference, amount=due.amount, currency=due.currency, key=key, reason="", mark=key)


_tries = count()
MUTANTS = {
    "no lookup": [(pushes, "_look", lambda *_: ()), (pushes, "_believe_not_found", lambda *_: None)],
    "no horizon": [(pushes, "_believe_not_found", lambda *_: None)],
    "mark after send": [(pushes, "_mark", _mark_nothing), (pushes, "_finish", _mark_then_finish)],
    "no fencing": [(work, "_mine", _unfenced), (outside, "FREEZE", 0.03)],  # what is frozen for long loses its lease
    "no mark of a refund": [(payments, "_give_back", _give_anew)],
    "the machines' clocks": [(outside, "SKEW_S", 6 * 3600.0)],  # in another time zone
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """The named safeguard is missing inside; an empty name changes nothing."""
    with ExitStack() as stack:
        for module, attribute, replacement in MUTANTS[name] if name else []:
            stack.enter_context(mock.patch.object(module, attribute, replacement))
        yield
