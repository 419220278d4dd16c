"""Sending a part of an order once more, as a new generation of its push.

A generation n+1 is made in one way only: by a worker that has just read, at the destination, that nothing of the
earlier generations stands there, in the transaction that ends generation n. Right before the new copy is created
`reexport_plan.refuse_copies` reads that once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction

from connectors.base import Blocker, BlockerCode, Connector, OutboundOrder
from connectors.models import ConnectionState
from connectors.services import connections, links
from orders import outbox
from orders.enums import OrderStatus, PushStatus, ReexportStatus, ReexportWay, ShipmentStatus, Topic
from orders.errors import ReexportRefused
from orders.models import FulfillmentLine, OrderPush, OutboxMessage, Payment, PushLine, Reexport
from orders.services import (
    fulfillment,
    history,
    loading,
    marking,
    outbound,
    push_gates,
    reexport_plan,
    references,
    refund_quotes,
    shares,
    sight,
    still_due,
)
from orders.services.keys import push_key
from orders.services.reexport_ends import end, look_key, run_key
from orders.services.reexport_plan import Found, Option
from orders.services.transitions import lock, move_push
from orders.world import World

CANCELLING_S = 10  # until the destination is asked again whether it has cancelled
_SENT = (ShipmentStatus.SUCCESS, ShipmentStatus.READY)  # from there, or from here
NO_WAY = "This cannot be done as things are."


# --- by hand -------------------------------------------------------------------------------------


@transaction.atomic
def ask(*, push_id: int, by: str, at: datetime) -> Reexport:
    """Set a push to re-export: a worker looks at the copy at its destination, and a person chooses from what it found.

    Raises ReexportRefused for a push that is not there, was sent to the customer, or cannot be looked at now.
    """
    push = _locked(push_id)
    refusal = why_not(push)
    if refusal:
        raise ReexportRefused(refusal)
    row = Reexport.objects.create(push=push, status=ReexportStatus.LOOKING, asked_by=by[:254], asked_at=at)
    _promise(Topic.PLAN_REEXPORT, row, push, look_key(row), at)
    text = f"{by} set {push.remote_name} in {push.connection.name} to re-export."
    history.note(push.order, kind="reexport.asked", text=text, by=by, at=at, push=push.public_id)
    return row


@transaction.atomic
def look_again(*, reexport_id: int, by: str, at: datetime) -> Reexport:
    """Read the earlier copy anew. Raises ReexportRefused unless it was read and nothing was chosen yet."""
    row, _ = _locked_row(reexport_id)
    if row.status != ReexportStatus.READY or not outbox.renew(look_key(row), at=at):
        raise ReexportRefused(f"Nothing to look at: {row.get_status_display().lower()}.")
    row.status, row.reason = ReexportStatus.LOOKING, ""
    row.save(update_fields=["status", "reason"])
    return row


@transaction.atomic
def choose(*, reexport_id: int, way: ReexportWay, by: str, at: datetime) -> Reexport:
    """Promise one of the ways that were found open. Raises ReexportRefused for a closed one."""
    row, push = _locked_row(reexport_id)
    if row.status != ReexportStatus.READY:
        raise ReexportRefused(f"Nothing to choose: {row.get_status_display().lower()}.")
    option = next((option for option in row.ways if option["way"] == way), None)
    refusal = why_not(push, asked=True) or (option["why"] if option else NO_WAY)
    if refusal:
        raise ReexportRefused(refusal)
    row.status, row.way, row.decided_by = ReexportStatus.RUNNING, way, by[:254]
    row.save(update_fields=["status", "way", "decided_by"])
    _promise(Topic.REEXPORT, row, push, run_key(row), at)
    text = f"{by} chose: {ReexportWay(way).label.lower()} ({push.remote_name} in {push.connection.name})."
    history.note(push.order, kind="reexport.chosen", text=text, by=by, at=at, push=push.public_id)
    return row


@transaction.atomic
def withdraw(*, reexport_id: int, by: str, at: datetime) -> Reexport:
    """Leave everything as it is. Raises ReexportRefused once the earlier copy may have been touched."""
    row, push = _locked_row(reexport_id)
    if not row.is_open:
        raise ReexportRefused(f"This re-export has ended: {row.get_status_display().lower()}.")
    if row.status == ReexportStatus.RUNNING and not outbox.withdraw(run_key(row), at=at):
        raise ReexportRefused("It is being carried out, or was in part: it cannot be withdrawn any more.")
    outbox.withdraw(look_key(row), at=at)
    end(row, ReexportStatus.WITHDRAWN, at=at, reason=f"Withdrawn by {by}.")
    text = f"{by} withdrew the re-export of {push.remote_name}."
    history.note(push.order, kind="reexport.withdrawn", text=text, by=by, at=at, push=push.public_id)
    return row


def why_not(push: OrderPush, *, asked: bool = False) -> str:
    """Why nothing can be exported again, from our own rows; empty when the destination may be asked."""
    name = push.connection.name
    if push.order.status != OrderStatus.CONFIRMED:
        return f"The order is {push.order.get_status_display().lower()}: nothing is exported again."
    if not push.remote_id or push.status not in (PushStatus.PUSHED, PushStatus.HELD):
        return f"This is not in {name} yet: there is nothing to export again."
    if FulfillmentLine.objects.filter(fulfillment__status__in=_SENT, line__push_lines__push=push).exists():
        return f"{push.remote_name} was sent, in full or in part: the customer would get it twice."
    payment = Payment.objects.filter(order_id=push.order_id).first()
    if payment is not None and payment.status not in refund_quotes.TAKEN:
        return f"The payment is {payment.get_status_display().lower()}: nothing is exported again."
    if push.connection.state != ConnectionState.ACTIVE:
        return f"{name} cannot be read now ({push.connection.get_state_display().lower()}): what stands there is not known."
    if push.beside or push.order.pushes.filter(connection=push.connection, beside=True).exists():
        return f"A part of this went to {name} in an order of its own: neither can be exported again."
    return _why_not_now(push, asked=asked)


def _why_not_now(push: OrderPush, *, asked: bool) -> str:
    name = push.connection.name
    if push_gates.addon_is_off(push):
        return f"The Orders add-on is off: nothing is sent to {name}. An owner switches it on under Settings → Plan."
    if not asked and push.reexports.open().exists():
        return "This is set to re-export already."
    return ""


# --- looking -------------------------------------------------------------------------------------


def look(message: OutboxMessage, world: World) -> Iterator[str]:
    """PLAN_REEXPORT: read what stands there, and write down what could be done about it. Changes nothing there."""
    row = _row(message)
    if row.status != ReexportStatus.LOOKING:
        return
    connector = world.connector_for(row.push.connection)
    yield "looking"
    found, options = _plan(row.push, connector, world)
    yield "looked"
    with outbox.finishing(message, at=world.now()):
        lock(message.order.pk)
        row = _row(message)
        if row.status == ReexportStatus.LOOKING:
            _write_plan(row, found, options, at=world.now())


def _plan(push: OrderPush, connector: Connector, world: World) -> tuple[Found, tuple[Option, ...]]:
    found = reexport_plan.found_of(push, reexport_plan.read(push, connector, at=world.now()))
    blockers = _blockers(push, found, connector, world)
    return found, reexport_plan.options(push, found, blockers, connector)


def _blockers(push: OrderPush, found: Found, connector: Connector, world: World) -> tuple[Blocker, ...]:
    """Why the destination, or the money, would refuse a new copy."""
    part = reexport_plan.part_of(push)
    wrong = reexport_plan.money_blocker(push, part)
    if wrong is not None:
        return (wrong,)
    connection = connections.refreshed(push.connection, connector, at=world.now())
    seen = links.look_up(connection, connector, sorted({line.sku for line in part.lines}), at=world.now())
    blockers = seen.blockers
    if not blockers:
        variants = {variant.variant_id: variant for variant in seen.variants.values()}
        blockers = connector.preflight(_new_copy(push, part), variants)
    held_there = not found.is_over  # by the copy that would be cancelled: that puts its units back
    return tuple(b for b in blockers if not (held_there and b.code == BlockerCode.OUT_OF_STOCK))


def _new_copy(push: OrderPush, part: reexport_plan.Part) -> OutboundOrder:
    """What generation n+1 would ask the destination to hold: on the terms that the settings make of its amounts."""
    rows, variants = loading.rows_and_links(push)
    kept = [row for row in rows if row.line in part.lines]
    return outbound.build_of(_next(push, part), still_due.of(push, kept, part.share), variants)


def _next(push: OrderPush, part: reexport_plan.Part) -> OrderPush:
    """Generation n+1, not saved."""
    generation = push.generation + 1
    return OrderPush(
        order=push.order,
        connection=push.connection,
        generation=generation,
        reference=references.reference_of(push.order, generation=generation),
        status=PushStatus.QUEUED,
        shipping_fee=push.shipping_fee if push.connection.source_id is not None else None,  # it is in the share
        **asdict(part.share),
    )


def _write_plan(row: Reexport, found: Found, options: Sequence[Option], *, at: datetime) -> None:
    row.status, row.found, row.looked_at, row.reason = ReexportStatus.READY, found.as_json(), at, ""
    row.ways = [option.as_json() for option in options]
    row.save(update_fields=["status", "found", "looked_at", "reason", "ways"])


# --- carrying out --------------------------------------------------------------------------------


def run(message: OutboxMessage, world: World) -> Iterator[str]:
    """REEXPORT: look again, do what was chosen, and make a new generation only of what is seen to be over."""
    row = _row(message)
    if row.status != ReexportStatus.RUNNING:
        return
    push_gates.wait_for_addon(row.push)
    connector = world.connector_for(row.push.connection)
    yield "looking"
    found, options = _plan(row.push, connector, world)
    yield "looked"
    if row.way == ReexportWay.UPDATE:
        _let_it_arrive(message, connector, world)
        yield from _update(message, row, _open(options, ReexportWay.UPDATE), connector, world)
        return
    if not (found.is_over and row.way == ReexportWay.RECREATE):  # else it was cancelled by an earlier attempt of ours
        _open(options, ReexportWay(row.way))
    if not found.is_over:
        yield from _cancel(message, row, connector, world)
        yield from _see_cancelled(row, connector, world)
    with outbox.finishing(message, at=world.now()):
        _succeed(message, at=world.now())


def _see_cancelled(row: Reexport, connector: Connector, world: World) -> Iterator[str]:
    """What the destination answered proves nothing: it is read."""
    found = reexport_plan.found_of(row.push, reexport_plan.read(row.push, connector, at=world.now()))
    yield "looked after cancelling"
    if not found.is_over:
        raise outbox.RetryLater(
            f"{row.push.connection.name} has not cancelled {row.push.remote_name} yet.", CANCELLING_S
        )


def _let_it_arrive(message: OutboxMessage, connector: Connector, world: World) -> None:
    """A change that may have been sent can arrive late, and bring back what is in the trash there: nothing ends before."""
    if message.maybe_sent_at is not None:
        left = (message.maybe_sent_at + timedelta(seconds=connector.horizon_s) - world.now()).total_seconds()
        if left > 0:
            raise outbox.Postponed("Sent, no answer: looking there before it is sent again.", after_s=left)


def _open(options: Sequence[Option], way: ReexportWay) -> Option:
    option = next(option for option in options if option.way == way)
    if not option.possible:
        raise outbox.Hold(option.why)
    return option


def _cancel(message: OutboxMessage, row: Reexport, connector: Connector, world: World) -> Iterator[str]:
    """Marked first, under the order's lock: from here on nobody withdraws the re-export, and no called-off order gets one."""
    with transaction.atomic():
        lock(row.push.order_id)
        if _row(message).status != ReexportStatus.RUNNING:
            raise outbox.Postponed("The re-export was withdrawn.", after_s=0)
        outbox.mark_sending(message, at=world.now())
    yield "marked"
    connector.cancel(row.push.remote_id, note=f"Exported again by Storeward (order {row.push.order.number})")
    yield "cancelled"


