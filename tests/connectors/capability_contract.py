"""What a driver says that its platform can do, held against what it does: each flag both ways.

The other flags stand beside the verbs that they are about, in contract.py and catalog_contract.py; every flag in one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from django.core import mail

from connectors.base import (
    Address,
    BlockerCode,
    OutboundLine,
    OutboundOrder,
    RemoteRef,
    ShipmentLine,
    SupplierConnector,
)
from connectors.errors import NotOfferedError, SeveralPlacesError
from connectors.models import PurchaseOrder, SyncSettings
from connectors.practice.models import PracticeMail
from orders.services import order_data_rules
from tests.connectors.contract import Store, an_hour_ago, shipped, taxed
from tests.connectors.secrecy import Told
from tests.factories import make_connection

KEPT_AT = Address("Ana", "Kauri", "Kauri & Clay", "1 Dock Street", "", "Auckland", "AUK", "1010", "NZ", "+6495550100")
LONG = 100_000  # characters: more than any platform takes

Pair = tuple[OutboundOrder, OutboundOrder]


def choosing(order: OutboundOrder, **chosen: object) -> OutboundOrder:
    return replace(order, options=replace(order.options, **chosen))


def of_supplier(order: OutboundOrder, **chosen: object) -> OutboundOrder:
    return choosing(order, supplier=replace(order.options.supplier, **chosen))


def _shared(order: OutboundOrder, **chosen: object) -> OutboundOrder:
    return choosing(replace(order, customer_email="harriet@example.com"), share_customer_email=True, **chosen)


def _shipped(order: OutboundOrder) -> OutboundOrder:
    return replace(order, shipping=Decimal(5), total=order.total + 5)


def _of_another_tax(order: OutboundOrder) -> OutboundOrder:
    """The same amounts, told as another tax."""
    first = order.lines[0]
    tax = replace(first.taxes[0], title="VAT", rate=Decimal("0.1"))
    return replace(order, lines=(replace(first, taxes=(tax,)),))


# flag -> two orders that differ in nothing but what the flag is about
TOLD: dict[str, Callable[[OutboundOrder], Pair]] = {
    "supplier": lambda order: (order, of_supplier(order, store_address=KEPT_AT)),
    "warehouses": lambda order: (order, of_supplier(order, warehouses=("KS",))),
    "payment_profiles": lambda order: (
        order,
        of_supplier(order, payment_email="ana@example.com", payment_profile_id="123456789"),
    ),
    "unpaid": lambda order: (order, choosing(order, mark_paid=False)),
    "customers": lambda order: (_shared(order), _shared(order, create_customer=False)),
    "emails": lambda order: (replace(order, customer_email="harriet@example.com"), _shared(order)),
    "tax_lines": lambda order: (taxed(order), _of_another_tax(taxed(order))),
    "shipping": lambda order: (order, _shipped(order)),
}


class CapabilityContract:
    @pytest.mark.parametrize("flag", TOLD)
    def test_a_choice_changes_what_is_sent_exactly_where_the_platform_has_it(self, store: Store, flag: str):
        one, other = TOLD[flag](store.order())

        differs = self.sent(store, one) != self.sent(store, other)

        assert differs is getattr(store.can, flag)

    def test_a_supplier_offers_what_a_supplier_does(self, store: Store):
        assert isinstance(store.driver, SupplierConnector) is store.can.supplier

    def test_a_test_order_is_cancelled_at_once_where_the_platform_takes_them(self, store: Store):
        ref = store.driver.create(of_supplier(store.order(), test_order=True))

        assert store.read(ref).cancelled is store.can.test_orders

    def test_unpaid_and_fulfilled_at_once_are_told_where_the_platform_takes_both(self, store: Store):
        """Elsewhere it is as one of the two alone."""
        order = store.order()
        places = store.driver.locations() if store.can.locations else ()
        place = places[0].location_id if places else ""
        fulfilled = choosing(order, fulfilled=True, location_id=place)

        both = self.sent(store, choosing(fulfilled, mark_paid=False))

        single = [self.sent(store, fulfilled), self.sent(store, choosing(order, mark_paid=False))]
        assert (both not in single) is store.can.unpaid_fulfilled

    def test_a_tag_may_be_as_long_as_is_told(self, store: Store):
        most, order = store.can.tag_max, store.order()
        if most:
            assert store.blockers(choosing(order, tag="t" * (most + 1))) == [BlockerCode.TEXT_TOO_LONG]

        tag = "t" * (most or LONG)
        given = choosing(order, tag=tag)

        assert (bool(most), store.blockers(given)) == (store.can.tags, [])
        assert (tag in store.written(store.driver.create(given))) is bool(most)

    def test_a_note_may_be_as_long_as_is_told(self, store: Store):
        most, order = store.can.note_max, choosing(store.order(), order_url="")
        if most:
            assert BlockerCode.TEXT_TOO_LONG in store.blockers(choosing(order, note="n" * (most + 1)))

        note = "n" * (most or LONG)
        given = choosing(order, note=note)

        assert (bool(most), store.blockers(given)) == (store.can.notes, [])
        assert (note in self.noted(store, given)) is bool(most)

    def test_our_own_desk_keeps_the_book_where_there_is_no_service(self, store: Store):
        """And it mails the orders, unless they go into folders."""
        ref = store.create()

        booked = PurchaseOrder.objects.filter(reference=ref.remote_id).count()
        assert (booked == 1) is store.can.desk
        mailed = bool(mail.outbox) or PracticeMail.objects.exists()
        assert mailed is (store.can.desk and not store.can.folders)
        assert store.can.desk or not store.can.folders

    def test_what_lies_at_two_places_is_told_place_by_place_where_the_platform_has_them(self, store: Store, told: Told):
        if not store.can.fulfills:
            assert not store.can.fulfills_by_place
            with told.refusal(NotOfferedError):
                store.driver.fulfill("1", shipped(store.sku, 2))
            return
        sku = store.lay_elsewhere()
        ref = store.driver.create(with_another(store, sku))

        came_apart = self.told_in_parts(store, ref, sku)

        sent = sum(line.quantity for one in store.read(ref).shipments for line in one.lines)
        assert (came_apart, sent) == (store.can.fulfills_by_place, 3)

    def test_orders_of_its_customers_are_read_where_they_buy_there(self, store: Store, told: Told):
        ref = store.create()
        if store.can.channel:
            page = store.driver.store_orders(since=an_hour_ago(), cursor="")
            read = store.driver.store_order(ref.remote_id)
            assert read is not None
            assert read.remote_id in {order.remote_id for order in page.orders}
            return
        for verb in (
            lambda: store.driver.store_orders(since=an_hour_ago(), cursor=""),
            lambda: store.driver.store_order(ref.remote_id),
        ):
            with told.refusal(NotOfferedError):
                verb()

    def test_collected_orders_go_no_oftener_than_is_told(self, store: Store):
        shortest, connection = store.can.shortest_interval_min, make_connection(platform=store.connector.platform)

        def refused(minutes: int) -> list[str]:
            row = SyncSettings(connection=connection, push_every_minutes=minutes)
            changed = {"push_every_minutes"}
            found = order_data_rules.problems(row, connection, store.can, changed)
            return [problem.field for problem in found if problem.field in changed]

        assert (refused(shortest), refused(shortest - 1)) == ([], ["push_every_minutes"])

    @staticmethod
    def told_in_parts(store: Store, ref: RemoteRef, sku: str) -> bool:
        """Tell that all was sent. Whether the store wanted that in parts, which are told then."""
        one = shipped(store.sku, 2)
        whole = replace(one, lines=(*one.lines, ShipmentLine(sku, 1)))
        try:
            store.driver.fulfill(ref.remote_id, whole)
        except SeveralPlacesError as several:
            for part in several.parts:
                store.driver.fulfill(ref.remote_id, part)
            return True
        return False

    @staticmethod
    def sent(store: Store, order: OutboundOrder) -> str:
        return json.dumps(store.driver.request_for(order), sort_keys=True)

    @staticmethod
    def noted(store: Store, order: OutboundOrder) -> str:
        ref = store.driver.create(order)
        if store.can.separate_notes:
            store.driver.add_notes(ref.remote_id, order)
        return store.written(ref)


def with_another(store: Store, sku: str) -> OutboundOrder:
    """An order of two units, and one of another product."""
    order = store.order()
    (other,) = store.driver.find_variants([sku])[sku]
    line = OutboundLine("line-2", other.sku, other.title, 1, Decimal("10.00"), variant_id=other.variant_id)
    subtotal = order.subtotal + 10
    return replace(order, lines=(*order.lines, line), subtotal=subtotal, total=subtotal)
