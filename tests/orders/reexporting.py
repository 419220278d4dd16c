"""A store that fails in every way about creating and cancelling, and orders in it, for tests of re-exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.base import OutboundOrder, RemoteOrder, RemoteRef
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from orders.models import OrderPush, Payment, Reexport
from orders.services import reexports
from tests.fakes import FakeStore
from tests.orders.services.pushed import Pushed, make_pushed

LATE_S = 40  # a request whose answer was lost is carried out so much later; below the store's horizon


class FaultyStore(FakeStore):
    """`faults` holds the kinds that strike the next calls of a verb, first come first.

    create, cancel and update: "down" (never arrived, and the store says so), "lost" (done, no answer), "never" (not done,
    no answer), "late" (done LATE_S later, no answer). cancel also: "slow" (says yes, does it LATE_S later), "no" (refuses).
    A change of an order that is in the trash takes it out of there, as WooCommerce does.
    """

    capabilities = replace(FakeStore.capabilities, updates=frozenset({"note", "attributes"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.faults: dict[str, list[str]] = {"create": [], "cancel": [], "update": []}
        self.late: list[tuple[Any, Callable[[], None]]] = []
        self.updated: list[tuple[str, frozenset[str], OutboundOrder]] = []
        self.trash: set[str] = set()

    def create(self, order: OutboundOrder) -> RemoteRef:
        return self._change("create", lambda: self.add(order))

    def cancel(self, remote_id: str, *, note: str) -> None:
        self._change("cancel", lambda: self._cancel(remote_id))

    def update(self, remote_id: str, order: OutboundOrder, *, fields: frozenset[str]) -> None:
        if remote_id not in self.orders or self.orders[remote_id].cancelled:
            raise RejectedError("The order is not changed any more.", [])
        self._change("update", lambda: self._update(remote_id, fields, order))

    def throw_away(self, remote_id: str) -> None:
        """Into the trash: read as cancelled."""
        self.trash.add(remote_id)
        self.change(remote_id, cancelled=True)

    def read(self, remote_id: str) -> RemoteOrder | None:
        self.settle()
        return super().read(remote_id)

    def settle(self) -> None:
        """Carry out what was late and is due by now."""
        due = [act for at, act in self.late if at <= self.clock.now()]
        self.late = [(at, act) for at, act in self.late if at > self.clock.now()]
        for act in due:
            act()

    def standing(self, prefix: str = "") -> list[RemoteOrder]:
        """Orders that may still be sent to a customer."""
        return [order for order in self.orders.values() if not order.cancelled and order.reference.startswith(prefix)]

    def _cancel(self, remote_id: str) -> None:
        if remote_id in self.orders and not self.orders[remote_id].cancelled:
            if self.orders[remote_id].shipments:
                raise RejectedError("The store does not cancel what was sent.", [])
            self.change(remote_id, cancelled=True)

    def _update(self, remote_id: str, fields: frozenset[str], order: OutboundOrder) -> None:
        self.updated.append((remote_id, fields, order))
        if remote_id in self.trash:
            self.trash.discard(remote_id)
            self.change(remote_id, cancelled=False)

    def _later(self, act: Callable[[], Any]) -> None:
        at = self.clock.now().timestamp() + LATE_S
        self.late.append((self.clock.now().fromtimestamp(at, tz=self.clock.now().tzinfo), lambda: _quietly(act)))

    def _change(self, verb: str, act: Callable[[], Any]) -> Any:
        self.settle()
        self.calls.append(verb)
        match self.faults[verb].pop(0) if self.faults[verb] else "":
            case "down":
                raise RetryableError("The store cannot be reached.")
            case "never":
                raise OutcomeUnknownError("The connection broke.")
            case "lost":
                act()
                raise OutcomeUnknownError("The store did not answer in time.")
            case "late":
                self._later(act)
                raise OutcomeUnknownError("The store did not answer in time.")
            case "slow":
                self._later(act)
                return None
            case "no":
                raise RejectedError("The store does not cancel this order.", [])
        return act()


def _quietly(act: Callable[[], Any]) -> None:
    try:
        act()
    except RejectedError:
        return


def make_exported(merchant: Any = None, store: FaultyStore | None = None, **fields: Any) -> Pushed:
    """In the store as #1001, paid in full, with every SKU linked there."""
    store = store or FaultyStore()
    store.stock_up("A", "B", "C")
    pushed = make_pushed(store=store, merchant=merchant, **fields)
    Payment.objects.filter(order=pushed.order).update(captured=pushed.order.total)
    return pushed


def ask(pushed: Pushed) -> Reexport:
    """Set to re-export, and looked at."""
    row = reexports.ask(push_id=latest(pushed).pk, by="ana", at=pushed.store.clock.now())
    pushed.drain()
    row.refresh_from_db()
    return row


def choose(pushed: Pushed, row: Reexport, way: str) -> Reexport:
    """One of the ways, carried out as far as it goes at once."""
    reexports.choose(reexport_id=row.pk, way=way, by="ana", at=pushed.store.clock.now())
    pushed.drain()
    pushed.drain()  # what follows a second later: cancelling takes one
    row.refresh_from_db()
    return row


def later(pushed: Pushed, seconds: float) -> None:
    """So much time passes, and workers do what became due."""
    pushed.store.clock.advance(seconds)
    pushed.store.settle()
    pushed.drain()
    pushed.drain()


def latest(pushed: Pushed) -> OrderPush:
    return OrderPush.objects.filter(order=pushed.order).order_by("-generation").first()


def why(row: Reexport, way: str) -> str:
    """Why a way is closed; empty when it is open."""
    return next(option["why"] for option in row.ways if option["way"] == way)
