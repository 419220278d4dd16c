"""A Shopify store on the wire that answers each operation, for tests of what stands above the driver."""

from __future__ import annotations

import json
import re
from typing import Any

import responses

from connectors.shopify.connector import TOPICS

_ANYWHERE = re.compile(".*")
_LAST = {"hasNextPage": False, "endCursor": None}


class ShopOnTheWire:
    """`status` other than 200 is what every request is answered with. `variants` is what it sells: (SKU, title[, barcode]).

    A page of the catalog holds `page_size` of them; `budget` is what its answers tell of the rate limit.
    """

    def __init__(self, wire: responses.RequestsMock) -> None:
        self.status = 200
        self.about = {
            "id": "gid://shopify/Shop/1",
            "name": "Kauri & Clay",
            "myshopifyDomain": "kauri.myshopify.com",
            "currencyCode": "NZD",
            "taxesIncluded": True,
            "ianaTimezone": "Pacific/Auckland",
        }
        self.scopes = [
            "write_orders",
            "read_products",
            "read_inventory",
            "read_locations",
            "read_fulfillments",
            "write_merchant_managed_fulfillment_orders",
            "write_customers",
        ]
        self.to_code: tuple[int, object] = (404, {})  # status and body for a code or a refresh token
        self.variants: list[tuple[str, ...]] = []
        self.page_size = 250
        self.budget: dict[str, float] | None = None
        self.refused_topics: set[str] = set()
        self.operations: list[str] = []
        self.tokens: list[str] = []
        wire.add_callback(responses.POST, _ANYWHERE, callback=self._answer, content_type="application/json")

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        body = json.loads(request.body)
        if request.path_url == "/admin/oauth/access_token":
            return self.to_code[0], {}, json.dumps(self.to_code[1])
        self.operations.append(body["operationName"])
        self.tokens.append(request.headers["X-Shopify-Access-Token"])
        if self.status != 200:
            return self.status, {}, json.dumps({"errors": "refused"})
        answer: dict[str, Any] = {"data": getattr(self, f"_{body['operationName']}")(body.get("variables", {}))}
        if self.budget:
            answer["extensions"] = {"cost": {"requestedQueryCost": 1, "throttleStatus": self.budget}}
        return 200, {}, json.dumps(answer)

    def _ShopInfo(self, _: dict) -> dict:
        scopes = [{"handle": scope} for scope in self.scopes]
        return {"shop": self.about, "currentAppInstallation": {"accessScopes": scopes}}

    def _VariantsBySku(self, _: dict) -> dict:
        return {"productVariants": {"nodes": self._nodes(), "pageInfo": _LAST}}

    def _VariantsByIds(self, variables: dict) -> dict:
        by_id = {node["id"]: node for node in self._nodes()}
        return {"nodes": [by_id.get(gid) for gid in variables["ids"]]}

    def _VariantsPage(self, variables: dict) -> dict:
        start = int(variables.get("after") or 0)
        end = start + self.page_size
        more = end < len(self.variants)
        info = {"hasNextPage": more, "endCursor": str(end)}
        count = {"count": len(self.variants), "precision": "EXACT"}
        nodes = [{**node, "price": "50.00"} for node in self._nodes()[start:end]]
        return {
            "productVariants": {"nodes": nodes, "pageInfo": info},
            **({"productVariantsCount": count} if variables["isFirst"] else {}),
        }

    def _nodes(self) -> list[dict[str, Any]]:
        return [_variant(number, *given) for number, given in enumerate(self.variants, start=1)]

    def _MetafieldDefinitionCreate(self, _: dict) -> dict:
        return {"metafieldDefinitionCreate": {"createdDefinition": None, "userErrors": []}}

    def _WebhookSubscriptions(self, _: dict) -> dict:
        return {"webhookSubscriptions": {"nodes": [], "pageInfo": _LAST}}

    def _WebhookSubscriptionCreate(self, variables: dict) -> dict:
        topic = variables["topic"]
        errors = [{"field": None, "message": "No such topic"}] if topic in self.refused_topics else []
        assert topic in TOPICS
        return {"webhookSubscriptionCreate": {"webhookSubscription": None, "userErrors": errors}}


def _variant(number: int, sku: str, title: str, barcode: str | None = None) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/ProductVariant/{number}",
        "sku": sku,
        "barcode": barcode,
        "title": "Default Title",
        "inventoryPolicy": "DENY",
        "inventoryQuantity": 4,
        "product": {"id": f"gid://shopify/Product/{number}", "title": title, "status": "ACTIVE"},
        "inventoryItem": {"tracked": True},
    }
