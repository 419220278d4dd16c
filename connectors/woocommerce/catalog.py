"""All that a store sells, some products a page. A list of products has no variations: those are asked for by product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connectors.base import CatalogPage, RemoteVariant
from connectors.errors import RejectedError
from connectors.woocommerce import reading
from connectors.woocommerce.client import NotThereError, WooClient

PRODUCTS = 10  # a page: each may cost a call for its variations

_SKUS_AT_ONCE = 20
_FIELDS = f"{reading.PRODUCT_FIELDS},price"
_VARIATION_FIELDS = f"{_FIELDS},attributes"


def page(client: WooClient, cursor: str) -> CatalogPage:
    """A cursor is the number of a page. What is added meanwhile has a higher id and comes last.

    A product that is deleted meanwhile moves those behind it up: one of them may be missed until the next reading.
    """
    number = _number(cursor)
    asked = {"page": number, "per_page": PRODUCTS, "orderby": "id", "order": "asc", "_fields": _FIELDS}
    rows, is_last = client.page("products", asked, operation="products_page")
    with reading.shaped():
        variants = tuple(variant for row in rows for variant in _sold(client, row))
    return CatalogPage(variants, "" if is_last else str(number + 1), None)


def batches(skus: Sequence[str]) -> Iterator[str]:
    """Lists of SKUs as WooCommerce takes them; one with a comma in it goes alone."""
    alone = [sku for sku in skus if "," in sku]
    together = [sku for sku in skus if "," not in sku]
    yield from alone
    for start in range(0, len(together), _SKUS_AT_ONCE):
        yield ",".join(together[start : start + _SKUS_AT_ONCE])


def _sold(client: WooClient, row: Mapping[str, Any]) -> Iterator[RemoteVariant]:
    if reading.is_orderable(row):
        yield _priced(row)
    elif row["type"] == "variable":
        yield from _variations(client, row)


def _variations(client: WooClient, product: Mapping[str, Any]) -> Iterator[RemoteVariant]:
    """Older stores tell neither type nor parent of a variation in this list; its name is that of what is chosen."""
    asked = {"orderby": "id", "order": "asc", "_fields": _VARIATION_FIELDS}
    path = f"products/{product['id']}/variations"
    try:
        rows = list(client.pages(path, asked, operation="variations"))
    except NotThereError:
        return  # deleted meanwhile
    for row in rows:
        chosen = ", ".join(str(each["option"]) for each in row.get("attributes") or ())
        name = f"{product['name']} - {chosen}" if chosen else row.get("name") or product["name"]
        yield _priced({**row, "type": "variation", "parent_id": product["id"], "name": name})


def _priced(row: Mapping[str, Any]) -> RemoteVariant:
    return replace(reading.variant(row), price=Decimal(row["price"]) if row["price"] else None)


def _number(cursor: str) -> int:
    if cursor and not (cursor.isascii() and cursor.isdigit()):
        raise RejectedError("The place in the catalog is not known. Read it again from its beginning.")
    return int(cursor or 1)
