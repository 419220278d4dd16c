"""The constraints of what goes to destinations, and of the outbox that takes it there."""

from __future__ import annotations

from connectors.models import Connection
from orders.models import (
    Fulfillment,
    Lane,
    OrderPush,
    OutboxMessage,
    PushLine,
    PushPart,
    ReadyNotice,
    Reexport,
    SyncFault,
    WriteBack,
)
from tests.constraints.rows import LATER, Broken, Twice
from tests.factories import NOON, make_connection, make_merchant, make_message, make_order

THERE = {"status": "pushed", "wait_for": "", "remote_id": "gid://1", "pushed_at": NOON}


def push() -> OrderPush:
    return make_order(connections=[make_connection()]).pushes.get()


def pushed() -> OrderPush:
    row = push()
    OrderPush.objects.filter(pk=row.pk).update(**THERE)
    return OrderPush.objects.get(pk=row.pk)


def push_with_shipping() -> OrderPush:
    return make_order(connections=[make_connection()], shipping=5).pushes.get()


def push_line() -> PushLine:
    return push().push_lines.earliest("pk")


def push_part() -> PushPart:
    return PushPart.objects.create(push=push(), number="1", status="open")


def reexport() -> Reexport:
    return Reexport.objects.create(push=push(), status="looking", asked_by="ana", asked_at=NOON)


def lane() -> Lane:
    return Lane.objects.create(merchant=make_merchant())


def of_a_connection_too(_lane: Lane) -> dict[str, Connection]:
    return {"connection": make_connection()}


def running_message() -> OutboxMessage:
    return make_message(status="running", lease_until=LATER)


def done_message() -> OutboxMessage:
    return make_message(status="done", done_at=NOON)


def sync_fault() -> SyncFault:
    return SyncFault.objects.create(
        connection=make_connection(), code="unmapped_sku", value="A", reason="Why.", began_at=NOON
    )


def write_back() -> WriteBack:
    sent = Fulfillment.objects.create(order=make_order(), status="success", created_at=NOON)
    return WriteBack.objects.create(fulfillment=sent, connection=make_connection())


def ready_notice() -> ReadyNotice:
    return ReadyNotice.objects.create(order=make_order(), connection=make_connection())


BROKEN = [
    Broken("push_changed_at_iff_changes", push, {"changed_at": NOON}),
    Broken("push_changed_at_iff_changes", push, {"changes": [{}]}),
    Broken("push_status_known", push, {"status": "lost", "wait_for": ""}),
    Broken("push_wait_for_iff_waiting", push, {"wait_for": ""}),
    Broken("push_wait_for_iff_waiting", push, {"status": "queued"}),
    Broken("push_held_says_why", push, {"status": "held", "wait_for": "", "reason": ""}),
    Broken("push_pushed_has_remote", push, {"status": "pushed", "wait_for": ""}),
    Broken("push_remote_id_iff_pushed_at", push, {"remote_id": "gid://1"}),
    Broken("push_remote_id_iff_pushed_at", push, {"pushed_at": NOON}),
    # the total moves along, so that the sum stays right
    Broken("push_amounts_not_negative", push, {"subtotal": -1, "total": -1}),
    Broken("push_amounts_not_negative", push, {"subtotal": 1, "discount": 2, "total": -1}),
    Broken("push_amounts_not_negative", push, {"discount": -1, "total": 116}),
    Broken("push_amounts_not_negative", push, {"shipping": -1, "total": 114}),
    Broken("push_amounts_not_negative", push, {"tax": -1}),
    Broken("push_fee_not_negative", push, {"shipping_fee": -1}),
    Broken("push_given_back_not_negative", push, {"given_back": -1}),
    Broken("push_totals_add_up", push, {"total": 116}),
    Broken("push_shipping_needs_its_carrier", push_with_shipping, {"carries_shipping": False}),
    Broken("push_sent_calls_have_time", push, {"sent_calls": [{}]}),
    Broken("push_line_routed_by_known", push_line, {"routed_by": "chance"}),
    Broken("push_part_status_known", push_part, {"status": "lost"}),
    Broken("reexport_status_known", reexport, {"status": "lost", "ended_at": NOON}),
    Broken("reexport_way_known", reexport, {"way": "lost"}),
    Broken("reexport_runs_a_way", reexport, {"status": "running"}),
    Broken("reexport_runs_a_way", reexport, {"status": "done", "ended_at": NOON}),
    Broken("reexport_ended_iff_closed", reexport, {"ended_at": NOON}),
    Broken("reexport_ended_iff_closed", reexport, {"status": "withdrawn"}),
    Broken("reexport_refused_says_why", reexport, {"status": "refused", "ended_at": NOON}),
    Broken("lane_of_connection_or_merchant", lane, {"merchant": None}),
    Broken("lane_of_connection_or_merchant", lane, of_a_connection_too),
    Broken("outbox_status_known", make_message, {"status": "lost"}),
    Broken("outbox_topic_known", make_message, {"topic": "lost"}),
    Broken("outbox_only_mails_without_order", make_message, {"order": None}),
    Broken("outbox_lease_iff_running", make_message, {"lease_until": LATER}),
    Broken("outbox_lease_iff_running", running_message, {"lease_until": None}),
    Broken("outbox_done_at_iff_done", make_message, {"done_at": NOON}),
    Broken("outbox_done_at_iff_done", done_message, {"done_at": None}),
    Broken("outbox_held_says_why", make_message, {"status": "held"}),
    Broken("outbox_wait_for_only_waiting", make_message, {"status": "held", "reason": "x", "wait_for": "sku:1:A"}),
    Broken("sync_fault_told_at_iff_mails", sync_fault, {"mails": 1}),
    Broken("sync_fault_told_at_iff_mails", sync_fault, {"told_at": NOON}),
    Broken("write_back_state_known", write_back, {"state": "lost"}),
    Broken("write_back_mark_is_whole", write_back, {"maybe_told_at": NOON}),
    Broken("write_back_mark_is_whole", write_back, {"maybe_told_by": 1}),
    Broken("write_back_held_says_why", write_back, {"state": "held"}),
    Broken("write_back_told_at_iff_remote", write_back, {"remote_id": "1"}),
    Broken("write_back_told_at_iff_remote", write_back, {"told_at": NOON}),
    Broken("ready_notice_state_known", ready_notice, {"state": "lost"}),
    Broken("ready_notice_held_says_why", ready_notice, {"state": "held"}),
    Broken("ready_notice_told_at_iff_done", ready_notice, {"state": "done"}),
    Broken("ready_notice_told_at_iff_done", ready_notice, {"told_at": NOON}),
]
TWICE = [
    Twice("push_once_per_generation", push, {"reference": "new"}),
    Twice("push_reference_once_per_connection", push, {"generation": 2}),
    Twice("remote_order_once_per_connection", pushed, {"generation": 2, "reference": "new"}),
    Twice("push_line_once", push_line),
    Twice("push_part_once", push_part),
    Twice("reexport_one_open", reexport),
    Twice("sync_fault_once_while_open", sync_fault),
]
