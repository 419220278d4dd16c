"""WooCommerce's verbs over its REST API. Facts and their sources: README.md beside this file."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from logging import getLogger
from typing import Any, ClassVar

from connectors.base import (
    Account,
    Blocker,
    BlockerCode,
    Capabilities,
    CatalogPage,
    Connector,
    InboundNotice,
    OutboundOrder,
    OutboundShipment,
    PreviewCall,
    PutBack,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShopInfo,
    WebhookState,
)
from connectors.errors import ConnectorError, CredentialsError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.storefront import StoreOrder, StoreOrderPage
from connectors.woocommerce import (
    catalog,
    changes,
    fulfilling,
    mapping,
    mending,
    notes,
    orders,
    preflight,
    reading,
    refunding,
    refusals,
    subscriptions,
    tracking,
    updating,
    webhook,
)
from connectors.woocommerce.client import API, NoRouteError, NotThereError, RefusedError, WooClient

OLDEST = (8, 2)  # order tables as they are today; October 2023
SECOND = timedelta(seconds=1)  # what it is asked after does not count itself
RATE_PAGES = 10

_FOUND = "id,number,status,date_created_gmt,meta_data"
_TRACKING_API = "wc-shipment-tracking/v3"

logger = getLogger(__name__)


class WooCommerceConnector(Connector):
    """One store. Credentials: {"consumer_key", "consumer_secret", "webhook_secret": what it signs webhooks with}."""

    platform: ClassVar[str] = "woocommerce"
    label: ClassVar[str] = "WooCommerce"
    capabilities: ClassVar[Capabilities] = Capabilities(
        cancel=True,
        notes=True,
        webhooks=True,
        lookup_by_reference=True,
        stock=True,
        pickup=True,
        fulfills=True,
        fulfills_parts=True,
        takes_back=True,
        recalls=True,
        tracking_key=True,
        catalog=True,
        restock=True,
        separate_notes=True,
        settings=True,
        channel=True,
        unpaid=True,
        fulfilled=True,
        emails=True,
        tax_lines=True,
        shipping=True,
        note_max=mapping.NOTE_MAX,
        updates=updating.FIELDS,
    )
    most_sends: ClassVar[int] = 3  # it is looked for in the store's own tables, no index
    at_once: ClassVar[int | None] = 2  # a store on two cores makes 2-3 orders a second, however many ask for them
    horizon_s: ClassVar[int] = 180  # 30 s deadline + the time that PHP may take to finish alone + margin
    order_address: ClassVar[str] = r"(?:https?://\S+[?&](?:id|post)=)?([0-9]{1,20})(?:[&#]\S*)?"

    def __init__(self, account: Account, http: HttpClient) -> None:
        super().__init__(account, http)
        self._client = WooClient(account, http)

    # --- looking ---

    def check(self) -> ShopInfo:
        """Also whether WooCommerce is active and new enough, permalinks are pretty and the key may write."""
        index = self._client.index()
        if API not in index["namespaces"]:
            raise RejectedError("WooCommerce is not active in this WordPress. Activate the plugin and try again.")
        status = self._client.get("system_status", {"_fields": "environment"}, operation="system_status")
        _check_version(status)
        general = self._client.get("settings/general", {"_fields": "id,value"}, operation="settings")
        tax = self._client.get("settings/tax", {"_fields": "id,value"}, operation="settings")
        settings = reading.settings(status, general, tax, self._rates())
        return reading.shop(index, settings, may_write=self._may_write())

    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        """WooCommerce ignores case and splits at commas: hits are compared exactly."""
        asked = list(dict.fromkeys(skus))
        hits: dict[str, RemoteVariant] = {}
        for batch in catalog.batches(asked):
            params = {"sku": batch, "_fields": reading.PRODUCT_FIELDS, "orderby": "id", "order": "asc"}
            rows = self._client.pages("products", params, operation="products_by_sku")
            found = [reading.variant(row) for row in rows if reading.is_orderable(row)]
            hits.update({hit.variant_id: hit for hit in found})
        return {sku: tuple(hit for hit in hits.values() if hit.sku == sku) for sku in asked}

    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        """Simple products in one call; a list never has variations, so those are asked for one by one."""
        ids = [variant_id for variant_id in dict.fromkeys(variant_ids) if variant_id.isdigit()]
        found: dict[str, RemoteVariant] = {}
        for start in range(0, len(ids), 100):
            params = {"include": ",".join(ids[start : start + 100]), "_fields": reading.PRODUCT_FIELDS}
            rows = self._client.pages("products", params, operation="products_by_id")
            found.update({hit.variant_id: hit for hit in map(reading.variant, rows)})
        for variant_id in ids:
            if variant_id not in found and (hit := self._variant(variant_id)):
                found[variant_id] = hit
        return found

    def catalog_pages(self, cursor: str) -> CatalogPage:
        """Products by ascending id, the variations of each with it. WooCommerce counts products, not what is sold."""
        return catalog.page(self._client, cursor)

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        """Every order since then, the trash too, compared exactly by its meta data; and by search, which is no proof.

        Stores older than 9.9 do not filter by `created_via`: there the list is longer and as right. Search finds what
        was created before a store became 9.9.
        """
        made = {"created_via": mapping.CREATED_VIA, "after": changes.time_text(since), "dates_are_gmt": "true"}
        hits: dict[int, Mapping[str, Any]] = {}
        for params in ({"search": reference}, {**made, "status": "any"}, {**made, "status": "trash"}):
            asked = {"_fields": _FOUND, "orderby": "id", "order": "asc", **params}
            for row in self._client.pages("orders", asked, operation="orders_find"):
                if reading.reference(row) == reference:
                    hits[row["id"]] = row
        oldest_first = sorted(hits.values(), key=lambda row: (str(row["date_created_gmt"]), row["id"]))
        return tuple(self._ref(row) for row in oldest_first)

    def mend(self, remote_id: str, order: OutboundOrder) -> None:
        """PHP that dies after the order was saved leaves it pending, perhaps without lines, and nobody would pack it."""
        body = self.request_for(order)
        mending.mend(self._client, remote_id, order, body, quiet_s=self.horizon_s, at=datetime.now(UTC))

    def read(self, remote_id: str) -> RemoteOrder | None:
        try:
            row = self._row(remote_id)
        except NotThereError:
            return None
        return self._order(row)

    def changed_since(self, since: datetime) -> Iterator[RemoteOrder]:
        """A page at a time, and the trash with it: a poll that is broken off has lost nothing of what it took."""
        for row in changes.after(self._client, since - SECOND, "any", "trash"):
            yield self._order(row) if reading.reference(row) else reading.stranger(row, self.account)

    # --- the store's own orders ---

    def store_orders(self, *, since: datetime, cursor: str) -> StoreOrderPage:
        place = orders.Place.of(cursor, since)
        read = changes.step(self._client, place.status, place.floor, fields=orders.FIELDS, operation="store_orders")
        with reading.shaped():
            placed = [row for row in read.rows if row["status"] not in orders.NOT_PLACED]
        found = tuple(orders.store_order(row, base_url=self.account.base_url) for row in placed)
        return StoreOrderPage(found, place.after(read, since))

    def store_order(self, remote_id: str) -> StoreOrder | None:
        try:
            row = self._client.get(f"orders/{remote_id}", {"_fields": orders.FIELDS}, operation="store_order")
        except NotThereError:
            return None
        with reading.shaped():
            if row["status"] in orders.NOT_PLACED:
                return None
        return orders.store_order(row, base_url=self.account.base_url)

    # --- checking and creating ---

    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        return preflight.blockers(order, self.request_for(order), variants, self.account)

    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        return mapping.order_body(order, self.account.settings)

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        call = self._client.rehearse("orders", self.request_for(order))
        return (PreviewCall.of(call, operation="order_create", sources=mapping.SOURCES),)

    def create(self, order: OutboundOrder) -> RemoteRef:
        """What WooCommerce took with a 201 and did not keep is taken back at once."""
        body = self.request_for(order)
        try:
            row = self._client.post("orders", body, operation="order_create")
        except RefusedError as refusal:
            raise refusals.of_order(refusal.answer, order) from refusal
        with reading.shaped(changes=True):
            ref = self._ref(row)
            blockers = refusals.differences(body, row, order)
        if blockers:
            self._take_back(ref, order)
            raise RejectedError(blockers[0].message, blockers)
        return ref

    def add_notes(self, remote_id: str, order: OutboundOrder) -> None:
        """Notes are told apart by their text: one that stands there already is not written again.

        An order that is gone needs none.
        """
        try:
            row = self._row(remote_id)
        except NotThereError:
            return
        with reading.shaped():
            blockers = refusals.differences(self.request_for(order), row, order)
        if blockers:
            raise RejectedError(blockers[0].message, blockers)
        notes.write_missing(self._client, remote_id, mapping.notes(order))

    def update(self, remote_id: str, order: OutboundOrder, *, fields: frozenset[str]) -> None:
        """What only order notes tell is noted anew: a note that stands there stays."""
        try:
            row = self._row(remote_id, updating.ROW_FIELDS)
        except NotThereError as gone:
            raise fulfilling.closed("The order is gone from WooCommerce.", "deleted") from gone
        body = updating.body(row, order, self.account.settings, fields)
        if body:
            try:
                self._client.post(f"orders/{remote_id}", body, operation="order_update")
            except RefusedError as refusal:
                raise refusals.of_order(refusal.answer, order) from refusal
        notes.write_missing(self._client, remote_id, mapping.notes(order))

    def cancel(self, remote_id: str, *, note: str) -> None:
        """An order in the trash is left there: an update would bring it back."""
        try:
            row = self._row(remote_id)
        except NotThereError:
            return
        with reading.shaped():
            status, is_sent = row["status"], reading.is_sent(row)
        if is_sent and status != "refunded":
            message = f"The order is {status} in WooCommerce. Cancel it there, if it should be."
            raise RejectedError(message, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, message, "status", status)])
        if status not in ("cancelled", "trash"):
            self._client.post(f"orders/{remote_id}", {"status": "cancelled"}, operation="order_cancel")
        if status != "trash":
            notes.write_missing(self._client, remote_id, [html.escape(note, quote=False)])

    def fulfill(self, remote_id: str, shipment: OutboundShipment) -> str:
        """Its id is the order's: there is no other."""
        fulfilling.fulfill(self._client, remote_id, shipment)
        return remote_id

    def recall(self, remote_id: str, shipment: OutboundShipment) -> None:
        fulfilling.recall(self._client, remote_id, shipment)

    def put_back(self, remote_id: str, back: PutBack) -> bool:
        """A refund in the store's books. Without `api_refund: false` WooCommerce would look for a gateway to pay by."""
        try:
            row = self._row(remote_id)
        except NotThereError:
            return False
        with reading.shaped():
            if row["status"] in ("cancelled", "trash"):
                return False
            booked = self._client.pages(f"orders/{remote_id}/refunds", {"_fields": "reason"}, operation="refunds")
            if any(back.reference in refund["reason"] for refund in booked):
                return True
            body = refunding.body(row, back)
        self._client.post(f"orders/{remote_id}/refunds", body, operation="refund_create")
        return True

    # --- setting up ---

    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        """One that WooCommerce disabled, after five deliveries that failed, is activated again."""
        topics = (*webhook.TOPICS, *webhook.CHANNEL_TOPICS) if channel else webhook.TOPICS
        secret = self.account.credentials.get("webhook_secret", "")
        subscriptions.ensure(self._client, topics, callback_url, secret=secret)
        return WebhookState(topics=topics)

    @classmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice | None:
        return webhook.parse(headers=headers, body=body, secrets=secrets, account=account)

    # --- helpers ---

    def _rates(self) -> list[Any] | None:
        """The store's table of tax rates; None when it is too long: tables by postcode have tens of thousands."""
        rates = list(self._client.pages("taxes", operation="taxes", most=RATE_PAGES))
        return rates if len(rates) < RATE_PAGES * 100 else None

    def _may_write(self) -> bool:
        """Update an order that does not exist: a key that may only read is refused before that is noticed."""
        try:
            self._client.post("orders/0", {}, operation="may_write")
        except CredentialsError as error:
            if error.code == "scope_missing":
                return False
            raise
        except RejectedError:
            return True
        return True

    def _variant(self, variant_id: str) -> RemoteVariant | None:
        try:
            row = self._client.get(
                f"products/{variant_id}", {"_fields": reading.PRODUCT_FIELDS}, operation="product_read"
            )
        except NotThereError:
            return None
        found = reading.variant(row)
        return None if row["status"] == "trash" else found

    def _ref(self, row: Mapping[str, Any]) -> RemoteRef:
        return reading.ref(row, base_url=self.account.base_url)

    def _row(self, remote_id: str, fields: str = reading.ORDER_FIELDS) -> Mapping[str, Any]:
        return reading.row(self._client.order(remote_id, fields))

    def _order(self, row: Mapping[str, Any]) -> RemoteOrder:
        fulfillments = self._fulfillments(row) if reading.meta(row, reading.FULFILLMENT_STATUS) else []
        links = self._links(row) if tracking.needs_links(reading.meta(row, tracking.ITEMS)) else {}
        return reading.order(row, self.account, fulfillments=fulfillments, links=links)

    def _fulfillments(self, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """WooCommerce's own, a feature since 10.1; none where it was switched off again."""
        try:
            answer = self._client.get(f"orders/{row['id']}/fulfillments", operation="fulfillments")
        except (NoRouteError, RejectedError):
            return []
        with reading.shaped():
            return list(answer["fulfillments"] if isinstance(answer, dict) else answer)

    def _links(self, row: Mapping[str, Any]) -> dict[str, str]:
        """The plugin knows the addresses of its carriers. They are worth asking for, not worth failing for."""
        path = f"orders/{row['id']}/shipment-trackings"
        try:
            return tracking.links_of(self._client.get(path, operation="shipment_trackings", api=_TRACKING_API))
        except (NoRouteError, RejectedError, CredentialsError, RetryableError) as error:
            logger.info("tracking links not told", extra={"order_id": row["id"], "error": type(error).__name__})
            return {}

    def _take_back(self, ref: RemoteRef, order: OutboundOrder) -> None:
        """Cancel an order that was kept in part, and take our reference from it: it must never be found as the order."""
        void = {"key": mapping.REFERENCE, "value": f"void {order.reference}"}
        body = {"status": "cancelled", "transaction_id": "", "meta_data": [void]}
        try:
            self._client.post(f"orders/{ref.remote_id}", body, operation="order_take_back")
        except ConnectorError as error:  # it stands there still: whoever comes next has to look
            raise OutcomeUnknownError("WooCommerce kept only a part of the order.") from error


def _check_version(status: Mapping[str, Any]) -> None:
    with reading.shaped():
        version = str(status["environment"]["version"])
        parts = re.match(r"(\d+)\.(\d+)", version)
        number = (int(parts[1]), int(parts[2])) if parts else (0, 0)
    if number < OLDEST:
        text = f"The store has WooCommerce {version}; {OLDEST[0]}.{OLDEST[1]} or newer is needed. Update it."
        raise RejectedError(text, [Blocker(BlockerCode.API_VERSION_RETIRED, text)])
