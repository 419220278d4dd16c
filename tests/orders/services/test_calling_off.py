"""Called off or run out at any instant: nothing is left to be sent, or a person is told what is."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest

from connectors.errors import OutcomeUnknownError, RejectedError
from connectors.gateway.sandbox import SandboxGateway
from connectors.models import Connection, SandboxCharge
from connectors.services import connections
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Fulfillment, OrderPush, OutboxMessage
from orders.services import clock, decisions, outbound, reconcile, remote_cancel, rerouting
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.pushed import Pushed, make_pushed

pytestmark = pytest.mark.django_db

PUSH_STEPS = ("claimed", "built", "marked", "created", "reading back", "read back", "settling")
CAPTURE_STEPS = ("claimed", "examining", "examined", "marked", "captured", "settling")


class Scene:
    """One order for one store, confirmed, with its worker in our hands."""

    def __init__(self, **fields) -> None:
        self.store = FakeStore()
        self.store.stock_up("A", "B")
        self.world = make_world(self.store)
        lines = [{"sku": "A"}, {"sku": "B"}]
        self.order = make_order(connections=[make_connection(created_at=NOON)], lines=lines, **fields)
        decisions.confirm(order_id=self.order.pk, by="ana", at=NOON)

    def run_to(self, topic: str, step: str):
        """A worker that has just come to a step of a topic; what is due before that is done."""
        for _ in range(20):
            for message in outbox.claim(at=self.store.clock.now(), limit=1):
                worker = outbox.steps(message, self.world)
                for reached in worker:
                    if (message.topic, reached) == (topic, step):
                        return worker
        raise AssertionError(f"{topic}/{step} was never reached")

    def call_off(self) -> None:
        decisions.cancel(order_id=self.order.pk, reason="Changed her mind.", by="ana", at=self.store.clock.now())

    def finish(self, worker) -> None:
        for _ in worker:
            pass
        self.come_to_rest()

    def come_to_rest(self) -> None:
        for _ in range(6):
            self.store.clock.advance(1000)
            outbox.drain(at=self.store.clock.now(), world=self.world)
        self.order.refresh_from_db()

    @property
    def push(self) -> OrderPush:
        return OrderPush.objects.get()

    @property
    def standing(self) -> list:
        return [order for order in self.store.orders.values() if not order.cancelled]


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("step", PUSH_STEPS)
def test_called_off_at_any_step_of_a_push_nothing_stands_there(step: str, dies: bool):
    scene = Scene()
    worker = scene.run_to("push_order", step)

    scene.call_off()
    if dies:
        worker.close()
        scene.come_to_rest()
    else:
        scene.finish(worker)

    assert scene.standing == []
    assert (scene.push.status, scene.order.payment_status) == (PushStatus.CANCELLED, PaymentStatus.REFUNDED)


@pytest.mark.parametrize("when", ["while sending", "while it is looked for"])
def test_called_off_around_a_lost_answer_it_is_found_and_cancelled(when: str):
    scene = Scene()
    worker = scene.run_to("push_order", "marked")
    scene.store.next_fault = "timeout_after_create"
    if when == "while it is looked for":
        for _ in worker:
            pass
        scene.store.clock.advance(60)
        worker = scene.run_to("push_order", "looking")

    scene.call_off()
    scene.finish(worker)

    assert scene.standing == []
    assert scene.push.status == PushStatus.CANCELLED


@pytest.mark.parametrize("step", CAPTURE_STEPS)
def test_during_a_capture_an_expiry_does_not_get_in(step: str):
    scene = Scene()
    worker = scene.run_to("capture_payment", step)

    with pytest.raises(TransitionNotAllowed):
        decisions.expire(order_id=scene.order.pk, at=scene.order.confirm_by + timedelta(hours=1))
    scene.finish(worker)

    assert (scene.order.status, scene.order.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.CAPTURED)
    assert len(scene.standing) == 1


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("step", CAPTURE_STEPS)
def test_called_off_at_any_step_of_a_capture_it_is_cancelled_and_no_money_is_kept(step: str, dies: bool):
    scene = Scene()
    worker = scene.run_to("capture_payment", step)

    scene.call_off()
    if dies:
        worker.close()
        scene.come_to_rest()
    else:
        scene.finish(worker)

    assert (scene.order.status, scene.order.cancel_wish, scene.standing) == (OrderStatus.CANCELLED, None, [])
    assert (scene.order.decided_by, scene.order.decision_reason) == ("ana", "Changed her mind.")
    charge = SandboxCharge.objects.get()
    asked = step in ("marked", "captured", "settling")
    untaken = not asked or (step == "marked" and dies)
    assert scene.order.payment_status == (PaymentStatus.VOIDED if untaken else PaymentStatus.REFUNDED)
    assert (charge.captured > 0, charge.captured) == (not untaken, charge.refunded)
    assert scene.push.status == PushStatus.CANCELLED


def test_while_the_payment_is_being_taken_the_wish_is_kept_on_the_order():
    scene = Scene()
    scene.run_to("capture_payment", "marked")

    scene.call_off()

    scene.order.refresh_from_db()
    assert (scene.order.status, scene.order.cancel_wished_at) == (OrderStatus.CONFIRMED, scene.store.clock.now())
    assert scene.order.events.get(kind="order.cancel_wished").by == "ana"
    with pytest.raises(TransitionNotAllowed, match="already"):
        scene.call_off()


def lost_answer(scene: Scene, *, taken: bool) -> None:
    """The gateway was asked to capture, and its answer did not come."""
    real = SandboxGateway.capture

    def capture(gateway: SandboxGateway, *args: object, **fields: object) -> None:
        if taken:
            real(gateway, *args, **fields)
        raise OutcomeUnknownError("lost")

    with patch.object(SandboxGateway, "capture", capture):
        for _ in scene.run_to("capture_payment", "marked"):
            pass


@pytest.mark.parametrize("taken", [False, True])
def test_after_a_lost_answer_about_the_money_it_is_cancelled_at_once_not_after_hours_of_trying(taken: bool):
    scene = Scene()
    lost_answer(scene, taken=taken)

    scene.call_off()
    outbox.drain(at=scene.store.clock.now(), world=scene.world)

    scene.order.refresh_from_db()
    assert (scene.order.status, scene.standing) == (OrderStatus.CANCELLED, [])
    assert scene.order.payment_status == (PaymentStatus.REFUNDED if taken else PaymentStatus.VOIDED)
    charge = SandboxCharge.objects.get()
    assert charge.captured == charge.refunded == (scene.order.total * 100 if taken else 0)


def test_a_card_that_is_declined_meanwhile_has_its_order_cancelled_without_a_mail_about_it():
    scene = Scene(payment={"reference": "sandbox_declined_1"})
    worker = scene.run_to("capture_payment", "marked")

    scene.call_off()
    scene.finish(worker)

    assert (scene.order.status, scene.order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.VOIDED)
    assert not OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).exists()


def test_a_destination_that_refuses_meanwhile_has_its_order_cancelled():
    scene = Scene()
    scene.store.variants.clear()
    worker = scene.run_to("capture_payment", "examined")

    scene.call_off()
    scene.finish(worker)

    assert (scene.order.status, scene.order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.VOIDED)
    assert OutboxMessage.objects.get(topic=Topic.CAPTURE_PAYMENT).status == OutboxStatus.DONE


def test_a_capture_that_died_before_its_mark_can_be_called_off_and_takes_nothing():
    scene = Scene()
    scene.run_to("capture_payment", "examined").close()
    scene.store.clock.advance(1000)
    outbox.take_back_expired(at=scene.store.clock.now())

    scene.call_off()
    scene.come_to_rest()

    assert scene.order.payment_status == PaymentStatus.VOIDED
    assert scene.standing == []


def test_what_was_sent_already_is_a_task_for_a_person(monkeypatch):
    pushed = make_pushed()
    refuse(pushed.store, monkeypatch)

    called_off(pushed)

    assert pushed.push.status == PushStatus.HELD
    assert pushed.push.blocker_list[0].message == "It was sent already."
    assert kinds(pushed) == ["cancel_failed"]
    assert remote_cancel.may_ask_again(pushed.push)


def test_a_person_has_it_cancelled_again(monkeypatch):
    pushed = make_pushed()
    refuse(pushed.store, monkeypatch)
    called_off(pushed)
    monkeypatch.undo()

    remote_cancel.ask_again(push_id=pushed.push.pk, by="ana", at=NOON)
    pushed.drain()

    assert (pushed.push.status, pushed.remote.cancelled) == (PushStatus.CANCELLED, True)


def test_there_is_nothing_to_cancel_again_for_an_order_that_lives():
    with pytest.raises(TransitionNotAllowed, match="nothing to cancel"):
        remote_cancel.ask_again(push_id=make_pushed().push.pk, by="ana", at=NOON)


def test_a_store_that_only_says_that_it_cancelled_is_asked_again(monkeypatch):
    pushed = make_pushed()
    monkeypatch.setattr(pushed.store, "cancel", lambda remote_id, note: None)

    called_off(pushed)

    assert pushed.push.status == PushStatus.PUSHED
    monkeypatch.undo()
    pushed.store.clock.advance(60)
    pushed.drain()
    assert pushed.push.status == PushStatus.CANCELLED


def test_of_a_split_order_each_part_ends_in_its_own_way():
    scene = Scene()
    order = make_order(
        scene.order.merchant, connections=[make_connection(scene.order.merchant), make_connection(scene.order.merchant)],
        status="confirmed", payment_status="captured", payment={"captured": 1, "captured_at": NOON},
    )  # fmt: skip
    there, queued = order.pushes.order_by("pk")
    ref = scene.store.add(outbound.build(there))
    OrderPush.objects.filter(pk=there.pk).update(
        status="pushed", wait_for="", remote_id=ref.remote_id, remote_name=ref.name, pushed_at=NOON
    )
    OrderPush.objects.filter(pk=queued.pk).update(status="queued", wait_for="")

    decisions.cancel(order_id=order.pk, reason="Changed her mind.", by="ana", at=NOON)
    scene.come_to_rest()

    assert {push.status for push in order.pushes.all()} == {PushStatus.CANCELLED}
    assert scene.store.orders[ref.remote_id].cancelled


# --- an order that turns up late -------------------------------------------------------------------


def sweep(scene: Scene) -> None:
    Connection.objects.update(polled_at=None, polled_until=None)
    reconcile.poll_changes(world=scene.world)


def test_an_order_that_turns_up_after_it_was_called_off_is_cancelled_there():
    scene = Scene()
    request = scene.run_to("push_order", "built")
    late = outbound.build(scene.push)
    scene.call_off()
    scene.finish(request)
    scene.store.add(late)

    sweep(scene)
    scene.come_to_rest()

    assert scene.standing == []
    assert scene.order.events.filter(kind="push.stray").exists()


def test_an_order_that_turns_up_where_it_was_moved_away_from_is_a_task_for_a_person():
    scene = Scene()
    other = make_connection(scene.order.merchant, name="Rimu")
    worker = scene.run_to("push_order", "claimed")
    late = outbound.build(scene.push)
    worker.close()
    OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).update(status=OutboxStatus.HELD, reason="x", lease_until=None)
    OrderPush.objects.update(status="held", wait_for="", reason="x")
    lines = list(scene.order.lines.all())
    for line in lines:
        other.product_links.create(
            sku=line.sku, variant_id=f"variant-{line.sku}", source="auto", created_at=NOON, checked_at=NOON
        )
    rerouting.move(
        order_id=scene.order.pk, moves=[rerouting.Move(line.pk, other.pk) for line in lines], by="ana",
        at=scene.store.clock.now(),
    )  # fmt: skip
    scene.store.add(late)

    sweep(scene)

    told = OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT, payload__kind="suspected_duplicate")
    assert told.count() == 1
    assert len(scene.standing) == 1


# --- a store that nobody reaches any more ------------------------------------------------------------


def test_called_off_with_an_unknown_outcome_in_a_disconnected_store_a_person_looks(monkeypatch):
    scene = Scene()
    lose_answers(scene.store, monkeypatch)
    for _ in scene.run_to("push_order", "marked"):
        pass
    connections.disconnect(connection_id=scene.push.connection_id, by="ana", at=NOON)

    scene.call_off()

    assert scene.push.status == PushStatus.HELD
    assert f"look for {scene.push.reference} there" in scene.push.reason


def test_disconnected_before_it_could_be_cancelled_there_a_person_does_it_and_is_told_once():
    pushed = make_pushed()
    decisions.cancel(order_id=pushed.order.pk, reason="Changed her mind.", by="ana", at=NOON)
    connections.disconnect(connection_id=pushed.push.connection_id, by="ana", at=NOON)

    for _ in range(2):
        clock.tick(at=NOON)

    pushed.push.refresh_from_db()
    assert pushed.push.status == PushStatus.HELD
    assert "cancel #1001 there yourself" in pushed.push.reason
    assert kinds(pushed) == ["cancel_failed"]


def test_called_off_after_the_store_was_disconnected_a_person_cancels_there():
    pushed = make_pushed()
    connections.disconnect(connection_id=pushed.push.connection_id, by="ana", at=NOON)

    decisions.cancel(order_id=pushed.order.pk, reason="Changed her mind.", by="ana", at=NOON)

    assert kinds(pushed) == ["cancel_failed"]
    pushed.push.refresh_from_db()
    assert [blocker.code for blocker in pushed.push.blocker_list] == ["cancelled_meanwhile"]


# --- a fulfillment that vanishes -------------------------------------------------------------------


def test_a_fulfillment_that_vanishes_there_is_taken_back_here():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    assert pushed.order.status == OrderStatus.COMPLETED

    pushed.store.change(pushed.push.remote_id, shipments=())
    pushed.pull()

    assert (pushed.order.status, pushed.order.fulfillment_status) == (OrderStatus.CONFIRMED, "unfulfilled")
    assert Fulfillment.objects.get().status == "cancelled"
    assert "A fulfillment was taken back: it is not in Kauri Shopify any more." in pushed.history("fulfillment.changed")


def test_a_fulfillment_that_comes_back_counts_again():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id)
    shipments = pushed.remote.shipments
    pushed.pull()
    pushed.store.change(pushed.push.remote_id, shipments=())
    pushed.pull()

    pushed.store.change(pushed.push.remote_id, shipments=shipments)
    pushed.pull()

    assert pushed.order.fulfillment_status == "fulfilled"


def called_off(pushed: Pushed) -> None:
    decisions.cancel(order_id=pushed.order.pk, reason="Changed her mind.", by="ana", at=NOON)
    pushed.drain()


def refuse(store: FakeStore, monkeypatch) -> None:
    def sent(remote_id, note):
        raise RejectedError("It was sent already.", [])

    monkeypatch.setattr(store, "cancel", sent)


def lose_answers(store: FakeStore, monkeypatch) -> None:
    def lost(order):
        raise OutcomeUnknownError("No answer.")

    monkeypatch.setattr(store, "create", lost)


def kinds(pushed: Pushed) -> list[str]:
    told = [message.payload["kind"] for message in pushed.promised(Topic.TELL_MERCHANT)]
    return [kind for kind in told if kind != "refund_failed"]  # the money of these orders was never really taken


def test_an_edit_right_before_the_mark_is_what_is_sent():
    scene = Scene()
    worker = scene.run_to("push_order", "built")
    type(scene.order).objects.update(customer_note="Ring twice", revision=2)

    scene.finish(worker)

    assert [sent.customer_note for sent in scene.store.sent.values()] == ["Ring twice"]
