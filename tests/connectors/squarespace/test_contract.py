"""The contract of all platforms, kept by Squarespace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Account, RemoteRef
from connectors.practice.models import PracticeOrder
from connectors.practice.squarespace import ids
from connectors.squarespace.connector import SquarespaceConnector
from tests.connectors import live
from tests.connectors.books_contract import BooksContract
from tests.connectors.contract import StoreContract
from tests.connectors.polling_contract import PollingContract
from tests.connectors.practice.squarespace.site import make_site, oauth
from tests.connectors.practice_contract import PracticeContract
from tests.connectors.practice_store import HOOK, PracticeStore
from tests.connectors.squarespace.orders import ACCOUNT, VARIANT, order
from tests.connectors.wire_contract import WireContract, Wired


def refused(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "subtype": None, "message": message, "details": None, "contextId": "CTX1"}


WIRED = Wired(
    connector=SquarespaceConnector,
    account=ACCOUNT,
    order=order(),
    remote_id="5863f6faf7e0abc3cf95ce3a",
    variant_id=VARIANT.format(1),
    words={
        401: refused("AUTHORIZATION_ERROR", "You are not authorized to do that."),
        403: refused("AUTHORIZATION_ERROR", "Forbidden"),
        404: refused("INVALID_REQUEST_ERROR", "The order was not found."),
        422: refused("INVALID_REQUEST_ERROR", "The request cannot be processed."),
    },
)


class TestOnTheWire(WireContract):
    @pytest.fixture
    def wired(self) -> Wired:
        return WIRED


class SiteStore(PracticeStore):
    books_what_is_put_back = False  # an adjustment of the inventory
    tells_parts = False  # all or nothing
    tells_its_domain = False  # but the address of the site, which is ours where it is a practice one

    def row(self, ref: RemoteRef) -> PracticeOrder:
        return PracticeOrder.objects.get(pk=ids.order_pk(ref.remote_id))

    def secrets(self) -> set[str]:
        return {*super().secrets(), oauth(self.shop)}

    def listen(self) -> tuple[Account, tuple[str, ...]]:
        """Only an OAuth app has webhooks; the secret is told when they are made."""
        app = replace(self.account, credentials={"access_token": oauth(self.shop)})
        secret = self.driver_of(app).register_webhooks(HOOK).secret
        self.typed_secrets = (secret,)
        return replace(app, webhook_secret={"secrets": [secret]}), self.typed_secrets


class TestPractice(BooksContract, PollingContract, PracticeContract):
    def opened(self, url: str) -> PracticeStore:
        return SiteStore.opened(make_site(), url, sku="STOOL")


if live.is_asked_for("squarespace"):

    class TestLive(StoreContract):
        @pytest.fixture(scope="class")
        @classmethod
        def store(cls) -> Iterator[live.LiveStore]:
            with live.store_of("squarespace") as store:
                yield store
