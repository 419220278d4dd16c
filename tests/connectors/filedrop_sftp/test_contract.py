"""The contract of all platforms, kept by a supplier by SFTP. Where it has no service to ask, what holds instead is here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import Account, BlockerCode, RemoteRef, SupplierOptions
from connectors.errors import (
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RetryableError,
    ServerKeyError,
)
from connectors.filedrop_sftp import form
from connectors.practice import platforms
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.registry import connector_class
from connectors.services import desk_folder
from connectors.services.desk import BookDesk
from tests.connectors.contract import an_hour_ago
from tests.connectors.practice_contract import PracticeContract
from tests.connectors.practice_store import FIRST, SECOND, PracticeStore, at_work
from tests.connectors.secrecy import Told
from tests.connectors.sftp_server import make_mill, place_of
from tests.factories import make_connection

COURIER = SupplierOptions(shipping_method="Courier")


@dataclass
class Mill(PracticeStore):
    """Its book is kept by our desk; what it sends is seen once its files were fetched."""

    tells_refunds = False
    found_at_once = True
    units_of_two_parcels = [1, 1]

    @classmethod
    def at(cls, shop: PracticeShop, port: int) -> Mill:
        typed = {item.name: item.value for item in platforms.of(shop).typed(shop)}
        entry = form.read(typed)
        credentials = {**entry.credentials, "server_key": place_of(shop, port).server_key}
        row = make_connection(platform=shop.platform, base_url=entry.base_url, credentials=credentials)
        account = Account(entry.base_url, credentials, desk=BookDesk(row.pk))
        return cls(connector_class(shop.platform), account, sku="STOOL", shop=shop)

    def secrets(self) -> set[str]:
        return super().secrets() - {self.account.credentials["server_key"]}  # anybody can ask for it

    def order(self, **fields: Any):
        base = super().order(**fields)
        return replace(base, options=replace(base.options, supplier=COURIER))

    def read(self, ref: RemoteRef):
        self.fetch()
        return super().read(ref)

    def changed(self, since=None):
        self.fetch()
        return super().changed(since)

    def ship_in_two(self, ref: RemoteRef) -> None:
        self.ship(ref, units=1, parcels=[FIRST])
        self.ship(ref, units=1, parcels=[SECOND])

    def fetch(self) -> None:
        """A file is read when it was seen before."""
        for _ in range(2):
            self.driver.changed_since(an_hour_ago())

    def row(self, ref: RemoteRef) -> PracticeOrder:
        return PracticeOrder.objects.get(source_identifier=ref.remote_id)


class TestPractice(PracticeContract):
    @pytest.fixture
    def store(self, port: int, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mill]:
        settings.PRACTICE_SFTP_PORT = port
        monkeypatch.setattr(desk_folder, "SETTLES", timedelta(0))
        with at_work(Mill.at(make_mill(), port)) as store:
            yield store

    # --- who is let in ---

    def test_each_key_that_is_wrong_is_noticed(self, store: Mill, told: Told):
        order = store.order()

        for name, kind in (
            ("user", CredentialsError),
            ("password", CredentialsError),
            ("orders_folder", CredentialsError),
            ("server_key", ServerKeyError),
        ):
            wrong = {**store.account.credentials, name: f"{store.account.credentials[name]}x"}
            driver = store.driver_of(replace(store.account, credentials=wrong))
            for verb in (driver.check, lambda by=driver: by.create(order)):
                with told.refusal(kind):
                    verb()
        assert store.orders() == 0

    # --- there is no catalog: a SKU stands for itself ---

    def test_a_product_is_found_by_its_exact_sku(self, store: Mill):
        assert [each.sku for each in store.driver.find_variants(["A-1"])["A-1"]] == ["A-1"]

    def test_a_product_is_read_by_its_id_and_one_that_is_gone_left_out(self, store: Mill):
        assert list(store.driver.read_variants(["A-1", "A-2"])) == ["A-1", "A-2"]

    def test_a_product_that_is_gone_is_a_blocker(self, store: Mill):
        assert store.driver.preflight(store.order(), {}) == ()

    def test_a_product_that_is_not_linked_is_a_blocker(self, store: Mill):
        order = store.order()
        nameless = replace(order, lines=(replace(order.lines[0], variant_id="", sku=""),))

        assert store.blockers(nameless) == [BlockerCode.CUSTOM_LINE]

    # --- exactly once ---

    def test_the_same_order_again_is_the_same_order_where_there_is_a_key(self, store: Mill):
        """There is none; the book and the name of the file are as good."""
        order = store.order()

        assert store.driver.create(order) == store.driver.create(order)
        assert store.orders() == 1

    @pytest.mark.parametrize("dial", ["lost_answer"])
    def test_a_lost_answer_leaves_one_order_that_is_found(self, store: Mill, dial: str):
        super().test_a_lost_answer_leaves_one_order_that_is_found(store, dial)

    @pytest.mark.parametrize(
        ("dial", "error"),
        [
            ("down", RetryableError),
            ("html", RetryableError),
            ("torn", RetryableError),
            ("torn_upload", RetryableError),
            ("disk_full", RetryableError),
            ("dead_token", CredentialsError),
            ("forbidden", CredentialsError),
            ("no_folder", CredentialsError),
            ("other_key", ServerKeyError),
        ],
    )
    def test_a_fault_before_the_order_is_taken_for_what_it_is(
        self, store: Mill, dial: str, error: type[ConnectorError]
    ):
        """Before the file has its name nothing was sent, and that is certain."""
        order = store.order()
        store.turn(dial)

        with store.told.refusal(error) as caught:
            store.driver.create(order)

        assert not isinstance(caught.value, OutcomeUnknownError)
        assert (store.orders(), store.driver.find(order.reference, since=an_hour_ago())) == (0, ())
        store.driver.create(order)
        assert store.orders() == 1

    @pytest.mark.parametrize("dial", ["down", "html", "torn", "no_folder"])
    def test_a_fault_while_looking_is_never_taken_for_not_there(self, store: Mill, dial: str):
        order = store.order()
        store.turn("lost_answer")
        with store.told.refusal(OutcomeUnknownError):
            store.driver.create(order)

        for verb in (
            lambda: store.driver.find(order.reference, since=an_hour_ago()),
            lambda: store.driver.changed_since(an_hour_ago()),
        ):
            store.turn(dial)
            with store.told.refusal(RetryableError, CredentialsError):
                verb()

    # --- what comes back: what was sent, and nothing else ---

    def test_what_stands_there_is_read_and_not_what_was_sent(self, store: Mill):
        assert store.read(store.create()).total == 0

    def test_what_was_sent_names_the_line_that_was_ordered(self, store: Mill):
        order = store.order()
        ref = store.driver.create(order)
        store.ship(ref)

        (line,) = store.read(ref).shipments[0].lines

        assert (line.sku, line.variant_id) == ("STOOL", order.lines[0].variant_id)

    def test_tracking_that_comes_late_belongs_to_the_same_shipment(self, store: Mill):
        """It takes the place of the row that had no number."""
        ref = store.create()
        store.ship(ref)
        before = store.read(ref).shipments

        store.track(ref)

        (after,) = store.read(ref).shipments
        assert (before[0].parcels, after.parcels[0].number, after.lines[0].quantity) == ((), "NZ1", 2)

    @pytest.mark.parametrize("change", ["ship", "track"])
    def test_a_poll_finds_each_change_under_the_version_of_a_read(self, store: Mill, change: str):
        super().test_a_poll_finds_each_change_under_the_version_of_a_read(store, change)

    @pytest.mark.parametrize("change", ["take_back", "cancel", "edit", "delete"])
    def test_what_no_file_tells_changes_nothing(self, store: Mill, change: str):
        ref = store.create()
        if change == "take_back":
            store.ship(ref)
        before = store.read(ref)

        getattr(store, change)(ref)

        assert store.read(ref) == before

    test_a_shipment_that_was_taken_back_is_not_there_any_more = None
    test_an_order_that_staff_cancelled_is_cancelled = None
    test_an_edited_order_comes_to_another_total = None
    test_an_order_that_was_deleted_is_gone = None
