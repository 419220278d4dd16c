"""Edits of an order by the channel that placed it, after it came in.

An edit is read as the whole order with the edited parts in their place, by the very code that reads a new one. What has
not left follows the edit; a destination that has the order keeps it, and its push says what was changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from connectors.money import MoneyError, plain, total
from orders import outbox
from orders.enums import AddressKind, Delivery, OrderStatus, PaymentStatus, PushStatus
from orders.errors import FieldProblem, InvalidOrder, TransitionNotAllowed, VersionConflict
from orders.models import Order, OrderAddress, OrderLine, OrderPush, Payment, Refund, RefundLine
from orders.models.fields import ZERO
from orders.services import drafts, history, intake, intake_body, part_amounts, refund_quotes, rerouting
from orders.services.keys import capture_key
from orders.services.new_order import NewAddress, NewLine, NewOrder
from orders.services.transitions import lock

_SUMS = ("subtotal", "discount", "shipping", "shipping_title", "tax", "total")
_EDITABLE = frozenset(
    {"lines", "subtotal", "discount", "shipping", "tax", "total", "shipping_address", "billing_address", "note", "attributes"}
)  # fmt: skip
_LABELS = {
    "lines": "Lines and amounts",
    "shipping_address": "Shipping address",
    "billing_address": "Billing address",
    "note": "Note",
    "attributes": "Details",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One part of the order in words, before and after."""

    field: str  # of connectors.base.UPDATABLE
    before: str
    after: str

    def as_json(self) -> dict[str, str]:
        return {"field": self.field, "label": _LABELS[self.field], "before": self.before, "after": self.after}


@transaction.atomic
def edit(*, order_id: int, body: Any, by: str, at: datetime) -> Order:
    """Take over what the body names. An edit that changes nothing leaves no trace.

    Raises InvalidOrder with every problem, VersionConflict when the order was edited since it was read, and
    TransitionNotAllowed for an order that is over, or whose payment is just being taken.
    """
    revision, edited = _shape(body)
    order = lock(order_id)
    _refuse(order, revision)
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    current = _body_of(order, lines)
    before = intake_body.read(current, at=order.received_at)
    after = intake_body.read(_overlaid(current, edited), at=order.received_at)
    changes = list(_changes(before, after))
    if not changes:
        return order
    _refuse_money(order, after)
    capturing = rerouting.stop_capture(order, at=at)
    flagged = _left_with_lines(order)
    touched, added = _write(order, lines, after)
    _follow(order, changes, flagged, touched, added, by=by, at=at)
    order = drafts.reconsider(order_id=order_id, by=by, at=at)
    if capturing:
        outbox.renew(capture_key(order), at=at)  # it asks every destination once more, right before the money
    names = ", ".join(_LABELS[change.field].lower() for change in changes)
    history.note(order, kind="order.edited", text=f"{by} edited: {names}.", by=by, at=at, revision=order.revision)
    return order


# --- reading -------------------------------------------------------------------------------------


def _shape(body: Any) -> tuple[int, Mapping[str, Any]]:
    if not isinstance(body, dict):
        raise InvalidOrder([FieldProblem("", "wrong_type", "This must be an object.")])
    problems = [
        FieldProblem(name, "not_editable", "This cannot be edited.")
        for name in body
        if name not in {*_EDITABLE, "revision"}
    ]
    revision = body.get("revision")
    if isinstance(revision, bool) or not isinstance(revision, int):
        problems.append(FieldProblem("revision", "required", "Name the revision that you read, as a whole number."))
    if problems:
        raise InvalidOrder(problems)
    return int(revision or 0), {name: value for name, value in body.items() if name != "revision"}


def _refuse(order: Order, revision: int) -> None:
    if order.status not in (OrderStatus.PENDING, OrderStatus.CONFIRMED):
        status = OrderStatus(order.status).label.lower()
        raise TransitionNotAllowed(f"Order {order.number} is {status}: it cannot be edited.")
    if revision != order.revision:
        raise VersionConflict(
            f"Order {order.number} is at revision {order.revision}, not {revision}: read it again before you edit it."
        )


def _refuse_money(order: Order, after: NewOrder) -> None:
    """Never more than the customer's bank promised; once the money is in, what was paid is what the order comes to."""
    payment = Payment.objects.filter(order=order).first()
    if payment is None or after.total == order.total:
        return
    if payment.status not in refund_quotes.TAKEN:
        covered = ZERO if payment.status == PaymentStatus.VOIDED else payment.authorized
        if after.total > covered:
            most = f"{plain(covered, order.currency)} {order.currency}"
            raise InvalidOrder([FieldProblem("total", "more_than_authorized", f"The payment covers {most}.")])
        return
    paid = payment.captured - total(refund.amount for refund in Refund.objects.filter(order=order).standing())
    if after.total != paid:
        text = f"The payment is taken: {plain(paid, order.currency)} {order.currency} was paid and not given back."
        raise InvalidOrder([FieldProblem("total", "not_what_was_paid", text)])


