"""What every platform's driver does against a store, real or practice. A platform's tests inherit StoreContract and
bring `store`. Nothing here is skipped: what a platform cannot do, by its capabilities, is asserted to be refused.

The rest of the contract: faults on the wire in wire_contract.py, what a store's staff does in practice_contract.py.
"""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from connectors import money
from connectors.base import (
    Account,
    Address,
    BlockerCode,
    Capabilities,
    Connector,
    OutboundLine,
    OutboundOrder,
    OutboundShipment,
    OutboundTax,
    Parcel,
    PickupPlace,
    PushOptions,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShipmentLine,
)
from connectors.errors import ConnectorError, CredentialsError, NotOfferedError, RejectedError
from connectors.http import HttpClient
from connectors.registry import form_of
from tests.connectors.catalog_contract import CatalogContract
from tests.connectors.secrecy import Told, assert_silent, secrets_of

AUCKLAND = Address("Harriet", "Ngata", "", "12 Ponsonby Road", "", "Auckland", "AUK", "1011", "NZ", "+64211234567")
SHOWROOM = PickupPlace("Kauri Showroom", "9 Customs Street, Auckland", "Ring the bell")
TAG, NOTE = "Contract tag", "A note of the contract"


@dataclass
class Store(ABC):
    """One store, and the way to it. `account` is as connecting left it, with what `check` told."""

    connector: type[Connector]
    account: Account
    sku: str  # of a product with at least two units in stock
    home: Address = AUCKLAND
    deadline_s: float = 30.0
    allow_loopback: bool = False
    told: Told = field(default_factory=Told)
    tells_parts: ClassVar[bool] = True  # False: nothing is told before all was sent
    tells_plugin_tracking: ClassVar[bool] = True  # False: tracking written to an order is not told with its shipments

    def __post_init__(self) -> None:
        self._clients: list[HttpClient] = []
        self.driver = self.driver_of(self.account)
        self.account = self.known(self.account)
        self.driver = self.driver_of(self.account)

    def driver_of(self, account: Account, *, deadline_s: float | None = None) -> Connector:
        http = HttpClient(
            allow_loopback=self.allow_loopback,
            deadline_s=deadline_s or self.deadline_s,
            on_call=self.told.calls.append,
        )
        self._clients.append(http)
        return self.connector(account, http)

    def known(self, account: Account) -> Account:
        """With what the store says of itself now."""
        info = self.driver_of(account).check()
        return replace(
            account, currency=info.currency, remote_id=info.remote_id, shop_domain=info.domain, settings=info.settings
        )

    @property
    def can(self) -> Capabilities:
        return self.connector.capabilities

    def variant(self) -> RemoteVariant:
        (variant,) = self.driver.find_variants([self.sku])[self.sku]
        return variant

    def order(self, *, price: str = "10.00", **fields: Any) -> OutboundOrder:
        """A paid, untaxed order of two units, delivered; a new reference each time."""
        return order_of(self.variant(), self.account.currency, self.home, price=Decimal(price), **fields)

    def create(self, **fields: Any) -> RemoteRef:
        return self.driver.create(self.order(**fields))

    def read(self, ref: RemoteRef) -> RemoteOrder:
        seen = self.driver.read(ref.remote_id)
        assert seen is not None
        return seen

    def blockers(self, order: OutboundOrder) -> list[BlockerCode]:
        fresh = self.driver.read_variants([line.variant_id for line in order.lines])
        return [blocker.code for blocker in self.driver.preflight(order, fresh)]

    def untell(self, ref: RemoteRef, told_id: str, shipment: OutboundShipment) -> None:
        if self.can.recalls:
            self.driver.recall(ref.remote_id, replace(shipment, completes=False))
        else:
            self.driver.unfulfill(ref.remote_id, told_id)

    def changed(self, since: datetime | None = None) -> dict[str, RemoteOrder]:
        """What a poll brings, by reference."""
        return {one.reference: one for one in self.driver.changed_since(since or an_hour_ago()) if one.reference}

    def secrets(self) -> set[str]:
        return secrets_of(self.account, self.connector.platform)

    def close(self) -> None:
        for client in self._clients:
            client.close()

    @abstractmethod
    def written(self, ref: RemoteRef) -> str:
        """Everything that people of the store can read at an order, as one text."""


