"""What can be done about the copy of an order that stands at its destination: found by reading there, decided here.

Reads alone. Whatever stands there under any of our references counts, not only the copy that is recorded: a request may
have been carried out twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Blocker, BlockerCode, Connector, RemoteOrder
from connectors.errors import NotVisibleError, RejectedError
from connectors.money import MoneyError, plain, total
from orders.enums import PushStatus, ReexportWay
from orders.models import OrderLine, OrderPush, Payment, Refund, RefundLine
from orders.models.fields import ZERO
from orders.services import partner_amounts, shares, sight, still_due
from orders.services.remote_cancel import stands

SEARCH_MARGIN = timedelta(hours=1)  # around our clock and the destination's


@dataclass(frozen=True, slots=True)
class Found:
    """The earlier copies as they were read; amounts as text."""

    state: str  # gone, cancelled, live, sent (in full or in part), refunded (and not cancelled), several
    names: tuple[str, ...] = ()  # of those that stand, as people there call them
    total: str = ""
    currency: str = ""
    refunded: str = ""

    @property
    def is_over(self) -> bool:
        """Nothing stands there that could be sent to the customer, or was."""
        return self.state in ("gone", "cancelled")

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"names": list(self.names)}


@dataclass(frozen=True, slots=True)
class Option:
    """One way, and why it is closed; `fields` are what an update changes, `left` what it cannot."""

    way: ReexportWay
    why: str = ""  # empty: it is possible
    fields: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def possible(self) -> bool:
        return not self.why

    def as_json(self) -> dict[str, Any]:
        return {
            "way": self.way.value,
            "possible": self.possible,
            "why": self.why,
            "fields": list(self.fields),
            "left": list(self.left),
        }


@dataclass(frozen=True, slots=True)
class Part:
    """The lines and amounts of the copy that would be made."""

    lines: tuple[OrderLine, ...]
    share: shares.Share


# --- reading ---------------------------------------------------------------------------------------


def read(push: OrderPush, connector: Connector, *, at: datetime) -> list[RemoteOrder]:
    """Every order at the destination that carries a reference of this order's pushes there, up to this generation.

    Raises NotVisibleError when one that may stand there is not shown any more.
    """
    found: dict[str, RemoteOrder] = {}
    generations = OrderPush.objects.filter(
        order_id=push.order_id, connection_id=push.connection_id, generation__lte=push.generation
    )
    for earlier in generations.select_related("order").order_by("generation"):
        for remote_id in _ids(earlier, connector):
            if remote_id not in found and (remote := _seen(earlier, remote_id, connector, at=at)) is not None:
                found[remote_id] = remote
    return list(found.values())


def _seen(push: OrderPush, remote_id: str, connector: Connector, *, at: datetime) -> RemoteOrder | None:
    """What was seen to be over before it became too old to be shown is over."""
    try:
        return sight.read(connector, remote_id, made_at=sight.since_of(push), at=at)
    except NotVisibleError:
        if push.status == PushStatus.CANCELLED and push.remote_cancelled and remote_id == push.remote_id:
            return None
        raise


def _ids(push: OrderPush, connector: Connector) -> Iterator[str]:
    if push.remote_id:
        yield push.remote_id
    since = min(filter(None, (push.order.received_at, push.sent_at, push.pushed_at))) - SEARCH_MARGIN
    kept = {copy["id"] for copy in push.copies if copy["kept"]}  # orders of their own, a person said
    yield from (ref.remote_id for ref in connector.find(push.reference, since=since) if ref.remote_id not in kept)


def standing(push: OrderPush, connector: Connector, *, at: datetime) -> list[RemoteOrder]:
    """Those of the generations before this one that are not cancelled there."""
    earlier = OrderPush.objects.filter(
        order_id=push.order_id, connection_id=push.connection_id, generation__lt=push.generation
    )
    before = earlier.order_by("-generation").first()
    return [remote for remote in read(before, connector, at=at) if stands(remote)] if before else []


def refuse_copies(push: OrderPush, connector: Connector, *, at: datetime) -> None:
    """Before a new generation is created: raises RejectedError while an earlier one stands at the destination, or may."""
    there = standing(push, connector, at=at) if push.generation > 1 and not push.beside else []
    if there:
        names = ", ".join(remote.ref.name for remote in there)
        text = f"{names} of this order still stands in {push.connection.name}. Cancel it there, then retry."
        raise RejectedError(text, [Blocker(BlockerCode.ALREADY_AT_DESTINATION, text, value=there[0].ref.name)])


def found_of(push: OrderPush, remotes: Sequence[RemoteOrder]) -> Found:
    """In one word, with what is shown of it."""
    live = [remote for remote in remotes if stands(remote)]
    shown = live or list(remotes)
    if not shown:
        return Found("gone")
    first = shown[0]
    names = tuple(remote.ref.name for remote in shown)
    total_there, refunded = plain(first.total, first.currency), plain(first.refunded, first.currency)
    return Found(_state(push, remotes, live), names, total_there, first.currency, refunded)


def _state(push: OrderPush, remotes: Sequence[RemoteOrder], live: Sequence[RemoteOrder]) -> str:
    if any(shipment.status == "success" for remote in remotes for shipment in remote.shipments):
        return "sent"
    if not live:
        return "cancelled"
    if len(live) > 1 or live[0].ref.remote_id != push.remote_id:
        return "several"
    return "refunded" if live[0].refunded > 0 else "live"


# --- deciding --------------------------------------------------------------------------------------


def options(push: OrderPush, found: Found, blockers: Sequence[Blocker], connector: Connector) -> tuple[Option, ...]:
    """All three ways, each open or with the reason why not."""
    name = push.connection.name
    copy = found.names[0] if found.names else push.remote_name
    refusal = _refusal(push, found, copy)
    blocked = f"{name} would refuse the new order: {blockers[0].message}" if blockers else ""
    over = f"{copy} is not in {name} any more." if found.state == "gone" else f"{copy} is cancelled in {name}."
    return (
        _update(push, connector, refusal or (over if found.is_over else "")),
        Option(ReexportWay.RECREATE, refusal or (over if found.is_over else "") or blocked or _cannot_cancel(push, connector, copy)),
        Option(ReexportWay.CLONE, refusal or blocked or ("" if found.is_over else f"{copy} still stands in {name}.")),
    )  # fmt: skip


def _refusal(push: OrderPush, found: Found, copy: str) -> str:
    name = push.connection.name
    match found.state:
        case "sent":
            return f"{copy} was sent from {name}, in full or in part: the customer would get it twice."
        case "refunded":
            return f"{name} gave money back for {copy}: settle that there first, or cancel it there."
        case "several":
            known = push.remote_name or "the one that we know"
            return f"In {name} stand for this order: {', '.join(found.names)}. Cancel there what is not {known}."
    return ""


def _update(push: OrderPush, connector: Connector, closed: str) -> Option:
    changed = tuple(dict.fromkeys(change["field"] for change in push.changes))
    fields = tuple(name for name in changed if name in connector.capabilities.updates)
    left = tuple(name for name in changed if name not in fields)
    if not closed and not changed:
        closed = "Nothing of the order was changed since it was exported."
    if not closed and not fields:
        closed = f"{connector.label} does not let this be changed on an order that stands there."
    return Option(ReexportWay.UPDATE, closed, fields, left)


def _cannot_cancel(push: OrderPush, connector: Connector, copy: str) -> str:
    if connector.capabilities.cancel:
        return ""
    return f"{connector.label} cannot be told to cancel. Cancel {copy} in {push.connection.name} yourself, then look again."


# --- the new copy ----------------------------------------------------------------------------------


def part_of(push: OrderPush) -> Part:
    """What generation n+1 would carry: the lines as they are now, without those whose every unit was given back."""
    order = push.order
    given = _given_units(push)
    lines = [row.line for row in push.push_lines.select_related("line").order_by("line__position")]
    kept = tuple(line for line in lines if given.get(line.pk, 0) < line.quantity)
    left_out = tuple(line for line in lines if line not in kept)
    others = [partner_amounts.of_order(other, shares.of(other)) for other in _others(push)]
    partners = push.connection.source_id is not None
    parts = [shares.Part(kept, own_shipping=partners), *([shares.Part(left_out, goes_out=False)] if left_out else [])]
    try:
        share = shares.split(order, parts, settled=others)[0]
        return Part(kept, partner_amounts.with_shipping(order, push.connection, share, typed=push.shipping_fee))
    except MoneyError:  # the other destinations carry more than there is: it is told as a total that does not fit
        return Part(kept, shares.Share())


def money_blocker(push: OrderPush, part: Part) -> Blocker | None:
    """total_mismatch, unless the new copy comes to exactly what the customer paid and was not given back."""
    order = push.order
    payment = Payment.objects.filter(order=order).first()
    if payment is None:
        return None
    paid = payment.captured - total(refund.amount for refund in Refund.objects.filter(order=order).standing())
    others = _others(push)
    elsewhere = total(partner_amounts.customers_part(other) for other in others if other.status != PushStatus.CANCELLED)
    ended = total(partner_amounts.customers_part(other) for other in others if other.status == PushStatus.CANCELLED)
    rows = [row for row in push.push_lines.select_related("line") if row.line in part.lines]
    share = partner_amounts.of_order(push, still_due.of(push, rows, part.share).share)
    fits = min(asdict(share)[name] for name in ("subtotal", "discount", "shipping", "tax", "total")) >= ZERO
    if fits and part.lines and share.total + elsewhere in (paid, paid - ended):
        return None
    due, would = (f"{plain(amount, order.currency)} {order.currency}" for amount in (paid - elsewhere, share.total))
    text = (
        f"The new order would come to {would}; the customer paid {due} for it, refunds counted. "
        "Give the difference back, or have the order corrected where it was placed."
    )
    return Blocker(BlockerCode.TOTAL_MISMATCH, text, "total", would)


def _given_units(push: OrderPush) -> dict[int, int]:
    units: dict[int, int] = {}
    standing_refunds = Refund.objects.filter(order_id=push.order_id).standing()
    for line_id, quantity in RefundLine.objects.filter(refund__in=standing_refunds).values_list("line_id", "quantity"):
        units[line_id] = units.get(line_id, 0) + quantity
    return units


def _others(push: OrderPush) -> list[OrderPush]:
    """The other destinations' parts of the order."""
    latest = OrderPush.objects.filter(order_id=push.order_id).newest()
    return list(latest.exclude(connection_id=push.connection_id).select_related("connection"))
