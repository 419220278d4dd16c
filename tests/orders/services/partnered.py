"""Two merchants who work together, each with a store in memory, for tests of what goes between them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.models import Merchant, User
from connectors.base import RemoteVariant
from connectors.gateway import registry as gateways
from connectors.models import Connection, Partnership, Plan, Side
from connectors.services import partner_products, partner_settings, partners
from orders import outbox
from orders.enums import Delivery, OrderStatus
from orders.models import Channel, Order, OrderPush
from orders.services import decisions, fulfillment, intake, partner_orders, partner_terms
from orders.services.new_order import NewAddress, NewLine, NewOrder, NewPayment
from orders.world import World
from tests.factories import NOON, make_channel, make_connection, make_member, make_merchant
from tests.fakes import FakeClock, FakeStore

SHARED = ("BOWL", "MUG")


@dataclass
class Partnered:
    """`seller` sells what `owner` owns: BOWL and MUG are shared; the seller's own store has the rest."""

    seller: Merchant
    owner: Merchant
    person: User  # owns the seller's business
    potter: User  # owns the owner's
    store: Connection  # the owner's
    partnership: Partnership
    connection: Connection  # the seller's row, which stands for the owner's store
    remote: FakeStore
    world: World
    stores: dict[int, FakeStore]  # by the connection that talks to them

    def place(self, *lines: tuple[str, int, str], channel: Channel | None = None, **fields: Any) -> Order:
        new = new_order(self.seller, lines or (("BOWL", 2, "30.00"), ("RUG", 1, "100.00")), **fields)
        order, _ = intake.place(channel=channel or make_channel(), merchant=self.seller, new=new, by="tests", at=NOON)
        return order

    def paid(self, *lines: tuple[str, int, str], **fields: Any) -> Order:
        """Placed, checked, confirmed and captured."""
        order = self.place(*lines, **fields)
        self.drain()
        if Order.objects.get(pk=order.pk).status == OrderStatus.PENDING:
            decisions.confirm(order_id=order.pk, by="ana", at=NOON)
        self.drain()
        order.refresh_from_db()
        return order

    def push_of(self, order: Order) -> OrderPush:
        rows = OrderPush.objects.select_related("order", "connection__source", "connection__merchant")
        return rows.get(order=order, connection=self.connection)

    def push(self, order: Order, shipping: str | None = None) -> OrderPush:
        amount = None if shipping is None else Decimal(shipping)
        partner_orders.push(push_id=self.push_of(order).pk, by="ana", at=self.world.now(), shipping=amount)
        self.drain()
        return self.push_of(order)

    def pull(self, order: Order) -> None:
        push = self.push_of(order)
        fulfillment.record(push_id=push.pk, remote=self.remote.orders[push.remote_id], at=self.world.now())

    def settings(self, **chosen: Any) -> None:
        partner_settings.save(partnership_id=self.partnership.pk, by="ana", at=NOON, **chosen)

    def rules(self, *rules: tuple[str, str]) -> None:
        given = [partner_settings.Threshold(Decimal(at_least), Decimal(costs)) for at_least, costs in rules]
        partner_terms.replace_rules(partnership_id=self.partnership.pk, rules=given, by="ana", at=NOON)

    def revoke(self, by: Merchant | None = None) -> None:
        merchant = by or self.owner
        partner_orders.revoke(
            partnership_id=self.partnership.pk, merchant_id=merchant.pk, by="mia", at=self.world.now()
        )

    def drain(self) -> None:
        outbox.drain(at=self.world.now(), world=self.world)


def make_partnered(*, addon: bool = True, own_store: bool = True) -> Partnered:
    seller, owner = make_merchant(name="Kauri & Clay"), make_merchant(name="Atua Ceramics")
    person, potter = make_member(seller, email="ana@kauri.example"), make_member(owner, email="mia@atua.example")
    store = make_connection(owner, name="Atua Shopify", base_url="https://atua-secret.myshopify.com")
    clock = FakeClock()
    stores: dict[int, FakeStore] = {store.pk: FakeStore(clock)}
    if own_store:
        mine = make_connection(seller, name="Kauri Shopify", is_default=True)
        stores[mine.pk] = FakeStore(clock)
        stores[mine.pk].stock_up("RUG", "VASE")
    remote = stores[store.pk]
    remote.stock_up(*SHARED, "SECRET-LAMP")
    partnership = make_partnership(seller, store)
    if addon:
        Plan.objects.create(merchant=seller, orders_addon=True, changed_by="ana", changed_at=NOON)
    world = World(clock=clock, connector_for=lambda row: stores[row.speaker_id], gateway_for=gateways.get)
    return Partnered(seller, owner, person, potter, store, partnership, partnership.connection, remote, world, stores)


def make_partnership(seller: Merchant, store: Connection, *, shared: tuple[str, ...] = SHARED) -> Partnership:
    """Asked by the seller, accepted by the store's merchant, with these SKUs shared."""
    asked = partners.invite(merchant_id=seller.pk, side=Side.DESTINATION, whom=store.merchant.slug, by="ana", at=NOON)
    partnership = partners.accept(
        partnership_id=asked.pk, merchant_id=store.merchant_id, connection_id=store.pk, by="mia", at=NOON
    )
    variants = [RemoteVariant(f"variant-{sku}", sku, sku.title()) for sku in shared]
    if variants:
        partner_products.share(partnership_id=partnership.pk, variants=variants, by="mia", at=NOON)
    return Partnership.objects.select_related("connection", "source", "destination").get(pk=partnership.pk)


def new_order(merchant: Merchant, lines: tuple[tuple[str, int, str], ...], **fields: Any) -> NewOrder:
    """Of (SKU, quantity, price each), paid, with 7.00 shipping; GST is inside and named nowhere."""
    from tests.factories import _count

    n = next(_count)
    rows = tuple(
        NewLine(f"L{index}", sku, sku.title(), quantity, Decimal(price))
        for index, (sku, quantity, price) in enumerate(lines)
    )
    subtotal = sum((row.amount for row in rows), Decimal(0))
    shipping = fields.pop("shipping", Decimal("7.00"))
    total = subtotal + shipping
    address = NewAddress(
        "Harriet", "Ngata", "", "12 Ponsonby Road", "", "Auckland", "AUK", "1011", "NZ", "+64211234567"
    )  # fmt: skip
    given = {
        "merchant": merchant.slug,
        "external_id": f"ext-{n}",
        "number": f"K-{n}",
        "placed_at": NOON,
        "currency": "NZD",
        "prices_include_tax": True,
        "lines": rows,
        "subtotal": subtotal,
        "discount": Decimal(0),
        "shipping": shipping,
        "shipping_title": "Courier",
        "shipping_taxes": (),
        "tax": Decimal(0),
        "total": total,
        "customer_name": "Harriet Ngata",
        "customer_email": "harriet@example.com",
        "customer_phone": "+64211234567",
        "customer_note": "The gate code is 4711",
        "delivery": Delivery.SHIP,
        "pickup_name": "",
        "pickup_address": "",
        "pickup_instructions": "",
        "shipping_address": address,
        "billing_address": NewAddress("Harriet", "Ngata", "", "1 Secret Lane", "", "Auckland", "AUK", "1011", "NZ", ""),
        "payment": NewPayment("sandbox", f"sandbox_ok_{n}", total, NOON, None),
        "attributes": {"po_number": "PO-77"},
        "digest": f"{n:064d}",
        **fields,
    }
    return NewOrder(**given)
