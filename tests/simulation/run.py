"""One seed: some confirmed orders, some workers that are stopped, frozen and killed at any step, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min

from connectors.models import Connection
from connectors.services import limits
from orders import outbox
from orders.enums import PushStatus, Topic
from orders.errors import FindingRefused
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import decisions, push_findings, pushes
from orders.services.refund_quotes import TAKEN
from orders.world import World
from tests import invariants
from tests.factories import NOON, make_channel, make_connection, make_merchant, make_order
from tests.simulation import outside
from tests.simulation.giving_back import Refunding, astray
from tests.simulation.mutants import mutated
from tests.simulation.names import Result
from tests.simulation.outside import Dice, SimulatedGateway, SimulatedStore, VirtualClock, WorkersClock

ORDERS = 3
WORKERS = 3
CRASH = 0.02  # per step
STEPS_WITH_FAULTS = 110
BROKEN_EVERY = 3  # seeds; in one of so many the circuit of the first store is open at the beginning
PATIENCE = timedelta(hours=8)  # virtual, after the faults have ceased


@dataclass
class Worker:
    world: World
    job: Iterator[str] | None = None
    frozen_until: datetime | None = None


def simulate(seed: int, *, mutant: str = "") -> Result:
    """Run one seed to its end in a transaction that is rolled back."""
    with mutated(mutant), transaction.atomic():
        result = _Simulation(seed).run()
        transaction.set_rollback(True)
    return result


class _Simulation:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = VirtualClock(NOON)
        self.dice = Dice(self.rng, self.clock)
        self.stores = {connection.pk: SimulatedStore(self.dice) for connection in _place(ORDERS)}
        self.gateway = SimulatedGateway(self.dice)
        self.world = World(
            clock=self.clock,
            connector_for=lambda connection: self.stores[connection.pk],
            gateway_for=lambda name: self.gateway,
            rng=self.rng,
        )
        if seed % BROKEN_EVERY == 0:
            _open_circuit(next(iter(self.stores)))
        clocks = random.Random(f"clocks of {seed}")
        self.workers = [Worker(self._with_clock(clocks.uniform(-1, 1))) for _ in range(WORKERS)]
        self.result = Result(seed, orders=ORDERS)
        self.refunding = Refunding(random.Random(f"refunds of {seed}"))

    def _with_clock(self, share: float) -> World:
        return replace(self.world, clock=WorkersClock(self.clock, timedelta(seconds=share * outside.SKEW_S)))

    def run(self) -> Result:
        for _ in range(STEPS_WITH_FAULTS):
            self._tick(faults=True)
        self.dice.on = False
        give_up = self.clock.now() + PATIENCE
        while self.clock.now() < give_up and not self._all_there():
            self._tick(faults=False)
            self._attend()
        return self._judge()

    def _attend(self) -> None:
        """A message that saw five workers die under it waits for a person, who presses the button on its page."""
        for push in OrderPush.objects.filter(status=PushStatus.HELD, remote_id=""):
            self._say(push)
        for message in OutboxMessage.objects.filter(status="held").exclude(error_reference=""):
            if message.topic == Topic.PUSH_ORDER and message.push_id:
                pushes.retry(push_id=message.push_id, by="ana@kauri.example", at=self.clock.now())
            elif message.topic == Topic.CAPTURE_PAYMENT:
                decisions.check_again(order_id=message.order_id, by="ana@kauri.example", at=self.clock.now())
        self.refunding.try_again(at=self.clock.now())

    def _say(self, push: OrderPush) -> None:
        """One that was sent as often as its store bears waits for a person, who looks and says that it is not there."""
        if any(blocker["code"] == "outcome_unknown" for blocker in push.blockers):
            who = {"by": "ana@kauri.example", "at": self.clock.now()}
            try:
                push_findings.is_not_there(push_id=push.pk, world=self.world, **who)
            except FindingRefused:
                return  # too early, or the store cannot be asked now
            push.refresh_from_db()
            if push.status == PushStatus.HELD:
                pushes.retry(push_id=push.pk, **who)

    def _tick(self, *, faults: bool) -> None:
        self.refunding.go_on(at=self.clock.now())
        worker = self.rng.choice(self.workers)
        if worker.frozen_until and worker.frozen_until > self.clock.now():
            self._skip_if_nothing_moves()
            return
        worker.frozen_until = None
        if worker.job is None:
            self._take_work(worker)
        elif faults and self.rng.random() < CRASH:
            worker.job = None  # killed: nothing more of it is run
            self.result.crashes += 1
        elif faults and self.rng.random() < outside.FREEZE:
            worker.frozen_until = self.clock.now() + timedelta(seconds=self.rng.uniform(0, 360))
        else:
            self._step(worker)
        self.clock.advance(self.rng.uniform(0, 0.4))

    def _take_work(self, worker: Worker) -> None:
        at = worker.world.now()
        outbox.release(at=at)
        outbox.take_back_expired(at=at)
        claimed = outbox.claim(at=at, limit=1)
        if claimed:
            worker.job = outbox.steps(claimed[0], worker.world)
        else:
            self._skip_if_nothing_moves()

    def _step(self, worker: Worker) -> None:
        assert worker.job is not None
        try:
            with transaction.atomic():  # a fault of the database ends the step, not the seed
                ended = next(worker.job, None) is None
        except Exception:
            ended = True
            self.result.errors += 1
        if ended:
            worker.job = None

    def _skip_if_nothing_moves(self) -> None:
        """Turn the clock to the next instant at which something can happen, when every worker waits for it."""
        now = self.clock.now()
        if any(worker.job and not (worker.frozen_until and worker.frozen_until > now) for worker in self.workers):
            return
        waiting = OutboxMessage.objects.filter(status="waiting", wait_for="", next_attempt_at__gt=now)
        instants = [
            waiting.aggregate(at=Min("next_attempt_at"))["at"],
            OutboxMessage.objects.filter(status="running", lease_until__gt=now).aggregate(at=Min("lease_until"))["at"],
            Connection.objects.filter(open_until__gt=now).aggregate(at=Min("open_until"))["at"],
            *(worker.frozen_until for worker in self.workers if worker.frozen_until and worker.frozen_until > now),
        ]
        self.clock.at = min((at for at in instants if at), default=now + timedelta(seconds=30))

    def _all_there(self) -> bool:
        running = any(worker.job for worker in self.workers) or not self.refunding.is_over()
        return not running and not OrderPush.objects.exclude(status=PushStatus.PUSHED).exists()

    def _judge(self) -> Result:
        self.result.faults = self.dice.rolled
        pushes = {push.reference: push for push in OrderPush.objects.select_related("order__payment")}
        there = {reference: ids for store in self.stores.values() for reference, ids in store.made().items()}
        taken = {key: self.gateway.captures[push.order.payment.reference] for key, push in pushes.items()}
        kept = [(push.reference, push.remote_id) for push in pushes.values() if push.remote_id]
        self.result.lost = len({*invariants.missing(pushes, there), *invariants.missing(pushes, taken)})
        self.result.duplicated = len({*invariants.doubled(there), *invariants.doubled(taken)})
        self.result.stuck = sum(not _is_recorded(push) for push in pushes.values())
        self.result.broken = len([*invariants.strangers(kept, there), *invariants.broken()])
        totals = {
            reference: rows[0][1] for store in self.stores.values() for reference, rows in store.ledger.orders.items()
        }
        self.result.astray = len(list(astray(pushes.values(), self.gateway.given, totals)))
        return self.result


def _is_recorded(push: OrderPush) -> bool:
    return push.status == PushStatus.PUSHED and push.order.payment.status in TAKEN


def _open_circuit(connection_id: int) -> None:
    for _ in range(limits.CALLS_BEFORE_OPENING):
        limits.record(connection_id, outcome="failed", at=NOON)


def _place(count: int) -> list[Connection]:
    merchant, channel = make_merchant(), make_channel()
    connections = [make_connection(merchant, name=f"Store {n}") for n in range(2)]
    for number in range(count):
        order = make_order(
            merchant, channel=channel, connections=[connections[number % 2]], lines=[{"sku": "STOOL", "quantity": 2}]
        )
        Order.objects.filter(pk=order.pk).update(confirm_by=NOON + timedelta(days=30))
        decisions.confirm(order_id=order.pk, by="ana@kauri.example", at=NOON)
    return connections
