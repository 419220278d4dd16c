"""Coming back: the destination's truth, read by a worker and applied so that any order of arrival ends the same.

What was read is a whole order at one instant. An instant older than the newest that was applied changes nothing, so
that two workers whose reads overtake each other, repeats and late webhooks all end in the state that the newest read
saw. Nothing here moves money.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from connectors.base import Blocker, BlockerCode, RemoteOrder, ShipmentLine, ShipmentNotice
from connectors.errors import CredentialsError
from orders import outbox
from orders.enums import FulfillmentStatus, OrderStatus, OutboxStatus, PushStatus, ShipmentStatus, Topic
from orders.models import Fulfillment, FulfillmentLine, Order, OrderLine, OrderPush, OutboxMessage, Parcel
from orders.services import decisions, history, notices, pushes, summary
from orders.services.transitions import lock, move_push
from orders.world import World

_LIVE = (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)


def pull(message: OutboxMessage, world: World) -> Iterator[str]:
    """PULL_REMOTE: read the order where it is and take over what changed there."""
    push = OrderPush.objects.select_related("order", "connection").get(pk=message.push_id)
    if not push.remote_id:
        return
    yield "reading"
    try:
        remote = world.connector_for(push.connection).read(push.remote_id)
    except CredentialsError:
        with transaction.atomic():
            notices.promise_reconnect(push, at=world.now())
        raise
    yield "read"
    with outbox.finishing(message, at=world.now()):
        record(push_id=push.pk, remote=remote, at=world.now())


def ask(push: OrderPush, *, cause: str, at: datetime) -> None:
    """Have a worker read the order. Inside a transaction; a burst of causes is one read.

    A read that is promised and has not begun will see this change too. One that was put off after a failure is due
    at once: something stirs there.
    """
    waiting = OutboxMessage.objects.filter(push=push, topic=Topic.PULL_REMOTE, status=OutboxStatus.WAITING)
    promised = waiting.order_by("pk").first()
    if promised is None:
        pushes.promise_read(push, cause=cause, at=at)
    elif not promised.wait_for and promised.next_attempt_at > at:
        outbox.release_now(promised.key, at=at)


def record(*, push_id: int, remote: RemoteOrder | None, at: datetime) -> None:
    """Apply what the destination holds; None: the order is gone there. Inside a transaction; repeating changes nothing."""
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    if remote is None:
        _take_leave(push, "deleted", at=at)
        return
    if _is_older(remote.updated_at, push.remote_updated_at):
        return
    push.remote_updated_at = remote.updated_at or push.remote_updated_at
    push.remote_version = remote.remote_version[:60]
    push.save(update_fields=["remote_updated_at", "remote_version"])
    _record_total(push, remote, at=at)
    _record_refund(push, remote, at=at)
    _record_shipments(push, remote.shipments, at=at)
    if remote.cancelled:
        _take_leave(push, "cancelled", at=at)


def _is_older(this: datetime | None, known: datetime | None) -> bool:
    return this is not None and known is not None and this < known


# --- shipments -----------------------------------------------------------------------------------


def _record_shipments(push: OrderPush, shipments: Sequence[ShipmentNotice], *, at: datetime) -> None:
    lines = [row.line for row in push.push_lines.select_related("line").order_by("line__position")]
    before = _sent(Fulfillment.objects.filter(push=push).values_list("pk", flat=True))
    in_order = sorted(shipments, key=lambda shipment: shipment.remote_id)
    contents = _allocate(in_order, lines)
    for shipment in in_order:
        _Shipment(push, shipment, contents[shipment.remote_id], lines, at).record()
    after = _sent(Fulfillment.objects.filter(push=push).values_list("pk", flat=True))
    _warn_of_excess(push, lines, before, after, at=at)
    _recount(push, at=at)
    notices.promise_customer(push, at=at)


@dataclass(frozen=True, slots=True)
class _Shipment:
    """One fulfillment there on its way to becoming our row."""

    push: OrderPush
    notice: ShipmentNotice
    quantities: Mapping[int, int]  # by our line's pk
    lines: Sequence[OrderLine]
    at: datetime

    def record(self) -> None:
        row = Fulfillment.objects.filter(push=self.push, remote_id=self.notice.remote_id).first()
        if row is None:
            self._add()
        elif not _overtaken(self.notice, row):
            self._change(row)

    def _add(self) -> None:
        row = Fulfillment.objects.create(
            order=self.push.order,
            push=self.push,
            remote_id=self.notice.remote_id,
            status=self.notice.status,
            shipped_at=self.notice.shipped_at,
            remote_updated_at=self.notice.updated_at,
            created_at=self.at,
        )
        self._set_lines(row)
        tracking = _set_parcels(row, self.notice)
        if row.status == ShipmentStatus.SUCCESS:
            self._note("new", f"Fulfilled: {self._contents()}" + (f". Tracking: {tracking}." if tracking else "."), row)

    def _change(self, row: Fulfillment) -> None:
        status_before, row.status = row.status, self.notice.status
        row.shipped_at, row.remote_updated_at = self.notice.shipped_at, self.notice.updated_at or row.remote_updated_at
        row.save(update_fields=["status", "shipped_at", "remote_updated_at"])
        other_lines = self._set_lines(row)
        tracking = _set_parcels(row, self.notice)
        if row.status != status_before:
            verb = "Fulfilled after all" if row.status == ShipmentStatus.SUCCESS else "A fulfillment was taken back"
            self._note("changed", f"{verb}: {self._contents()}.", row)
        elif other_lines:
            self._note("changed", f"A fulfillment was changed: {self._contents()}.", row)
        if tracking:
            self._note("tracking", f"Tracking added: {tracking}.", row)

    def _set_lines(self, row: Fulfillment) -> bool:
        """True when they were different."""
        known = dict(row.lines.values_list("line_id", "quantity"))
        if known == self.quantities:
            return False
        row.lines.all().delete()
        FulfillmentLine.objects.bulk_create(
            FulfillmentLine(fulfillment=row, line_id=line_id, quantity=units)
            for line_id, units in self.quantities.items()
        )
        return True

    def _contents(self) -> str:
        ours = [f"{self.quantities[line.pk]} × {line.title}" for line in self.lines if line.pk in self.quantities]  # noqa: RUF001  # the sign that people read
        return ", ".join(ours) or "nothing of this order"

    def _note(self, what: str, text: str, row: Fulfillment) -> None:
        name = self.push.connection.name
        history.note(self.push.order, kind=f"fulfillment.{what}", text=text, by=name, at=self.at, fulfillment=row.pk)


def _overtaken(notice: ShipmentNotice, row: Fulfillment) -> bool:
    """Whether the row knows better: it is newer, or, within the same instant, taken back already."""
    if _is_older(notice.updated_at, row.remote_updated_at):
        return True
    same_instant = notice.updated_at is not None and notice.updated_at == row.remote_updated_at
    return same_instant and row.status != ShipmentStatus.SUCCESS and notice.status == ShipmentStatus.SUCCESS


def _allocate(shipments: Iterable[ShipmentNotice], lines: Sequence[OrderLine]) -> dict[str, Counter[int]]:
    """Units of our lines in each shipment, by the shipment's remote id. What is none of our lines is left out."""
    room = {line.pk: line.quantity for line in lines}
    contents: dict[str, Counter[int]] = {}
    for shipment in shipments:
        counts = shipment.status == ShipmentStatus.SUCCESS
        free = room if counts else {line.pk: line.quantity for line in lines}
        contents[shipment.remote_id] = Counter()
        for sent in shipment.lines:
            contents[shipment.remote_id].update(_spread(sent, lines, free))
    return contents


