"""What changes in the shop on an order that came from there: taken over while nothing has left, told after that."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from connectors import money
from connectors.base import Blocker, BlockerCode
from connectors.money import Money
from connectors.storefront import StoreFulfillment, StoreOrder, StorePayment
from orders.enums import AddressKind, OrderStatus, PaymentStatus, PushStatus
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderAddress, OrderLine, Payment, StoreOrigin
from orders.services import (
    decisions,
    draft_fields,
    drafts,
    history,
    intake,
    looks,
    notices,
    part_amounts,
    privacy,
    rerouting,
    store_reading,
    summary,
)
from orders.services.new_order import NewAddress, NewOrder
from orders.services.transitions import lock, move_payment

_OPEN = (OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.CONFIRMED)
_OVER = (OrderStatus.DECLINED, OrderStatus.EXPIRED, OrderStatus.CANCELLED)
FULFILLED = "fulfilled"
_NOT_THE_SHOPS = frozenset({"invoice_number", "invoice_key"})
_ASIDE = 10_000  # where lines stand while their positions are given anew
_TOLD_AT_MOST = 5


def take_over(*, order_id: int, told: StoreOrder, at: datetime) -> bool:
    """Make the order what the shop holds now, or say why that cannot be. False when nothing is new.

    Inside a transaction; repeating is harmless.
    """
    order = lock(order_id)
    origin = StoreOrigin.objects.get(order=order)
    if told.updated_at < origin.remote_updated_at or privacy.is_removed(order):
        return False
    how = _how_it_ended(order, told)
    moved = record_refund(order, told, at=at)
    if how:
        return end(order_id=order_id, how=how, changed_at=told.updated_at, at=at) or moved
    return _take_content(order, origin, told, at=at) or moved


def end(*, order_id: int, how: str, changed_at: datetime, at: datetime) -> bool:
    """The order does not stand in the shop any more, or was sent from there. It ends here too, unless a part has left."""
    order = lock(order_id)
    origin = StoreOrigin.objects.get(order=order)
    digest = store_reading.digest_of_gone(how)
    if origin.digest == digest:
        return False
    origin.note(is_over=True, remote_updated_at=changed_at, read_at=at, digest=digest)
    name = order.channel.name
    text = f"{how.capitalize()} in {name}."
    if order.status in _OVER:
        history.note(order, kind="order.ended_in_store", text=text, by=name, at=at)
    elif order.status not in _OPEN or _has_left(order) or not _call_off(order, how, text, by=name, at=at):
        advice = (
            f"{how.capitalize()} in {name} since it was sent. Cancel it here to call it off at its destination too."
        )
        _raise_attention(order, origin, advice, kind="channel_cancelled", at=at)
    return True


def _how_it_ended(order: Order, told: StoreOrder) -> str:
    """Why the shop wants nothing of us any more; empty while it does.

    What is fulfilled there counts only before a part has left: after that it is what we sent.
    """
    ended = (
        ("cancelled", told.cancelled),
        ("refunded in full", told.payment in (StorePayment.REFUNDED, StorePayment.VOIDED)),
        ("emptied", not told.lines),
        (FULFILLED, told.fulfillment == StoreFulfillment.FULFILLED and order.status in _OPEN and not _has_left(order)),
    )
    return next((how for how, holds in ended if holds), "")


def _call_off(order: Order, how: str, text: str, *, by: str, at: datetime) -> bool:
    """An order that the shop has fulfilled is complete; any other is cancelled. False when a part is being sent."""
    if how != FULFILLED:
        decisions.cancel(order_id=order.pk, reason=text, by=by, at=at)
        return True
    try:
        decisions.complete_unsent(order_id=order.pk, reason=text, by=by, at=at)
    except TransitionNotAllowed:
        return False
    return True


@transaction.atomic
def settle(*, order_id: int, by: str, at: datetime) -> Order:
    """A person has dealt with what changed in the shop. Raises TransitionNotAllowed when there is nothing of the kind."""
    order = lock(order_id)
    origin = StoreOrigin.objects.filter(order=order).exclude(attention="").first()
    if origin is None:
        raise TransitionNotAllowed(f"Order {order.number} has no change to look at.")
    origin.note(attention="", attention_at=None)
    looks.refresh(order.pk)
    text = f"{by} has dealt with what changed in {order.channel.name}."
    history.note(order, kind="order.change_settled", text=text, by=by, at=at)
    return order


def record_refund(order: Order, told: StoreOrder, *, at: datetime) -> bool:
    """Money that the shop gave back, beyond what it took off the order. False when that is known."""
    payment = Payment.objects.select_related("order").filter(order=order).first()
    if payment is None or not payment.taken_in_store:
        return False
    given = min(money.round_half_up(told.refunded, payment.currency), payment.captured)
    if told.payment == StorePayment.REFUNDED:
        given = payment.captured
    if given <= payment.refunded:
        return False
    to = PaymentStatus.REFUNDED if given == payment.captured else PaymentStatus.PARTIALLY_REFUNDED
    text = f"{order.channel.name} gave {Money(given, payment.currency)} back to the customer."
    move_payment(payment, to=to, by=order.channel.name, at=at, text=text, refunded=given)
    return True


def _take_content(order: Order, origin: StoreOrigin, told: StoreOrder, *, at: datetime) -> bool:
    try:
        new = store_reading.new_order(told, order.channel)
    except store_reading.NotReadable:
        text = f"Changed in {order.channel.name}, to amounts that make no sense. Look at the order there."
        return _note_once(order, origin, text, told.updated_at, digest=store_reading.digest_of_gone(text), at=at)
    if new.digest == origin.digest:
        origin.note(remote_updated_at=told.updated_at, read_at=at)
        return False
    stood = origin.digest
    origin.note(remote_updated_at=told.updated_at, read_at=at, digest=new.digest, is_over=False)
    if order.status in _OVER:
        text = (
            f"It stands in {order.channel.name} and was changed there; here it is {order.get_status_display().lower()}."
        )
        history.note(order, kind="order.changed_in_store", text=text, by=order.channel.name, at=at, before=stood)
        return True
    differences = ", ".join(_differences(order, new)) or "details"
    why_not = "since it was sent" if order.status not in _OPEN or _has_left(order) else ""
    why_not = why_not or _apply(order, origin, new, differences, at=at)
    if why_not:
        text = f"Changed in {order.channel.name} {why_not}: {differences}. Nothing was changed here."
        _raise_attention(order, origin, text, kind="channel_changed", at=at)
    return True


def _has_left(order: Order) -> bool:
    """Whether any part is at a destination, may be, or was sent from here."""
    pushes = order.pushes.exclude(status=PushStatus.CANCELLED)
    return order.fulfillments.exists() or any(part_amounts.has_left(push) for push in pushes)


class _NotTakenOver(Exception):
    """What was written must not stand; the text says why."""


def _apply(order: Order, origin: StoreOrigin, new: NewOrder, differences: str, *, at: datetime) -> str:
    """All or nothing: empty, or why it could not be done."""
    try:
        with transaction.atomic():
            _write(order, origin, new)
            _refuse_gaps(order)
            rerouting.follow_store_edit(order, at=at)
            drafts.reconsider(order_id=order.pk, by=order.channel.name, at=at)
    except TransitionNotAllowed:
        order.refresh_from_db()
        return "while it was being sent"
    except _NotTakenOver as refusal:
        order.refresh_from_db()
        return str(refusal)
    text = f"Changed in {order.channel.name} and taken over: {differences}."
    history.note(order, kind="order.changed_in_store", text=text, by=order.channel.name, at=at)
    return ""


def _refuse_gaps(order: Order) -> None:
    """Raises _NotTakenOver: an order that is confirmed cannot be a draft any more."""
    gaps = drafts.gaps_of(order) if order.status == OrderStatus.CONFIRMED else ()
    if gaps:
        raise _NotTakenOver(f"since it was confirmed ({gaps[0].message.rstrip('.')})")


def _write(order: Order, origin: StoreOrigin, new: NewOrder) -> None:
    """The shop's content, with what a person filled in where the shop says nothing."""
    before, edited = draft_fields.values_of(order), _edited(order)
    fields = {name: value for name, value in intake.as_placed(new).items() if name not in _NOT_THE_SHOPS}
    for name, value in fields.items():
        setattr(order, name, value)
    order.save(update_fields=list(fields))
    _write_lines(order, new)
    order.addresses.all().delete()
    intake.store_addresses(order, new)
    after = draft_fields.values_of(order)
    draft_fields.write(order, {path: before[path] for path in edited if before.get(path) and not after.get(path)})
    doubts = [*new.doubts, *_owed(order, new)]
    origin.note(doubts=[doubt.as_json() for doubt in doubts])
    _write_payment(order, new)
    summary.refresh(order.pk)
    order.payment_status = Order.objects.values_list("payment_status", flat=True).get(pk=order.pk)


