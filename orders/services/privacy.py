"""What platforms' requests about personal data do to orders: hand out a copy, or remove it. Money and history stay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.services import audit
from connectors.models import InboundEvent, PrivacyRequest
from connectors.models.privacy import PrivacyTopic
from connectors.services import desk, privacy
from orders import alarms
from orders.models import (
    DocumentJob,
    Order,
    OrderAddress,
    OrderEvent,
    OrderPush,
    RefundPicture,
    RefundRequest,
    StoreOrigin,
)
from orders.services import drafts, history, label_rows
from orders.services.readiness import REMOVED
from orders.services.transitions import lock

AT_ONCE = 50  # orders of a shop that is forgotten, in one transaction
KIND = "order.personal_data_removed"

_PERSONAL = ("customer", "shipping_address", "billing_address")  # how a blocker's field begins
_KEPT_OF_ADDRESS = ("province_code", "country_code")  # what tax was reckoned by


def honour(event: InboundEvent, *, at: datetime) -> bool:
    """Carry out the request that an event is about; False when it is about something else. Safe to repeat.

    Inside the transaction that ends the event.
    """
    request = privacy.request_of(event)
    if request is None:
        return False
    if request.topic == PrivacyTopic.SHOP_REDACT:
        _forget_shop(request, at=at)
        return True
    orders = list(orders_of(request).values_list("pk", flat=True))
    match request.topic:
        case PrivacyTopic.CUSTOMER_REDACT:
            for order_id in sorted(orders):
                remove_personal_data(order_id=order_id, by=privacy.SHOPIFY, at=at)
        case PrivacyTopic.DATA_REQUEST:
            alarms.data_request(request.connection, cause=request.public_id, at=at)
    privacy.done(request, orders=len(orders), at=at)
    return True


def go_on(*, at: datetime) -> None:
    """The next orders of shops that are being forgotten. Once a minute."""
    for request in privacy.unfinished_shops():
        with transaction.atomic():
            _forget_orders(request, at=at)


def _forget_shop(request: PrivacyRequest, *, at: datetime) -> None:
    """The shop at once; the customers of the orders that were placed there too, some now and the rest with the clock."""
    stands_anew = privacy.is_connected_anew(request.connection_id)
    asked_at = request.triggered_at or request.received_at
    if not privacy.forget_shop(connection_id=request.connection_id, asked_at=asked_at, at=at):
        privacy.done(request, orders=0, at=at, kept="The shop was connected again after it had uninstalled the app.")
        return
    OrderPush.objects.filter(connection=request.connection_id).update(remote_url="")
    StoreOrigin.objects.filter(order__channel__connection=request.connection_id).update(url="")
    if stands_anew:
        privacy.done(request, orders=0, at=at, kept="The shop has another connection: its orders stay.")
        return
    _forget_orders(request, at=at)


def _forget_orders(request: PrivacyRequest, *, at: datetime) -> None:
    placed_there = Order.objects.filter(channel__connection=request.connection_id)
    known = placed_there.exclude(Exists(OrderEvent.objects.filter(order=OuterRef("pk"), kind=KIND))).order_by("pk")
    order_ids = list(known.values_list("pk", flat=True)[:AT_ONCE])
    for order_id in order_ids:
        remove_personal_data(order_id=order_id, by=privacy.SHOPIFY, at=at, why="since its shop left Storeward")
    if len(order_ids) < AT_ONCE:
        privacy.done(request, orders=placed_there.count(), at=at)


def orders_of(request: PrivacyRequest) -> Any:
    """The orders of ours that the request names by the store's ids: those that were sent there, and came from there."""
    named = request.remote_order_ids
    pushes = OrderPush.objects.filter(connection=request.connection_id, remote_id__in=named).exclude(remote_id="")
    placed_there = Q(channel__connection=request.connection_id, external_id__in=named)
    return Order.objects.filter(Q(pk__in=pushes.values("order")) | placed_there).order_by("pk")


def is_removed(order: Order) -> bool:
    """Whether the customer's data were removed: then none may come back."""
    return OrderEvent.objects.filter(order=order, kind=KIND).exists()


