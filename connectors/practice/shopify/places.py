"""The places of a shop. A product lies at one of them, and each place sends what lies there by a fulfillment order of its own.

The numbers of the first place's are the shop's and the order's own; those of the others have the place behind.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphql import GraphQLError

from connectors.practice.models import PracticeLine, PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.shopify.search import number_of

FIRST = "Warehouse"
_MOST = 1000


def names(shop: PracticeShop) -> list[str]:
    return shop.settings.get("locations") or [FIRST]


def put(shop: PracticeShop, variant: PracticeVariant, name: str) -> None:
    """Have a product lie at the place of this name, which is opened when the shop has none of it. Inside a transaction."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop.pk)
    known = names(shop)
    if name not in known:
        known = [*known, name]
        shop.settings["locations"] = known
        shop.save(update_fields=["settings"])
    variant.details = {**variant.details, "location": known.index(name)}
    variant.save(update_fields=["details"])


def location_number(shop: PracticeShop, place: int) -> int:
    return shop.pk * _MOST + place if place else shop.pk


def name_of(shop: PracticeShop, gid: str | None) -> str | None:
    """What the location is called; None for one that the shop has not."""
    known = {location_number(shop, place): name for place, name in enumerate(names(shop))}
    number = number_of(gid, "Location") if gid is not None else None
    return known.get(number) if number is not None else None


def by_place(order: PracticeOrder, lines: Iterable[PracticeLine]) -> dict[int, list[PracticeLine]]:
    """The order's lines by the place that sends them, the oldest first; the first place when there are none."""
    found: dict[int, list[PracticeLine]] = {}
    for line in sorted(lines, key=lambda line: line.pk):
        found.setdefault(of_line(line), []).append(line)
    return dict(sorted(found.items())) or {0: []}


def of_line(line: PracticeLine) -> int:
    return int(line.variant.details.get("location", 0)) if line.variant else 0


def fulfillment_order_number(order: PracticeOrder, place: int) -> int:
    return order.pk if len(names(order.shop)) == 1 else order.pk * _MOST + place


def order_and_place(shop: PracticeShop, gid: str) -> tuple[int, int]:
    """Raises for what is no fulfillment order's id."""
    number = number_of(gid, "FulfillmentOrder")
    if number is None:
        raise GraphQLError("invalid id", extensions={"code": "RESOURCE_NOT_FOUND"})
    return (number, 0) if len(names(shop)) == 1 else divmod(number, _MOST)
