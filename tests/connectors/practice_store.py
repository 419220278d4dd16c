"""A practice store as the contracts see it: its books, its staff, its faults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.db import transaction

from connectors.base import Account, RemoteRef
from connectors.errors import (
    ConnectorError,
)
from connectors.practice import dials, platforms, services
from connectors.practice.models import PracticeDelivery, PracticeFulfillment, PracticeOrder, PracticeShop
from connectors.registry import connector_class, form_of
from tests.connectors.contract import Store
from tests.server import let_go

HOOK = "https://portal.example/webhooks/contract/"
FIRST = {"number": "NZ1", "company": "NZ Post", "url": "https://track.example/NZ1"}
SECOND = {"number": "NZ2", "company": "NZ Post", "url": "https://track.example/NZ2"}
CROWD = 110


@dataclass
class PracticeStore(Store):
    """A practice store with its staff. `shop` is its row."""

    shop: PracticeShop = None  # type: ignore[assignment] # always given: see opened()
    allow_loopback: bool = True
    typed_secrets: tuple[str, ...] = ()  # what it signs its webhooks with, as far as connecting told

    # Where platforms differ in what they tell; each is asserted both ways.
    tells_refunds: ClassVar[bool] = True
    books_what_is_put_back: ClassVar[bool] = True  # False: the units alone, with no money
    tells_urls: ClassVar[bool] = True  # of parcels
    units_of_two_parcels: ClassVar[list[int]] = [2]  # one shipment that does not say what is in which
    taken_in_part: ClassVar[list[str]] = []  # the dials that leave a part of an order
    found_at_once: ClassVar[bool] = False  # however far its search lags behind
    tells_its_domain: ClassVar[bool] = True
    refuses_what_it_lacks: ClassVar[bool] = True  # False: only we do, before it is sent
    links_to_orders: ClassVar[bool] = True
    gone: ClassVar[type[ConnectorError] | None] = None  # what reading a deleted order raises; None: it reads as None

    @classmethod
    def opened(cls, shop: PracticeShop, url: str, **known: Any) -> PracticeStore:
        """Connected as a person does it: what is typed, then what the store says of itself."""
        typed = {item.name: item.value for item in platforms.of(shop).typed(shop)}
        entry = form_of(shop.platform).read(typed, base_url=f"{url}{platforms.address(shop)}")
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

    def left(self) -> int:
        """Units in stock."""
        return self.shop.variants.get(sku=self.sku).stock or 0

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

    def plug_in(self, ref: RemoteRef, key: str, value: str) -> None:
        """What a plugin of the store's writes into an order."""
        row = self.row(ref)
        pairs = row.details.get("meta_data", [])
        row.details["meta_data"] = [*pairs, {"id": 90, "key": key, "value": value}]
        row.save(update_fields=["details"])

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

    def discontinue(self) -> None:
        self.shop.variants.filter(sku=self.sku).delete()

    def lay_elsewhere(self) -> str:
        """Another product, at another place where the store has several. Its SKU."""
        others = self.shop.variants.exclude(sku=self.sku).order_by("pk")
        found = self.driver.find_variants([other.sku for other in others])
        other = next(other for other in others if found[other.sku])
        platform = platforms.of(self.shop)
        if platform.has_places:
            with transaction.atomic():
                platform.put(other, "Wellington")
        return other.sku

    # --- its faults and webhooks ---

    def turn(self, dial: str, *, left: int = 1, seconds: int | None = None) -> None:
        dials.turn(self.shop.pk, dial, left=left, seconds=seconds)

    def refill(self) -> None:
        """Its rate limit, as if nobody had asked for long."""
        PracticeShop.objects.filter(pk=self.shop.pk).update(bucket=self.shop.bucket, bucket_at=None)

    def knows(self, dial: str) -> bool:
        return dial in platforms.of(self.shop).faults

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
