"""Lines that change their destination after the order came in: by hand, or because they had none.

A line moves whole, and only while nothing has been sent for it. What has left keeps its part of the amounts; the rest is
shared out anew among the parts that have not.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from connectors.base import BlockerCode
from connectors.models import Connection
from orders import outbox
from orders.enums import AddressKind, OrderStatus, OutboxStatus, PaymentStatus, PushStatus, RoutedBy, Topic
from orders.errors import RoutingRefused, TransitionNotAllowed
from orders.models import Order, OrderLine, OrderPush, OutboxMessage, PushLine
from orders.services import (
    by_hand,
    called_off,
    history,
    marking,
    moves_refused,
    open_units,
    part_amounts,
    preflight,
    routing,
    shares,
    slots,
    summary,
)
from orders.services.keys import capture_key, push_key
from orders.services.transitions import lock, move_push

_OPEN_ORDER = (OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.CONFIRMED)
_UNDECIDED = (OrderStatus.DRAFT, OrderStatus.PENDING)
_TAKEN_MONEY = (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED)
EMPTIED = "Its lines go elsewhere."


@dataclass(frozen=True, slots=True)
class Move:
    """One line, whole, to one destination; primary keys."""

    line_id: int
    connection_id: int


@transaction.atomic
def move(*, order_id: int, moves: Sequence[Move], by: str, at: datetime) -> Order:
    """Send lines elsewhere; each destination that gains or loses any is checked again.

    Raises RoutingRefused for what cannot be meant (a line to two destinations, a destination that takes no orders) and
    TransitionNotAllowed for a line that is being sent or is there, and while the payment is being taken. All or nothing.
    """
    order = lock(order_id)
    if order.status not in _OPEN_ORDER:
        status = OrderStatus(order.status).label.lower()
        raise TransitionNotAllowed(f"Order {order.number} is {status}: its lines cannot be moved.")
    moves_refused.refuse_copies(order, [wanted.line_id for wanted in moves])
    capturing = stop_capture(order, at=at)
    change = _Change(order, by=by, at=at)
    targets = moves_refused.targets(order, {wanted.connection_id for wanted in moves})
    for wanted in moves:
        line = OrderLine.objects.get(pk=wanted.line_id, order=order)
        if open_units.is_sent_from_here(line):
            raise TransitionNotAllowed(f"{line.title} was shipped or set aside from here: it would be sent twice.")
        change.move(line, targets[wanted.connection_id])
    if not change.texts:
        raise RoutingRefused("Every line goes there already.")
    change.finish()
    if capturing:
        outbox.renew(capture_key(order), at=at)  # it asks every destination once more, right before the money
    return order


@transaction.atomic
def route_rest(*, order_id: int, at: datetime) -> str:
    """Route the lines of an undecided order that went nowhere, by what holds now. Why some still do; empty when none."""
    order = lock(order_id)
    if order.status not in _UNDECIDED or not order.blockers:
        return ""
    change = _Change(order, by=history.STOREWARD, at=at)
    book = change.route_unrouted()
    if change.texts or not book.own:
        change.finish()
    return next((blocker.message for blocker in order.blocker_list if blocker.code == BlockerCode.NO_DESTINATION), "")


def follow_store_edit(order: Order, *, at: datetime) -> None:
    """The content of a locked order of which nothing has left is another now: lines that are new are routed, amounts
    shared out, destinations asked, promises made anew. Raises TransitionNotAllowed while a part is being sent.
    """
    touched = set(order.pushes.exclude(status=PushStatus.CANCELLED).values_list("pk", flat=True))
    change = _Change(order, by=history.STOREWARD, at=at, touched=touched)
    change.route_unrouted()
    change.finish()


def follow_return(order: Order, push: OrderPush, *, by: str, at: datetime) -> None:
    """A part of a locked order goes out again: amounts are shared out anew, it is checked, or promised."""
    _Change(order, by=by, at=at, touched={push.pk}).finish()


def follow_edit(order: Order, *, added: Sequence[OrderLine], touched: Set[int], by: str, at: datetime) -> set[int]:
    """After an edit: route the new lines, share out the new amounts, have checked what has not left.

    Inside a transaction, under the order's lock. Returns the primary keys of the pushes that got new lines. A new line
    of a destination that has its part already is put down there: it goes out with a re-export.
    """
    source_id = order.channel.connection_id
    book = routing.read_book(order.merchant, (line.sku for line in added), source_id=source_id)
    facts = routing.Facts(order.attributes, _country(order))
    change, homes = _Change(order, by=by, at=at), set()
    for line in added:
        route = book.route(line.sku, facts)
        if route.connection is None:
            continue
        latest = OrderPush.objects.filter(order=order, connection=route.connection).newest().first()
        if latest is not None and part_amounts.has_left(latest):
            PushLine.objects.create(push=latest, line=line, routed_by=route.by)
            homes.add(latest.pk)
        else:
            change.put(line, route.connection, route.by)
    change.touched |= set(PushLine.objects.filter(line_id__in=touched).values_list("push_id", flat=True)) - homes
    change.touched -= {push.pk for push in order.pushes.all() if part_amounts.has_left(push)}
    change.finish()
    return homes


@transaction.atomic
def route_again(*, order_id: int, at: datetime) -> None:
    """Route the lines of a draft anew, by what it has become; those that a person moved stay where they are."""
    order = lock(order_id)
    rows = (
        PushLine.objects.filter(line__order=order)
        .exclude(routed_by=RoutedBy.HAND)
        .select_related("line", "push__connection")
    )
    source_id = order.channel.connection_id
    book = routing.read_book(order.merchant, (row.line.sku for row in rows), source_id=source_id)
    facts = routing.Facts(order.attributes, _country(order))
    change = _Change(order, by=history.STOREWARD, at=at)
    for row in rows:
        route = book.route(row.line.sku, facts)
        target = route.connection
        if target is None or target.pk == row.push.connection_id:
            continue
        if routing.first_status(target) != PushStatus.SKIPPED:
            change.take(row)
            change.put(row.line, target, route.by)
            change.texts.append(f"{row.line} to {target.name}")
    if change.texts:
        change.finish()


def stop_capture(order: Order, *, at: datetime) -> bool:
    """Take back the promise to capture, which was about the destinations as they were. True when there was one.

    Raises TransitionNotAllowed when it is too late for that.
    """
    if order.status != OrderStatus.CONFIRMED or order.payment_status != PaymentStatus.AUTHORIZED:
        return False
    key = capture_key(order)
    if not outbox.withdraw(key, at=at):
        raise TransitionNotAllowed(_too_late(order, OutboxMessage.objects.filter(key=key).first()))
    text = "The payment waits for this change: it is taken once every destination agrees to the order as it is now."
    history.note(order, kind="payment.put_off", text=text, by=history.STOREWARD, at=at)
    return True


def _too_late(order: Order, capture: OutboxMessage | None) -> str:
    """Why nothing of the order can be changed before its payment has answered, in words for a merchant."""
    if capture is None or capture.maybe_sent_at is None or capture.status == OutboxStatus.RUNNING:
        return f"The payment of order {order.number} is being taken right now, for the order as it is. Try again in a minute."
    return (
        f"The payment of order {order.number} may have been taken already, for the order as it is: the payment provider "
        "has not answered yet and is asked again by itself. Try again once the order's page says how it ended."
    )


@dataclass(slots=True)
class _Change:
    """One rearrangement of a locked order's lines, and what follows from it."""

    order: Order
    by: str
    at: datetime
    texts: list[str] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)  # pushes that gained or lost a line

    def route_unrouted(self) -> routing.Book:
        """Put the lines that go nowhere where the rules send them now; what was read of the rules."""
        lines = list(part_amounts.unrouted(self.order))
        source_id = self.order.channel.connection_id
        book = routing.read_book(self.order.merchant, (line.sku for line in lines), source_id=source_id)
        facts = routing.Facts(self.order.attributes, _country(self.order))
        for line in lines:
            route = book.route(line.sku, facts)
            if route.connection is not None:
                self.put(line, route.connection, route.by)
                self.texts.append(f"{line} to {route.connection.name}")
        return book

    def move(self, line: OrderLine, target: Connection) -> None:
        """By hand: take the line from where it is, and put it where it is wanted."""
        row = PushLine.objects.filter(line=line).select_related("line", "push__connection").first()
        if row is not None and row.push.connection_id == target.pk:
            return
        if row is not None:
            self.take(row)
        self.put(line, target, RoutedBy.HAND)
        came_from = f" from {row.push.connection.name}" if row else ""
        self.texts.append(f"{line}{came_from} to {target.name}")

    def put(self, line: OrderLine, target: Connection, routed_by: RoutedBy) -> None:
        if _is_on_its_way(self.order) or routing.is_partners(target):
            # no check comes any more before it is sent; a partner's store takes linked lines only
            moves_refused.refuse_unlinked(line, target)
        push = self._push_to(target)
        PushLine.objects.create(push=push, line=line, routed_by=routed_by)
        self.touched.add(push.pk)

    def finish(self) -> None:
        """Blockers, amounts, statuses, checks and history after the lines have moved."""
        _renew_blockers(self.order)
        pushes = list(
            self.order.pushes.select_related("connection__sync_settings")
            .prefetch_related("push_lines__line")
            .order_by("pk")
        )
        changed = part_amounts.share_out(self.order, pushes)
        for push in pushes:
            if push.pk in changed | self.touched:
                push.order = self.order
                self._follow(push)
        if self.order.status != OrderStatus.DRAFT and not _is_on_its_way(self.order):
            preflight.ask(self.order, at=self.at)
        if self.texts:
            verb = "Routed" if self.by == history.STOREWARD else f"{self.by} moved"
            text = f"{verb} {', '.join(self.texts)}."
            history.note(self.order, kind="order.routed", text=text, by=self.by, at=self.at)
        summary.refresh(self.order.pk)

    def take(self, row: PushLine) -> None:
        if part_amounts.has_left(row.push):
            as_name = f" as {row.push.remote_name}" if row.push.remote_name else ""
            where = (
                f"is in {row.push.connection.name}{as_name} already" if row.push.remote_id else _on_its_way(row.push)
            )
            raise TransitionNotAllowed(f"{row.line} {where}: it cannot be moved.")
        self.touched.add(row.push_id)
        row.delete()

    def _push_to(self, target: Connection) -> OrderPush:
        """The order's push to a destination, made when there is none, called back when it had lost all its lines."""
        pushes = OrderPush.objects.filter(order=self.order, connection=target).select_related("connection")
        push = pushes.order_by("-generation").first()
        if push is None:
            push = routing.new_push(self.order, target, share=shares.Share(), checking=False)
            push.status, push.wait_for, push.reason = _beginning(self.order, push)
            push.save()
        elif part_amounts.has_left(push):
            raise TransitionNotAllowed(f"{target.name} has its part of the order already, or may have it.")
        elif push.status == PushStatus.SKIPPED:
            self._call_back(push)
        return push

    def _call_back(self, push: OrderPush) -> None:
        kept_out = push.push_lines.exists() and push.reason != called_off.REASON
        if push.pk not in self.touched and kept_out:
            raise TransitionNotAllowed(f"This order is kept out of {push.connection.name}.")
        push.order = self.order
        status, wait_for, reason = preflight.ready(self.order)
        move_push(push, to=status, by=self.by, at=self.at, wait_for=wait_for, reason=reason)

    def _follow(self, push: OrderPush) -> None:
        """What a push that has not left does with its new lines or amounts."""
        if not push.push_lines.all():
            self._take_back(push)
            if push.status != PushStatus.SKIPPED:
                move_push(
                    push, to=PushStatus.SKIPPED, by=self.by, at=self.at, reason=EMPTIED, blockers=[], checking=False
                )
            outbox.release_now(preflight.check_key(self.order, push), at=self.at)
        elif push.status != PushStatus.SKIPPED and _is_on_its_way(self.order):
            self._take_back(push)
            if preflight.awaits_last_check(push):
                status, wait_for, reason = preflight.ready(self.order)
                move_push(push, to=status, by=self.by, at=self.at, wait_for=wait_for, reason=reason, blockers=[])
                outbox.renew(capture_key(self.order), at=self.at)
                return
            if marking.is_needed(push):
                marking.wait(push, at=self.at)
                return
            if by_hand.is_needed(push):
                by_hand.wait(push, at=self.at)
                return
            slots.promise(push, at=self.at)

    def _take_back(self, push: OrderPush) -> None:
        promised = push.messages.filter(topic=Topic.PUSH_ORDER).exclude(status=OutboxStatus.DONE)
        if promised.exists() and not outbox.withdraw(push_key(push), at=self.at):
            raise TransitionNotAllowed(f"The order {_on_its_way(push)}. Try again in a minute.")


