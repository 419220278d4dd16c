"""Orders over the API: creating, changing, noting, refunding. All changes of one store wait for each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from django.db.models import F

from connectors.practice import events, services
from connectors.practice.models import PracticeEvent, PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.platforms import Change
from connectors.practice.woocommerce import documents, lines, rules, taxes
from connectors.practice.woocommerce.refusal import Refusal

_TAKES_STOCK = frozenset({"processing", "on-hold", "completed"})
_PAID = frozenset({"processing", "completed"})
_CUT = 100
PAGE_NAMES = {
    "first_name": "firstName",
    "last_name": "lastName",
    "company": "company",
    "address_1": "address1",
    "address_2": "address2",
    "city": "city",
    "state": "provinceCode",
    "postcode": "zip",
    "country": "countryCode",
    "phone": "phone",
}


def create(shop_id: int, body: Mapping[str, Any], *, at: datetime, dies: bool = False) -> PracticeOrder:
    """Inside a transaction. Raises Refusal. One that `dies` is saved as pending, and neither its lines nor a status follow."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    rules.check(body)
    rules.check_new(body)
    if body.get("coupon_lines"):
        _refuse_coupon(shop, body, at=at)
    order = _new(shop, rules.kept(body), body, at=at)
    if dies:
        order.details.update(shipping_lines=[], shippingLines=[], fee_lines=[])
        order.save(update_fields=["details"])
        return order
    lines.store(order, rules.kept(body).get("line_items") or ())
    taxes.sum_up(order)
    _settle_status(order, _wanted(body), at=at)
    order.save()
    PracticeEvent.objects.create(order=order, at=at, text="The order was created by an app.")
    events.tell(Change("created", order))
    events.tell(Change("changed", order))
    return order


def update(order: PracticeOrder, body: Mapping[str, Any], *, at: datetime) -> PracticeOrder:
    """Change the keys that were sent and no others. Inside a transaction, under the store's lock. Raises Refusal."""
    rules.check(body)
    rules.check_parts(body)
    kept = order.details
    for name in ("billing", "shipping"):
        if body.get(name) is not None:
            kept[name] = {**kept[name], **lines.without_null(body[name])}
            kept[f"{name}Address"] = _page_address(kept[name])
    if body.get("transaction_id") is not None:
        order.source_identifier = body["transaction_id"][:_CUT]
    if body.get("customer_note") is not None:
        order.note = rules.cut_note(body["customer_note"])
    lines.change(order, body.get("line_items") or ())
    if body.get("shipping_lines"):
        kept["shipping_lines"] = lines.with_shipping(kept["shipping_lines"], body["shipping_lines"])
        kept["shippingLines"] = _shown_shipping(kept["shipping_lines"])
    kept["meta_data"] = _merged(kept["meta_data"], body.get("meta_data") or ())
    taxes.sum_up(order)
    if kept["status"] == "trash":
        kept["status"] = "pending"
    if body.get("status") or body.get("set_paid"):
        _settle_status(order, _wanted(body), at=at)
    _changed(order, at=at)
    return order


def _refuse_coupon(shop: PracticeShop, body: Mapping[str, Any], *, at: datetime) -> NoReturn:
    """The shop has no coupons. The order that was begun stays behind, as a draft of the checkout."""
    draft = _new(shop, body, body, at=at)
    draft.details["status"] = "checkout-draft"
    draft.save(update_fields=["details"])
    text = f'Coupon "{body["coupon_lines"][0].get("code", "")}" cannot be applied because it does not exist.'
    raise Refusal(400, "woocommerce_rest_invalid_coupon", text, leaves=True, new_draft_order_id=draft.pk)


def trash(order: PracticeOrder, *, at: datetime) -> PracticeOrder:
    order.details["status"] = "trash"
    order.updated_at = at
    order.save()
    events.tell(Change("deleted", order))
    return order


