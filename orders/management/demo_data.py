"""What the demo shows: merchants, practice stores, keys, and orders in every state."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.models import Marketplace, Membership, Merchant, Role, User
from accounts.services import api_keys, merchants
from connectors.models import Connection
from connectors.practice import services as practice
from connectors.services import connections
from orders.management import sample_orders
from orders.management.journey import Portal

OWNER = "ana@kauri.example"
BY = "demo"

_TILES = [{"sku": f"TILE-{n:02d}", "title": f"Glazed tile, color {n}", "price": "9.90", "stock": 500} for n in range(1, 61)]


@dataclass(frozen=True)
class Shop:
    """A merchant and its practice store."""

    slug: str
    name: str
    currency: str
    country: str
    time_zone: str
    taxes_included: bool
    variants: list[dict[str, Any]]


def _variant(sku: str, title: str, price: str, stock: int = 200) -> dict[str, Any]:
    return {"sku": sku, "title": title, "price": price, "stock": stock}


SHOPS = (
    Shop(
        "kauri-and-clay", "Kauri & Clay", "NZD", "NZ", "Pacific/Auckland", True,
        [
            _variant("STOOL-OAK", "Oak stool", "249.00"),
            _variant("TABLE-RIMU", "Rimu side table", "612.05"),
            _variant("VASE-CLAY-L", "Clay vase, large", "129.50"),
            _variant("VASE-CLAY-S", "Clay vase, small", "59.00"),
            _variant("BOWL-RIMU", "Rimu bowl", "84.90"),
            *_TILES,
        ],
    ),
    Shop(
        "desert-loom", "Desert Loom", "USD", "US", "America/Chicago", False,
        [
            _variant("RUG-WOOL-8X10", "Wool rug 8 x 10", "1199.99"),
            _variant("PAD-FELT-8X10", "Felt rug pad", "89.95"),
            _variant("CARE-KIT", "Rug care kit", "19.99"),
        ],
    ),
    Shop(
        "kura-lighting", "Kura Lighting", "JPY", "JP", "Asia/Tokyo", True,
        [_variant("LAMP-WASHI-30", "和紙ランプ 30cm", "12800"), _variant("CORD-3M", "コード 3m", "1980")],
    ),
    Shop(
        "gulf-marble", "Gulf Marble", "KWD", "KW", "Asia/Kuwait", False,
        [_variant("TILE-CARRARA-60", "Carrara tile 60 x 60", "7.125", 5000), _variant("SEAL-STONE", "Stone sealer 1 l", "12.375")],
    ),
)  # fmt: skip


def make_people(*, at: datetime) -> tuple[str, Portal]:
    """Merchants with one owner, a marketplace and API keys. The owner's password, and the portal as its callers see it."""
    password = secrets.token_urlsafe(12)
    owner = User.objects.create_superuser(OWNER, password, first_name="Ana", last_name="Rewi")
    EmailAddress.objects.create(user=owner, email=OWNER, verified=True, primary=True)
    marketplace = Marketplace.objects.create(name="ArchiPro", slug="archipro", support_email="help@archipro.example")
    keys = {}
    for shop in SHOPS:
        merchant = merchants.create(
            name=shop.name, slug=shop.slug, owner=owner, by=BY, at=at,
            currency=shop.currency, country_code=shop.country, time_zone=shop.time_zone, alert_addresses=[OWNER],
        )  # fmt: skip
        marketplace.merchants.add(merchant)
        _, keys[shop.slug] = api_keys.issue(name="demo", can_write=True, expires_at=None, merchant=merchant, by=BY, at=at)
    viewer = User.objects.create_user("vic@kauri.example", password, first_name="Vic")
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    Membership.objects.create(user=viewer, merchant=Merchant.objects.get(slug="kauri-and-clay"), role=Role.VIEWER)
    _, key = api_keys.issue(name="ArchiPro", can_write=True, expires_at=None, marketplace=marketplace, by=BY, at=at)
    return password, Portal(settings.BASE_URL, key, keys)


def open_shops(*, at: datetime) -> list[Connection]:
    """Practice stores with their products, each connected as a merchant would connect it. The web server must run."""
    made = []
    for shop in SHOPS:
        there = practice.open_shop(
            slug=shop.slug,
            name=f"{shop.name} Shopify",
            currency=shop.currency,
            taxes_included=shop.taxes_included,
            variants=shop.variants,
        )
        base_url = f"{settings.BASE_URL}/practice/shopify/{shop.slug}"
        credentials = {"access_token": there.access_token}
        connection = connections.connect(
            merchant_id=Merchant.objects.get(slug=shop.slug).pk,
            platform="shopify",
            name=there.name,
            base_url=base_url,
            credentials=credentials,
            webhook_secrets=[there.webhook_secret],
            shop=connections.ask(platform="shopify", base_url=base_url, credentials=credentials),
            by=BY,
            at=at,
        )
        connections.register_webhooks(connection_id=connection.pk, at=at)
        made.append(connection)
    return made


def show_every_state(portal: Portal, *, at: datetime) -> None:
    """Orders for a first look: some to confirm, one of each kind of trouble, some on their way."""
    for suffix in ("-B", "-C"):
        for name in ("nzd_gst_inside", "click_and_collect", "order_discount"):
            portal.place(sample_orders.load(name, at=at, suffix=suffix))
    unlinked = sample_orders.load("non_latin_names", at=at, suffix="-D")
    unlinked["lines"][0]["sku"] = "BOWL-TOTARA"
    portal.place(unlinked)
    draft = sample_orders.load("two_parcels", at=at, suffix="-E")
    draft["shipping_address"]["postcode"] = ""
    portal.place(draft)
    declined = portal.place(sample_orders.load("order_discount", at=at, suffix="-F"))
    portal.act(declined, "decline", reason="The bowl cracked in the kiln.")
    broke = sample_orders.load("nzd_gst_inside", at=at, suffix="-G")
    broke["payment"]["reference"] = "sandbox_declined_AP-10482-G"
    _confirm_when_checked(portal, broke)
    for name in ("nzd_gst_inside", "two_parcels"):
        _confirm_when_checked(portal, sample_orders.load(name, at=at, suffix="-H"))


def _confirm_when_checked(portal: Portal, body: dict[str, Any]) -> None:
    order = portal.place(body)
    portal.until(order, "preflight", lambda found: found["pushes"][0]["checked_at"] is not None)
    portal.act(order, "confirm")