def _overlaid(current: Mapping[str, Any], edited: Mapping[str, Any]) -> dict[str, Any]:
    body = {**current, **{name: value for name, value in edited.items() if name != "note"}}
    if "note" in edited:
        body["customer"] = {**current["customer"], "note": edited["note"]}
    return body


def _body_of(order: Order, lines: Iterable[OrderLine]) -> dict[str, Any]:
    """The order as its channel would place it now, without its payment."""
    currency = order.currency
    addresses = {address.kind: address for address in OrderAddress.objects.filter(order=order)}
    place = {"name": order.pickup_name, "address": order.pickup_address, "instructions": order.pickup_instructions}
    is_pickup = order.delivery == Delivery.PICKUP and order.pickup_name
    return {
        "merchant": order.merchant.slug,
        "external_id": order.external_id,
        "number": order.number,
        "placed_at": order.placed_at.isoformat(),
        "currency": currency,
        "prices_include_tax": order.prices_include_tax,
        "lines": [_line_body(line, currency) for line in lines],
        **{name: plain(getattr(order, name), currency) for name in ("subtotal", "discount", "tax", "total")},
        "shipping": {
            "amount": plain(order.shipping, currency), "title": order.shipping_title, "taxes": order.shipping_taxes,
        },
        "customer": {
            "name": order.customer_name, "email": order.customer_email, "phone": order.customer_phone,
            "note": order.customer_note,
        },
        "delivery": {"method": str(order.delivery), **({"place": _filled(place)} if is_pickup else {})},
        "attributes": dict(order.attributes),
        **{f"{kind}_address": _address_body(address) for kind, address in addresses.items()},
    }  # fmt: skip


def _line_body(line: OrderLine, currency: str) -> dict[str, Any]:
    return {
        "id": line.external_id, "sku": line.sku, "title": line.title, "quantity": line.quantity,
        "unit_price": plain(line.unit_price, currency), "taxes": line.taxes, "requires_shipping": line.requires_shipping,
    }  # fmt: skip


def _address_body(address: OrderAddress) -> dict[str, str]:
    return _filled({name: getattr(address, name) for name in NewAddress.__dataclass_fields__})


