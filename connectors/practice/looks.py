"""How a practice store's pages speak, so that whoever works with the real platform knows where everything is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.practice.models import PracticeOrder

PAID, SENT = "PAID", "FULFILLED"


@dataclass(frozen=True, slots=True)
class State:
    """A chip: what it says, and its color: "ok", "warn", "bad" or none."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """Words of one platform's admin. `columns` head the states of an order, as many as `states` gives."""

    label: str
    icon: str = "shopping-bag"
    orders: str = "Orders"
    products: str = "Products"
    order: str = "Order"
    reference: str = ""  # heads a column of our reference; empty: it stands under the number
    columns: tuple[str, ...] = ("Payment", "Fulfillment")
    words: Mapping[str, str] = field(default_factory=dict)  # of states, where they differ from the shared ones
    tags: str = ""  # what an order's tags are called; empty: it has none
    consent: str = "{app} asks for access to {shop}"
    has_app: bool = False  # apps are installed there
    may: str = "It will be able to:"
    approve: str = "Approve"
    deny: str = "Deny"


LOOKS: Mapping[str, Look] = {
    "shopify": Look(
        "Shopify",
        columns=("Payment status", "Fulfillment status"),
        tags="Tags",
        consent="Install {app} on {shop}",
        may="This app needs access to:",
        approve="Install",
        deny="Cancel",
        has_app=True,
    ),
    "woocommerce": Look(
        "WooCommerce",
        icon="store",
        columns=("Status",),
        consent="{app} would like to connect to {shop}",
        may="This gives it the following access to your store:",
        approve="Approve",
        deny="No thanks",
    ),
    "squarespace": Look(
        "Squarespace",
        products="Products & Services",
        words={SENT: "Fulfilled", "UNFULFILLED": "Pending", "PARTIALLY_FULFILLED": "Pending"},
        consent="Connect {app} to {shop}",
        may="It asks for permission to use:",
        approve="Allow",
        deny="Deny",
        has_app=True,
    ),
    "ssactivewear": Look(
        "S&S Activewear",
        icon="truck",
        orders="Order history",
        products="Inventory",
        order="Order number",
        reference="PO number",
        tags="Warehouse",
        columns=("Status",),
        words={SENT: "Shipped", "UNFULFILLED": "In process", "PARTIALLY_FULFILLED": "Partly shipped"},
    ),
    "filedrop": Look("supplier by e-mail", icon="truck", orders="Purchase orders"),
    "filedrop_sftp": Look("supplier by SFTP", icon="truck", orders="Purchase orders"),
}


def of(platform: str) -> Look:
    """A platform without words of its own has the shared ones."""
    return LOOKS.get(platform) or Look(platform)


def states(platform: str, order: PracticeOrder, fulfillment: str) -> tuple[State, ...]:
    """One for each of the look's columns. `fulfillment` as services.fulfillment_status tells it. No query."""
    look = of(platform)
    sending = State(look.words.get(fulfillment, _spoken(fulfillment)), "ok" if fulfillment == SENT else "warn")
    if order.details.get("prepared") and fulfillment == "UNFULFILLED":
        sending = State("Ready for pickup", "warn")
    if order.cancelled_at:
        cancelled = State("Cancelled", "bad")
        return (cancelled,) if len(look.columns) == 1 else (cancelled, sending)
    if platform == "woocommerce":
        return (_of_woocommerce(order, fulfillment),)
    if len(look.columns) == 1:
        return (sending,)
    paid = State(_spoken(order.financial_status) or "No payment", "ok" if order.financial_status == PAID else "warn")
    return paid, sending


def _of_woocommerce(order: PracticeOrder, fulfillment: str) -> State:
    """One status for money and goods: what was sent is completed."""
    kept = str(order.details.get("status", "processing"))
    if order.refunded and order.refunded >= order.total:
        kept = "refunded"
    elif kept == "processing" and fulfillment == SENT:
        kept = "completed"
    kind = {"processing": "ok", "completed": "ok", "on-hold": "warn", "pending": "warn", "failed": "bad"}
    return State("Pending payment" if kept == "pending" else _spoken(kept.replace("-", " ")), kind.get(kept, ""))


def _spoken(status: str) -> str:
    return status.replace("_", " ").capitalize()
