"""The rest of the contract: what a store's staff does and what goes wrong there, acted out in a practice store.

A platform's tests inherit PracticeContract and bring `store`: the practice store opened over the live server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from threading import Event
from types import SimpleNamespace

import pytest

from connectors.base import Account, BlockerCode, InboundNotice, OutboundOrder, PutBack, RemoteRef
from connectors.errors import (
    BadSignatureError,
    ConnectionGoneError,
    ConnectorError,
    CredentialsError,
    NotOfferedError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.practice import deliveries, dials, platforms
from connectors.practice.models import PracticeDelivery, PracticeOrder
from connectors.practice.services import PracticeError
from tests.connectors.capability_contract import CapabilityContract, with_another
from tests.connectors.contract import StoreContract, an_hour_ago, shipped, taxed
from tests.connectors.practice_store import FIRST, HOOK, PracticeStore
from tests.connectors.shipment_contract import ShipmentContract
from tests.server import let_go

LAG_S = 60


@pytest.mark.django_db(transaction=True)
class PracticeContract(ShipmentContract, CapabilityContract, StoreContract):
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

    @pytest.mark.parametrize("dial", ["lost_answer", "torn", "internal"])
    def test_a_lost_answer_leaves_one_order_that_is_found(self, store: PracticeStore, dial: str):
        order = store.order()
        store.turn(dial if store.knows(dial) else "lost_answer")
        with store.told.refusal(OutcomeUnknownError):
            store.driver.create(order)

        (found,) = store.driver.find(order.reference, since=an_hour_ago())

        assert store.read(found).reference == order.reference
        assert store.orders() == 1
        if store.can.idempotency_key:
            assert (store.driver.create(order), store.orders()) == (found, 1)

    def test_a_store_that_hangs_after_the_order_is_a_lost_answer(
        self, store: PracticeStore, monkeypatch: pytest.MonkeyPatch
    ):
        order, hanging, given_up = store.order(), Event(), Event()
        store.turn("hang", seconds=60)

        def hang(seconds: float) -> None:
            if seconds:
                hanging.set()
                given_up.wait(seconds)

        monkeypatch.setattr("connectors.practice.faults.time", SimpleNamespace(sleep=hang))
        with store.told.refusal(OutcomeUnknownError):
            store.driver_of(store.account, deadline_s=4).create(order)
        assert hanging.wait(60)  # on a busy machine the order may come after we gave up
        given_up.set()
        store.close()
        let_go()

        assert len(store.driver.find(order.reference, since=an_hour_ago())) == store.orders() == 1

    # --- all or nothing ---

    def test_an_order_with_a_line_that_cannot_be_taken_is_refused_whole(self, store: PracticeStore):
        order = store.order()
        (line,) = order.lines
        gone = replace(line, line_id="line-2", sku=f"{line.sku}-NONE", variant_id=f"{line.variant_id[:-1]}987654321")

        with store.told.refusal(RejectedError):
            store.driver.create(replace(order, lines=(line, gone), subtotal=order.subtotal * 2, total=order.total * 2))

        left = store.driver.find(order.reference, since=an_hour_ago())
        assert [store.read(ref).cancelled for ref in left] == [True] * len(left)
        assert not PracticeOrder.objects.filter(cancelled_at=None).exists()

    def test_an_order_that_was_taken_in_part_is_not_taken_for_whole(self, store: PracticeStore):
        partly = [dial for dial in ("half_made", "takes_part") if store.knows(dial)]
        assert partly == store.taken_in_part

        for dial in partly:
            order = with_another(store, store.lay_elsewhere())
            store.turn(dial)

            short = replace(order, lines=(order.lines[0], replace(order.lines[1], quantity=999)))

            assert self._is_said(store, short)
            assert store.orders() == 1

    def test_an_order_is_found_among_more_than_a_page(self, store: PracticeStore):
        order = store.order()
        store.crowd(order.reference)
        ref = store.driver.create(order)

        assert store.driver.find(order.reference, since=an_hour_ago()) == (ref,)

    def test_tracking_of_a_plugin_is_told_where_the_platform_has_such(self, store: PracticeStore):
        ref = store.create()
        store.ship(ref)
        store.plug_in(ref, "_shipper_code", "NZ1")

        told = store.driver_of(replace(store.account, tracking_key="_shipper_code")).read(ref.remote_id)

        numbers = [parcel.number for shipment in told.shipments for parcel in shipment.parcels]
        assert numbers == (["NZ1"] if store.can.tracking_key else [])

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
            ("denied", CredentialsError),
            ("locked", ConnectionGoneError),
            ("suspected", RetryableError),
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

    def test_an_order_that_staff_cancelled_is_cancelled_and_not_fulfilled(self, store: PracticeStore):
        ref = store.create()

        store.cancel(ref)

        assert store.read(ref).cancelled
        with store.told.refusal(RejectedError if store.can.fulfills else NotOfferedError):
            store.driver.fulfill(ref.remote_id, shipped(store.sku, 2))
        assert store.read(ref).shipments == ()

    def test_units_are_put_back_once_where_the_platform_can(self, store: PracticeStore):
        ref = store.create()
        back = PutBack("SW-1-back", {"line-1": 1}, Decimal("2.50"), "Arrived damaged")
        if not store.can.restock:
            with pytest.raises(NotOfferedError):
                store.driver.put_back(ref.remote_id, back)
            return
        variant = store.row(ref).lines.get().variant
        before = variant.stock
        (hit,) = store.driver.find_variants([store.sku])[store.sku]
        back = replace(back, variants={"line-1": hit.variant_id})

        told = [store.driver.put_back(ref.remote_id, back) for _ in range(2)]

        assert told == [True, True]
        variant.refresh_from_db()
        booked = Decimal("2.50") if store.books_what_is_put_back else Decimal(0)
        assert (variant.stock, store.read(ref).refunded) == (before + 1, booked)

    def test_nothing_is_put_back_of_an_order_that_was_cancelled(self, store: PracticeStore):
        ref = store.create()
        store.cancel(ref)
        back = PutBack("SW-1-back", {"line-1": 1}, Decimal("2.50"), "Arrived damaged")

        assert not store.can.restock or store.driver.put_back(ref.remote_id, back) is False

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

        first, standing = driver.register_webhooks(HOOK), store.shop.webhooks.count()
        states = [first, driver.register_webhooks(HOOK)]

        assert (store.shop.webhooks.count(), states[1].secret) == (standing, "")
        assert [state.missing for state in states] == [(), ()]
        assert bool(states[1].topics) is bool(store.shop.webhooks.count()) is store.can.webhooks

    def test_a_webhook_leads_to_the_order_where_the_platform_sends_them(self, store: PracticeStore):
        account, secrets = store.listen()
        ref = store.create()
        store.ship(ref, parcels=[FIRST])

        notices = [self._parsed(store, delivery, account, secrets) for delivery in store.delivered()]

        assert {notice.remote_order_id for notice in notices} <= {ref.remote_id}
        assert {notice.reference for notice in notices} <= {"", store.row(ref).source_identifier}

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
    def _is_said(store: PracticeStore, order: OutboundOrder) -> bool:
        """Whether it is said which lines are not there, or that it cannot be told yet."""
        try:
            return [blocker.code for blocker in store.driver.create(order).left_out] == [BlockerCode.OUT_OF_STOCK]
        except OutcomeUnknownError:
            (found,) = store.driver.find(order.reference, since=an_hour_ago())
        with store.told.refusal(RetryableError) as caught:
            store.driver.mend(found.remote_id, order)
        return (caught.value.after_s or 0) > 0

    @staticmethod
    def _parsed(
        store: PracticeStore, delivery: PracticeDelivery, account: Account, secrets: Sequence[str]
    ) -> InboundNotice:
        notice = store.driver.parse_webhook(
            headers=deliveries.of(delivery).headers, body=deliveries.of(delivery).body, secrets=secrets, account=account
        )
        assert notice is not None
        return notice


def _signatures(headers: Mapping[str, str]) -> list[str]:
    return [name for name in headers if "signature" in name.lower() or "hmac" in name.lower()]