def _filled(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


# --- what changed ----------------------------------------------------------------------------------


def _changes(before: NewOrder, after: NewOrder) -> Iterator[Change]:
    for field, (names, told) in _PARTS.items():
        if any(getattr(before, name) != getattr(after, name) for name in names):
            yield Change(field, told(before), told(after))


def _amounts(order: NewOrder) -> str:
    rows = [
        f"{line.quantity} × {line.title} ({line.sku or 'no SKU'}) at {plain(line.unit_price, order.currency)}"  # noqa: RUF001  # the sign that people read
        for line in order.lines
    ]
    for name, amount in (("discount", order.discount), ("shipping", order.shipping), ("tax", order.tax)):
        rows += [f"{name} {plain(amount, order.currency)}"] if amount else []
    return "\n".join([*rows, f"total {plain(order.total, order.currency)} {order.currency}"])


def _place(address: NewAddress | None) -> str:
    return "\n".join(value for value in asdict(address).values() if value) if address else ""


# What belongs to each part, and how it is told. Two that are told alike differ in nothing that a destination shows.
_PARTS: Mapping[str, tuple[tuple[str, ...], Callable[[NewOrder], str]]] = {
    "lines": (("lines", "shipping_taxes", *_SUMS), _amounts),
    "shipping_address": (("shipping_address",), lambda order: _place(order.shipping_address)),
    "billing_address": (("billing_address",), lambda order: _place(order.billing_address)),
    "note": (("customer_note",), lambda order: order.customer_note),
    "attributes": (
        ("attributes",),
        lambda order: "\n".join(f"{name}: {value}" for name, value in order.attributes.items()),
    ),
}


# --- writing ---------------------------------------------------------------------------------------


def _write(order: Order, lines: Iterable[OrderLine], after: NewOrder) -> tuple[set[int], list[OrderLine]]:
    """The lines that are other than before, by primary key, and those that are new."""
    touched, added = _write_lines(order, {line.external_id: line for line in lines}, after.lines)
    for name in _SUMS:
        setattr(order, name, getattr(after, name))
    order.shipping_taxes = [tax.as_json() for tax in after.shipping_taxes]
    order.customer_note, order.attributes = after.customer_note, dict(after.attributes)
    order.search_text, order.revision = intake.search_text(after), order.revision + 1
    order.save(update_fields=[*_SUMS, "shipping_taxes", "customer_note", "attributes", "search_text", "revision"])
    given = {AddressKind.SHIPPING: after.shipping_address, AddressKind.BILLING: after.billing_address}
    for kind, address in given.items():
        if address is not None:
            OrderAddress.objects.update_or_create(order=order, kind=kind, defaults=asdict(address))
    return touched, added


def _write_lines(
    order: Order, known: Mapping[str, OrderLine], wanted: Iterable[NewLine]
) -> tuple[set[int], list[OrderLine]]:
    wanted = list(wanted)
    _refuse_lines(order, known, wanted)
    touched: set[int] = set()
    added: list[OrderLine] = []
    position = max((line.position for line in known.values()), default=-1)
    for new in wanted:
        line = known.get(new.external_id)
        values = _line_values(new)
        if line is None:
            position += 1
            added.append(
                OrderLine.objects.create(order=order, external_id=new.external_id, position=position, **values)
            )
        elif any(getattr(line, name) != value for name, value in values.items()):
            OrderLine.objects.filter(pk=line.pk).update(**values)
            touched.add(line.pk)
    gone = {known[external_id].pk for external_id in known.keys() - {new.external_id for new in wanted}}
    OrderLine.objects.filter(pk__in=gone).delete()
    return touched | gone, added


def _line_values(new: NewLine) -> dict[str, Any]:
    values = {name: getattr(new, name) for name in ("sku", "title", "quantity", "unit_price", "requires_shipping")}
    return {**values, "taxes": [tax.as_json() for tax in new.taxes]}


def _refuse_lines(order: Order, known: Mapping[str, OrderLine], wanted: Iterable[NewLine]) -> None:
    """Units that were sent or given back stay in the order."""
    given: dict[int, int] = {}
    for row in RefundLine.objects.filter(refund__in=Refund.objects.filter(order=order).standing()):
        given[row.line_id] = given.get(row.line_id, 0) + row.quantity
    units = {new.external_id: (index, new.quantity) for index, new in enumerate(wanted)}
    problems = []
    for external_id, line in known.items():
        index, quantity = units.get(external_id, (None, 0))
        field = "lines" if index is None else f"lines[{index}].quantity"
        if quantity < line.fulfilled_quantity:
            text = f"{line.fulfilled_quantity} of {line.title} were sent already."
            problems.append(FieldProblem(field, "already_sent", text))
        elif quantity < given.get(line.pk, 0):
            text = f"{given[line.pk]} of {line.title} were given back: they stay in the order."
            problems.append(FieldProblem(field, "already_refunded", text))
    if problems:
        raise InvalidOrder(problems)


def _left_with_lines(order: Order) -> dict[OrderPush, set[int]]:
    """The pushes that are there, or may be, with the primary keys of their lines."""
    latest = OrderPush.objects.filter(order=order).newest().exclude(status=PushStatus.CANCELLED)
    left = [push for push in latest.select_related("connection") if part_amounts.has_left(push)]
    return {push: set(push.push_lines.values_list("line_id", flat=True)) for push in left}


def _follow(
    order: Order,
    changes: list[Change],
    left: Mapping[OrderPush, set[int]],
    touched: set[int],
    added: list[OrderLine],
    *,
    by: str,
    at: datetime,
) -> None:
    """Pushes that have left are flagged; the others get their new lines and amounts and are checked again."""
    try:
        homes = rerouting.follow_edit(order, added=added, touched=touched, by=by, at=at)
    except MoneyError as error:
        text = "What is left for the destinations that do not have the order yet would be negative."
        raise InvalidOrder([FieldProblem("discount", "out_of_range", text)]) from error
    for push, line_ids in left.items():
        ours = bool(line_ids & touched) or push.pk in homes or len(left) == 1
        flag(push, [change for change in changes if change.field != "lines" or ours], at=at)


def flag(push: OrderPush, changes: Iterable[Change], *, at: datetime) -> None:
    """Keep what was exported beside what is now; a part that is again as it was exported is no change."""
    known = {change["field"]: change for change in push.changes}
    for change in changes:
        row = change.as_json()
        row["before"] = known.get(change.field, row)["before"]
        known[change.field] = row
    push.changes = [row for row in known.values() if row["before"] != row["after"]]
    push.changed_at = at if push.changes else None
    push.save(update_fields=["changes", "changed_at"])
