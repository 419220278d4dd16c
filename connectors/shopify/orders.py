"""The shop's own orders, as Shopify answers them, in the neutral shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.base import Address, OutboundTax, PickupPlace
from connectors.money import total
from connectors.shopify.client import FieldPath
from connectors.shopify.mapping import US_PROVINCES
from connectors.shopify.reading import MalformedAnswerError, ref, shaped
from connectors.storefront import StoreFulfillment, StoreLine, StoreOrder, StorePayment

Node = Mapping[str, Any]

# Protected customer data: an app that Shopify has not approved for it gets null, and ACCESS_DENIED with the path.
PERSONAL = frozenset({"email", "phone", "shippingAddress", "billingAddress"})
_HIDDEN = {"shippingAddress": "shipping_address", "billingAddress": "billing_address"}

_PAID = frozenset({"PAID", "PARTIALLY_REFUNDED"})
_ENDED = {"REFUNDED": StorePayment.REFUNDED, "VOIDED": StorePayment.VOIDED, "EXPIRED": StorePayment.VOIDED}
_FULFILLED = frozenset({"FULFILLED", "FULFILLMENT_NOT_REQUIRED"})
_PICK_UP = "PICK_UP"  # at a place of the shop; PICKUP_POINT is a carrier's, to which it is sent
_PARTIAL = frozenset({"PARTIALLY_FULFILLED", "IN_PROGRESS"})


class Place(NamedTuple):
    """How far the changes have been read: everything up to `floor`, and in a second with many more the page after."""

    floor: str  # the time of the newest change seen, as Shopify writes it
    after: str = ""

    def text(self) -> str:
        return f"{self.floor}|{self.after}"

    @classmethod
    def of(cls, cursor: str) -> Place:
        return cls(*cursor.split("|", 1)) if "|" in cursor else cls(cursor)


@shaped()
def next_place(place: Place, nodes: Iterable[Node], after: str | None) -> str:
    """The cursor of the next page; empty after the last.

    It begins again at the newest change seen, not behind a number of rows: an order that changes meanwhile moves to the
    end, and what stood behind it moves to where has been read. Only within one second it goes on by Shopify's cursor.
    """
    if after is None:
        return ""
    newest = max((str(node["updatedAt"]) for node in nodes), key=datetime.fromisoformat, default=place.floor)
    if datetime.fromisoformat(newest) > datetime.fromisoformat(place.floor):
        return Place(newest).text()
    return Place(place.floor, after).text()


def hidden(denied: Iterable[FieldPath], *place: str | int) -> frozenset[str]:
    """What of the order at this place of an answer may not be read, by its name in StoreOrder."""
    below = [path[len(place) :] for path in denied if path[: len(place)] == place]
    names = (path[:1] if path[-1] != "phone" else ("phone",) for path in below if path)
    return frozenset(_HIDDEN.get(str(name), f"customer_{name}") for (name,) in names)


@shaped()
def store_order(
    node: Node, lines: Iterable[Node], *, base_url: str, hidden: frozenset[str] = frozenset()
) -> StoreOrder:
    """`lines` are the nodes of all pages of them."""
    whole, now = node["totalPriceSet"]["shopMoney"], _amount(node["currentTotalPriceSet"])
    shipping = node["shippingLines"]["nodes"]
    wanted = [_line(line) for line in lines if line["currentQuantity"]]
    address, billing = _address(node["shippingAddress"]), _address(node["billingAddress"])
    named = ref(node, base_url=base_url)
    return StoreOrder(
        remote_id=named.remote_id,
        number=named.name,
        url=named.url,
        placed_at=_time(node["processedAt"] or node["createdAt"]),
        updated_at=_time(node["updatedAt"]),
        payment=_payment(node["displayFinancialStatus"]),
        fulfillment=_fulfillment(node["displayFulfillmentStatus"]),
        cancelled=node["cancelledAt"] is not None,
        currency=whole["currencyCode"],
        prices_include_tax=node["taxesIncluded"],
        lines=tuple(wanted),
        total=now,
        tax=_amount(node["currentTotalTaxSet"]),
        shipping=total(_amount(line["currentDiscountedPriceSet"]) for line in shipping),
        shipping_title=", ".join(line["title"] for line in shipping),
        shipping_taxes=tuple(tax for line in shipping for tax in _taxes(line["taxLines"])),
        # what was given back beyond the units that were taken off the order
        refunded=max(_amount(node["totalRefundedSet"]) - max(Decimal(whole["amount"]) - now, Decimal(0)), Decimal(0)),
        shipping_address=address,
        billing_address=billing,
        pickup=_pickup(node["fulfillmentOrders"]["nodes"]),
        customer_name=_name(address) or _name(billing),
        customer_email=node["email"] or "",
        customer_phone=node["phone"] or next((each.phone for each in (address, billing) if each and each.phone), ""),
        note=node["note"] or "",
        attributes=_attributes(node),
        reference=node["sourceIdentifier"] or "",
        hidden=hidden,
    )


def _line(node: Node) -> StoreLine:
    """Discounts and taxes are told for the units that were ordered: for those still wanted they are a part of it."""
    ordered, wanted = node["quantity"], node["currentQuantity"]
    if not ordered:
        raise MalformedAnswerError("A line has no units.")
    part = Decimal(wanted) / ordered
    return StoreLine(
        remote_id=node["id"],
        sku=node["sku"] or "",
        title=node["name"],
        quantity=wanted,
        amount=_amount(node["originalUnitPriceSet"]) * wanted,
        discount=total(_amount(each["allocatedAmountSet"]) for each in node["discountAllocations"]) * part,
        taxes=_taxes(node["taxLines"], part),
        requires_shipping=node["requiresShipping"],
        variant_id=node["variant"]["id"] if node["variant"] else "",
    )


def _taxes(nodes: Iterable[Node], part: Decimal = Decimal(1)) -> tuple[OutboundTax, ...]:
    return tuple(
        OutboundTax(tax["title"], Decimal(str(tax["rate"] or 0)), _amount(tax["priceSet"]) * part) for tax in nodes
    )


def _payment(status: str | None) -> StorePayment:
    """Null when nobody said anything about money: then nothing was paid. Unknown words count as unpaid."""
    if status in _PAID:
        return StorePayment.PAID
    return _ENDED.get(status or "", StorePayment.UNPAID)


def _fulfillment(status: str) -> StoreFulfillment:
    if status in _FULFILLED:
        return StoreFulfillment.FULFILLED
    return StoreFulfillment.PARTIAL if status in _PARTIAL else StoreFulfillment.OPEN


def _pickup(groups: list[Node]) -> PickupPlace | None:
    """Where the customer picks all of it up; None when any of it is sent, or Shopify does not tell."""
    methods = [group["deliveryMethod"]["methodType"] if group["deliveryMethod"] else "" for group in groups]
    if not groups or any(method != _PICK_UP for method in methods):
        return None
    place = groups[0]["assignedLocation"]
    town = " ".join(part for part in (place["city"], place["zip"]) if part)
    return PickupPlace(place["name"], ", ".join(part for part in (place["address1"], place["address2"], town) if part))


def _address(node: Node | None) -> Address | None:
    """Shopify's places as ISO 3166 has them: mapping._place the other way round."""
    if node is None:
        return None
    country, province = node["countryCodeV2"] or "", node["provinceCode"] or ""
    if country == "US" and province in US_PROVINCES:
        country, province = province, ""
    return Address(
        first_name=node["firstName"] or "",
        last_name=node["lastName"] or "",
        company=node["company"] or "",
        address1=node["address1"] or "",
        address2=node["address2"] or "",
        city=node["city"] or "",
        province_code=province.removeprefix(f"{country}-"),
        postcode=node["zip"] or "",
        country_code=country,
        phone=node["phone"] or "",
    )


def _name(address: Address | None) -> str:
    return f"{address.first_name} {address.last_name}".strip() or address.company if address else ""


def _attributes(node: Node) -> dict[str, str]:
    """With the tags, by which routing rules may go."""
    given = {pair["key"]: pair["value"] or "" for pair in node["customAttributes"]}
    return given | ({"tags": ", ".join(node["tags"])} if node["tags"] else {})


def _amount(bag: Node) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])


def _time(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)
