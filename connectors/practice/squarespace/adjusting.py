"""Adjustments of the inventory: all of them or none, once per idempotency key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from connectors.practice.models import PracticeShop, PracticeVariant
from connectors.practice.squarespace import ids
from connectors.practice.squarespace.answers import MISSING, Refused

UNITS_MAX = 1_000_000_000
_BY = {"incrementOperations": 1, "decrementOperations": -1}
_KEYS_KEPT = 200


@transaction.atomic
def adjust(shop_id: int, body: Mapping[str, Any], *, key: str) -> None:
    """The same key and body again does nothing more. Raises Refused."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    done: dict[str, str] = shop.settings.get("adjustments", {})
    if key in done:
        if done[key] != digest:
            raise Refused("This Idempotency-Key was used with other parameters.")
        return
    changes = [(sign, one) for name, sign in _BY.items() for one in _operations(body, name)]
    if not changes:
        raise Refused("At least one operation is required.", subtype=MISSING)
    for sign, operation in changes:
        _change(shop, sign, operation)
    shop.settings["adjustments"] = dict([*done.items(), (key, digest)][-_KEYS_KEPT:])
    shop.save(update_fields=["settings"])


def _operations(body: Mapping[str, Any], name: str) -> list[Any]:
    given = body.get(name) or []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Refused(f"'{name}' must be a list of objects.")
    return given


def _change(shop: PracticeShop, sign: int, operation: Mapping[str, Any]) -> None:
    units = operation.get("quantity")
    if type(units) is not int or not 1 <= units <= UNITS_MAX:
        raise Refused(f"'quantity' must be between 1 and {UNITS_MAX}.")
    row = _variant(shop, str(operation.get("variantId")))
    if not row.is_tracked:
        raise Refused("The quantity of an unlimited variant cannot be adjusted.")
    if row.stock + sign * units < 0:
        raise Refused(f"Insufficient stock for variant {ids.of_variant(row)}.")
    shop.variants.filter(pk=row.pk).update(stock=F("stock") + sign * units)


def _variant(shop: PracticeShop, variant_id: str) -> PracticeVariant:
    row = shop.variants.filter(pk=ids.variant_pk(variant_id)).first()
    if row is None:
        raise Refused("One or more requested inventory items were not found.", subtype=None, status=404)
    return row
