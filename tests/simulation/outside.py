"""The outside as the simulation has it: a clock that is turned by hand, a store and a gateway that fail by dice.

Both keep a ledger of what they really did, whatever they answered.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.base import (
    Account,
    Blocker,
    Budget,
    Capabilities,
    Connector,
    InboundNotice,
    OutboundOrder,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShopInfo,
    WebhookState,
)
from connectors.errors import OutcomeUnknownError, RetryableError
from connectors.gateway.base import Authorization, Captured, Gateway, PaymentNotice, Refunded
from connectors.http import Answer, HttpClient
from connectors.services.clients import Access, RenewingClient

DEADLINE_S = 30  # our own time-out
RENEWING_S = 20  # that of a renewal
LATEST_COMMIT_S = 60  # a request may still be carried out so long after we stopped waiting
INDEX_LAG_S = 20  # a new order can be found so much later
HORIZON_S = 120
SKEW_S = 1.0  # a worker's clock is wrong by so much at the most
FREEZE = 0.005  # per step of a worker
BUDGET, RESTORE_PER_S = 40.0, 2.0  # of one store; two orders that come at once spend it
CREATING, READING = 12.0, 4.0


@dataclass
class VirtualClock:
    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class WorkersClock:
    """The clock as one worker has it: asked of the database once and counted on, so wrong by the way there and back."""

    clock: VirtualClock
    off_by: timedelta

    def now(self) -> datetime:
        return self.clock.now() + self.off_by


@dataclass
class Dice:
    """Seeded chance, and whether faults still happen."""

    rng: random.Random
    clock: VirtualClock
    rate: float = 0.35
    on: bool = True
    rolled: int = 0

    def fault(self, *kinds: str) -> str:
        if not self.on or self.rng.random() > self.rate:
            return ""
        self.rolled += 1
        return self.rng.choice(kinds)


@dataclass
class Ledger:
    """Orders as the shop has them: by reference, with the instant from which a search finds each."""

    orders: dict[str, list[tuple[str, Decimal, str, datetime]]] = field(default_factory=lambda: defaultdict(list))
    count: int = 1000

    def add(self, order: OutboundOrder, *, at: datetime) -> RemoteRef:
        self.count += 1
        remote_id = f"gid://shop/Order/{self.count}"
        self.orders[order.reference].append((remote_id, order.total, order.currency, at))
        return RemoteRef(remote_id, f"#{self.count}")


class SimulatedStore(Connector):
    platform = "simulated"
    label = "Simulated"
    capabilities = Capabilities(cancel=True, lookup_by_reference=True, stock=True)
    horizon_s = HORIZON_S

    def __init__(self, dice: Dice) -> None:
        self.dice, self.ledger = dice, Ledger()
        self.account = Account(base_url="https://simulated.example", credentials={}, currency="NZD")
        self.budget = None
        self._left, self._left_at = BUDGET, dice.clock.now()
        self._client = _Client(_Access(dice.clock, dice.rng))
        self._client.store = self

    def made(self) -> dict[str, list[str]]:
        """Ids by reference of all that the store ever made."""
        return {reference: [row[0] for row in rows] for reference, rows in self.ledger.orders.items()}

    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        self._reading()
        return {sku: (RemoteVariant(f"variant-{sku}", sku, sku),) for sku in skus}

    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        self._reading()
        return {key: RemoteVariant(key, key.removeprefix("variant-"), key) for key in variant_ids}

    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        return ()

    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        return {"reference": order.reference}

    def create(self, order: OutboundOrder) -> RemoteRef:
        self._spend(CREATING)
        self._client.request("POST", self.account.base_url, headers={}, json=order, changes=True)
        self._tell_budget()
        return self._created

    def take(self, order: OutboundOrder) -> int:
        """The status that one request for an order is answered with."""
        clock = self.dice.clock
        match self.dice.fault("lost answer", "late", "late", "never arrived", "refused", "throttled", "5xx", "expired"):
            case "expired":
                clock.advance(self.dice.rng.uniform(0, DEADLINE_S))
                return 401
            case "lost answer":
                self.ledger.add(order, at=clock.now())
                clock.advance(DEADLINE_S)
                raise OutcomeUnknownError("The store did not answer in time.")
            case "late":
                self.ledger.add(order, at=clock.now() + timedelta(seconds=DEADLINE_S + self._late()))
                clock.advance(DEADLINE_S)
                raise OutcomeUnknownError("The store did not answer in time.")
            case "never arrived":
                clock.advance(self.dice.rng.uniform(0, DEADLINE_S))
                raise OutcomeUnknownError("The connection broke.")
            case "5xx":
                raise OutcomeUnknownError("The store answered with an error.")
            case "refused":
                raise RetryableError("The store could not be reached.")
            case "throttled":
                raise RetryableError("Too many requests.", throttled=True, after_s=self.dice.rng.uniform(0, 20))
        self._created = self.ledger.add(order, at=clock.now())
        clock.advance(self.dice.rng.uniform(0, 3))
        return 200

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        self._reading()
        seen_before = self.dice.clock.now() - timedelta(seconds=INDEX_LAG_S)
        return tuple(RemoteRef(row[0], row[0]) for row in self.ledger.orders[reference] if row[3] <= seen_before)

    def read(self, remote_id: str) -> RemoteOrder | None:
        self._reading()
        for reference, rows in self.ledger.orders.items():
            for row in rows:
                if row[0] == remote_id:
                    return RemoteOrder(RemoteRef(remote_id, remote_id), reference, row[2], row[1])
        return None

    def cancel(self, remote_id: str, *, note: str) -> None:
        self._reading()

    def check(self) -> ShopInfo:
        return ShopInfo("1", "Simulated", "simulated.example", "NZD")

    def changed_since(self, since: datetime) -> Sequence[RemoteOrder]:
        return ()

    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        return WebhookState(())

    @classmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice:
        raise AssertionError("no webhooks here")

    def _reading(self) -> None:
        self.dice.clock.advance(self.dice.rng.uniform(0, 1))
        if self.dice.fault("down") and self.dice.rng.random() < 0.5:
            raise RetryableError("The store could not be reached.")
        self._spend(READING)
        self._tell_budget()

    def _spend(self, price: float) -> None:
        now = self.dice.clock.now()
        restored = (now - self._left_at).total_seconds() * RESTORE_PER_S
        self._left, self._left_at = min(self._left + restored, BUDGET), now
        if price > self._left:
            self._tell_budget()
            after_s = (price - self._left) / RESTORE_PER_S
            raise RetryableError("Too many requests.", throttled=True, after_s=after_s)
        self._left -= price

    def _tell_budget(self) -> None:
        self.budget = Budget(self._left, BUDGET, RESTORE_PER_S)

    def _late(self) -> float:
        return self.dice.rng.uniform(0, LATEST_COMMIT_S)


class _Wire(HttpClient):
    """In place of the network: the store that is asked for an order."""

    store: SimulatedStore

    def request(self, method: str, url: str, *, json: Any = None, **rest: Any) -> Answer:
        return Answer(self.store.take(json), {}, b"", changes=True)


class _Client(RenewingClient, _Wire):
    """The product's own, before that store."""