def _succeed(message: OutboxMessage, *, at: datetime) -> None:
    """Generation n ends and generation n+1 begins, in one transaction."""
    lock(message.order.pk)
    row = _row(message)
    if row.status != ReexportStatus.RUNNING:
        return  # the order was called off meanwhile
    push = row.push
    part = reexport_plan.part_of(push)
    wrong = reexport_plan.money_blocker(push, part)
    gone = f"{push.remote_name} is cancelled in {push.connection.name}, or gone."
    if wrong is not None:
        text = f"{gone} {wrong.message}"
        move_push(
            push, to=PushStatus.HELD, by=history.STOREWARD, at=at, text=text, reason=text,
            blockers=[wrong.as_json()], remote_cancelled=True,
        )  # fmt: skip
        end(row, ReexportStatus.REFUSED, at=at, reason=text, blockers=(wrong,))
        return
    move_push(
        push, to=PushStatus.CANCELLED, by=history.STOREWARD, at=at, reason="Exported again.",
        remote_cancelled=True, blockers=[],
    )  # fmt: skip
    _leave_given_back(push, part)
    new = _follow(push, part, at=at)
    row.successor = new
    row.save(update_fields=["successor"])
    end(row, ReexportStatus.DONE, at=at)
    text = f"{gone} A new order {new.reference} goes to {push.connection.name}."
    history.note(push.order, kind="reexport.done", text=text, by=row.decided_by, at=at, push=new.public_id)