def _spread(sent: ShipmentLine, lines: Sequence[OrderLine], room: dict[int, int]) -> dict[int, int]:
    """By the line id that came back, else by SKU from the first line on; units too many stay with the last line."""
    ours = [line for line in lines if line.public_id == sent.line_id] or [
        line for line in lines if line.sku and line.sku == sent.sku
    ]
    left, parts = sent.quantity, {}
    for line in ours:
        part = left if line is ours[-1] else min(left, max(room[line.pk], 0))
        if part > 0:
            parts[line.pk] = part
            room[line.pk] -= part
            left -= part
    return parts


def _set_parcels(row: Fulfillment, notice: ShipmentNotice) -> str:
    """Make the parcels those of the notice. Returns the new ones in words; empty when there is none."""
    wanted = {(parcel.number or parcel.url)[:120]: parcel for parcel in notice.parcels if parcel.number or parcel.url}
    row.parcels.exclude(number__in=wanted).delete()
    new = []
    for number, parcel in wanted.items():
        url = parcel.url if len(parcel.url) <= 500 else ""  # noqa: PLR2004  # the column; half an address leads nowhere
        _, created = Parcel.objects.update_or_create(
            fulfillment=row, number=number, defaults={"carrier": parcel.carrier[:100], "url": url}
        )
        if created:
            new.append(f"{parcel.carrier} {number}".strip())
    return ", ".join(new)


def _sent(fulfillments: Iterable[int]) -> dict[int, int]:
    """Units that stand as sent, by line."""
    rows = FulfillmentLine.objects.filter(fulfillment__in=fulfillments, fulfillment__status=ShipmentStatus.SUCCESS)
    return dict(rows.values_list("line").annotate(units=Sum("quantity")).order_by())


