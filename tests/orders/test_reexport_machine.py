"""Any sequence of clicks, API calls, crashes, lost answers and workers at once: never two live copies of one order.

The rules do what people, workers and the store may do at any moment; the invariants look at the store's own ledger.
"""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.services import api_keys
from connectors.models import Connection
from orders import outbox
from orders.enums import PushStatus, ReexportStatus, ReexportWay
from orders.errors import OrderError
from orders.models import Order, OrderPush, OutboxMessage, Reexport
from orders.services import decisions, order_edits, pushes, reconcile, reexport_plan, reexports, sight
from orders.services.reexport_plan import Found
from tests import invariants
from tests.examples import tried
from tests.orders.reexporting import LATE_S, FaultyStore, make_exported

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]
MOST_WORKERS = 3
_STRIKES_LATE = {"slow": "late"}  # no store says yes to a change and makes it later
ENDS = 25  # turns of an hour in which everything must have come to rest


class Reexporting(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = FaultyStore()
        self.store.hides_after = timedelta(days=60)  # as Shopify hides from most apps what is older
        self.pushed = make_exported(store=self.store)
        self.pushed.world = replace(self.pushed.world, rng=random.Random(1))  # the same steps lead the same way
        self.clock, self.world, self.order = self.store.clock, self.pushed.world, self.pushed.order
        self.workers: list = []
        self.key = api_keys.issue(
            merchant=self.order.merchant, name="tests", can_write=True, expires_at=None, by="ana", at=self.clock.now()
        )[1]

    # --- people ---

    @rule()
    def ask(self) -> None:
        self._refusable(reexports.ask, push_id=self._latest().pk)

    @rule(way=st.sampled_from(ReexportWay.values))
    def choose(self, way: str) -> None:
        for row in Reexport.objects.filter(push__order=self.order):
            self._refusable(reexports.choose, reexport_id=row.pk, way=way)

    @rule(door=st.sampled_from(["ask", "choose", "look", "withdraw"]), way=st.sampled_from(ReexportWay.values))
    def over_the_api(self, door: str, way: str) -> None:
        """The same wishes by an integration, about the newest push and whatever re-export it has, ended ones too."""
        push = self._latest()
        if door == "ask":
            self._send(f"pushes/{push.public_id}/re-export/", {})
            return
        for row in Reexport.objects.filter(push__order=self.order):
            self._send(f"re-exports/{row.public_id}/{door}/", {"way": way} if door == "choose" else {})

    @rule(text=st.sampled_from(["Ring twice", "Leave it at the door"]))
    def edit(self, text: str) -> None:
        """The marketplace edits what may be changed in place."""
        push = self._latest()
        if push.status == PushStatus.PUSHED:
            order_edits.flag(push, [order_edits.Change("note", "", text)], at=self.clock.now())

    @rule(way=st.sampled_from(ReexportWay.values), fault=st.sampled_from(["", "slow", "lost", "late", "never"]))
    def set_to_reexport(self, way: str, fault: str) -> None:
        """The usual way through, so that the machine gets far: asked, looked at, chosen."""
        self.ask()
        self.everything_due_is_done()
        verb = "update" if way == ReexportWay.UPDATE else "cancel"
        self.store.faults[verb] = [_STRIKES_LATE.get(fault, fault) if verb == "update" else fault] if fault else []
        self.choose(way)

    @rule(again=st.booleans())
    def withdraw_or_look_again(self, again: bool) -> None:
        for row in Reexport.objects.open().filter(push__order=self.order):
            self._refusable(reexports.look_again if again else reexports.withdraw, reexport_id=row.pk)

    @rule(act=st.sampled_from([pushes.retry, pushes.skip]))
    def act_on_the_push(self, act) -> None:
        self._refusable(act, push_id=self._latest().pk)

    @rule(sure=st.integers(0, 4))
    def call_off(self, sure: int) -> None:
        if sure == 0:
            self._refusable(decisions.cancel, order_id=self.order.pk, reason="Changed her mind.")

    # --- the store ---

    @rule(
        verb=st.sampled_from(["create", "cancel", "update"]),
        kind=st.sampled_from(["down", "lost", "never", "late", "slow", "no"]),
    )
    def strike(self, verb: str, kind: str) -> None:
        if verb == "cancel" or kind not in ("slow", "no"):
            self.store.faults[verb].append(kind)

    @precondition(lambda self: self.store.standing())
    @rule(what=st.sampled_from(["cancel", "trash", "delete", "fulfill", "refund"]), sure=st.integers(0, 3))
    def somebody_there(self, what: str, sure: int) -> None:
        remote_id = self.store.standing()[-1].ref.remote_id
        if sure:
            return
        match what:
            case "cancel":
                self.store.change(remote_id, cancelled=True)
            case "trash":
                self.store.throw_away(remote_id)
            case "delete":
                del self.store.orders[remote_id]
            case "fulfill":
                self.store.fulfill(remote_id)
            case "refund":
                self.store.refund(remote_id, "1.00")

    # --- workers ---

    @precondition(lambda self: len(self.workers) < MOST_WORKERS)
    @rule()
    def take_a_message(self) -> None:
        for message in outbox.claim(at=self.clock.now(), limit=1):
            self.workers.append(outbox.steps(message, self.world))

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, MOST_WORKERS), steps=st.integers(1, 12))
    def work(self, which: int, steps: int) -> None:
        worker = self.workers[which % len(self.workers)]
        for _ in range(steps):
            if next(worker, None) is None:
                self.workers.remove(worker)
                return

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, MOST_WORKERS))
    def crash(self, which: int) -> None:
        self.workers.pop(which % len(self.workers)).close()

    @rule(seconds=st.sampled_from([0.5, 5, 60, 400, 4000]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.store.settle()
        outbox.take_back_expired(at=self.clock.now())
        outbox.release(at=self.clock.now())

    @precondition(lambda self: self.store.standing())
    @rule(sure=st.integers(0, 3))
    def months_pass(self, sure: int) -> None:
        """What stands there is not shown any more."""
        if sure == 0:
            self.time_passes(61 * 24 * 3600)

    @rule()
    def everything_due_is_done(self) -> None:
        outbox.drain(at=self.clock.now(), world=self.world)

    @rule()
    def sweep(self) -> None:
        Connection.objects.update(polled_at=None, polled_until=None)
        reconcile.poll_changes(world=self.world)

    # --- what must hold ---

    @invariant()
    def one_live_copy(self) -> None:
        assert len(self.store.standing()) <= 1

    @invariant()
    def a_generation_begins_when_the_one_before_is_over(self) -> None:
        newest = self._latest()
        for earlier in OrderPush.objects.filter(order=self.order, generation__lt=newest.generation):
            assert earlier.status == PushStatus.CANCELLED
            assert all(order.reference != earlier.reference for order in self.store.standing())

    def look(self) -> None:
        self.one_live_copy()
        self.a_generation_begins_when_the_one_before_is_over()
        self.every_copy_is_worth_what_was_paid()
        self.what_holds_everywhere()

    @invariant()
    def what_holds_everywhere(self) -> None:
        assert invariants.broken() == []

    @invariant()
    def every_copy_is_worth_what_was_paid(self) -> None:
        assert {order.total for order in self.store.orders.values()} <= {self.order.total}

    def teardown(self) -> None:
        """With the faults over everything comes to rest: there once, or with a person, or called off."""
        try:
            self.store.faults = {verb: [] for verb in self.store.faults}
            for _ in range(ENDS):
                self.time_passes(3700)
                self.everything_due_is_done()
                if not OutboxMessage.objects.filter(status__in=["waiting", "running"]).exists():
                    break
            self.sweep()
            self.everything_due_is_done()
            self._look_at_the_end()
        finally:
            OutboxMessage.objects.all().delete()

    def _look_at_the_end(self) -> None:
        self.one_live_copy()
        newest = self._latest()
        assert newest.status in (PushStatus.PUSHED, PushStatus.HELD, PushStatus.CANCELLED, PushStatus.SKIPPED)
        assert not Reexport.objects.filter(status__in=[ReexportStatus.LOOKING, ReexportStatus.RUNNING]).exists()
        there = self.store.orders.get(newest.remote_id)
        if newest.status == PushStatus.PUSHED and there and not self.store.hides(there):  # nobody is told of the others
            assert there in self.store.standing()
        if Order.objects.get(pk=self.order.pk).status == "cancelled" and newest.status != PushStatus.HELD:
            assert self.store.standing() == []

    def _latest(self) -> OrderPush:
        return OrderPush.objects.filter(order=self.order).order_by("-generation").first()

    def _send(self, path: str, body: dict[str, str]) -> None:
        """A refusal is a problem that says why, and no more."""
        headers = {"Authorization": f"Bearer {self.key}"}
        with mock.patch("django.utils.timezone.now", self.clock.now):
            answer = Client().post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)
        assert answer.status_code < 300 or (answer.status_code in (409, 422) and answer.json()["detail"])

    def _refusable(self, act, **what) -> None:
        """A refusal is an answer as good as any."""
        try:
            act(by="ana", at=self.clock.now(), **what)
        except OrderError as refusal:
            assert str(refusal)


def run(examples: int) -> None:
    chosen = tried(
        examples,
        stateful_step_count=30,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(Reexporting, settings=chosen)


def test_no_sequence_yields_two_live_copies():
    run(12)


def _no_verify_read(stack: ExitStack) -> None:
    """What was asked to be cancelled is believed to be, and nothing is looked at before the new copy is sent."""
    stack.enter_context(mock.patch.object(reexports, "_see_cancelled", return_value=()))
    stack.enter_context(mock.patch.object(reexport_plan, "refuse_copies", return_value=None))


def _new_reference_before_cancel(stack: ExitStack) -> None:
    """The new generation is promised first, and the earlier copy cancelled afterwards."""
    cancel = reexports._cancel

    def late(message, row, connector, world):
        reexports._succeed(message, at=world.now())
        yield "succeeded"
        yield from cancel(message, row, connector, world)

    stack.enter_context(mock.patch.object(reexports, "_cancel", late))


def _blind_plan(stack: ExitStack) -> None:
    """The copy at the destination is taken for gone."""
    stack.enter_context(mock.patch.object(reexport_plan, "found_of", return_value=Found("gone")))


MUTANTS = {
    "no verify read": _no_verify_read,
    "new reference before cancel": _new_reference_before_cancel,
    "blind plan": _blind_plan,
}


@pytest.mark.parametrize(
    ("mutant", "way"),
    [("no verify read", "recreate"), ("new reference before cancel", "recreate"), ("blind plan", "clone")],
)
def test_without_one_safeguard_the_machine_sees_it(mutant: str, way: str):
    """Along one of the machine's ways, so that it takes no luck: the store only says that it cancels."""
    with ExitStack() as stack:
        MUTANTS[mutant](stack)
        machine = Reexporting()
        machine.set_to_reexport(way=way, fault="slow")
        machine.everything_due_is_done()
        machine.everything_due_is_done()

        with pytest.raises(AssertionError):
            machine.look()


@pytest.mark.parametrize("way", ["recreate", "clone"])
def test_with_all_safeguards_the_same_ways_are_right(way: str):
    machine = Reexporting()
    machine.set_to_reexport(way=way, fault="slow")
    machine.everything_due_is_done()
    machine.everything_due_is_done()

    machine.look()


def test_the_door_of_the_api_leads_the_same_way():
    machine = Reexporting()
    machine.over_the_api(door="ask", way="clone")
    machine.everything_due_is_done()
    machine.over_the_api(door="choose", way="recreate")
    machine.everything_due_is_done()
    machine.time_passes(5)
    machine.everything_due_is_done()

    machine.look()
    assert (machine._latest().generation, machine._latest().status) == (2, PushStatus.PUSHED)


@pytest.mark.parametrize("way", ["recreate", "clone"])
def test_a_copy_that_became_too_old_to_be_shown_is_not_taken_for_gone(way: str):
    machine = Reexporting()
    machine.months_pass(sure=0)

    machine.set_to_reexport(way=way, fault="")
    machine.everything_due_is_done()

    machine.look()
    assert "does not show it" in Reexport.objects.latest("pk").reason


def test_where_what_is_not_shown_counts_as_gone_the_machine_sees_the_second_copy():
    machine = Reexporting()
    with mock.patch.object(sight, "believe_gone"):
        machine.months_pass(sure=0)
        machine.set_to_reexport(way="clone", fault="")
        machine.everything_due_is_done()

    with pytest.raises(AssertionError):
        machine.look()


def _a_change_that_comes_late(machine: Reexporting) -> None:
    """It is under way when somebody throws the order away there and has it created anew here."""
    machine.edit(text="Ring twice")
    machine.set_to_reexport(way="update", fault="late")
    machine.everything_due_is_done()
    machine.store.throw_away(machine.store.standing()[0].ref.remote_id)
    machine.clock.advance(LATE_S - 5)
    machine.everything_due_is_done()
    machine.set_to_reexport(way="clone", fault="")
    machine.everything_due_is_done()
    machine.time_passes(LATE_S)


def test_a_change_that_comes_late_brings_no_second_copy_to_life():
    machine = Reexporting()

    _a_change_that_comes_late(machine)

    machine.look()
    assert len(machine.store.updated) == 1


def test_without_waiting_for_it_the_machine_sees_the_second_copy():
    machine = Reexporting()
    with mock.patch.object(reexports, "_let_it_arrive"):
        _a_change_that_comes_late(machine)

    with pytest.raises(AssertionError):
        machine.look()
