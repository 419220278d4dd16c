"""Stand-ins for what is outside: a store with a ledger and a clock that moves only when told to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.base import (
    Account,
    Blocker,
    BlockerCode,
    Capabilities,
    Connector,
    InboundNotice,
    OutboundOrder,
    Parcel,
    PutBack,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShipmentLine,
    ShipmentNotice,
    ShopInfo,
    WebhookState,
)
from connectors.errors import (
    ConnectorError,
    CredentialsError,
    NotVisibleError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.gateway import registry as gateways
from orders.world import World
from tests import invariants
from tests.factories import NOON


class FakeClock:
    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Passing:
    """The pump's time: it passes while the pump waits, and nothing that it does takes any."""

    def __init__(self) -> None:
        self.s = 1000.0

    def monotonic(self) -> float:
        return self.s

    def pass_by(self, seconds: float) -> None:
        self.s += seconds


class FakeStore(Connector):
    """A store in memory. Its orders are found by reference `index_lag_s` after they were created, read at once.

    With `unique_references` an order whose reference another one has is refused.
    `next_fault` strikes the next call and is used up: "timeout_after_create" (creates, then loses the answer; strikes
    the next create), "rejected", "throttled", "down" (not sent), "auth".
    """

    platform = "fake"
    label = "Fake store"
    capabilities = Capabilities(
        cancel=True, tags=True, notes=True, webhooks=True, lookup_by_reference=True, stock=True, pickup=True
    )
    horizon_s = 120

    def __init__(self, clock: FakeClock | None = None, *, index_lag_s: float = 0.0) -> None:
        super().__init__(Account(base_url="https://fake.example", credentials={}), http=None)  # type: ignore[arg-type]
        self.clock = clock or FakeClock()
        self.index_lag_s = index_lag_s
        self.next_fault = ""
        self.unique_references = False
        self.orders: dict[str, RemoteOrder] = {}  # the ledger, by remote id
        self.sent: dict[str, OutboundOrder] = {}  # what each was created from
        self.variants: dict[str, RemoteVariant] = {}  # by SKU
        self.notes: dict[str, str] = {}  # of stores that keep them apart
        self.lacks: Blocker | None = None  # what no mending mends
        self.half_made: set[str] = set()  # ids that lack something
        self.put_back_there: list[PutBack] = []
        self.calls: list[str] = []
        invariants.watch(self)

    def hides(self, order: RemoteOrder) -> bool:
        return self.hides_after is not None and self.clock.now() - order.created_at > self.hides_after

    # --- the connector's verbs ---

    def check(self) -> ShopInfo:
        self._call("check")
        return ShopInfo(remote_id="fake-shop", name="Fake store", domain="fake.example", currency="NZD")

    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        self._call("find_variants")
        return {sku: (self.variants[sku],) if sku in self.variants else () for sku in skus}

    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        self._call("read_variants")
        return {variant.variant_id: variant for variant in self.variants.values() if variant.variant_id in variant_ids}

    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        short = (line for line in order.lines if _lacks(variants.get(line.variant_id), line.quantity))
        if order.options.bypass_stock_check:
            return ()
        return tuple(
            Blocker(BlockerCode.OUT_OF_STOCK, f"{line.sku} is out of stock.", value=line.sku) for line in short
        )

    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        return {"reference": order.reference, "total": str(order.total)}

    def create(self, order: OutboundOrder) -> RemoteRef:
        loses_answer = self.next_fault == "timeout_after_create"
        if loses_answer:
            self.next_fault = ""
        self._call("create")
        if self.unique_references and any(known.reference == order.reference for known in self.orders.values()):
            text = "This reference has already been taken."
            raise RejectedError(text, [Blocker(BlockerCode.ALREADY_AT_DESTINATION, text)])
        ref = self.add(order)
        if loses_answer:
            raise OutcomeUnknownError("The store did not answer in time.")
        return ref

    def shows_all(self) -> bool:
        return self.hides_after is None

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        self._call("find")
        visible = self.clock.now() - timedelta(seconds=self.index_lag_s)
        found = [
            order
            for order in self.orders.values()
            if order.reference == reference and since <= order.created_at <= visible and not self.hides(order)
        ]
        return tuple(order.ref for order in sorted(found, key=lambda order: order.created_at))

    def mend(self, remote_id: str, order: OutboundOrder) -> None:
        self._call("mend")
        if self.lacks:
            raise RejectedError(self.lacks.message, [self.lacks])
        self.half_made.discard(remote_id)

    def read(self, remote_id: str) -> RemoteOrder | None:
        self._call("read")
        order = self.orders.get(remote_id)
        if self.hides_after is not None and (order is None or self.hides(order)):
            raise NotVisibleError("The store does not show it.", shown_for=self.hides_after)
        return order

    def add_notes(self, remote_id: str, order: OutboundOrder) -> None:
        self._call("add_notes")
        self.notes[remote_id] = order.options.note

    def put_back(self, remote_id: str, back: PutBack) -> bool:
        self._call("put_back")
        if self.hides_after is not None and (remote_id not in self.orders or self.hides(self.orders[remote_id])):
            raise NotVisibleError("The store does not show it.", shown_for=self.hides_after)
        if back not in self.put_back_there:
            self.put_back_there.append(back)
        return True

    def cancel(self, remote_id: str, *, note: str) -> None:
        self._call("cancel")
        self.change(remote_id, cancelled=True)

    def changed_since(self, since: datetime) -> Sequence[RemoteOrder]:
        self._call("changed_since")
        changed = [order for order in self.orders.values() if order.updated_at >= since]
        return sorted(changed, key=lambda order: order.updated_at)

    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        self._call("register_webhooks")
        return WebhookState(topics=("orders/updated",))

    @classmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice:
        return InboundNotice(event_id=headers["event-id"], topic=headers["topic"], remote_order_id=body.decode())

    # --- what happens in the store ---

    def stock_up(self, *skus: str, stock: int | None = None) -> None:
        """Sell these SKUs; without `stock` they are not counted."""
        for sku in skus:
            self.variants[sku] = RemoteVariant(variant_id=f"variant-{sku}", sku=sku, title=sku, stock=stock)

    def made(self) -> dict[str, list[str]]:
        """The ledger's ids, by our reference."""
        made: dict[str, list[str]] = {}
        for remote_id, order in self.orders.items():
            if order.reference:  # the store's own orders have none
                made.setdefault(order.reference, []).append(remote_id)
        return made

    def add(self, order: OutboundOrder) -> RemoteRef:
        """Put an order in the ledger; the same one twice is two."""
        number = 1001 + len(self.orders)
        ref = RemoteRef(f"fake-{number}", f"#{number}", f"https://fake.example/admin/{number}")
        self.sent[ref.remote_id] = order
        now = self.clock.now()
        self.orders[ref.remote_id] = RemoteOrder(
            ref=ref,
            reference=order.reference,
            currency=order.currency,
            total=order.total,
            created_at=now,
            updated_at=now,
            remote_version="1",
        )
        return ref

    def change(self, remote_id: str, **fields: Any) -> RemoteOrder:
        """Change an order as a person there would: it gets a new version a second later."""
        order = self.orders[remote_id]
        self.clock.advance(1)
        version = str(int(order.remote_version) + 1)
        self.orders[remote_id] = replace(order, updated_at=self.clock.now(), remote_version=version, **fields)
        return self.orders[remote_id]

    def fulfill(
        self, remote_id: str, lines: Mapping[str, int] | None = None, parcels: Iterable[Parcel] = ()
    ) -> ShipmentNotice:
        """Send quantities by SKU, or everything."""
        order = self.orders[remote_id]
        shipment = ShipmentNotice(
            remote_id=f"{remote_id}-F{len(order.shipments) + 1}",
            status="success",
            lines=tuple(
                ShipmentLine(
                    sku=line.sku, quantity=line.quantity if lines is None else lines[line.sku], line_id=line.line_id
                )
                for line in self.sent[remote_id].lines
                if lines is None or line.sku in lines
            ),
            parcels=tuple(parcels),
            shipped_at=self.clock.now(),
        )
        return self.put(remote_id, shipment)

    def add_tracking(self, remote_id: str, shipment: ShipmentNotice, *parcels: Parcel) -> ShipmentNotice:
        return self.put(remote_id, replace(shipment, parcels=(*shipment.parcels, *parcels)))

    def take_back(self, remote_id: str, shipment: ShipmentNotice) -> ShipmentNotice:
        """Cancel a fulfillment."""
        return self.put(remote_id, replace(shipment, status="cancelled"))

    def refund(self, remote_id: str, amount: str) -> RemoteOrder:
        return self.change(remote_id, refunded=self.orders[remote_id].refunded + Decimal(amount))

    def put(self, remote_id: str, shipment: ShipmentNotice) -> ShipmentNotice:
        """Add a fulfillment, or change the one with its id."""
        self.clock.advance(1)
        shipment = replace(shipment, updated_at=self.clock.now())
        others = [other for other in self.orders[remote_id].shipments if other.remote_id != shipment.remote_id]
        self.change(remote_id, shipments=(*others, shipment))
        return shipment

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.next_fault == "timeout_after_create":
            return
        fault, self.next_fault = self.next_fault, ""
        if fault:
            raise _error(fault)


def make_world(store: FakeStore) -> World:
    """The store's clock, the store itself for every connection, and the real sandbox gateway."""
    return World(clock=store.clock, connector_for=lambda connection: store, gateway_for=gateways.get)


def _lacks(variant: RemoteVariant | None, quantity: int) -> bool:
    return variant is None or (variant.stock is not None and variant.stock < quantity)


def _error(fault: str) -> ConnectorError:
    match fault:
        case "rejected":
            blocker = Blocker(BlockerCode.PROVINCE_UNKNOWN, "The store does not know this province.")
            return RejectedError("The store refused it.", [blocker])
        case "throttled":
            return RetryableError("The store asks us to slow down.", code="rate_limited", after_s=2, throttled=True)
        case "down":
            return RetryableError("The store cannot be reached.")
        case "auth":
            return CredentialsError("The store no longer accepts our token.")
    raise ValueError(fault)