class _Access(Access):
    """Access that is always renewed, in its time."""

    def __init__(self, clock: VirtualClock, rng: random.Random) -> None:
        self._clock, self._rng = clock, rng

    def after_refusal(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        self._clock.advance(self._rng.uniform(0, RENEWING_S))
        return headers

    def expect_to_work(self) -> None:
        """It may run out again at once."""

    def is_refused_anew(self) -> bool:
        return False


class SimulatedGateway(Gateway):
    """Captures a payment once, and repeats its own fault for the idempotency key that met it, as Stripe does. A refund is
    given once for its mark."""

    name = "sandbox"
    label = "Simulated"

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.captures: dict[str, list[str]] = defaultdict(list)  # reference -> keys that moved money
        self.given: dict[str, dict[str, Decimal]] = defaultdict(dict)  # reference -> what each mark was given
        self.broken: set[str] = set()  # keys

    def capture(self, reference: str, *, amount: Decimal, currency: str, key: str) -> Captured:
        fault = self.dice.fault("lost answer", "refused", "5xx")
        if key in self.broken and not self.captures[reference]:
            fault = "5xx"
        match fault:
            case "refused":
                raise RetryableError("The gateway could not be reached.")
            case "5xx":
                self.broken.add(key)
                raise OutcomeUnknownError("The gateway answered with an error.")
            case "lost answer":
                self._take(reference, key)
                self.dice.clock.advance(DEADLINE_S)
                raise OutcomeUnknownError("The gateway did not answer in time.")
        already = self._take(reference, key)
        return Captured(f"ch_{reference}", amount, already=already)

    def _take(self, reference: str, key: str) -> bool:
        known = bool(self.captures[reference])
        if not known:
            self.captures[reference].append(key)
        return known

    def read(self, reference: str) -> Authorization:
        raise AssertionError("not asked in the simulation")

    def void(self, reference: str, *, reason: str, key: str) -> None:
        raise AssertionError("not asked in the simulation")

    def refund(
        self, reference: str, *, amount: Decimal, currency: str, key: str, reason: str, mark: str = ""
    ) -> Refunded:
        fault = self.dice.fault("lost answer", "refused", "5xx")
        if key in self.broken:
            fault = "5xx"
        match fault:
            case "refused":
                raise RetryableError("The gateway could not be reached.")
            case "5xx":
                self.broken.add(key)
                raise OutcomeUnknownError("The gateway answered with an error.", answered=True)
        self.given[reference].setdefault(mark, amount)
        if fault:
            self.dice.clock.advance(DEADLINE_S)
            raise OutcomeUnknownError("The gateway did not answer in time.")
        return Refunded(f"re_{mark}", amount, "succeeded")

    def refunds(self, reference: str) -> tuple[Refunded, ...]:
        return tuple(Refunded(f"re_{mark}", amount, "succeeded") for mark, amount in self.given[reference].items())

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> PaymentNotice:
        raise AssertionError("not asked in the simulation")
