"""The contract against real stores, for whoever sets the variables. See docs/testing-against-real-stores.md.

Without its variables a platform's live tests are not collected. Nothing is left behind that the API can remove.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.base import Account, Address, OutboundOrder, RemoteRef
from connectors.registry import connector_class, form_of
from tests.connectors.contract import Store, an_hour_ago

LOOPBACK = ("http://127.0.0.1:", "http://localhost:")  # a practice store may stand for the real one
ILLINOIS = Address("Harriet", "Ngata", "", "12 Main St", "", "Bolingbrook", "IL", "60440", "US", "+16305550100")

# What has to be set for each, behind STOREWARD_LIVE_<PLATFORM>_, and the connect form's name for it.
VARIABLES: Mapping[str, Mapping[str, str]] = {
    "shopify": {"URL": "base_url", "TOKEN": "access_token", "SKU": ""},
    "woocommerce": {"URL": "base_url", "KEY": "consumer_key", "SECRET": "consumer_secret"},
    "squarespace": {"KEY": "api_key", "SKU": ""},
    "ssactivewear": {"URL": "base_url", "NUMBER": "account_number", "KEY": "api_key", "SKU": ""},
}


def variable(platform: str, name: str) -> str:
    return os.environ.get(f"STOREWARD_LIVE_{platform.upper()}_{name}", "")


def is_asked_for(platform: str) -> bool:
    """Whether every variable of the platform is set."""
    return all(variable(platform, name) for name in VARIABLES[platform])


@dataclass
class LiveStore(Store):
    """A store that somebody else runs; orders made here are removed at the end."""

    references: list[str] = field(default_factory=list)

    def order(self, **fields: Any) -> OutboundOrder:
        order = super().order(**fields)
        self.references.append(order.reference)
        return order

    def clean_up(self) -> None:
        for reference in self.references:
            for ref in self.driver.find(reference, since=an_hour_ago()):
                self.remove(ref)

    def remove(self, ref: RemoteRef) -> None:
        """As far as the API lets an app."""
        if self.can.cancel:
            self.driver.cancel(ref.remote_id, note="Made by a test")

    def ask(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        """One call beside the driver, to set up, look into or tidy."""
        return self.driver.http.request(
            method, f"{self.account.base_url}{path}", json=body, operation="tidy", changes=method != "GET", **how
        ).json()


class LiveShopify(LiveStore):
    def written(self, ref: RemoteRef) -> str:
        query = "query Written($id: ID!) { order(id: $id) { note tags customAttributes { key value } } }"
        headers = {"X-Shopify-Access-Token": self.account.credentials["access_token"]}
        body = {"query": query, "variables": {"id": ref.remote_id}}
        return json.dumps(self.ask("POST", "/admin/api/2026-10/graphql.json", body, headers=headers))


class LiveWooCommerce(LiveStore):
    """Brings its own product, and takes it away."""

    tells_parts = False

    def written(self, ref: RemoteRef) -> str:
        path = f"orders/{ref.remote_id}"
        return json.dumps([self.call("GET", path), self.call("GET", f"{path}/notes")], ensure_ascii=False)

    def remove(self, ref: RemoteRef) -> None:
        self.call("DELETE", f"orders/{ref.remote_id}?force=true")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        key = (self.account.credentials["consumer_key"], self.account.credentials["consumer_secret"])
        return self.ask(method, f"/wp-json/wc/v3/{path}", body, auth=key)

    @contextmanager
    def product(self) -> Iterator[None]:
        body = {"name": "Storeward contract", "type": "simple", "regular_price": "10.00", "sku": self.sku}
        made = self.call("POST", "products", {**body, "manage_stock": True, "stock_quantity": 1000})
        try:
            yield
        finally:
            self.call("DELETE", f"products/{made['id']}?force=true")


class LiveSquarespace(LiveStore):
    def written(self, ref: RemoteRef) -> str:
        headers = {"Authorization": f"Bearer {self.account.credentials['api_key']}", "User-Agent": "Storeward contract"}
        return json.dumps(self.ask("GET", f"/1.0/commerce/orders/{ref.remote_id}", headers=headers))


class LiveSupplier(LiveStore):
    """Every order is a test order, which S&S cancels at once."""

    def order(self, **fields: Any) -> OutboundOrder:
        order = super().order(**fields)
        supplier = replace(order.options.supplier, test_order=True)
        return replace(order, options=replace(order.options, supplier=supplier))

    def written(self, ref: RemoteRef) -> str:
        return repr(self.read(ref))


_STORES: Mapping[str, type[LiveStore]] = {
    "shopify": LiveShopify,
    "woocommerce": LiveWooCommerce,
    "squarespace": LiveSquarespace,
    "ssactivewear": LiveSupplier,
}


@contextmanager
def store_of(platform: str) -> Iterator[LiveStore]:
    """The store that the variables name, connected as a person does it, and tidied at the end."""
    names = VARIABLES[platform]
    blank = {each.name: "" for each in form_of(platform).FIELDS}
    typed = {**blank, **{form_name: variable(platform, name) for name, form_name in names.items() if form_name}}
    here = next((prefix for prefix in LOOPBACK if typed["base_url"].startswith(prefix)), "")
    entry = form_of(platform).read(typed, base_url=typed["base_url"].rstrip("/") if here else "")
    store = _STORES[platform](
        connector_class(platform),
        Account(entry.base_url, entry.credentials),
        sku=variable(platform, "SKU") or f"STOREWARD-{secrets.token_hex(4)}",
        home=ILLINOIS if platform == "ssactivewear" else Store.home,
        deadline_s=30,
        allow_loopback=bool(here),
    )
    try:
        yield store
        store.clean_up()
    finally:
        store.close()
