"""Squarespace's verbs over the Commerce APIs. Facts and their sources: README.md beside this file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from connectors.base import (
    Account,
    Blocker,
    BlockerCode,
    Budget,
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
from connectors.errors import ConnectionGoneError, CredentialsError, RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.squarespace import changes, mapping, orders, preflight, reading, refusals, restocking, webhook
from connectors.squarespace.client import RefusedError, SquarespaceClient, segment, uses_oauth
from connectors.storefront import StoreOrder, StoreOrderPage

TOPICS = ("order.update", "extension.uninstall")
CHANNEL_TOPICS = ("order.create",)  # told of every order: asked for only where orders come from
AHEAD = timedelta(days=1)  # the end of a window has to be named: one that no clock has reached

# Imports with an API key: 100 an hour and site, whoever sends them, and no answer tells how many are left. The plan,
# no more than 10 + 80 in any hour, leaves room for other apps of the merchant's.
IMPORTS_AT_ONCE = 10
IMPORTS_PER_S = 80 / 3600
IMPORTS = Budget(None, IMPORTS_AT_ONCE, IMPORTS_PER_S)

# Requests of any kind: 300 a minute, and no answer tells how many are left. The plan keeps to 40 + 200 in any minute.
PACE = Budget(None, 40, 200 / 60)

_IDS_AT_ONCE = 50
_VARIANT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_ORDER_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_ORDERS, _INVENTORY, _SUBSCRIPTIONS = "/commerce/orders", "/commerce/inventory", "/webhook_subscriptions"

Row = Mapping[str, Any]


class SquarespaceConnector(Connector):
    """One site. Credentials: {"api_key"} or, for an OAuth app, {"access_token"}, which goes first."""

    platform: ClassVar[str] = "squarespace"
    label: ClassVar[str] = "Squarespace"
    capabilities: ClassVar[Capabilities] = Capabilities(
        channel=True, catalog=True,
        webhooks=True, idempotency_key=True, lookup_by_reference=True, stock=True, pickup=True, fulfilled=True, emails=True,
        shipping=True, shortest_interval_min=15, fulfills=True, restock=True,
    )  # fmt: skip
    most_sends: ClassVar[None] = None  # its idempotency key makes a repeat harmless
    resends_for: ClassVar[timedelta] = timedelta(hours=20)  # the key is kept for an interval that is not told
    horizon_s: ClassVar[int] = 60  # 30 s deadline and a margin; the idempotency key guards what comes later
    order_address: ClassVar[str] = r"(?:https?://\S+/orders/)?([0-9A-Za-z]{1,64})(?:[/?#]\S*)?"
    costs: ClassVar[Mapping[str, float]] = {"create": 1.0}  # of the plan for imports
    finds_by_reading_all: ClassVar[bool] = True
    pace: ClassVar[Budget | None] = PACE
    requests: ClassVar[Mapping[str, float]] = {"find_variants": 3, "fulfill": 2, "put_back": 2}

    def __init__(self, account: Account, http: HttpClient) -> None:
        super().__init__(account, http)
        self.budget = None if uses_oauth(account) else IMPORTS
        self._client = SquarespaceClient(account, http)

    # --- looking ---

    def check(self) -> ShopInfo:
        """Three reads: who it is, and whether the key may see orders and inventory."""
        try:
            website = self._client.get("/authorization/website", operation="website")
        except RefusedError as refused:
            if refused.refusal.status != 404:
                raise
            raise ConnectionGoneError(f"No Squarespace site answers there. {refused}") from refused
        return reading.shop(website, missing_scopes=self._missing_scopes())

    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        """No filter by SKU exists: the whole inventory is read, 50 rows a call, once for all SKUs asked for."""
        found: dict[str, dict[str, RemoteVariant]] = {sku: {} for sku in skus}
        for row in self._rows(_INVENTORY, "inventory", operation="inventory"):
            variant = reading.variant(row)
            if variant.sku in found:
                found[variant.sku][variant.variant_id] = variant
        return {sku: tuple(hits.values()) for sku, hits in found.items()}

    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        ids = [variant_id for variant_id in dict.fromkeys(variant_ids) if _VARIANT_ID.fullmatch(variant_id)]
        found: list[RemoteVariant] = []
        for start in range(0, len(ids), _IDS_AT_ONCE):
            found += self._read_known(ids[start : start + _IDS_AT_ONCE])
        return {variant.variant_id: variant for variant in found}

    def catalog_pages(self, cursor: str) -> CatalogPage:
        """The inventory, 50 rows a page, without prices. It is not counted, and gift cards and downloads are not in it."""
        query = {"cursor": cursor} if cursor else None
        rows, following = reading.page(self._client.get(_INVENTORY, query, operation="inventory_page"), "inventory")
        return CatalogPage(tuple(reading.variant(row) for row in rows), following, None)

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        """By listing: Squarespace has no filter by reference. What was imported since then was modified since then."""
        with reading.shaped():
            hits = [row for row in self._modified_since(since) if row["externalOrderReference"] == reference]
        return tuple(self._ref(row) for row in sorted(hits, key=reading.number))

    def read(self, remote_id: str) -> RemoteOrder | None:
        row = self._row(remote_id)
        return None if row is None else self._order(row)

    def changed_since(self, since: datetime) -> Iterator[RemoteOrder]:
        """Window by window. Other people's orders too, without a reference: they move the watermark along."""
        windows = changes.oldest_first(since, first_page=self._first_page, all_pages=self._all_pages)
        for rows in windows:
            yield from map(self._order, rows)

    # --- the site's own orders ---

    def store_orders(self, *, since: datetime, cursor: str) -> StoreOrderPage:
        """Newest change first. A cursor carries the window of the first page, which is open to the future: what changes
        meanwhile moves to the front, changed after the reading began, and nothing moves past where it is read."""
        query = {"cursor": cursor} if cursor else _query(changes.Window(since))
        rows, following = reading.page(self._client.get(_ORDERS, query, operation="store_orders"), "result")
        if following and following == cursor:
            raise reading.MalformedAnswerError("Squarespace's pages lead round in a circle.")
        return StoreOrderPage(tuple(map(self._store_order, rows)), following)

    def store_order(self, remote_id: str) -> StoreOrder | None:
        row = self._row(remote_id)
        return None if row is None else self._store_order(row)

    # --- checking and creating ---

    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        return preflight.blockers(order, self.request_for(order), variants, self.account)

    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        return mapping.order_body(order)

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        key = mapping.idempotency_key(order.reference)
        call = self._client.rehearse(_ORDERS, self.request_for(order), key=key)
        return (PreviewCall.of(call, operation="order_create", sources=mapping.SOURCES),)

    def create(self, order: OutboundOrder) -> RemoteRef:
        """The key is the same for every attempt: a repeat of the same body creates nothing more."""
        key = mapping.idempotency_key(order.reference)
        try:
            row = self._client.post(_ORDERS, self.request_for(order), operation="order_create", key=key)
        except RefusedError as refused:
            raise refusals.of_order(refused.refusal, order) from refused
        except RetryableError as error:
            if error.throttled and self.budget:
                self.budget = replace(self.budget, available=0.0)
            raise
        with reading.shaped(changes=True):
            return self._ref(row)

    def cancel(self, remote_id: str, *, note: str) -> None:
        """Cannot be done: the API has no way to cancel an order."""
        raise RejectedError("Squarespace lets no app cancel an order. Cancel it there.")

    def fulfill(self, remote_id: str, shipment: OutboundShipment) -> str:
        """Parcels make the whole order fulfilled, and more can be added at any time: those that are there are left out."""
        if not shipment.completes:
            raise RejectedError("Squarespace marks an order as fulfilled only as a whole.")
        order = self.read(remote_id)
        if order is None or order.cancelled:
            raise _changed("The order was cancelled or deleted in Squarespace.")
        there = {parcel.number for notice in order.shipments for parcel in notice.parcels}
        new = [parcel for parcel in shipment.parcels if parcel.number and parcel.number not in there]
        if not new and not any(parcel.number for parcel in shipment.parcels):
            raise _changed("Squarespace takes a tracking number only. Mark the order as fulfilled there.")
        if new:
            body = mapping.fulfillment_body(new, shipment)
            path = f"{_ORDERS}/{segment(remote_id)}/fulfillments"
            try:
                self._client.post(path, body, operation="fulfillment_create")
            except RefusedError as refused:
                raise _changed(str(refused)) from refused
        return remote_id

    def put_back(self, remote_id: str, back: PutBack) -> bool:
        """By an adjustment of the inventory, under the refund's key: a repeat of the same body adds nothing more."""
        row = self._row(remote_id)
        if row is None or (order := self._order(row)).cancelled:
            return False
        if order.refunded:
            raise _changed("Squarespace shows a refund of this order. Change the stock there, if it lacks the units.")
        units = restocking.wanted(row, back)
        body = restocking.body(units, self.read_variants(sorted(units)))
        if not body:
            return False
        key = mapping.idempotency_key(back.reference)
        try:
            self._client.post(f"{_INVENTORY}/adjustments", body, operation="inventory_adjust", key=key)
        except RefusedError as refused:
            raise _changed(str(refused)) from refused
        return True

    # --- setting up ---

    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        """One subscription for all topics, for an OAuth app only. With an API key nothing stands: changes are polled."""
        topics = (*TOPICS, *CHANNEL_TOPICS) if channel else TOPICS
        if not uses_oauth(self.account):
            return WebhookState(())
        listed = self._client.get(_SUBSCRIPTIONS, operation="webhook_subscriptions")
        with reading.shaped():
            ours = [row for row in listed["webhookSubscriptions"] or () if row["endpointUrl"] == callback_url]
        wanted = {"endpointUrl": callback_url, "topics": list(topics)}
        secret = self._keep(ours[0], wanted) if ours else self._subscribe(wanted)
        return WebhookState(topics, secret=secret)

    @classmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice:
        return webhook.parse(headers=headers, body=body, secrets=secrets, account=account)

    # --- helpers ---

    def _missing_scopes(self) -> tuple[str, ...]:
        """Asks for no order in particular: the window begins now."""
        missing = []
        now = _query(changes.Window(datetime.now(UTC)))
        for name, path, query in (("Orders", _ORDERS, now), ("Inventory", _INVENTORY, None)):
            try:
                self._client.get(path, query, operation=f"check_{name.lower()}")
            except CredentialsError as error:
                if error.code != "scope_missing":
                    raise
                missing.append(name)
        return tuple(missing)

    def _row(self, remote_id: str) -> Row | None:
        if not _ORDER_ID.fullmatch(remote_id):
            return None
        try:
            row: Row = self._client.get(f"{_ORDERS}/{segment(remote_id)}", operation="order_read")
        except RefusedError as refused:
            _check_missing(refused)
            return None
        return row

    def _read_known(self, ids: Sequence[str]) -> list[RemoteVariant]:
        """One that is gone makes the whole call a 404: then each half is asked for by itself."""
        try:
            path = f"{_INVENTORY}/{','.join(map(segment, ids))}"
            rows, _ = reading.page(
                {"pagination": _LAST, **self._client.get(path, operation="inventory_by_id")}, "inventory"
            )
        except RefusedError as refused:
            _check_missing(refused)
            middle = len(ids) // 2
            return [*self._read_known(ids[:middle]), *self._read_known(ids[middle:])] if middle else []
        return [reading.variant(row) for row in rows]

    def _first_page(self, window: changes.Window) -> tuple[list[Row], str]:
        return reading.page(self._client.get(_ORDERS, _query(window), operation="orders_modified"), "result")

    def _all_pages(self, window: changes.Window) -> list[Row]:
        return [row for page in self._modified_in(window) for row in page]

    def _modified_in(self, window: changes.Window) -> Iterator[list[Row]]:
        return self._pages(_ORDERS, "result", _query(window), operation="orders_modified")

    def _modified_since(self, since: datetime) -> list[Row]:
        """Every order modified since then, newest first.

        Pages are no snapshot: an order that changes meanwhile moves to the front and the others move back, so after
        more than one page the front is read again. A window that ended now would lose rows instead.
        """
        window = changes.Window(since)
        pages = list(self._modified_in(window))
        if len(pages) > 1:
            pages.append(self._first_page(window)[0])
        with reading.shaped():
            return list({row["id"]: row for page in pages for row in page}.values())

    def _rows(self, path: str, field: str, *, operation: str) -> Iterator[Row]:
        for page in self._pages(path, field, operation=operation):
            yield from page

    def _pages(
        self, path: str, field: str, query: Mapping[str, str] | None = None, *, operation: str
    ) -> Iterator[list[Row]]:
        """A cursor goes alone: it carries the filters of the first call."""
        seen: set[str] = set()
        while True:
            rows, cursor = reading.page(self._client.get(path, query, operation=operation), field)
            yield rows
            if not cursor:
                return
            if cursor in seen:
                raise reading.MalformedAnswerError("Squarespace's pages lead round in a circle.")
            seen.add(cursor)
            query = {"cursor": cursor}

    def _keep(self, standing: Row, wanted: Row) -> str:
        """Make an existing subscription complete. Its secret is told only when it is made anew."""
        with reading.shaped():
            path = f"{_SUBSCRIPTIONS}/{segment(standing['id'])}"
            lacking = set(wanted["topics"]) - set(standing["topics"] or ())
        if lacking:
            self._client.post(path, wanted, operation="webhook_subscription_update")
        if any(self.account.webhook_secret.get("secrets", ())):
            return ""
        answer = self._client.post(f"{path}/actions/rotateSecret", {}, operation="webhook_secret_rotate")
        return _secret(answer)

    def _subscribe(self, wanted: Row) -> str:
        return _secret(self._client.post(_SUBSCRIPTIONS, wanted, operation="webhook_subscription_create"))

    @property
    def _site(self) -> str:
        """Its address, or that of its domain where no address is kept."""
        domain = self.account.shop_domain
        return self.account.settings.get("url") or (f"https://{domain}" if domain else "")

    def _ref(self, row: Row) -> RemoteRef:
        return reading.ref(row, site=self._site)

    def _store_order(self, row: Row) -> StoreOrder:
        return orders.store_order(row, site=self._site)

    def _order(self, row: Row) -> RemoteOrder:
        return reading.order(row, site=self._site)


_LAST = {"hasNextPage": False, "nextPageCursor": None}


def _check_missing(refused: RefusedError) -> None:
    """Raise unless Squarespace itself says that what was asked for is not there."""
    if refused.refusal.status != 404:
        raise refused
    if not refused.refusal.by_application:
        raise RetryableError("Something between us and Squarespace does not know its addresses.") from refused


def _changed(text: str) -> RejectedError:
    return RejectedError(text, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, text, "status")])


def _secret(answer: Row) -> str:
    with reading.shaped(changes=True):
        secret = answer["secret"]
        if not isinstance(secret, str) or not secret:
            raise reading.MalformedAnswerError("A subscription came without its secret.")
        return secret


def _query(window: changes.Window) -> dict[str, str]:
    """Both ends have to be given."""
    before = window.before or max(datetime.now(UTC), window.after) + AHEAD
    return {"modifiedAfter": _time(window.after), "modifiedBefore": _time(before)}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