def add_note(order: PracticeOrder, body: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """A note changes neither the order nor its date, and no webhook tells of it."""
    text = body.get("note")
    if not isinstance(text, str):
        raise Refusal(400, "rest_missing_callback_param", "Missing parameter(s): note", params=["note"])
    event = PracticeEvent.objects.create(order=order, at=at, text=text[:500])
    note = {
        "id": event.pk,
        "author": "WooCommerce",
        "date_created_gmt": documents.gmt(at),
        "note": text,
        "customer_note": bool(body.get("customer_note")),
    }
    order.details["notes"].append(note)
    order.save(update_fields=["details"])
    return note


def refund(order: PracticeOrder, body: Mapping[str, Any]) -> dict[str, Any]:
    """Money in the store's own books. There is no gateway behind an order of ours."""
    if body.get("api_refund", True):
        raise _refund_refused("The payment gateway for this order does not exist.")
    try:
        amount = Decimal(str(body.get("amount", "")))
        row = services.refund(order_id=order.pk, amount=amount, note=str(body.get("reason") or ""))
    except (InvalidOperation, services.PracticeError):
        raise _refund_refused("Invalid refund amount.") from None
    if body.get("api_restock", True):
        _put_back(PracticeOrder.objects.get(refunds=row), body.get("line_items") or ())
    return documents.refund_of_order(row)


def _put_back(order: PracticeOrder, items: Iterable[Mapping[str, Any]]) -> None:
    """Units of the lines that are named, as far as the order took them from a stock that is counted."""
    wanted = {item.get("id"): item.get("quantity") for item in items if isinstance(item, Mapping)}
    returned = order.details.setdefault("returned", {})
    for line in order.lines.filter(pk__in=[key for key in wanted if isinstance(key, int)]):
        units = wanted[line.pk]
        most = line.quantity - returned.get(str(line.pk), 0)
        if order.details["has_stock"] and isinstance(units, int) and most > 0:
            returned[str(line.pk)] = returned.get(str(line.pk), 0) + min(units, most)
            PracticeVariant.objects.filter(pk__in=[line.variant_id], is_tracked=True).update(
                stock=F("stock") + min(units, most)
            )
    order.save(update_fields=["details"])


def edit(order: PracticeOrder) -> None:
    """Lines have other quantities than their sums were worked out for: work them out again."""
    for line in order.lines.all():
        kept = order.details["lines"][str(line.pk)]
        for name in ("subtotal", "total"):
            kept[name] = str(Decimal(kept[f"unit_{name}"]) * line.quantity)
    taxes.sum_up(order)
    order.save()


def _refund_refused(message: str) -> Refusal:
    """Its `data` is a bare number, unlike anybody else's."""
    refusal = Refusal(500, "woocommerce_rest_cannot_create_order_refund", message)
    refusal.body["data"] = 500
    return refusal


def _new(shop: PracticeShop, kept: Mapping[str, Any], body: Mapping[str, Any], *, at: datetime) -> PracticeOrder:
    """`kept` is empty for an order that loses its parts; what stands beside them is kept even then."""
    shop.last_number += 1
    shop.save(update_fields=["last_number"])
    writes_via = tuple(map(int, shop.settings["version"].split(".")[:2])) >= (9, 9)
    shipping_lines = lines.with_shipping([], body.get("shipping_lines") or ())
    details: dict[str, Any] = {
        "status": "pending",
        "created_via": str(body.get("created_via") or "rest-api")[:_CUT] if writes_via else "rest-api",
        "payment_method": str(body.get("payment_method") or "")[:_CUT],
        "payment_method_title": str(body.get("payment_method_title") or ""),
        "date_paid": None,
        "has_stock": False,
        "billing": lines.without_null(kept.get("billing") or {}),
        "shipping": lines.without_null(kept.get("shipping") or {}),
        "billingAddress": _page_address(kept.get("billing")),
        "shippingAddress": _page_address(kept.get("shipping")),
        "email": (kept.get("billing") or {}).get("email") or "",
        "shipping_lines": shipping_lines,
        "shippingLines": _shown_shipping(shipping_lines),
        "fee_lines": [
            {"name": "", **lines.without_null(fee), "total": str(lines.amount(fee.get("total"), Decimal(0)))}
            for fee in body.get("fee_lines") or ()
        ],
        "meta_data": _merged([], kept.get("meta_data") or ()),
        "lines": {},
        "notes": [],
    }
    return PracticeOrder.objects.create(
        shop=shop,
        name=f"#{shop.last_number}",
        source_identifier=str(body.get("transaction_id") or "")[:_CUT],
        created_at=at,
        updated_at=at,
        currency=body.get("currency") or shop.currency,
        taxes_included=False,  # lines hold what they come to without tax
        subtotal=Decimal(0),
        total=Decimal(0),
        note=rules.cut_note(str(body.get("customer_note") or "")),
        attributes=[{"key": pair["key"], "value": pair["value"]} for pair in details["meta_data"]],
        details=details,
    )


def _shown_shipping(shipping_lines: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """As the shared pages show them."""
    return [{"title": line["method_title"], "code": line["method_id"]} for line in shipping_lines]


def _page_address(address: Mapping[str, Any] | None) -> dict[str, str] | None:
    """As the shared pages show one."""
    return {PAGE_NAMES[key]: value for key, value in (address or {}).items() if key in PAGE_NAMES} or None


def _merged(known: list[dict[str, Any]], given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Meta data with the same key, or id, is replaced; null takes it away. A pair without either is lost."""
    keys = {pair["id"]: pair["key"] for pair in known}
    named = [(pair.get("key") or keys.get(pair.get("id"), ""), pair.get("value")) for pair in (*known, *given)]
    pairs = {key: value for key, value in named if key}
    return [
        {"id": at, "key": key, "value": value} for at, (key, value) in enumerate(pairs.items(), 1) if value is not None
    ]


def _wanted(body: Mapping[str, Any]) -> str:
    """`set_paid` makes any status that waits for a payment "processing"."""
    given = body.get("status") or "pending"
    return "processing" if body.get("set_paid") and given in ("pending", "on-hold", "failed", "cancelled") else given


def _settle_status(order: PracticeOrder, wanted: str, *, at: datetime) -> None:
    """Stock goes with the status, and what it means for the money and the shared pages."""
    kept = order.details
    if wanted == "processing" and documents.status(order) == "completed":
        _take_newest_back(order, at=at)
    takes_stock, has_stock = wanted in _TAKES_STOCK, kept["has_stock"] and not order.cancelled_at
    if takes_stock != has_stock:
        lines.move_stock(order, -1 if takes_stock else 1)
    kept["has_stock"] = takes_stock
    kept["status"] = wanted
    order.cancelled_at = (order.cancelled_at or at) if wanted == "cancelled" else None
    if wanted in _PAID and not kept["date_paid"]:
        kept["date_paid"] = at.isoformat()
        order.received = order.total
    order.financial_status = services.payment_status(order) if order.received else "PENDING"
    if wanted == "completed":
        if not order.shop.settings["fulfillments"]:
            kept["status"] = "processing"  # "completed" is what its being sent makes of it
        _send_the_rest(order, at=at)


def _send_the_rest(order: PracticeOrder, *, at: datetime) -> None:
    rows = order.lines.order_by("pk").prefetch_related("fulfillment_lines__fulfillment")
    left = {row.pk: row.unfulfilled for row in rows if row.unfulfilled > 0}
    if left:
        fulfillment = order.fulfillments.create(created_at=at, updated_at=at)
        for pk, units in left.items():
            fulfillment.lines.create(line_id=pk, quantity=units)


def _take_newest_back(order: PracticeOrder, *, at: datetime) -> None:
    """An order that is completed has nothing left to send: going back from there, its newest fulfillment was none."""
    if not order.shop.settings["fulfillments"]:
        newest = order.fulfillments.filter(status=services.SUCCESS).latest("pk")
        newest.status, newest.updated_at = services.CANCELLED, at
        newest.save(update_fields=["status", "updated_at"])


def _changed(order: PracticeOrder, *, at: datetime) -> None:
    order.updated_at = at
    order.save()
    events.tell(Change("changed", order))