def _recount(push: OrderPush, *, at: datetime) -> None:
    """Make lines, order and headline agree with the fulfillments that stand. A line is never fulfilled beyond its quantity."""
    sent = _sent(Fulfillment.objects.filter(order=push.order).values_list("pk", flat=True))
    for line in OrderLine.objects.filter(order=push.order):
        units = min(sent.get(line.pk, 0), line.quantity)
        if units != line.fulfilled_quantity:
            OrderLine.objects.filter(pk=line.pk).update(fulfilled_quantity=units)
    summary.refresh(push.order_id)
    status = Order.objects.values_list("fulfillment_status", flat=True).get(pk=push.order_id)
    decide = decisions.complete if status == FulfillmentStatus.FULFILLED else decisions.reopen
    decide(order_id=push.order_id, by=push.connection.name, at=at)


def _warn_of_excess(
    push: OrderPush, lines: Iterable[OrderLine], before: Mapping[int, int], after: Mapping[int, int], *, at: datetime
) -> None:
    """More was sent than was ordered. It is on its way already: holding the push would stop nothing, so it is told."""
    for line in lines:
        units = after.get(line.pk, 0)
        if units > max(line.quantity, before.get(line.pk, 0)):
            text = f"{push.connection.name} sent {units} of {line.sku or line.title}; the customer ordered {line.quantity}."
            _tell(push, "changed_in_store", f"line-{line.position}:{units}", text, at=at)


# --- what was done there besides sending -----------------------------------------------------------


def _record_total(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    """The first read is compared with what was paid; a later change is told once, and ends the hold when it mends it."""
    if push.status not in (PushStatus.PUSHED, PushStatus.HELD) or push.remote_cancelled or remote.cancelled:
        return
    if push.read_back_at is None:
        pushes.compare(push, remote, at=at)
        return
    if remote.total == push.remote_total:
        return
    equal = remote.total == push.order.total and remote.currency == push.order.currency
    if push.status == PushStatus.HELD:
        pushes.compare(push, remote, at=at)
        if equal:
            move_push(push, to=PushStatus.PUSHED, by=push.connection.name, at=at, blockers=[])
        return
    push.remote_total = remote.total
    push.save(update_fields=["remote_total"])
    text = f"The total of {push.remote_name} was changed to {_money(remote.total, remote)} in {push.connection.name}."
    if not equal:
        paid = _money(push.order.total, push.order)
        text += f" The customer paid {paid}; no money has moved here."
    _tell(push, "changed_in_store", f"total:{remote.total.normalize():f}", text, at=at)


def _record_refund(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    """Money given back there is told once per amount, unless the order was called off here, which gives it back."""
    if remote.refunded == push.remote_refunded:
        return
    more = remote.refunded > push.remote_refunded
    push.remote_refunded = remote.refunded
    push.save(update_fields=["remote_refunded"])
    if more and push.order.status in _LIVE:
        amount = _money(remote.refunded, remote)
        text = f"{push.connection.name} shows {amount} refunded for {push.remote_name}. No money has moved here."
        _tell(push, "refunded_in_store", f"{remote.refunded.normalize():f}", text, at=at)


def _take_leave(push: OrderPush, how: str, *, at: datetime) -> None:
    """The order was cancelled or deleted there. Ours goes on needing a person, unless it was called off here."""
    if push.remote_cancelled:
        return
    text = f"{push.remote_name} was {how} in {push.connection.name}."
    if push.order.status not in _LIVE:
        if _cancelling_is_done(push, at=at):
            move_push(
                push,
                to=PushStatus.CANCELLED,
                by=push.connection.name,
                at=at,
                text=text,
                reason=text,
                remote_cancelled=True,
            )
        return
    advice = f"{text} Cancel the order here to give the customer the money back."
    blocker = Blocker(BlockerCode.CHANGED_AT_DESTINATION, advice, "status", how)
    move_push(
        push, to=PushStatus.HELD, by=push.connection.name, at=at, text=text, reason=advice,
        blockers=[blocker.as_json()], remote_cancelled=True,
    )  # fmt: skip
    notices.promise_merchant(push.order, kind="cancelled_in_store", cause_key=push.public_id, at=at, reason=text)


def _cancelling_is_done(push: OrderPush, *, at: datetime) -> bool:
    """Take back our own promise to cancel there. False while it is being carried out: then it writes the end itself."""
    cancelling = push.messages.filter(topic=Topic.CANCEL_REMOTE).exclude(status=OutboxStatus.DONE)
    return all(outbox.withdraw_sent(message.key, at=at) for message in cancelling)


def _tell(push: OrderPush, kind: str, cause: str, text: str, *, at: datetime) -> None:
    history.note(push.order, kind=f"push.{kind}", text=text, by=push.connection.name, at=at, push=push.public_id)
    notices.promise_merchant(push.order, kind=kind, cause_key=f"{push.public_id}:{cause}", at=at, reason=text)


def _money(amount: Decimal, of: RemoteOrder | Order) -> str:
    """The destination's amount as it is, even one that the currency could not hold."""
    return f"{amount.normalize():f} {of.currency}"
