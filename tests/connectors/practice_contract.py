"""The rest of the contract: what a store's staff does and what goes wrong there, acted out in a practice store.

A platform's tests inherit PracticeContract and bring `store`: the practice store opened over the live server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from connectors.base import Account, InboundNotice, PutBack, RemoteRef
from connectors.errors import (
    BadSignatureError,
    ConnectionGoneError,
    ConnectorError,
    CredentialsError,
    NotOfferedError,
    OutcomeUnknownError,
    RetryableError,
)
from connectors.practice import deliveries, dials, platforms, services
from connectors.practice.models import PracticeDelivery, PracticeFulfillment, PracticeOrder, PracticeShop
from connectors.practice.services import PracticeError
from connectors.registry import connector_class, form_of
from tests.connectors.contract import Store, StoreContract, an_hour_ago, taxed
from tests.server import let_go

HOOK = "https://portal.example/webhooks/contract/"
FIRST = {"number": "NZ1", "company": "NZ Post", "url": "https://track.example/NZ1"}
SECOND = {"number": "NZ2", "company": "NZ Post", "url": "https://track.example/NZ2"}
LAG_S, CROWD = 60, 110


@dataclass
class PracticeStore(Store):
    """A practice store with its staff. `shop` is its row."""

    shop: PracticeShop = None  # type: ignore[assignment] # always given: see opened()
    allow_loopback: bool = True
    typed_secrets: tuple[str, ...] = ()  # what it signs its webhooks with, as far as connecting told

    # Where platforms differ in what they tell; each is asserted both ways.
    tells_parts: ClassVar[bool] = True  # False: nothing is told before all was sent
    tells_refunds: ClassVar[bool] = True
    books_what_is_put_back: ClassVar[bool] = True  # False: the units alone, with no money
    tells_urls: ClassVar[bool] = True  # of parcels
    units_of_two_parcels: ClassVar[list[int]] = [2]  # one shipment that does not say what is in which
    found_at_once: ClassVar[bool] = False  # however far its search lags behind
    gone: ClassVar[type[ConnectorError] | None] = None  # what reading a deleted order raises; None: it reads as None

    @classmethod
    def opened(cls, shop: PracticeShop, url: str, **known: Any) -> PracticeStore:
        """Connected as a person does it: what is typed, then what the store says of itself."""
        prefix = f"{url}/practice/"
        typed = {item.name: item.value for item in platforms.of(shop).typed(shop)}
        entry = form_of(shop.platform).read({"base_url": f"{url}{platforms.address(shop)}", **typed}, practice=prefix)
        account = Account(entry.base_url, entry.credentials)
        store = cls(connector_class(shop.platform), account, shop=shop, **known)
        store.typed_secrets = entry.webhook_secrets
        store.driver.register_webhooks(HOOK)
        return store

    def secrets(self) -> set[str]:
        return super().secrets() | set(self.typed_secrets)

    # --- its books ---

    def row(self, ref: RemoteRef) -> PracticeOrder:
        raise NotImplementedError

    def orders(self) -> int:
        return PracticeOrder.objects.count()

    def written(self, ref: RemoteRef) -> str:
        row = self.row(ref)
        return f"{row.note} {row.tags} {json.dumps([row.attributes, row.details], ensure_ascii=False)}"

    def crowd(self, reference: str = "") -> None:
        """More orders than fit on a page: older than what comes next, and changed after it."""
        row = self.row(self.create())
        kept = {each.attname: getattr(row, each.attname) for each in PracticeOrder._meta.concrete_fields}
        kept["updated_at"] += timedelta(minutes=1)
        del kept["id"]
        others = [{**kept, **self.stranger(row, number, reference)} for number in range(CROWD)]
        PracticeOrder.objects.bulk_create(PracticeOrder(**each) for each in others)

    def stranger(self, row: PracticeOrder, number: int, reference: str) -> dict[str, Any]:
        """What is different in an order that is not ours, and almost has this reference."""
        return {"name": f"#{50_000 + number}", "source_identifier": reference.lower(), "custom_id": ""}

    # --- its staff ---

    def ship(
        self, ref: RemoteRef, *, units: int | None = None, parcels: Sequence[Mapping[str, str]] = ()
    ) -> PracticeFulfillment:
        row = self.row(ref)
        quantities = None if units is None else {row.lines.get().pk: units}
        return services.fulfill(order_id=row.pk, quantities=quantities, parcels=parcels)

    def ship_in_two(self, ref: RemoteRef) -> None:
        """All of it, in two parcels."""
        self.ship(ref, parcels=[FIRST, SECOND])

    def track(self, ref: RemoteRef, parcel: Mapping[str, str] = FIRST) -> None:
        services.add_tracking(fulfillment_id=self.row(ref).fulfillments.get().pk, parcels=[parcel])

    def take_back(self, ref: RemoteRef) -> None:
        services.cancel_fulfillment(fulfillment_id=self.row(ref).fulfillments.get().pk)

    def cancel(self, ref: RemoteRef) -> None:
        services.cancel_order(order_id=self.row(ref).pk)

    def refund(self, ref: RemoteRef, amount: str = "2.50") -> None:
        services.refund(order_id=self.row(ref).pk, amount=Decimal(amount))

    def edit(self, ref: RemoteRef) -> None:
        """One unit instead of two."""
        services.edit_quantity(line_id=self.row(ref).lines.get().pk, quantity=1)

    def delete(self, ref: RemoteRef) -> None:
        services.delete_order(order_id=self.row(ref).pk)

    # --- its faults and webhooks ---

    def turn(self, dial: str, *, left: int = 1, seconds: int | None = None) -> None:
        dials.turn(self.shop.pk, dial, left=left, seconds=seconds)

    def refill(self) -> None:
        """Its rate limit, as if nobody had asked for long."""
        PracticeShop.objects.filter(pk=self.shop.pk).update(bucket=self.shop.bucket, bucket_at=None)

    def knows(self, dial: str) -> bool:
        return platforms.of(self.shop).knows(dial)

    def listen(self) -> tuple[Account, tuple[str, ...]]:
        """The account whose webhooks stand, and the secrets that they are signed with."""
        return self.account, self.typed_secrets

    def delivered(self) -> list[PracticeDelivery]:
        """Everything it told, oldest first: something, exactly where the platform has webhooks."""
        deliveries = list(PracticeDelivery.objects.select_related("shop").order_by("pk"))
        assert bool(deliveries) is self.can.webhooks
        return deliveries


@contextmanager
def at_work(store: PracticeStore) -> Iterator[PracticeStore]:
    yield store
    store.close()
    let_go()


@pytest.mark.django_db(transaction=True)
class PracticeContract(StoreContract):
    @pytest.fixture
    def store(self, live_server: Any, settings: Any) -> Iterator[PracticeStore]:
        settings.BASE_URL = live_server.url
        with at_work(self.opened(live_server.url)) as store:
            yield store

    def opened(self, url: str) -> PracticeStore:
        raise NotImplementedError

    # --- money ---

    def test_tax_shipping_and_a_discount_arrive_to_the_cent(self, store: PracticeStore):
        order = taxed(store.order(price="19.99"))

        total = store.read(store.driver.create(order)).total

        assert store.blockers(order) == []
        assert (total == order.total) is store.can.compares_totals

    def test_what_stands_there_is_read_and_not_what_was_sent(self, store: PracticeStore):
        ref = store.create()
        row = store.row(ref)

        PracticeOrder.objects.filter(pk=row.pk).update(total=row.total + Decimal("0.01"))

        assert store.read(ref).total == row.total + Decimal("0.01")

    # --- exactly once ---

    @pytest.mark.parametrize("dial", ["lost_answer", "torn"])
    def test_a_lost_answer_leaves_one_order_that_is_found(self, store: PracticeStore, dial: str):
        order = store.order()
        store.turn(dial)
        with store.told.refusal(OutcomeUnknownError):
            store.driver.create(order)

        (found,) = store.driver.find(order.reference, since=an_hour_ago())

        assert store.read(found).reference == order.reference
        assert store.orders() == 1
        if store.can.idempotency_key:
            assert (store.driver.create(order), store.orders()) == (found, 1)

    def test_a_store_that_hangs_after_the_order_is_a_lost_answer(self, store: PracticeStore):
        order = store.order()
        store.turn("hang", seconds=2)
        with store.told.refusal(OutcomeUnknownError):
            store.driver_of(store.account, deadline_s=1).create(order)
        store.close()
        let_go()

        assert len(store.driver.find(order.reference, since=an_hour_ago())) == store.orders() == 1

    def test_an_order_is_found_among_more_than_a_page(self, store: PracticeStore):
        order = store.order()
        store.crowd(order.reference)
        ref = store.driver.create(order)

        assert store.driver.find(order.reference, since=an_hour_ago()) == (ref,)

    def test_a_change_is_polled_among_more_than_a_page(self, store: PracticeStore):
        store.crowd()
        order = store.order()
        ref = store.driver.create(order)

        assert store.changed()[order.reference].ref.remote_id == ref.remote_id

    def test_a_search_that_lags_is_over_before_its_answer_is_believed(self, store: PracticeStore):
        order = store.order()
        ref = store.driver.create(order)
        store.turn("index_lag", seconds=LAG_S)

        seen = [store.driver.find(order.reference, since=an_hour_ago()) for _ in range(3)]

        assert (() in seen) is not store.found_at_once
        assert seen[-1] == (ref,)
        assert store.can.idempotency_key or store.driver.horizon_s >= 30 + dials.DIALS["index_lag"].seconds

    # --- faults ---

    @pytest.mark.parametrize(
        ("dial", "error"),
        [
            ("down", OutcomeUnknownError),
            ("html", OutcomeUnknownError),
            ("too_many", RetryableError),
            ("throttled", RetryableError),
            ("dead_token", CredentialsError),
            ("frozen", ConnectionGoneError),
            ("dormant", ConnectionGoneError),
        ],
    )
    def test_a_fault_before_the_order_is_taken_for_what_it_is(
        self, store: PracticeStore, dial: str, error: type[ConnectorError]
    ):
        """A dial that the platform does not know turns nothing."""
        order = store.order()
        if store.knows(dial):
            store.turn(dial)
            with store.told.refusal(error) as caught:
                store.driver.create(order)
            assert isinstance(caught.value, OutcomeUnknownError) is (error is OutcomeUnknownError)

            store.refill()

        assert store.driver.find(order.reference, since=an_hour_ago()) == ()
        store.driver.create(order)
        assert store.orders() == 1

    @pytest.mark.parametrize("dial", ["down", "html", "torn", "too_many"])
    def test_a_fault_while_looking_is_never_taken_for_not_there(self, store: PracticeStore, dial: str):
        ref = store.create()

        for verb in (
            lambda: store.driver.find(store.row(ref).source_identifier, since=an_hour_ago()),
            lambda: store.driver.read(ref.remote_id),
            lambda: list(store.driver.changed_since(an_hour_ago())),
        ):
            store.turn(dial, seconds=1)
            with store.told.refusal(RetryableError):
                verb()

    def test_a_slow_store_is_waited_for(self, store: PracticeStore):
        store.turn("slow", seconds=1)

        assert store.driver.check().name

    # --- what staff do ---

    def test_all_that_was_sent_comes_back(self, store: PracticeStore):
        ref = store.create()
        store.ship(ref, parcels=[FIRST])

        (shipment,) = store.read(ref).shipments

        assert (shipment.status, sum(line.quantity for line in shipment.lines)) == ("success", 2)
        assert [(parcel.carrier, parcel.number) for parcel in shipment.parcels] == [("NZ Post", "NZ1")]
        assert [parcel.url for parcel in shipment.parcels] == [FIRST["url"] if store.tells_urls else ""]

    def test_what_was_sent_names_the_line_that_was_ordered(self, store: PracticeStore):
        order = store.order()
        ref = store.driver.create(order)
        store.ship(ref)

        (line,) = store.read(ref).shipments[0].lines

        assert line.line_id == "line-1" or line.variant_id == order.lines[0].variant_id
        assert line.remote_line_id

    def test_two_parcels_come_back(self, store: PracticeStore):
        ref = store.create()
        store.ship_in_two(ref)

        shipments = store.read(ref).shipments

        assert [parcel.number for shipment in shipments for parcel in shipment.parcels] == ["NZ1", "NZ2"]
        assert [line.quantity for shipment in shipments for line in shipment.lines] == store.units_of_two_parcels

    def test_a_part_that_was_sent_comes_back_where_the_platform_tells(self, store: PracticeStore):
        ref = store.create()
        if platforms.of(store.shop).sends_parts:
            store.ship(ref, units=1, parcels=[FIRST])
        else:
            with pytest.raises(PracticeError):
                store.ship(ref, units=1)

        units = [line.quantity for shipment in store.read(ref).shipments for line in shipment.lines]

        assert units == ([1] if store.tells_parts else [])

    def test_tracking_that_comes_late_belongs_to_the_same_shipment(self, store: PracticeStore):
        ref = store.create()
        store.ship(ref)
        before = store.read(ref)

        store.track(ref)

        after = store.read(ref)
        assert [one.remote_id for one in after.shipments] == [one.remote_id for one in before.shipments]
        assert (before.shipments[0].parcels, after.shipments[0].parcels[0].number) == ((), "NZ1")

    def test_a_shipment_that_was_taken_back_is_not_there_any_more(self, store: PracticeStore):
        ref = store.create()
        store.ship(ref)

        store.take_back(ref)

        assert [one.status for one in store.read(ref).shipments if one.status != "cancelled"] == []

    def test_an_order_that_staff_cancelled_is_cancelled(self, store: PracticeStore):
        ref = store.create()

        store.cancel(ref)

        assert store.read(ref).cancelled

    def test_units_are_put_back_once_where_the_platform_can(self, store: PracticeStore):
        ref = store.create()
        back = PutBack("SW-1-back", {"line-1": 1}, Decimal("2.50"), "Arrived damaged")
        if not store.can.restock:
            with pytest.raises(NotOfferedError):
                store.driver.put_back(ref.remote_id, back)
            return
        variant = store.row(ref).lines.get().variant
        before = variant.stock

        for _ in range(2):
            store.driver.put_back(ref.remote_id, back)

        variant.refresh_from_db()
        booked = Decimal("2.50") if store.books_what_is_put_back else Decimal(0)
        assert (variant.stock, store.read(ref).refunded) == (before + 1, booked)

    def test_a_refund_in_the_store_is_seen_where_the_platform_tells(self, store: PracticeStore):
        ref = store.create()

        if store.tells_refunds:
            store.refund(ref)
        else:
            with pytest.raises(PracticeError):
                store.refund(ref)

        assert store.read(ref).refunded == (Decimal("2.50") if store.tells_refunds else 0)

    def test_an_edited_order_comes_to_another_total(self, store: PracticeStore):
        ref = store.create()
        before = store.read(ref).total

        if platforms.of(store.shop).edits_orders:
            store.edit(ref)
        else:
            with pytest.raises(PracticeError):
                store.edit(ref)

        assert (store.read(ref).total < before) is platforms.of(store.shop).edits_orders

    def test_an_order_that_was_deleted_is_gone(self, store: PracticeStore):
        ref = store.create()

        store.delete(ref)

        if store.gone is None:
            assert store.driver.read(ref.remote_id) is None
        else:
            with store.told.refusal(store.gone):
                store.driver.read(ref.remote_id)

    # --- polling, without any webhook ---

    @pytest.mark.parametrize("change", ["ship", "track", "take_back", "cancel", "refund", "edit"])
    def test_a_poll_finds_each_change_under_the_version_of_a_read(self, store: PracticeStore, change: str):
        order = store.order()
        ref = store.driver.create(order)
        if change in ("track", "take_back"):
            store.ship(ref)
        before, read_before = store.changed()[order.reference], store.read(ref)

        happened = self._done(getattr(store, change), ref)

        after, read_after = store.changed(before.updated_at)[order.reference], store.read(ref)
        assert (read_after.remote_version != read_before.remote_version) is happened
        if after.remote_version:
            assert after.remote_version == read_after.remote_version
        else:
            assert after.updated_at == read_after.updated_at

    def test_a_change_in_the_very_moment_of_the_last_poll_is_not_lost(self, store: PracticeStore):
        first, second = store.order(), store.order()
        refs = [store.driver.create(order) for order in (first, second)]
        rows = [store.row(ref) for ref in refs]
        cursor = store.changed()[first.reference].updated_at

        PracticeOrder.objects.filter(pk=rows[1].pk).update(updated_at=rows[0].updated_at)

        assert set(store.changed(cursor)) >= {first.reference, second.reference}

    def test_polls_from_change_to_change_find_all_of_many(self, store: PracticeStore):
        orders = [store.order() for _ in range(2)]
        cursor, seen = an_hour_ago(), {}
        for order in orders:
            store.ship(store.driver.create(order))
            polled = store.changed(cursor)
            seen |= polled
            cursor = max(one.updated_at for one in polled.values() if one.updated_at)

        assert set(seen) == {order.reference for order in orders}

    # --- webhooks ---

    def test_webhooks_stand_where_the_platform_has_them(self, store: PracticeStore):
        account, _ = store.listen()
        driver = store.driver_of(account)

        states = [driver.register_webhooks(HOOK) for _ in range(2)]

        assert [state.missing for state in states] == [(), ()]
        assert bool(states[1].topics) is bool(store.shop.webhooks.count()) is store.can.webhooks

    def test_a_webhook_leads_to_the_order_where_the_platform_sends_them(self, store: PracticeStore):
        account, secrets = store.listen()
        ref = store.create()
        store.ship(ref, parcels=[FIRST])

        notices = [self._parsed(store, delivery, account, secrets) for delivery in store.delivered()]

        assert {notice.remote_order_id for notice in notices} <= {ref.remote_id}

    def test_a_webhook_that_nobody_signed_is_refused(self, store: PracticeStore):
        account, secrets = store.listen()

        for body in (b"{}", b"", b"[]", b"nothing"):
            with store.told.refusal(BadSignatureError):
                store.driver.parse_webhook(headers={}, body=body, secrets=secrets or ["00" * 32], account=account)

    def test_a_webhook_that_was_not_signed_by_the_store_is_refused(self, store: PracticeStore):
        account, secrets = store.listen()
        self._shipped(store)

        for delivery in store.delivered():
            headers, body = deliveries.of(delivery).headers, deliveries.of(delivery).body
            for forged in (
                {"headers": headers, "body": body + b" ", "secrets": secrets},
                {
                    "headers": {**headers, **dict.fromkeys(_signatures(headers), "forged")},
                    "body": body,
                    "secrets": secrets,
                },
                {"headers": headers, "body": body, "secrets": ["00" * 32]},
                {"headers": headers, "body": body, "secrets": [""]},
                {"headers": headers, "body": body, "secrets": []},
            ):
                with store.told.refusal(BadSignatureError):
                    store.driver.parse_webhook(**forged, account=account)

    @pytest.mark.parametrize("dial", ["webhooks_forged", "webhooks_astray"])
    def test_a_webhook_that_is_spoilt_on_purpose_is_refused(self, store: PracticeStore, dial: str):
        account, secrets = store.listen()
        assert store.knows(dial) is store.can.webhooks
        if not store.knows(dial):
            return
        store.turn(dial)

        self._shipped(store)

        spoilt = [delivery for delivery in store.delivered() if delivery.faults]
        assert {fault for delivery in spoilt for fault in delivery.faults} == {dial}
        for delivery in spoilt:
            with pytest.raises(BadSignatureError):
                self._parsed(store, delivery, account, secrets)

    def test_a_webhook_is_accepted_under_any_of_the_secrets(self, store: PracticeStore):
        account, secrets = store.listen()
        self._shipped(store)

        for delivery in store.delivered():
            assert self._parsed(store, delivery, account, ("00" * 32, *secrets))

    def test_a_webhook_for_another_shop_is_refused(self, store: PracticeStore):
        account, secrets = store.listen()
        self._shipped(store)
        stranger = replace(
            account, base_url="https://other.example", remote_id="5863f6faf7e0abc3cf95ce3b", shop_domain="other.example"
        )

        for delivery in store.delivered():
            with store.told.refusal(BadSignatureError):
                self._parsed(store, delivery, stranger, secrets)

    def test_a_repeat_has_the_same_id_and_another_change_another(self, store: PracticeStore):
        account, secrets = store.listen()
        self._done(store.refund, self._shipped(store))

        once, twice = (
            [self._parsed(store, delivery, account, secrets).event_id for delivery in store.delivered()]
            for _ in range(2)
        )

        assert once == twice
        assert len(set(once)) == len(once)
        assert (len(once) >= 2) is store.can.webhooks

    def test_webhooks_out_of_order_lead_to_the_order_as_it_is_now(self, store: PracticeStore):
        account, secrets = store.listen()
        ref = self._shipped(store)
        store.track(ref)

        for delivery in reversed(store.delivered()):
            notice = self._parsed(store, delivery, account, secrets)
            seen = store.driver.read(notice.remote_order_id)
            assert [parcel.number for one in seen.shipments for parcel in one.parcels] == ["NZ1"]

    # --- helpers ---

    @staticmethod
    def _shipped(store: PracticeStore) -> RemoteRef:
        ref = store.create()
        store.ship(ref)
        return ref

    @staticmethod
    def _parsed(
        store: PracticeStore, delivery: PracticeDelivery, account: Account, secrets: Sequence[str]
    ) -> InboundNotice:
        notice = store.driver.parse_webhook(
            headers=deliveries.of(delivery).headers, body=deliveries.of(delivery).body, secrets=secrets, account=account
        )
        assert notice is not None
        return notice

    @staticmethod
    def _done(change: Callable[[RemoteRef], None], ref: RemoteRef) -> bool:
        """Whether the store let it happen."""
        try:
            change(ref)
        except PracticeError:
            return False
        return True


def _signatures(headers: Mapping[str, str]) -> list[str]:
    return [name for name in headers if "signature" in name.lower() or "hmac" in name.lower()]
