"""The verbs of S&S Activewear, a supplier, over its REST API v2. Facts and their sources: README.md beside this file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from connectors.base import (
    Account,
    Blocker,
    BlockerCode,
    Capabilities,
    CatalogPage,
    InboundNotice,
    OutboundOrder,
    PaymentProfile,
    PreviewCall,
    RemoteOrder,
    RemoteRef,
    RemoteVariant,
    ShopInfo,
    SupplierConnector,
    Warehouse,
    WebhookState,
)
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.ssactivewear import changes, mapping, preflight, reading, refusals, webhook
from connectors.ssactivewear.client import Page, SsActivewearClient, lists_of

CANCEL_MINUTES = 10
CATALOG_STYLES = 10  # a page: a style has some hundred products, and all styles at once are 100 MB and more

_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")  # what S&S allows in a SKU; a comma would divide it
_REFUSED = range(400, 500)

T = TypeVar("T")


class SsActivewearConnector(SupplierConnector):
    """One account in one region. Credentials: {"account_number": digits, "api_key": a UUID}."""

    platform: ClassVar[str] = "ssactivewear"
    label: ClassVar[str] = "S&S Activewear"
    capabilities: ClassVar[Capabilities] = Capabilities(
        cancel=True,
        lookup_by_reference=True,
        stock=True,
        catalog=True,
        supplier=True,
        test_orders=True,
        payment_profiles=True,
        warehouses=True,
        compares_totals=False,
    )
    costs: ClassVar[Mapping[str, float]] = {
        "find_variants": 2, "create": 1, "read": 1, "cancel": 3,
    }  # calls: a check asks for links that are known and for those that are not; a PO is mostly two orders  # fmt: skip
    test_suffix: ClassVar[str] = mapping.TEST_SUFFIX
    most_sends: ClassVar[int] = 3  # each after an exact look-up of the PO number
    resends_for: ClassVar[timedelta] = timedelta(hours=24)  # a person there may use the PO number again
    horizon_s: ClassVar[int] = 300  # 30 s deadline, the time S&S takes to place it in several warehouses, and margin

    def __init__(self, account: Account, http: HttpClient) -> None:
        super().__init__(account, http)
        self._client = SsActivewearClient(account, http)

    # --- looking ---

    def check(self) -> ShopInfo:
        """S&S tells nothing of the account itself; that it shows its open orders proves the key."""
        shown = self._ask("orders", "", operation="check", fields="OrderNumber")
        with reading.shaped():
            _ = [reading.number_of(node) for node in shown.rows]  # something else answers where they have none
        number = self.account.credentials.get("account_number", "")
        return ShopInfo(
            remote_id=f"{mapping.country(self.account)}-{number}",  # regions count their accounts apart
            name=f"{self.label} {number}",
            domain=urlsplit(self.account.base_url).hostname or "",
            currency=mapping.currency(self.account),
        )

    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        """By their SKU at S&S, or by the merchant's own where S&S has it cross-referenced."""
        asked = list(dict.fromkeys(skus))
        known = [sku for sku in asked if _SKU.fullmatch(sku)]
        rows = self._products("products", known, fields=",".join(reading.PRODUCT_FIELDS))
        hits = {reading.variant(row): reading.answers_to(row) for row in rows}  # one asked for by both comes twice
        return {sku: tuple(hit for hit, names in hits.items() if sku in names) for sku in asked}

    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        asked = [sku for sku in dict.fromkeys(variant_ids) if _SKU.fullmatch(sku)]
        found = {variant.variant_id: variant for variant in map(reading.variant, self._products("inventory", asked))}
        return {sku: found[sku] for sku in asked if sku in found}

    def catalog_pages(self, cursor: str) -> CatalogPage:
        """Style by style, by ascending id, which never changes; a cursor is the last one that was read."""
        if cursor and not (cursor.isascii() and cursor.isdigit()):
            raise RejectedError("The place in the catalog is not known. Read it again from its beginning.")
        styles = reading.style_ids(self._ask("styles", "", operation="styles", fields="StyleID").rows)
        left = [style for style in styles if style > int(cursor or 0)]
        portion = left[:CATALOG_STYLES]
        rows = self._of_styles(portion) if portion else []
        following = str(portion[-1]) if len(left) > len(portion) else ""
        return CatalogPage(tuple(reading.variant(row) for row in rows), following, None)

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        """By PO number, however old. A cancelled order counts: it was created, and is not to be sent again.

        More than one only when the same was placed twice; the first is the PO as a whole.
        """
        rows = self._orders(reference, fields=",".join(reading.FIELDS)).rows
        nodes = reading.of_po(rows, reference)
        if not nodes:
            return ()
        extra = (RemoteRef(reading.number_of(node), reading.number_of(node)) for node in reading.surplus(nodes))
        return (reading.ref(reference, nodes), *extra)

    def read(self, remote_id: str) -> RemoteOrder | None:
        """All orders of the PO as one. Never None: S&S deletes no order, so one that it does not show comes later."""
        page, nodes = self._shown(remote_id, lines="true", Boxes="true")
        return reading.order(remote_id, nodes, currency=mapping.currency(self.account), read_at=page.read_at)

    def changed_since(self, since: datetime) -> Iterator[RemoteOrder]:
        """Every PO with an open order or one of the last 3 months: S&S tells no time of change. Without shipments.

        The version is the one that `read` gives, so that only what has changed is read.
        """
        for portion, read_at in changes.portions(self._ask, asked_at=datetime.now(UTC)):
            for number, nodes in portion:
                yield self._listed(number, nodes, read_at)
                for extra in reading.surplus(nodes):
                    yield reading.renamed(self._listed(number, [extra], read_at), reading.number_of(extra))

    # --- checking and creating ---

    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        return preflight.blockers(order, variants, self.account)

    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        return mapping.order_body(order)

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        call = self._client.rehearse(self.request_for(order))
        return (PreviewCall.of(call, operation="place_order", sources=mapping.SOURCES),)

    def create(self, order: OutboundOrder) -> RemoteRef:
        """Place it. S&S has no key against repeats: whoever is unsure looks by `find` before."""
        unsendable = preflight.unsendable(order)
        if unsendable:
            raise RejectedError(unsendable[0].message, unsendable)
        answer = self._noting(lambda: self._client.place(self.request_for(order)))
        if answer.status in _REFUSED:
            raise refusals.of_order(answer, order)
        with reading.shaped(changes=True):
            body = answer.json()
            placed = [node for node in reading.rows(body) if node.get("ordernumber")]
            unfilled = reading.line_errors(body)
            refusal = refusals.of_lines(unfilled, order) if unfilled else None
            if placed:
                ref = reading.ref(mapping.po_number(order), reading.oldest_first(placed))
                return replace(ref, left_out=refusal.blockers if refusal else ())
            if refusal:
                raise refusal
        raise OutcomeUnknownError("S&S Activewear did not say whether it took the order.")

    def cancel(self, remote_id: str, *, note: str) -> None:
        """Cancel every order of the PO, which S&S does in the first ten minutes only. It takes no note."""
        _, nodes = self._shown(remote_id, fields=",".join(reading.FIELDS))
        refused = [number for number in reading.live_numbers(nodes) if not self._cancelled(number)]
        if refused:
            message = (
                f"S&S Activewear no longer cancels {', '.join(refused)}: it does so in the first {CANCEL_MINUTES} "
                "minutes only. Call its customer service."
            )
            raise RejectedError(message, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, message, "status")])

    # --- what a merchant chooses from ---

    def payment_profiles(self, email: str) -> tuple[PaymentProfile, ...]:
        """Cards and bank accounts that are saved for this user of the S&S website."""
        rows = self._ask("paymentprofiles", "", operation="payment_profiles", email=email).rows
        return tuple(reading.profile(row) for row in rows)

    def warehouses(self, postcode: str) -> tuple[Warehouse, ...]:
        """Where S&S sends from, with the days a parcel takes to this postcode."""
        return reading.warehouses(self._ask("daysintransit", postcode.strip(), operation="days_in_transit").rows)

    @staticmethod
    def shipping_methods() -> Mapping[str, str]:
        """Names by the code that an order carries."""
        return mapping.SHIPPING_METHODS

    # --- setting up ---

    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        """There are none: what changes is polled."""
        return WebhookState(topics=())

    @classmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice:
        webhook.parse(headers=headers, body=body, secrets=secrets, account=account)

    # --- helpers ---

    def _ask(self, *path: str, operation: str, **query: str) -> Page:
        return self._noting(lambda: self._client.ask(*path, operation=operation, **query))

    def _noting(self, call: Callable[[], T]) -> T:
        try:
            return call()
        finally:
            self.budget = self._client.budget

    def _products(self, of: str, identifiers: Sequence[str], **query: str) -> list[dict[str, Any]]:
        """From the catalogue ("products"), or, with less to carry, what is in stock ("inventory")."""
        rows: list[dict[str, Any]] = []
        for wanted in lists_of(identifiers):
            rows += self._ask(of, wanted, operation=of, **query).rows
        return rows

    def _of_styles(self, styles: Sequence[int]) -> list[dict[str, Any]]:
        fields, wanted = ",".join(reading.PRODUCT_FIELDS), ",".join(map(str, styles))
        return self._ask("products", "", operation="products_of_styles", styleid=wanted, fields=fields).rows

    def _orders(self, number: str, **query: str) -> Page:
        return self._ask("orders", number, operation="orders_by_po", **query)

    def _shown(self, po_number: str, **query: str) -> tuple[Page, list[Mapping[str, Any]]]:
        """The orders of a PO that was placed. Raises RetryableError when S&S shows none."""
        page = self._orders(po_number, **query)
        nodes = reading.of_po(page.rows, po_number)
        if not nodes:
            raise RetryableError(f"S&S Activewear does not show an order with PO number {po_number}.")
        return page, nodes

    def _listed(self, number: str, nodes: Sequence[Mapping[str, Any]], read_at: datetime | None) -> RemoteOrder:
        return reading.order(number, nodes, currency=mapping.currency(self.account), read_at=read_at, whole=False)

    def _cancelled(self, order_number: str) -> bool:
        """Whether S&S counts the order among those it cancelled."""
        answer = self._noting(lambda: self._client.cancel(order_number))
        if answer.status in _REFUSED:
            return False
        with reading.shaped(changes=True):
            numbers = [reading.number_of(node) for node in reading.rows(answer.json())]
            return order_number in numbers