def _renew_blockers(order: Order) -> None:
    others = [item for item in order.blockers if item["code"] != BlockerCode.NO_DESTINATION]
    could_go = routing.own_destinations(order.merchant, source_id=order.channel.connection_id)
    lines = part_amounts.unrouted(order).values_list("sku", "title") if could_go else ()
    order.blockers = [*others, *(blocker.as_json() for blocker in routing.nowhere(lines))]
    order.save(update_fields=["blockers"])


def _country(order: Order) -> str:
    if order.has_pickup:
        return ""
    country = order.addresses.filter(kind=AddressKind.SHIPPING).values_list("country_code", flat=True).first()
    return country or ""


def _is_on_its_way(order: Order) -> bool:
    """The order is confirmed and no money is left to take: what has not left is promised."""
    settled = (*_TAKEN_MONEY, PaymentStatus.NONE, PaymentStatus.VOIDED)  # released: an order of nothing
    return order.payment_status in settled and order.status not in _UNDECIDED


def _on_its_way(push: OrderPush) -> str:
    return f"is being sent to {push.connection.name}, or may be there already"


def _beginning(order: Order, push: OrderPush) -> tuple[PushStatus, str, str]:
    """What a push that is made late begins with: the order may be confirmed already."""
    if push.status == PushStatus.SKIPPED:
        return PushStatus.SKIPPED, "", push.reason
    return preflight.ready(order)
