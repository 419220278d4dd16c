"""The contract of all platforms, kept by a supplier by e-mail. Its faults are those of a mail server."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from connectors.base import Account
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.filedrop import form
from connectors.models import PurchaseOrder
from connectors.practice import platforms, services
from connectors.practice.filedrop import inbox
from connectors.practice.mailbox import PracticeMailbox
from connectors.practice.models import PracticeShop
from connectors.registry import connector_class
from connectors.services import desk
from connectors.services.desk import BookDesk
from tests.connectors.contract import an_hour_ago
from tests.connectors.file_contract import FileContract, FileStore
from tests.connectors.practice_store import at_work
from tests.factories import make_connection


@dataclass
class Office(FileStore):
    connection_id: int = 0

    @classmethod
    def at(cls, shop: PracticeShop) -> Office:
        entry = form.read({item.name: item.value for item in platforms.of(shop).typed(shop)})
        row = make_connection(platform=shop.platform, base_url=entry.base_url, credentials=entry.credentials)
        account = Account(entry.base_url, entry.credentials, desk=BookDesk(row.pk))
        return cls(connector_class(shop.platform), account, sku="STOOL", shop=shop, connection_id=row.pk)

    def secrets(self) -> set[str]:
        return set()  # an address is none

    def fetch(self) -> None:
        """A person uploads the whole of it again and again."""
        body = inbox.tracking(self.shop).encode()
        desk.take_tracking(connection_id=self.connection_id, body=body, by="ana", at=timezone.now())


class TestPractice(FileContract):
    @pytest.fixture
    def store(self, db: None, settings: Any) -> Iterator[Office]:
        settings.EMAIL_BACKEND = "connectors.practice.mailbox.PracticeMailbox"
        stool = {"sku": "STOOL", "title": "Oak stool", "price": "40"}
        shop = services.open_shop(
            slug="mill", name="Mill", currency="NZD", taxes_included=False, variants=[stool], platform="filedrop"
        )
        with at_work(Office.at(shop)) as store:
            yield store

    # --- exactly once ---

    @pytest.mark.parametrize("arrived", [True, False])
    def test_a_lost_answer_leaves_one_order_once_a_person_has_settled_it(
        self, store: Office, monkeypatch: pytest.MonkeyPatch, arrived: bool
    ):
        """A mail cannot be looked for: it is not sent again before somebody has asked."""
        order, deliver = store.order(), PracticeMailbox.send_messages

        def breaks_off(backend: PracticeMailbox, mails: Any) -> int:
            if arrived:
                deliver(backend, mails)
            raise smtplib.SMTPServerDisconnected

        with monkeypatch.context() as patched:
            patched.setattr(PracticeMailbox, "send_messages", breaks_off)
            with pytest.raises(OutcomeUnknownError):
                store.driver.create(order)
        with pytest.raises(RejectedError, match="Nobody knows"):
            store.driver.create(order)
        assert store.driver.find(order.reference, since=an_hour_ago()) == ()
        desk.settle(order_id=PurchaseOrder.objects.get().pk, arrived=arrived, by="ana", at=timezone.now())
        store.driver.create(order)

        assert store.orders() == 1
        assert len(store.driver.find(order.reference, since=an_hour_ago())) == 1

    @pytest.mark.parametrize(
        ("step", "error", "kind"),
        [
            ("open", ConnectionRefusedError(), RetryableError),
            ("send_messages", smtplib.SMTPRecipientsRefused({"a@b.example": (450, b"")}), RetryableError),
            ("send_messages", smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"")}), RejectedError),
        ],
    )
    def test_a_mail_server_that_says_no_took_nothing(
        self, store: Office, monkeypatch: pytest.MonkeyPatch, step: str, error: Exception, kind: type[Exception]
    ):
        order = store.order()

        def refuses(*_: object) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(PracticeMailbox, step, refuses)
            with pytest.raises(kind) as caught:
                store.driver.create(order)

        assert not isinstance(caught.value, OutcomeUnknownError)
        assert (store.orders(), store.driver.find(order.reference, since=an_hour_ago())) == (0, ())
        store.driver.create(order)
        assert store.orders() == 1

    # --- nobody is asked, so nobody can refuse, hang or answer oddly ---

    test_each_key_that_is_wrong_is_noticed = None
    test_a_lost_answer_leaves_one_order_that_is_found = None
    test_a_store_that_hangs_after_the_order_is_a_lost_answer = None
    test_a_fault_before_the_order_is_taken_for_what_it_is = None
    test_a_fault_while_looking_is_never_taken_for_not_there = None
    test_a_slow_store_is_waited_for = None
