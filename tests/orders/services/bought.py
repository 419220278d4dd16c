"""A store in memory where customers buy, which can be told what was sent."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import Any

from connectors.base import OutboundShipment, RemoteOrder, RemoteRef, ShipmentNotice
from connectors.errors import OutcomeUnknownError, SeveralPlacesError
from tests.fakes import FakeClock, FakeStore


class StoreWhereBought(FakeStore):
    """`told` keeps what each call of the verb said; with `loses_answer` the next one is done and not answered.

    `place_of` says where units lie, by SKU: units of several places are told place by place.
    """

    capabilities = replace(
        FakeStore.capabilities,
        fulfills=True,
        fulfills_parts=True,
        fulfills_by_place=True,
        takes_back=True,
        readies=True,
    )

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.told: list[OutboundShipment] = []
        self.place_of: dict[str, str] = {}
        self.undone: list[str] = []
        self.recalled: list[OutboundShipment] = []
        self.loses_answer = False
        self.ready: list[Any] = []  # lines of each call

    def place(self, remote_id: str) -> None:
        """An order of a customer, that came to us from here."""
        now = self.clock.now()
        ref = RemoteRef(remote_id, f"#{remote_id}")
        self.orders[remote_id] = RemoteOrder(
            ref=ref, reference="", currency="NZD", total=0, created_at=now, updated_at=now, remote_version="1"
        )

    def fulfill(self, remote_id: str, lines: Any = None, parcels: Any = ()) -> Any:
        """The driver's verb, in place of what a test does in the name of the store's staff."""
        shipment: OutboundShipment = lines
        self._call("fulfill")
        self._refuse_several_places(shipment)
        self.told.append(shipment)
        known = [one for one in self.orders[remote_id].shipments if one.remote_id == shipment.known_id]
        number = len(self.orders[remote_id].shipments) + 1
        notice = ShipmentNotice(
            known[0].remote_id if known else f"F{number}", "success", shipment.lines or known[0].lines, shipment.parcels
        )
        self.put(remote_id, notice)
        if self.loses_answer:
            self.loses_answer = False
            raise OutcomeUnknownError("The store did not answer in time.")
        return notice.remote_id

    def _refuse_several_places(self, shipment: OutboundShipment) -> None:
        lines = groupby(shipment.lines, key=lambda line: self.place_of.get(line.sku, ""))
        parts = [replace(shipment, lines=tuple(group)) for _, group in lines]
        if len(parts) > 1 and not shipment.known_id:
            raise SeveralPlacesError(parts)

    def ready_for_pickup(self, remote_id: str, lines: Any) -> None:
        self._call("ready_for_pickup")
        self.ready.append([(line.sku, line.quantity, line.remote_line_id) for line in lines])
        if self.loses_answer:
            self.loses_answer = False
            raise OutcomeUnknownError("The store did not answer in time.")

    def unfulfill(self, remote_id: str, fulfillment_id: str) -> None:
        self._call("unfulfill")
        self.undone.append(fulfillment_id)
        (standing,) = [one for one in self.orders[remote_id].shipments if one.remote_id == fulfillment_id]
        assert standing.status == "success"
        self.put(remote_id, replace(standing, status="cancelled"))
        if self.loses_answer:
            self.loses_answer = False
            raise OutcomeUnknownError("The store did not answer in time.")


class StoreWithoutFulfillments(StoreWhereBought):
    """What is told of an order is written into that, so that it is taken out again by what it is: once or twice alike."""

    capabilities = replace(FakeStore.capabilities, fulfills=True, fulfills_parts=True, takes_back=True, recalls=True)

    def fulfill(self, remote_id: str, lines: Any = None, parcels: Any = ()) -> Any:
        self._call("fulfill")
        self.told.append(lines)
        self._lose_answer()
        return remote_id

    def recall(self, remote_id: str, shipment: OutboundShipment) -> None:
        self._call("recall")
        self.recalled.append(shipment)
        self._lose_answer()

    def _lose_answer(self) -> None:
        if self.loses_answer:
            self.loses_answer = False
            raise OutcomeUnknownError("The store did not answer in time.")