def _edited(order: Order) -> set[str]:
    """Fields that a person filled in here; those of lines are not the shop's at all."""
    events = order.events.filter(kind=drafts.EDITED)
    paths = {change["field"] for event in events for change in event.data.get("changes", ())}
    return {path for path in paths if not path.startswith("lines[")}


def _owed(order: Order, new: NewOrder) -> list[Blocker]:
    """An order that was paid and is not any more: something was added."""
    if new.payment is not None or not Payment.objects.filter(order=order).exists():
        return []
    text = f"The customer still owes a part of it. Take the rest in {order.channel.name}."
    return [Blocker(BlockerCode.NOT_PAID, text, "payment")]


def _write_lines(order: Order, new: NewOrder) -> None:
    """Lines are told apart by the shop's id: one that stays keeps its destination."""
    lines = OrderLine.objects.filter(order=order)
    lines.exclude(external_id__in=[line.external_id for line in new.lines]).delete()
    lines.update(position=F("position") + _ASIDE)
    for position, line in enumerate(new.lines):
        columns = {**intake.line_columns(line), "position": position}
        told = {name: value for name, value in columns.items() if name not in intake.CUSTOMS}
        OrderLine.objects.update_or_create(
            order=order, external_id=columns["external_id"], defaults=told, create_defaults=columns
        )


