"""What stands between a merchant and the store of a partner: the platform's driver, with less to see and less to do.

It finds only products that the partner shares, tells nothing of the shop, gives no addresses of the shop's admin, and
names no host when it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from urllib.parse import urlsplit

from connectors.base import (
    Blocker,
    BlockerCode,
    CatalogPage,
    Connector,
    OutboundLine,
    OutboundOrder,
    OutboundShipment,
    PreviewCall,
    PutBack,
    RemoteLocation,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShipmentLine,
    ShopInfo,
    WebhookState,
)
from connectors.errors import ConnectorError, NotOfferedError, RejectedError
from connectors.storefront import StoreOrder, StoreOrderPage

THE_STORE = "The partner's store"
_ONLY_THEIRS = "Only the partner can do this with its store."


class PartnerConnector(Connector):
    """Stands in front of a platform's driver, see `partner_class`."""

    shared: frozenset[str] = frozenset()  # ids of the variants that the partner shares
    ended: str = ""  # why nothing new may be sent; empty while the partnership stands

    def check(self) -> ShopInfo:
        raise NotOfferedError(_ONLY_THEIRS)

    def catalog_pages(self, cursor: str) -> CatalogPage:
        raise NotOfferedError(_ONLY_THEIRS)

    def locations(self) -> tuple[RemoteLocation, ...]:
        raise NotOfferedError(_ONLY_THEIRS)

    def store_orders(self, *, since: datetime, cursor: str) -> StoreOrderPage:
        raise NotOfferedError(_ONLY_THEIRS)

    def store_order(self, remote_id: str) -> StoreOrder | None:
        raise NotOfferedError(_ONLY_THEIRS)

    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        raise NotOfferedError(_ONLY_THEIRS)

    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        with self._discreet():
            found = super().find_variants(skus)  # type: ignore[safe-super]  # the platform's driver stands behind
        return {sku: tuple(v for v in variants if v.variant_id in self.shared) for sku, variants in found.items()}

    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        wanted = [variant_id for variant_id in variant_ids if variant_id in self.shared]
        if not wanted:
            return {}
        with self._discreet():
            return super().read_variants(wanted)  # type: ignore[safe-super]  # the platform's driver stands behind

    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        return tuple(_without_figures(blocker) for blocker in super().preflight(order, variants))  # type: ignore[safe-super]  # the platform's driver stands behind

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        """Without the directory that the shop may live in."""
        directory = urlsplit(self.account.base_url).path.rstrip("/")
        return tuple(replace(call, path=call.path.removeprefix(directory)) for call in super().calls_for(order))

    def create(self, order: OutboundOrder) -> RemoteRef:
        if self.ended:
            raise RejectedError(self.ended, [Blocker(BlockerCode.SYNC_TURNED_OFF, self.ended)])
        foreign = [_not_shared(line) for line in order.lines if line.variant_id not in self.shared]
        if foreign:
            raise RejectedError(foreign[0].message, foreign)
        with self._discreet():
            return _without_url(super().create(order))  # type: ignore[safe-super]  # the platform's driver stands behind

    def add_notes(self, remote_id: str, order: OutboundOrder) -> None:
        with self._discreet():
            super().add_notes(remote_id, order)

    def update(self, remote_id: str, order: OutboundOrder, *, fields: frozenset[str]) -> None:
        with self._discreet():
            super().update(remote_id, order, fields=fields)

    def put_back(self, remote_id: str, back: PutBack) -> bool:
        with self._discreet():
            return super().put_back(remote_id, back)

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        with self._discreet():
            found = super().find(reference, since=since)  # type: ignore[safe-super]  # the platform's driver stands behind
        return tuple(_without_url(ref) for ref in found)

    def read(self, remote_id: str) -> RemoteOrder | None:
        with self._discreet():
            order = super().read(remote_id)  # type: ignore[safe-super]  # the platform's driver stands behind
        return order and replace(order, ref=_without_url(order.ref))

    def cancel(self, remote_id: str, *, note: str) -> None:
        with self._discreet():
            super().cancel(remote_id, note=note)  # type: ignore[safe-super]  # the platform's driver stands behind

    def mend(self, remote_id: str, order: OutboundOrder) -> None:
        with self._discreet():
            super().mend(remote_id, order)

    def shows_all(self) -> bool:
        with self._discreet():
            return super().shows_all()

    def changed_since(self, since: datetime) -> Iterator[RemoteOrder]:
        with self._discreet():
            yield from super().changed_since(since)  # type: ignore[safe-super]  # the platform's driver stands behind

    def fulfill(self, remote_id: str, shipment: OutboundShipment) -> str:
        with self._discreet():
            return super().fulfill(remote_id, shipment)

    def unfulfill(self, remote_id: str, fulfillment_id: str) -> None:
        with self._discreet():
            super().unfulfill(remote_id, fulfillment_id)

    def recall(self, remote_id: str, shipment: OutboundShipment) -> None:
        with self._discreet():
            super().recall(remote_id, shipment)

    def ready_for_pickup(self, remote_id: str, lines: Sequence[ShipmentLine]) -> None:
        with self._discreet():
            super().ready_for_pickup(remote_id, lines)

    @contextmanager
    def _discreet(self) -> Iterator[None]:
        """A refusal says what is wrong and not where."""
        try:
            yield
        except ConnectorError as error:
            host = urlsplit(self.account.base_url).netloc
            names = [name for name in (self.account.base_url, host, self.account.shop_domain) if name]
            error.args = tuple(_hidden(part, names) if isinstance(part, str) else part for part in error.args)
            if isinstance(error, RejectedError):
                _say_less(error, names)
            raise


@cache
def partner_class(driver: type[Connector]) -> type[PartnerConnector]:
    """The driver of a platform with `PartnerConnector` in front of it."""
    return type(f"Partner{driver.__name__}", (PartnerConnector, driver), {"__module__": driver.__module__})


def _not_shared(line: OutboundLine) -> Blocker:
    text = f"The partner does not share {line.sku or line.title}. Move the line to another store."
    return Blocker(BlockerCode.SKU_GONE, text, "lines.sku", line.sku)


def _without_figures(blocker: Blocker) -> Blocker:
    """How much the partner has is not told, only that it is too little."""
    if blocker.code != BlockerCode.OUT_OF_STOCK:
        return blocker
    return replace(blocker, message=f"The partner has too little stock of {blocker.value}.")


def _without_url(ref: RemoteRef) -> RemoteRef:
    return replace(ref, url="")


def _say_less(error: RejectedError, names: Sequence[str]) -> None:
    told = [_without_figures(blocker) for blocker in error.blockers]
    if told != list(error.blockers):
        error.args = (told[0].message,)
    error.blockers = tuple(replace(blocker, message=_hidden(blocker.message, names)) for blocker in told)


def _hidden(text: str, names: Sequence[str]) -> str:
    for name in names:
        text = text.replace(name, THE_STORE)
    return text