def _leave_given_back(push: OrderPush, part: reexport_plan.Part) -> None:
    """Of the lines that go on, the new generation counts it."""
    left = [row for row in push.push_lines.select_related("line") if row.line not in part.lines]
    push.given_back = still_due.of(push, left, shares.of(push), as_sent=True).given_back
    push.save(update_fields=["given_back"])


def _follow(push: OrderPush, part: reexport_plan.Part, *, at: datetime) -> OrderPush:
    """Generation n+1, promised. The money is in: it asks for none."""
    new = _next(push, part)
    new.save()
    routed = dict(push.push_lines.values_list("line_id", "routed_by"))
    PushLine.objects.bulk_create(PushLine(push=new, line=line, routed_by=routed[line.pk]) for line in part.lines)
    if marking.is_needed(new):
        marking.wait(new, at=at)
    else:
        move_push(new, to=PushStatus.QUEUED, by=history.STOREWARD, at=at)
        key = push_key(new)
        outbox.post(Topic.PUSH_ORDER, order=new.order, push=new, connection=new.connection, key=key, at=at)
    return new


def _update(message: OutboxMessage, row: Reexport, option: Option, connector: Connector, world: World) -> Iterator[str]:
    """Change what the destination lets be changed. What was edited here meanwhile stays flagged and is sent by a repeat."""
    fields, sent = frozenset(option.fields), OrderPush.objects.select_related("order").get(pk=row.push_id)
    outbox.mark_sending(message, at=world.now())
    yield "marked"
    connector.update(sent.remote_id, outbound.build(sent, as_sent=True), fields=fields)
    yield "updated"
    remote = sight.read(connector, sent.remote_id, made_at=sight.since_of(sent), at=world.now())
    yield "read back"
    with outbox.finishing(message, at=world.now()):
        at, order = world.now(), lock(message.order.pk)
        row = _row(message)
        if order.revision != sent.order.revision:
            raise outbox.RetryLater("The order was edited meanwhile.")
        if not OrderPush.objects.filter(pk=sent.pk, remote_id=sent.remote_id).exists():
            raise outbox.RetryLater(f"Another order took the place of {sent.remote_name} there.")
        fulfillment.record(push_id=sent.pk, remote=remote, at=at)
        push = OrderPush.objects.select_related("order", "connection").get(pk=sent.pk)
        push.changes = [change for change in push.changes if change["field"] not in fields]
        push.changed_at = push.changed_at if push.changes else None
        push.save(update_fields=["changes", "changed_at"])
        end(row, ReexportStatus.DONE, at=at)
        words = ", ".join(name.replace("_", " ") for name in option.fields)
        text = f"Changed on {push.remote_name} in {push.connection.name}: {words}."
        history.note(push.order, kind="reexport.updated", text=text, by=row.decided_by, at=at, push=push.public_id)