def _write_payment(order: Order, new: NewOrder) -> None:
    payment = Payment.objects.filter(order=order).first()
    if payment is None and new.payment is not None:
        intake.store_payment(order, new.payment)
    elif payment is not None and new.payment is not None and payment.refunded <= new.payment.amount:
        payment.authorized = payment.captured = new.payment.amount
        payment.save(update_fields=["authorized", "captured"])


# --- saying what is different ------------------------------------------------------------------------


def _differences(order: Order, new: NewOrder) -> list[str]:
    """In a few words, the largest first."""
    found, filled_in = _different_lines(order, new), _edited(order)
    if new.total != order.total:
        found.append(f"the total is {Money(new.total, new.currency)}")
    addresses = {address.kind: _as_new(address) for address in order.addresses.all()}
    for kind, given in ((AddressKind.SHIPPING, new.shipping_address), (AddressKind.BILLING, new.billing_address)):
        if addresses.get(kind) != given and (given or not filled_in):
            found.append(kind.label.lower())
    if (new.payment is None) != (order.payment_status == PaymentStatus.NONE):
        found.append("paid" if new.payment else "not paid in full")
    people = ("customer_name", "customer_email", "customer_phone")
    if any(getattr(new, name) != getattr(order, name) for name in people):
        found.append("customer")
    if new.customer_note != order.customer_note:
        found.append("note")
    return found


def _different_lines(order: Order, new: NewOrder) -> list[str]:
    before = {line.external_id: line for line in order.lines.all()}
    found = []
    for line in new.lines:
        known = before.pop(line.external_id, None)
        if known is None or (known.quantity, known.sku) != (line.quantity, line.sku):
            was = f" instead of {known.quantity}" if known and known.sku == line.sku else ""
            found.append(f"{line.quantity} x {line.title[:60]}{was}")
    found += [f"no {line.title[:60]}" for line in before.values()]
    return found[:_TOLD_AT_MOST]


def _as_new(address: OrderAddress) -> NewAddress:
    return NewAddress(**{name: getattr(address, name) for name in NewAddress.__dataclass_fields__})


def _raise_attention(
    order: Order, origin: StoreOrigin, text: str, *, kind: notices.MerchantNotice, at: datetime
) -> None:
    origin.note(attention=text[:500], attention_at=at)
    looks.refresh(order.pk)
    history.note(order, kind=f"order.{kind}", text=text, by=order.channel.name, at=at)
    cause = f"{order.public_id}:{origin.digest[:24]}"
    notices.promise_merchant(order, kind=kind, cause_key=cause, at=at, reason=text, store=order.channel.connection)


def _note_once(
    order: Order, origin: StoreOrigin, text: str, changed_at: datetime, *, digest: str, at: datetime
) -> bool:
    if origin.digest == digest:
        return False
    origin.note(remote_updated_at=changed_at, read_at=at, digest=digest)
    _raise_attention(order, origin, text, kind="channel_changed", at=at)
    return True