@transaction.atomic
def remove_personal_data(*, order_id: int, by: str, at: datetime, why: str = "at the customer's request") -> bool:
    """Replace what tells who the customer is. False when it was done before: there is nothing to do twice."""
    order = lock(order_id)
    if is_removed(order):
        return False
    order.customer_name, order.customer_email = REMOVED, ""
    order.customer_phone = order.customer_note = ""
    order.blockers = _without_values(order.blockers)
    order.search_text = _search_text(order)
    order.save(
        update_fields=["customer_name", "customer_email", "customer_phone", "customer_note", "blockers", "search_text"]
    )
    for address in order.addresses.all():
        _empty(address)
    for push in order.pushes.all():
        OrderPush.objects.filter(pk=push.pk).update(
            blockers=_without_values(push.blockers),
            changes=[{**change, "before": REMOVED, "after": REMOVED} for change in push.changes],
            sent_calls=[{**call, "body": REMOVED} for call in push.sent_calls],
        )
        desk.forget_customer(connection_id=push.connection_id, reference=push.reference)
    for event in order.events.filter(kind=drafts.EDITED):
        _forget_values(event)
    order.fulfillments.exclude(collected_by="").update(collected_by=REMOVED)
    RefundRequest.objects.filter(order=order).exclude(note="").update(note=REMOVED)
    RefundPicture.objects.filter(request_line__request__order=order).delete()
    label_rows.forget_customer(order)
    DocumentJob.objects.filter(orders=order).delete()  # with the name and address on their pages
    text = f"The customer's name, e-mail address, phone, addresses, notes and pictures were removed {why}."
    history.note(order, kind=KIND, text=text, by=by, at=at)
    drafts.reconsider(order_id=order_id, by=history.STOREWARD, at=at)
    return True


@transaction.atomic
def export(*, request_id: int, by: str, at: datetime) -> dict[str, Any]:
    """All that we hold of the customer in the orders that a data request names, as it is now. It leaves an audit line."""
    request = PrivacyRequest.objects.select_related("connection__merchant").get(pk=request_id)
    orders = orders_of(request).select_related("channel").prefetch_related("addresses", "lines")
    audit.record(
        merchant=request.connection.merchant,
        kind="privacy.exported",
        subject=request.connection.name,
        by=by,
        at=at,
        request=request.public_id,
    )
    return {
        "request": request.remote_id,
        "store": request.connection.name,
        "received_at": request.received_at.isoformat(),
        "exported_at": at.isoformat(),
        "orders": [_copy(order) for order in orders],
    }


def _search_text(order: Order) -> str:
    """As intake writes it, without the customer."""
    words = [order.number, order.external_id, order.attributes.get("po_number", "")]
    return " ".join(filter(None, [*words, *order.lines.order_by("position").values_list("sku", flat=True)])).lower()[
        :4000
    ]


def _empty(address: OrderAddress) -> None:
    """Region and country stay."""
    for field in address._meta.fields:
        if isinstance(getattr(address, field.name), str) and field.name not in ("kind", *_KEPT_OF_ADDRESS):
            setattr(address, field.name, "")
    address.first_name = REMOVED
    address.save()


def _forget_values(event: OrderEvent) -> None:
    """The one change that is made to history: what was filled in of the customer. That it was filled in stays."""
    for change in event.data["changes"]:
        if _is_personal(change):
            change["from"] = change["to"] = REMOVED
    event.save(update_fields=["data"])


def _without_values(blockers: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """What a blocker quotes of the customer is left out, and so is the sentence around it."""
    return [_without_value(blocker) if _is_personal(blocker) else blocker for blocker in blockers]


def _is_personal(blocker: dict[str, str]) -> bool:
    return blocker.get("field", "").startswith(_PERSONAL)


def _without_value(blocker: dict[str, str]) -> dict[str, str]:
    return {**blocker, "value": "", "message": "The customer's personal data was removed."}


def _copy(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "channel": order.channel.name,
        "placed_at": order.placed_at.isoformat(),
        "total": f"{order.total:f}",
        "currency": order.currency,
        "customer": {
            "name": order.customer_name,
            "email": order.customer_email,
            "phone": order.customer_phone,
            "note": order.customer_note,
        },
        "addresses": [_address(address) for address in sorted(order.addresses.all(), key=lambda row: row.pk)],
        "lines": [_line(line) for line in sorted(order.lines.all(), key=lambda row: row.position)],
        "details": order.attributes,
        "collected_by": sorted(set(order.fulfillments.exclude(collected_by="").values_list("collected_by", flat=True))),
    }


def _address(address: OrderAddress) -> dict[str, str]:
    left_out = ("id", "order")
    return {field.name: getattr(address, field.name) for field in address._meta.fields if field.name not in left_out}


def _line(line: Any) -> dict[str, Any]:
    return {"sku": line.sku, "title": line.title, "quantity": line.quantity}
