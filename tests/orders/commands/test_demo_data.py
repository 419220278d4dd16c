"""The demo's shops sell what its sample orders ask for, and each platform has its order."""

from __future__ import annotations

import pytest

from connectors.practice import platforms
from orders.management import demo_data, demo_partner, sample_orders
from orders.management.commands import demo
from orders.management.demo_data import Shop
from tests.factories import NOON

SHOPS = {shop.slug: shop for shop in demo_data.SHOPS}


def destinations(shop: Shop, skus: list[str]) -> set[str]:
    """The platforms that lines with these SKUs go to, by the shop's rule."""
    second = shop.second
    return {second.platform if second and sku.startswith(second.prefix) else shop.platform for sku in skus}


def sold(shop: Shop) -> set[str]:
    """A supplier's article goes by the merchant's own SKU; a partner's is sold by the seller as well."""
    variants = [*shop.variants, *(shop.second.variants if shop.second else [])]
    if shop.slug == demo_partner.SELLER:
        variants += demo_data.PARTNER.variants
    return {variant["details"].get("your_sku", variant["sku"]) for variant in variants}


def skus(name: str) -> list[str]:
    return [line["sku"] for line in sample_orders.load(name)["lines"]]


def test_the_order_that_a_person_sends_first_is_none_of_the_samples():
    sent = {sample_orders.load(name)["external_id"] for name in sample_orders.names()}

    assert demo_data.order_to_place(at=NOON)["external_id"] not in sent


@pytest.mark.parametrize("name", sample_orders.names())
def test_a_sample_asks_for_what_its_merchant_sells(name: str):
    shop = SHOPS[sample_orders.load(name)["merchant"]]

    assert set(skus(name)) - sold(shop) == set()


def test_every_platform_gets_a_sample():
    reached = [destinations(SHOPS[sample_orders.load(name)["merchant"]], skus(name)) for name in sample_orders.names()]

    assert set().union(*reached) == set(platforms._PLATFORMS)


def test_a_partners_store_gets_a_sample():
    assert set(skus("partners_store")) == set(demo_partner.SHARED) == {v["sku"] for v in demo_data.PARTNER.variants}


@pytest.mark.parametrize(
    ("name", "platforms_reached"),
    [("split_over_two_stores", {"shopify", "woocommerce"}), ("store_and_supplier", {"shopify", "ssactivewear"})],
)
def test_a_split_sample_goes_to_two_destinations(name: str, platforms_reached: set[str]):
    shop = SHOPS[sample_orders.load(name)["merchant"]]

    assert destinations(shop, skus(name)) == platforms_reached


def test_the_last_sample_is_not_placed_in_the_future():
    assert demo.BETWEEN_SAMPLES * len(sample_orders.names()) < demo.OLDEST_SAMPLE