def order_of(
    variant: RemoteVariant, currency: str, home: Address, *, price: Decimal, quantity: int = 2, **fields: Any
) -> OutboundOrder:
    reference = f"SW-{secrets.token_hex(6)}"
    line = OutboundLine("line-1", variant.sku, variant.title, quantity, price, variant_id=variant.variant_id)
    subtotal = price * quantity
    base = OutboundOrder(
        reference=reference,
        number=reference,
        channel_name="Contract",
        placed_at=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1),
        currency=currency,
        prices_include_tax=False,
        lines=(line,),
        subtotal=subtotal,
        discount=Decimal(0),
        shipping=Decimal(0),
        shipping_title="Standard delivery",
        shipping_taxes=(),
        tax=Decimal(0),
        total=subtotal,
        billing=home,
        shipping_address=home,
        pickup=None,
        customer_name=f"{home.first_name} {home.last_name}",
        customer_email="",
        customer_phone=home.phone,
        customer_note="",
        attributes={},
        options=PushOptions(order_url="https://portal.example/orders/1/", tag=TAG, note=NOTE),
    )
    return replace(base, **fields)


def taxed(order: OutboundOrder, *, rate: Decimal = Decimal("0.15")) -> OutboundOrder:
    """The same with tax inside, shipping and a discount."""

    def tax(amount: Decimal) -> tuple[OutboundTax, ...]:
        return (OutboundTax("GST", rate, money.round_half_up(amount * rate / (1 + rate), order.currency)),)

    shipping, discount = Decimal("7.35"), Decimal("3.33")
    lines = tuple(replace(line, taxes=tax(line.unit_price * line.quantity)) for line in order.lines)
    return replace(
        order,
        prices_include_tax=True,
        lines=lines,
        shipping=shipping,
        shipping_taxes=tax(shipping),
        discount=discount,
        tax=sum((each.amount for part in lines for each in part.taxes), tax(shipping)[0].amount),
        total=order.subtotal + shipping - discount,
    )


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def wrong_accounts(account: Account, connector: type[Connector]) -> Iterator[Account]:
    """The account with each of its keys wrong in the last character."""
    typed = {each.name for each in form_of(connector.platform).FIELDS}
    for name in typed & set(account.credentials):
        value = account.credentials[name]
        wrong = value[:-1] + ("1" if value[-1] != "1" else "2")
        yield replace(account, credentials={**account.credentials, name: wrong})


