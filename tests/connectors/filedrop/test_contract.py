"""The capabilities of a supplier by e-mail, which has no service that the rest of the contract could be asked of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from connectors.base import Account, OutboundOrder, RemoteRef, SupplierOptions
from connectors.filedrop.connector import FileDropConnector
from connectors.models import PurchaseOrder
from connectors.services.desk import BookDesk
from tests.connectors.capability_contract import CapabilityContract
from tests.connectors.contract import Store
from tests.connectors.secrecy import Told
from tests.factories import make_connection


@dataclass
class Mailed(Store):
    def order(self, **fields: Any) -> OutboundOrder:
        base = super().order(**fields)
        return replace(base, options=replace(base.options, supplier=SupplierOptions(shipping_method="Courier")))

    def written(self, ref: RemoteRef) -> str:
        return str(PurchaseOrder.objects.get(reference=ref.remote_id).__dict__)


@pytest.mark.django_db
class TestCapabilities(CapabilityContract):
    @pytest.fixture
    def store(self) -> Iterator[Mailed]:
        given = {"email": "orders@mill.example", "currency": "NZD"}
        row = make_connection(platform="filedrop", base_url="mailto:orders@mill.example", credentials=given)
        store = Mailed(FileDropConnector, Account(row.base_url, given, desk=BookDesk(row.pk)), sku="STOOL")
        yield store
        store.close()

    @pytest.fixture
    def told(self, store: Mailed) -> Told:
        return store.told
