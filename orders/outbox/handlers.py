"""Who keeps which promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orders.enums import Topic


@dataclass(frozen=True, slots=True)
class Handler:
    """Dotted paths, since the services import this module. `settled` tells the rows above how an attempt ended."""

    run: str  # (message, world) -> Iterator[str]
    settled: str = "orders.services.history.not_told"  # (message, outcome, at) -> None, inside the transaction
    asks: str = ""  # the verb of the lane's driver whose cost the budget must hold


HANDLERS: Mapping[str, Handler] = {
    Topic.CHECK_ORDER: Handler("orders.services.checks.check", "orders.services.checks.settled", asks="find_variants"),
    Topic.CAPTURE_PAYMENT: Handler("orders.services.payments.capture", "orders.services.payments.settled"),
    Topic.VOID_PAYMENT: Handler("orders.services.payments.void", "orders.services.payments.settled"),
    Topic.REFUND_PAYMENT: Handler("orders.services.payments.refund", "orders.services.payments.settled"),
    Topic.PUSH_ORDER: Handler("orders.services.pushes.send", "orders.services.pushes.settled", asks="create"),
    Topic.ADD_NOTES: Handler("orders.services.push_notes.add", "orders.services.push_notes.settled", asks="add_notes"),
    Topic.CANCEL_REMOTE: Handler(
        "orders.services.remote_cancel.run", "orders.services.remote_cancel.settled", asks="cancel"
    ),
    Topic.CANCEL_COPY: Handler("orders.services.duplicates.run", "orders.services.duplicates.settled", asks="cancel"),
    Topic.WRITE_BACK: Handler("orders.services.telling.tell", "orders.services.write_backs.settled", asks="fulfill"),
    Topic.TELL_READY: Handler(
        "orders.services.ready_notices.tell", "orders.services.ready_notices.settled", asks="ready_for_pickup"
    ),
    Topic.PLAN_REEXPORT: Handler("orders.services.reexports.look", "orders.services.reexports.settled", asks="read"),
    Topic.REEXPORT: Handler("orders.services.reexports.run", "orders.services.reexports.settled", asks="cancel"),
    Topic.PUT_BACK: Handler("orders.services.restocking.put_back", "orders.services.restocking.settled", asks="read"),
    Topic.PULL_REMOTE: Handler("orders.services.fulfillment.pull", asks="read"),
    Topic.READ_STORE_ORDER: Handler(
        "orders.services.store_hints.read", "orders.services.store_hints.settled", asks="store_order"
    ),
    Topic.TELL_CUSTOMER: Handler("orders.services.customer_notices.tell", "orders.services.history.told_when_held"),
    Topic.TELL_MERCHANT: Handler("orders.services.notices.tell", "orders.services.history.told_when_held"),
    Topic.MAKE_DOCUMENTS: Handler("orders.services.documents.carry_out"),
    Topic.SCHEDULE_PICKUP: Handler("orders.services.pickup_calls.schedule", "orders.services.pickup_calls.settled"),
    Topic.CANCEL_PICKUP: Handler("orders.services.pickup_calls.cancel", "orders.services.pickup_calls.cancel_settled"),
    Topic.RATE_LABEL: Handler("orders.services.label_calls.rate", "orders.services.label_calls.rate_settled"),
    Topic.BUY_LABEL: Handler("orders.services.label_calls.buy", "orders.services.label_calls.buy_settled"),
    Topic.VOID_LABEL: Handler("orders.services.label_calls.void", "orders.services.label_calls.void_settled"),
}
