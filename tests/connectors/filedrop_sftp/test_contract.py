"""The contract of all platforms, kept by a supplier by SFTP. Where it has no service to ask, what holds instead is here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.base import Account
from connectors.errors import (
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
    ServerKeyError,
)
from connectors.filedrop_sftp import form
from connectors.practice import platforms
from connectors.practice.filedrop_sftp import server
from connectors.practice.models import PracticeShop
from connectors.registry import connector_class
from connectors.services import desk_folder
from connectors.services.desk import BookDesk
from connectors.sftp import _BoundedSocket
from tests.connectors.contract import an_hour_ago
from tests.connectors.file_contract import FileContract, FileStore
from tests.connectors.practice_store import at_work
from tests.connectors.secrecy import Told
from tests.connectors.sftp_server import make_mill, place_of
from tests.factories import make_connection


@dataclass
class Mill(FileStore):
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

    def fetch(self) -> None:
        """A file is read when it was seen before."""
        for _ in range(2):
            self.driver.changed_since(an_hour_ago())


class TestPractice(FileContract):
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

    # --- exactly once ---

    @pytest.mark.parametrize("dial", ["lost_answer"])
    def test_a_lost_answer_leaves_one_order_that_is_found(self, store: Mill, dial: str):
        super().test_a_lost_answer_leaves_one_order_that_is_found(store, dial)

    def test_a_store_that_hangs_after_the_order_is_a_lost_answer(self, store: Mill, monkeypatch: pytest.MonkeyPatch):
        """The session's time is up once the server hangs, however long it took until then."""
        order, hanging, given_up = store.order(), Event(), Event()
        store.turn("hang", seconds=60)

        def sleep(seconds: float) -> None:
            if seconds:
                hanging.set()
                given_up.wait(seconds)

        monkeypatch.setattr(server, "time", SimpleNamespace(sleep=sleep))
        with monkeypatch.context() as patched:
            patched.setattr(_BoundedSocket, "over", lambda _: hanging.is_set())
            with store.told.refusal(OutcomeUnknownError):
                store.driver.create(order)

        assert len(store.driver.find(order.reference, since=an_hour_ago())) == store.orders() == 1
        given_up.set()

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
            lambda: list(store.driver.changed_since(an_hour_ago())),
        ):
            store.turn(dial)
            with store.told.refusal(RetryableError, CredentialsError, RejectedError):
                verb()