class ConnectContract(CatalogContract):
    """What can be asked of a store before there is an order."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError

    @pytest.fixture
    def told(self, store: Store) -> Told:
        return store.told

    @pytest.fixture(autouse=True)
    def no_secret_is_told(self, store: Store, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        """Whatever the test does: errors, log records and the call log hold no key."""
        caplog.set_level("DEBUG")
        yield
        store.close()
        assert_silent(store.told.words(caplog.get_records("call")), store.secrets())

    def test_connecting_finds_the_shop_in_order(self, store: Store):
        info = store.driver.check()

        assert info.name
        assert info.remote_id
        assert len(info.currency) == 3
        assert info.missing_scopes == ()

    def test_the_settings_of_a_shop_are_kept_where_the_driver_goes_by_them(self, store: Store):
        assert store.driver.check().settings or not store.can.settings

    def test_each_key_that_is_wrong_is_noticed(self, store: Store, told: Told):
        wrong = list(wrong_accounts(store.account, store.connector))
        order = store.order()

        for account in wrong:
            driver = store.driver_of(account)
            for verb in (driver.check, lambda by=driver: by.find("SW-1", since=an_hour_ago())):
                with told.refusal(CredentialsError):
                    verb()
            with told.refusal(CredentialsError):
                driver.create(order)
        assert wrong
        assert store.driver.find(order.reference, since=an_hour_ago()) == ()

    def test_a_product_is_found_by_its_exact_sku(self, store: Store):
        found = store.driver.find_variants([store.sku, f"{store.sku}-NONE"])

        assert [len(found[sku]) for sku in (store.sku, f"{store.sku}-NONE")] == [1, 0]

    def test_a_product_is_read_by_its_id_and_one_that_is_gone_left_out(self, store: Store):
        known = store.variant()
        wrong = known.variant_id[:-1] + "987654321"

        assert list(store.driver.read_variants([known.variant_id, wrong])) == [known.variant_id]

    def test_stock_is_told_where_the_platform_counts_it(self, store: Store):
        variant = store.variant()

        stock = store.driver.read_variants([variant.variant_id])[variant.variant_id].stock

        assert (stock is not None and stock >= 2) is store.can.stock

    # --- before an order is sent ---

    def test_nothing_stands_in_the_way_of_a_good_order(self, store: Store):
        assert store.blockers(store.order()) == []

    def test_the_same_order_is_the_same_request(self, store: Store):
        order = store.order()

        assert json.dumps(store.driver.request_for(order)) == json.dumps(store.driver.request_for(order))

    def test_a_product_that_is_gone_is_a_blocker(self, store: Store):
        blockers = store.driver.preflight(store.order(), {})

        assert [(blocker.code, blocker.value) for blocker in blockers] == [(BlockerCode.SKU_GONE, store.sku)]

    def test_a_product_that_is_not_linked_is_a_blocker(self, store: Store):
        order = store.order()
        unlinked = replace(order, lines=(replace(order.lines[0], variant_id=""),))

        assert BlockerCode.UNMAPPED_SKU in store.blockers(unlinked)

    def test_another_total_than_was_paid_is_a_blocker_where_totals_are_compared(self, store: Store):
        order = store.order()
        paid_more = replace(order, total=order.total + 1)

        expected = [BlockerCode.TOTAL_MISMATCH] if store.can.compares_totals else []
        assert store.blockers(paid_more) == expected

    def test_a_collected_order_is_taken_where_the_platform_can(self, store: Store):
        collected = store.order(shipping_address=None, pickup=SHOWROOM)

        assert (store.blockers(collected) == []) is store.can.pickup


class StoreContract(ConnectContract):
    """Orders, as far as a driver brings them there and sees them there."""

    def test_an_order_is_created_found_and_read_back(self, store: Store):
        order = store.order()
        ref = store.driver.create(order)

        seen = store.read(ref)

        assert store.driver.find(order.reference, since=an_hour_ago()) == (ref,)
        assert (seen.ref.remote_id, seen.reference, seen.currency) == (ref.remote_id, order.reference, order.currency)
        assert (seen.cancelled, seen.refunded, seen.shipments) == (False, 0, ())
        assert (ref.name, seen.remote_version) != ("", "")

    def test_the_total_there_is_what_was_paid_where_totals_are_compared(self, store: Store):
        order = store.order(price="7.77")

        total = store.read(store.driver.create(order)).total

        assert (total == order.total) is store.can.compares_totals

    def test_an_order_that_was_never_sent_is_not_found(self, store: Store):
        store.create()

        assert store.driver.find("SW-never", since=an_hour_ago()) == ()

    def test_an_order_is_found_by_its_reference_where_the_platform_can(self, store: Store):
        order = store.order()
        store.driver.create(order)

        assert bool(store.driver.find(order.reference, since=an_hour_ago())) is store.can.lookup_by_reference

    def test_an_order_that_is_whole_has_nothing_to_mend(self, store: Store):
        order = store.order()
        ref = store.driver.create(order)
        before = store.read(ref)

        store.driver.mend(ref.remote_id, order)

        seen = store.read(ref)
        assert replace(seen, updated_at=before.updated_at) == before  # some tell when they were read, not changed

    @pytest.mark.plants("I1", "the order is sent twice on purpose")
    def test_the_same_order_again_is_the_same_order_where_there_is_a_key(self, store: Store, told: Told):
        """Everywhere else whoever is unsure looks before: what was sent again is another order, or is refused."""
        order = store.order()
        first = store.driver.create(order)

        try:
            again = store.driver.create(order)
        except ConnectorError as error:
            told.hear(error)
            assert isinstance(error, RejectedError)
            assert not store.can.idempotency_key
        else:
            found = store.driver.find(order.reference, since=an_hour_ago())
            assert ((again, len(found)) == (first, 1)) is store.can.idempotency_key

    def test_a_new_order_is_polled_as_it_is_read(self, store: Store):
        order = store.order()
        ref = store.driver.create(order)

        polled = store.changed()[order.reference]

        read = store.read(ref)
        assert polled.ref.remote_id == ref.remote_id
        if polled.remote_version:
            assert polled.remote_version == read.remote_version
        else:
            assert polled.updated_at == read.updated_at

    def test_a_collected_order_is_created_where_the_platform_can(self, store: Store, told: Told):
        collected = store.order(shipping_address=None, pickup=SHOWROOM)

        if store.can.pickup:
            assert SHOWROOM.name in store.written(store.driver.create(collected))
        else:
            with told.refusal(RejectedError):
                store.driver.create(collected)

    def test_an_order_is_cancelled_where_the_platform_can_and_again_is_no_error(self, store: Store, told: Told):
        ref = store.create()

        for _ in range(2):
            if store.can.cancel:
                store.driver.cancel(ref.remote_id, note="Cancelled by the contract")
            else:
                with told.refusal(RejectedError):
                    store.driver.cancel(ref.remote_id, note="Cancelled by the contract")

        assert store.read(ref).cancelled is store.can.cancel

    def test_the_tag_is_on_the_order_where_there_are_tags(self, store: Store):
        assert (TAG in store.written(store.create())) is store.can.tags

    def test_the_note_is_on_the_order_where_there_are_notes(self, store: Store, told: Told):
        order = store.order()
        ref = store.driver.create(order)

        at_once = NOTE in store.written(ref)
        if store.can.separate_notes:
            store.driver.add_notes(ref.remote_id, order)
            store.driver.add_notes(ref.remote_id, order)
        else:
            with pytest.raises(NotOfferedError):
                store.driver.add_notes(ref.remote_id, order)

        assert at_once is (store.can.notes and not store.can.separate_notes)
        assert store.written(ref).count(NOTE) == int(store.can.notes)

    def test_what_may_be_changed_in_place_is_changed_and_keeps_the_total(self, store: Store):
        order = store.order()
        ref = store.driver.create(order)
        before = store.read(ref).total
        changed = replace(order, customer_note="Ring twice", attributes={"Gate code": "G-1234"})
        fields = store.can.updates & {"note", "attributes", "shipping_address", "billing_address"}
        if not fields:
            with pytest.raises(NotOfferedError):
                store.driver.update(ref.remote_id, changed, fields=frozenset({"note"}))
            return

        for _ in range(2):
            store.driver.update(ref.remote_id, changed, fields=fields)

        written = store.written(ref)
        assert ("Ring twice" in written, "G-1234" in written) == (True, True)
        assert (store.read(ref).total, store.read(ref).cancelled) == (before, False)

    def test_what_was_sent_is_told_where_the_platform_can_and_late_tracking_too(self, store: Store):
        ref, shipment = store.create(), shipped(store.sku, 2)
        if not store.can.fulfills:
            with pytest.raises(NotOfferedError):
                store.driver.fulfill(ref.remote_id, shipment)
            return

        known_id = store.driver.fulfill(ref.remote_id, shipment)
        for _ in range(2):
            both = replace(shipment, parcels=(*shipment.parcels, Parcel("NZ Post", "NZ2")), known_id=known_id)
            assert store.driver.fulfill(ref.remote_id, both) == known_id

        (there,) = store.read(ref).shipments
        assert (there.status, sum(line.quantity for line in there.lines)) == ("success", 2)
        assert [parcel.number for parcel in there.parcels] == (["NZ1", "NZ2"] if store.tells_plugin_tracking else [])

    def test_what_was_sent_is_not_sent_twice(self, store: Store, told: Told):
        ref, shipment = store.create(), shipped(store.sku, 2)
        if not store.can.fulfills:
            return
        store.driver.fulfill(ref.remote_id, shipment)
        try:
            store.driver.fulfill(ref.remote_id, shipment)
        except RejectedError as refusal:
            assert [blocker.code for blocker in refusal.blockers] == [BlockerCode.CHANGED_AT_DESTINATION]

        (there,) = store.read(ref).shipments
        assert (sum(line.quantity for line in there.lines), len(there.parcels)) == (2, int(store.tells_plugin_tracking))

    def test_a_part_is_told_where_the_platform_takes_parts(self, store: Store, told: Told):
        ref, part = store.create(), replace(shipped(store.sku, 1), completes=False)
        if store.can.fulfills and not store.can.fulfills_parts:
            with told.refusal(RejectedError):
                store.driver.fulfill(ref.remote_id, part)
        elif store.can.fulfills:
            store.driver.fulfill(ref.remote_id, part)

        sent = sum(line.quantity for one in store.read(ref).shipments for line in one.lines)
        assert sent == (1 if store.can.fulfills_parts and store.tells_parts else 0)

    def test_what_was_told_is_taken_back_where_the_platform_can(self, store: Store):
        ref, shipment = store.create(), shipped(store.sku, 2)
        if not store.can.takes_back:
            with pytest.raises(NotOfferedError):
                store.driver.unfulfill(ref.remote_id, "1")
            with pytest.raises(NotOfferedError):
                store.driver.recall(ref.remote_id, shipment)
            return

        told_id = store.driver.fulfill(ref.remote_id, shipment)
        for _ in range(2 if store.can.recalls else 1):
            store.untell(ref, told_id, shipment)
        taken_back = [(one.status, one.parcels) for one in store.read(ref).shipments]
        store.driver.fulfill(ref.remote_id, shipment)

        if store.can.recalls:
            assert taken_back == [("cancelled", ())]
            assert [one.status for one in store.read(ref).shipments] == ["success"]
        else:
            assert [one.status for one in store.read(ref).shipments] == ["cancelled", "success"]

    def test_what_waits_for_its_customer_is_said_of_an_order_placed_there_to_be_picked_up_alone(
        self, store: Store, told: Told
    ):
        """Where the platform is told at all. What was pushed there is no pickup of the platform's own."""
        ref = store.create()

        with told.refusal(RejectedError if store.can.readies else NotOfferedError):
            store.driver.ready_for_pickup(ref.remote_id, shipped(store.sku, 2).lines)

    def test_an_order_that_was_cancelled_there_is_not_fulfilled(self, store: Store, told: Told):
        if not (store.can.fulfills and store.can.cancel):
            return
        ref = store.create()
        store.driver.cancel(ref.remote_id, note="Cancelled by the contract")

        with told.refusal(RejectedError):
            store.driver.fulfill(ref.remote_id, shipped(store.sku, 2))

        assert store.read(ref).shipments == ()

    def test_locations_are_told_where_orders_are_fulfilled_at_them(self, store: Store, told: Told):
        if store.can.locations:
            assert any(place.active and place.location_id for place in store.driver.locations())
        else:
            with told.refusal(NotOfferedError):
                store.driver.locations()

    def test_an_order_is_fulfilled_as_it_is_created_where_the_platform_can(self, store: Store):
        place = next((each for each in store.driver.locations() if each.active), None) if store.can.locations else None
        options = PushOptions("", fulfilled=True, location_id=place.location_id if place else "")

        order = store.order(options=options)

        assert store.blockers(order) == []
        sent = store.read(store.driver.create(order)).shipments
        assert sum(line.quantity for shipment in sent for line in shipment.lines) == (2 if store.can.fulfilled else 0)

    def test_an_unpaid_order_has_the_same_total(self, store: Store):
        order = store.order(options=PushOptions("", mark_paid=False))

        assert store.blockers(order) == []
        seen = store.read(store.driver.create(order))
        assert not store.can.compares_totals or seen.total == order.total


def shipped(sku: str, units: int) -> OutboundShipment:
    """In one parcel, all of the order."""
    parcel = Parcel("NZ Post", "NZ1", "https://track.example/NZ1")
    return OutboundShipment((ShipmentLine(sku, units),), (parcel,), shipped_at=datetime.now(UTC))
