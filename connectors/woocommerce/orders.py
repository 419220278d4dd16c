"""The store's own orders, as WooCommerce answers them, in the neutral shape.

WooCommerce keeps amounts without tax beside their taxes. Where the store's prices include tax, both together are what
the customer saw; a price per unit is not kept and may not exist to the cent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.base import Address, OutboundTax, PickupPlace
from connectors.money import total
from connectors.storefront import StoreFulfillment, StoreLine, StoreOrder, StorePayment
from connectors.woocommerce import reading
from connectors.woocommerce.changes import Step
from connectors.woocommerce.mapping import CREATED_VIA, PREFIXED

Row = Mapping[str, Any]

FIELDS = (
    "id,number,status,currency,prices_include_tax,created_via,date_created_gmt,date_modified_gmt,date_paid_gmt,"
    "date_completed_gmt,total,total_tax,billing,shipping,customer_note,line_items,shipping_lines,fee_lines,tax_lines,meta_data,refunds"
)
NOT_PLACED = frozenset({"checkout-draft", "auto-draft"})  # carts
SHOWN = "any", "trash"  # statuses to list, one after the other: "any" leaves out the trash

_GONE = frozenset({"cancelled", "trash"})
_UNPAID = frozenset({"pending", "on-hold", "failed"})
_PICKUP = ("local_pickup", "pickup_location")  # methods, with what plugins put behind


class Place(NamedTuple):
    """How far the changes of one list have been read: all up to `floor`."""

    status: str
    floor: datetime

    def text(self) -> str:
        return f"{self.status}|{self.floor.isoformat()}"

    @classmethod
    def of(cls, cursor: str, since: datetime) -> Place:
        if not cursor:
            return cls(SHOWN[0], since)
        status, floor, *_ = cursor.split("|")  # what follows is not read
        return cls(status, datetime.fromisoformat(floor))

    def after(self, read: Step, since: datetime) -> str:
        """The cursor of the next page; empty after the last page of the last list."""
        if not read.is_last:
            return self._replace(floor=read.cursor).text()
        following = SHOWN[SHOWN.index(self.status) + 1 :]
        return Place(following[0], since).text() if following else ""


@reading.shaped()
def store_order(row: Row, *, base_url: str) -> StoreOrder:
    inside = bool(row["prices_include_tax"])
    rates = {str(rate["rate_id"]): rate for rate in row["tax_lines"]}
    fees = [fee for fee in row["fee_lines"] if Decimal(fee["total"]) > 0]
    ways = [*row["shipping_lines"], *fees]
    pickup = next((way for way in row["shipping_lines"] if str(way["method_id"]).startswith(_PICKUP)), None)
    billing, shipping = _address(row["billing"]), _address(row["shipping"])
    named = reading.ref(row, base_url=base_url)
    placed = reading.time(row["date_created_gmt"]) or reading.time(row["date_modified_gmt"])
    changed = reading.time(row["date_modified_gmt"]) or placed
    if placed is None or changed is None:
        raise reading.MalformedAnswerError("An order has no date.")
    return StoreOrder(
        remote_id=named.remote_id,
        number=named.name,
        url=named.url,
        placed_at=placed,
        updated_at=changed,
        payment=_payment(row),
        fulfillment=_fulfillment(row),
        cancelled=row["status"] in _GONE,
        currency=row["currency"],
        prices_include_tax=inside,
        lines=tuple(_line(line, rates, inside=inside) for line in row["line_items"] if int(line["quantity"]) > 0),
        total=Decimal(row["total"]),
        tax=Decimal(row["total_tax"]),
        discount=-total(_sum(fee, inside=inside) for fee in row["fee_lines"] if Decimal(fee["total"]) < 0),
        shipping=total(_sum(way, inside=inside) for way in ways),
        shipping_title=", ".join(str(way.get("method_title") or way.get("name") or "") for way in ways),
        shipping_taxes=tuple(tax for way in ways for tax in _taxes(way, rates)),
        paid_at=reading.time(row["date_paid_gmt"]),
        refunded=total(abs(Decimal(refund["total"])) for refund in row["refunds"]),
        shipping_address=shipping or (None if pickup else billing),
        billing_address=billing,
        pickup=PickupPlace(str(pickup["method_title"]), "") if pickup else None,
        customer_name=_name(billing) or _name(shipping),
        customer_email=row["billing"].get("email") or "",
        customer_phone=row["billing"].get("phone") or row["shipping"].get("phone") or "",
        note=row["customer_note"] or "",
        reference=reading.reference(row),
        made_by_app=row["created_via"] == CREATED_VIA,
    )


def _line(line: Row, rates: Mapping[str, Row], *, inside: bool) -> StoreLine:
    before = Decimal(line["subtotal"]) + (Decimal(line["subtotal_tax"]) if inside else 0)
    return StoreLine(
        remote_id=str(line["id"]),
        sku=line["sku"] or "",
        title=line["name"] or line["sku"] or f"Product {line['product_id']}",
        quantity=int(line["quantity"]),
        amount=before,
        discount=before - _sum(line, inside=inside),
        taxes=_taxes(line, rates),
        variant_id=str(line["variation_id"] or line["product_id"] or ""),
    )


def _sum(part: Row, *, inside: bool) -> Decimal:
    return Decimal(part["total"]) + (Decimal(part["total_tax"]) if inside else 0)


def _taxes(part: Row, rates: Mapping[str, Row]) -> tuple[OutboundTax, ...]:
    """By the store's rates; one that is zero for this part comes as an empty text."""
    charged = [(rates.get(str(tax["id"]), {}), tax["total"]) for tax in part["taxes"] if tax["total"]]
    return tuple(
        OutboundTax(str(rate.get("label") or "Tax"), Decimal(str(rate.get("rate_percent") or 0)) / 100, Decimal(amount))
        for rate, amount in charged
    )


def _payment(row: Row) -> StorePayment:
    """Cash on delivery is "processing" without a date of payment. Statuses of plugins are as good as "processing"."""
    if row["status"] == "refunded":
        return StorePayment.REFUNDED
    return StorePayment.PAID if row["date_paid_gmt"] and row["status"] not in _UNPAID else StorePayment.UNPAID


def _fulfillment(row: Row) -> StoreFulfillment:
    told = reading.meta(row, reading.FULFILLMENT_STATUS)
    if reading.is_sent(row) or told == "fulfilled":
        return StoreFulfillment.FULFILLED
    return StoreFulfillment.PARTIAL if told else StoreFulfillment.OPEN


def _address(given: Row) -> Address | None:
    """None for one that says nothing of a place: an order that needs no shipping has such a one."""
    if not any(given.get(key) for key in ("address_1", "city", "postcode")):
        return None
    country, state = given.get("country") or "", given.get("state") or ""
    return Address(
        first_name=given.get("first_name") or "",
        last_name=given.get("last_name") or "",
        company=given.get("company") or "",
        address1=given.get("address_1") or "",
        address2=given.get("address_2") or "",
        city=given.get("city") or "",
        province_code=state.removeprefix(PREFIXED.get(country, "")),
        postcode=given.get("postcode") or "",
        country_code=country,
        phone=given.get("phone") or "",
    )


def _name(address: Address | None) -> str:
    return f"{address.first_name} {address.last_name}".strip() or address.company if address else ""
