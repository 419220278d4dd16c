"""Shopify's verbs over the GraphQL Admin API. Facts and their sources: README.md beside this file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from connectors.base import (
    Account,
    Blocker,
    Capabilities,
    CatalogPage,
    Connector,
    InboundNotice,
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
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.shopify import (
    collecting,
    fulfilling,
    mapping,
    orders,
    paging,
    preflight,
    reading,
    refusals,
    restocking,
    searching,
    setting_up,
    webhook,
)
from connectors.shopify.client import API_VERSION, ShopifyClient, TopLevelNotFoundError
from connectors.storefront import StoreOrder, StoreOrderPage

TOPICS = (
    "FULFILLMENTS_CREATE",
    "FULFILLMENTS_UPDATE",
    "ORDERS_CANCELLED",
    "ORDERS_EDITED",
    "ORDERS_DELETE",
    "REFUNDS_CREATE",
    "APP_UNINSTALLED",
)
CHANNEL_TOPICS = ("ORDERS_CREATE", "ORDERS_UPDATED")  # told of every order: asked for only where orders come from
JOB_LOOKS = 2

_SKUS_AT_ONCE = 20
_IDS_AT_ONCE = 250
_PAGE = 100
_CATALOG_PAGE = 250
_STORE_PAGE = 20  # whole orders
_VARIANT_ID = re.compile(r"gid://shopify/ProductVariant/[0-9]+")


class ShopifyConnector(Connector):
    """One shop. Credentials: {"access_token": an offline token}."""

    platform: ClassVar[str] = "shopify"
    label: ClassVar[str] = "Shopify"
    capabilities: ClassVar[Capabilities] = Capabilities(
        cancel=True, tags=True, notes=True, webhooks=True, lookup_by_reference=True, stock=True, pickup=True,
        channel=True, fulfills=True, fulfills_parts=True, fulfills_by_place=True, takes_back=True, restock=True, readies=True,
        catalog=True, unpaid=True, fulfilled=True, unpaid_fulfilled=True, locations=True, customers=True, emails=True,
        tax_lines=True, shipping=True, tag_max=mapping.TAG_MAX, note_max=mapping.NOTE_MAX,
        updates=frozenset({"note", "attributes"}),
    )  # fmt: skip
    supported_until: ClassVar[date | None] = date(2027, 10, 1)  # at the least; shopify.dev, November 2026
    hides_after: ClassVar[timedelta] = timedelta(days=60)  # without read_all_orders (shopify.dev, Order, 2026-10)
    webhook_version: ClassVar[str] = API_VERSION  # chosen in the app's settings, not with a subscription
    most_sends: ClassVar[int] = 2  # resent once: nothing there makes a reference unique for certain
    horizon_s: ClassVar[int] = 120  # 30 s deadline + the lag of the search index + margin
    order_address: ClassVar[str] = r"(?:gid://shopify/Order/|https?://\S+/orders/)?([0-9]{1,20})(?:[/?#]\S*)?"
    order_id: ClassVar[str] = "gid://shopify/Order/{}"
    costs: ClassVar[Mapping[str, float]] = {
        "find_variants": 20,
        "create": 25,
        "cancel": 15,
        "read": 220,
        "fulfill": 150,
        "ready_for_pickup": 150,
        "put_back": 175,
        "store_order": 80,
    }  # README.md

    def __init__(self, account: Account, http: HttpClient) -> None:
        super().__init__(account, http)
        self._client = ShopifyClient(account, http)
        self._formed: tuple[OutboundOrder, Mapping[str, Any]] | None = None  # the order asked about last

    # --- looking ---

    def check(self) -> ShopInfo:
        return reading.shop(self._ask("shop_info"))

    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        asked = list(dict.fromkeys(skus))
        hits: dict[str, RemoteVariant] = {}  # by id: a variant may be on two pages when the shop changes meanwhile
        for start in range(0, len(asked), _SKUS_AT_ONCE):
            query = searching.skus(asked[start : start + _SKUS_AT_ONCE])
            nodes = self._pages("variants_by_sku", "productVariants", {"query": query, "first": 250})
            hits.update({hit.variant_id: hit for hit in map(reading.variant, nodes)})
        return {sku: tuple(hit for hit in hits.values() if hit.sku == sku) for sku in asked}

    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        ids = [variant_id for variant_id in dict.fromkeys(variant_ids) if _VARIANT_ID.fullmatch(variant_id)]
        found: dict[str, RemoteVariant] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            data = self._ask("variants_by_ids", {"ids": ids[start : start + _IDS_AT_ONCE]})
            variants = [reading.variant(node) for node in reading.field(data, "nodes") or () if node]
            found.update({variant.variant_id: variant for variant in variants})
        return found

    def catalog_pages(self, cursor: str) -> CatalogPage:
        """By ascending id, so that a product added meanwhile comes last. The count is asked for with the first page."""
        first = not cursor
        data = self._ask("variants_page", {"first": _CATALOG_PAGE, "after": cursor or None, "isFirst": first})
        nodes, after = reading.page(reading.field(data, "productVariants"))
        variants = tuple(reading.priced_variant(node) for node in nodes)
        return CatalogPage(variants, after or "", reading.count(data) if first else None)

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        """By the unique metafield and by the search index; by tag when neither knows it.

        The index is asked although the metafield answers: a second order with this reference has to be seen.
        """
        hits = [*self._by_metafield(reference), *self._by_search(searching.identified(reference), reference)]
        if not hits:
            hits = list(self._by_search(searching.tagged(reference, since=since), reference))
        with reading.shaped():
            oldest_first = sorted(hits, key=lambda node: str(node["createdAt"]))
        refs = [reading.ref(node, base_url=self.account.base_url) for node in oldest_first]
        return tuple({ref.remote_id: ref for ref in refs}.values())

    def read(self, remote_id: str) -> RemoteOrder | None:
        try:
            node = reading.field(self._ask("order_read", {"id": remote_id}), "order")
        except TopLevelNotFoundError:  # no id of an order: nothing that could be hidden
            return None
        self._refuse_unseen(node)
        return None if node is None else reading.order(node, base_url=self.account.base_url)

    def shows_all(self) -> bool:
        """Asked each time that it matters: the scopes of a custom app can be changed without connecting it anew."""
        return reading.ALL_ORDERS in reading.shop(self._ask("shop_info")).scopes

    def changed_since(self, since: datetime) -> Iterator[RemoteOrder]:
        """One page of the list at a time, no order read singly: a busy shop would spend its budget on orders known here.

        Without read_all_orders those of the last 60 days.
        """
        cursor = searching.time(since)
        while cursor:
            place = orders.Place.of(cursor)
            asked = {"query": searching.changed(place.floor), "first": _PAGE, "after": place.after or None}
            nodes, after = reading.page(reading.field(self._ask("orders_search", asked), "orders"))
            yield from [reading.listed(node, base_url=self.account.base_url) for node in nodes]
            cursor = orders.next_place(place, nodes, after)

    # --- the shop's own orders ---

    def store_orders(self, *, since: datetime, cursor: str) -> StoreOrderPage:
        """Without read_all_orders those of the last 60 days."""
        place = orders.Place.of(cursor or searching.time(since))
        asked = {"query": searching.changed(place.floor), "first": _STORE_PAGE, "after": place.after or None}
        data = self._ask("store_orders", asked, may_lack=orders.PERSONAL)
        nodes, after = reading.page(reading.field(data, "orders"))
        hidden = [orders.hidden(self._client.denied, "orders", "nodes", number) for number in range(len(nodes))]
        found = (self._store_order(node, lacks) for node, lacks in zip(nodes, hidden, strict=True))
        read = tuple(order for order in found if order is not None)
        return StoreOrderPage(read, orders.next_place(place, nodes, after))

    def store_order(self, remote_id: str) -> StoreOrder | None:
        node = self._store_node(remote_id, None)
        hidden = orders.hidden(self._client.denied, "order")
        self._refuse_unseen(node)
        return None if node is None else self._store_order(node, hidden)

    def locations(self) -> tuple[RemoteLocation, ...]:
        return tuple(reading.location(node) for node in self._pages("locations", "locations", {"first": _PAGE}))

    # --- checking and creating ---

    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        return preflight.blockers(order, self.request_for(order), variants, self.account)

    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        if self._formed is None or self._formed[0] is not order:
            self._formed = (order, mapping.order_variables(order))
        return self._formed[1]

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        call = self._client.rehearse("order_create", self.request_for(order))
        return (PreviewCall.of(call, operation="order_create", sources=mapping.SOURCES),)

    def create(self, order: OutboundOrder) -> RemoteRef:
        data = self._change("order_create", self.request_for(order))
        with reading.shaped(changes=True):
            payload = data["orderCreate"]
            if payload and payload["order"]:
                return reading.ref(payload["order"], base_url=self.account.base_url)
            if payload and payload["userErrors"]:
                raise refusals.of_order(payload["userErrors"], order)
        raise OutcomeUnknownError("Shopify did not say whether it took the order.")

    def cancel(self, remote_id: str, *, note: str) -> None:
        data = self._change("order_cancel", mapping.cancel_variables(remote_id, note=note))
        with reading.shaped(changes=True):
            payload = data["orderCancel"]
            if payload["orderCancelUserErrors"]:
                refusals.of_cancelling(payload["orderCancelUserErrors"][0])
            else:
                self._await_job(payload["job"])

    def fulfill(self, remote_id: str, shipment: OutboundShipment) -> str:
        """By the fulfillment orders that are open there, at one place.

        What has nothing left to send is refused, not sent twice.
        """
        if shipment.known_id:
            return self._replace_tracking(shipment)
        variables = fulfilling.variables(self._left_to_fulfill(remote_id), shipment)
        data = self._change("fulfillment_create", variables)
        with reading.shaped(changes=True):
            return fulfilling.done(data["fulfillmentCreate"])

    def ready_for_pickup(self, remote_id: str, lines: Sequence[ShipmentLine]) -> None:
        """Shopify mails its customer; nothing is mailed twice, since a repeat is refused."""
        variables = collecting.variables(self._left_to_fulfill(remote_id), lines)
        for group in variables["input"]["lineItemsByFulfillmentOrder"]:
            data = self._change("fulfillment_order_ready", {"input": {"lineItemsByFulfillmentOrder": [group]}})
            with reading.shaped(changes=True):
                collecting.check(data["fulfillmentOrderLineItemsPreparedForPickup"])

    def _left_to_fulfill(self, remote_id: str) -> list[Mapping[str, Any]] | None:
        groups = paging.fulfillment_orders(self._ask, fulfilling.gid(remote_id, "Order"))
        self._refuse_unseen(groups)
        return groups

    def _replace_tracking(self, shipment: OutboundShipment) -> str:
        if not shipment.parcels:
            return shipment.known_id
        variables = {
            "fulfillmentId": shipment.known_id,
            "trackingInfoInput": fulfilling.tracking(shipment.parcels),
            "notifyCustomer": shipment.notify_customer,
        }
        data = self._change("fulfillment_tracking_update", variables)
        with reading.shaped(changes=True):
            return fulfilling.done(data["fulfillmentTrackingInfoUpdate"])

    def put_back(self, remote_id: str, back: PutBack) -> bool:
        """A refund of units and of no money: without transactions Shopify moves none. Its note carries our reference."""
        try:
            order = paging.restockable(self._ask, remote_id)
        except TopLevelNotFoundError:
            return False
        self._refuse_unseen(order)
        if order is not None and restocking.is_booked(order, back):
            return True
        if order is None or restocking.is_cancelled(order):
            return False
        groups = paging.fulfillment_orders(self._ask, remote_id) or []
        data = self._change("refund_create", restocking.variables(order, groups, back))
        with reading.shaped(changes=True):
            restocking.check(data["refundCreate"])
        return True

    def unfulfill(self, remote_id: str, fulfillment_id: str) -> None:
        data = self._change("fulfillment_cancel", {"id": fulfillment_id})
        with reading.shaped(changes=True):
            fulfilling.done(data["fulfillmentCancel"])

    def update(self, remote_id: str, order: OutboundOrder, *, fields: frozenset[str]) -> None:
        """Note and details alone: Shopify computes the taxes anew when an address is changed, and the total with them."""
        data = self._change("order_update", {"input": mapping.order_changes(remote_id, order, fields)})
        with reading.shaped(changes=True):
            errors = data["orderUpdate"]["userErrors"]
            if errors:
                raise RejectedError(f"Shopify does not change the order: {str(errors[0]['message'])[:300]}")

    # --- setting up ---

    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        """Also makes the metafield definition that `find` looks in: whoever connects a shop calls this once."""
        topics = (*TOPICS, *CHANNEL_TOPICS) if channel else TOPICS
        setting_up.define_metafield(self._change)
        existing = self._pages("webhook_subscriptions", "webhookSubscriptions", {"first": _PAGE})
        with reading.shaped():
            standing = {node["topic"] for node in existing if node["uri"] == callback_url}
        standing |= {
            topic
            for topic in topics
            if topic not in standing and setting_up.subscribe(self._change, topic, callback_url)
        }
        return WebhookState(
            topics=tuple(topic for topic in topics if topic in standing),
            missing=tuple(topic for topic in topics if topic not in standing),
        )

    @classmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice:
        return webhook.parse(headers=headers, body=body, secrets=secrets, account=account)

    # --- helpers ---

    def _refuse_unseen(self, node: object | None) -> None:
        """Raise NotVisibleError for an order that is not shown where it may only be too old for that."""
        if node is None and not self.shows_all():
            raise refusals.not_visible(self.hides_after)

    def _ask(
        self, operation: str, variables: Mapping[str, Any] | None = None, *, may_lack: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        return self._execute(operation, variables, changes=False, may_lack=may_lack)

    def _change(self, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        return self._execute(operation, variables, changes=True)

    def _execute(
        self,
        operation: str,
        variables: Mapping[str, Any] | None,
        *,
        changes: bool,
        may_lack: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        try:
            return self._client.execute(operation, variables, changes=changes, may_lack=may_lack)
        finally:
            self.budget, self.warning = self._client.budget, self._client.warning or self.warning

    def _pages(self, operation: str, field: str, variables: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The nodes of all pages of a connection."""
        after = None
        while True:
            nodes, after = reading.page(reading.field(self._ask(operation, {**variables, "after": after}), field))
            yield from nodes
            if after is None:
                return

    def _store_node(self, remote_id: str, after: str | None) -> Mapping[str, Any] | None:
        """An order with the page of its lines that begins there; None when it is gone."""
        try:
            node: Mapping[str, Any] | None = reading.field(
                self._ask("store_order", {"id": remote_id, "after": after}, may_lack=orders.PERSONAL), "order"
            )
        except TopLevelNotFoundError:
            return None
        return node

    def _store_order(self, node: Mapping[str, Any], hidden: frozenset[str]) -> StoreOrder | None:
        """With the lines that are on further pages. None when it went away meanwhile."""
        lines, after = reading.page(reading.field(node, "lineItems"))
        while after is not None:
            more = self._store_node(reading.field(node, "id"), after)
            if more is None:
                return None
            rows, after = reading.page(reading.field(more, "lineItems"))
            lines += rows
        return orders.store_order(node, lines, base_url=self.account.base_url, hidden=hidden)

    def _by_metafield(self, reference: str) -> list[Mapping[str, Any]]:
        """Not in a shop whose definition was never made: the index still is."""
        custom_id = {"namespace": mapping.NAMESPACE, "key": mapping.KEY, "value": reference}
        try:
            node = reading.field(
                self._ask("order_by_reference", {"identifier": {"customId": custom_id}}), "orderByIdentifier"
            )
        except TopLevelNotFoundError:
            return []
        return [node] if node else []

    def _by_search(self, query: str, reference: str) -> Iterator[Mapping[str, Any]]:
        for node in self._pages("orders_search", "orders", {"query": query, "first": _PAGE}):
            if reading.carries(node, reference):
                yield node

    def _await_job(self, job: Mapping[str, Any]) -> None:
        """Look a few times without waiting; a repeat of the whole later finds it done."""
        for _ in range(JOB_LOOKS):
            if job["done"]:
                return
            job = self._ask("job_status", {"id": job["id"]})["job"] or {"done": True}  # one that is gone is over
        if not job["done"]:
            raise RetryableError("Shopify is still cancelling the order.", after_s=10)