# --- how an attempt ended --------------------------------------------------------------------------


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """What stopped it stands on the row. A look that cannot be made now is refused; a choice waits for its store."""
    lock(message.order.pk)
    row = _row(message)
    if not row.is_open:
        return
    looking = message.topic == Topic.PLAN_REEXPORT
    if outcome.status == "held" or (looking and outcome.wait_for):
        end(row, ReexportStatus.REFUSED, at=at, reason=outcome.reason)
        text = f"Not exported again: {outcome.reason}"
        history.note(message.order, kind="reexport.refused", text=text, by=history.STOREWARD, at=at)
        if not looking:  # it may be cancelled there by now, which was not told while this ran
            fulfillment.ask(row.push, cause=f"reexport-{row.public_id}", at=at)
    else:
        row.reason = outcome.reason[:500]
        row.save(update_fields=["reason"])


def _promise(topic: Topic, row: Reexport, push: OrderPush, key: str, at: datetime) -> None:
    payload = {"reexport": row.pk}
    outbox.post(topic, order=push.order, push=push, connection=push.connection, key=key, at=at, payload=payload)


def _row(message: OutboxMessage) -> Reexport:
    rows = Reexport.objects.select_related("push__order", "push__connection__sync_settings")
    return rows.get(pk=message.payload["reexport"])


def _locked(push_id: int) -> OrderPush:
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    return OrderPush.objects.select_related("order", "connection").get(pk=push_id)


def _locked_row(reexport_id: int) -> tuple[Reexport, OrderPush]:
    push_id = Reexport.objects.values_list("push_id", flat=True).get(pk=reexport_id)
    push = _locked(push_id)
    return Reexport.objects.get(pk=reexport_id), push
