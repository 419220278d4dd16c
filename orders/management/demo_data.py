"""What the demo shows: merchants, practice stores, keys, and orders in every state."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.models import Marketplace, Membership, Merchant, Role, User
from accounts.services import api_keys, merchants
from connectors.base import Entry, ShopInfo
from connectors.errors import ServerKeyError
from connectors.models import Connection
from connectors.practice import dials, platforms
from connectors.practice import services as practice
from connectors.practice.carriers.endpoint import open_carrier
from connectors.practice.models import PracticeShop
from connectors.practice.woocommerce import taxes
from connectors.registry import connector_class, form_of
from connectors.services import connections, suppliers
from connectors.services import practice as practice_choices
from orders.enums import RuleKind
from orders.management import demo_partner, sample_orders
from orders.management.journey import Portal
from orders.services import routing_rules

OWNER, VIEWER = "ana@kauri.example", "vic@kauri.example"
BY = "demo"


@dataclass(frozen=True)
class Second:
    """A merchant's other destination. A rule sends it the lines whose SKU begins with `prefix`."""

    slug: str
    platform: str
    prefix: str
    variants: list[dict[str, Any]]


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
    platform: str = "shopify"
    settings: dict[str, Any] = field(default_factory=dict)  # the practice platform's own, in place of its defaults
    second: Second | None = None


def _variant(sku: str, title: str, price: str, stock: int = 200, **details: Any) -> dict[str, Any]:
    return {"sku": sku, "title": title, "price": price, "stock": stock, "details": details}


def _rate(number: int, name: str, percent: str, *, state: str = "") -> dict[str, Any]:
    """A Canadian tax of a WooCommerce store. Each has its own priority: both are charged."""
    return {
        **taxes.GST,
        "id": number,
        "country": "CA",
        "state": state,
        "rate": percent,
        "name": name,
        "priority": number,
    }


_TILES = [_variant(f"TILE-{n:02d}", f"Glazed tile, color {n}", "9.90", 500) for n in range(1, 61)]

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
        second=Second(
            "kauri-and-clay-linen", "woocommerce", "LINEN-",
            [_variant("LINEN-THROW", "Linen throw", "189.00"), _variant("LINEN-CUSHION", "Linen cushion", "54.50")],
        ),
    ),
    Shop(
        "desert-loom", "Desert Loom", "USD", "US", "America/Chicago", False,
        [
            _variant("RUG-WOOL-8X10", "Wool rug 8 x 10", "1199.99"),
            _variant("PAD-FELT-8X10", "Felt rug pad", "89.95"),
            _variant("CARE-KIT", "Rug care kit", "19.99"),
        ],
        second=Second(
            "desert-loom-tees", "ssactivewear", "TEE-",
            [_variant("B00760004", "Gildan 2000, sand, M", "4.25", warehouses={"IL": 900, "KS": 600}, your_sku="TEE-SAND-M")],
        ),
    ),
    Shop(
        "kura-lighting", "Kura Lighting", "JPY", "JP", "Asia/Tokyo", True,
        [_variant("LAMP-WASHI-30", "和紙ランプ 30cm", "12800"), _variant("CORD-3M", "コード 3m", "1980")],
    ),
    Shop(
        "gulf-marble", "Gulf Marble", "KWD", "KW", "Asia/Kuwait", False,
        [
            _variant("TILE-CARRARA-60", "Carrara tile 60 x 60", "7.125", 5000),
            _variant("SEAL-STONE", "Stone sealer 1 l", "12.375"),
        ],
    ),
    Shop(
        "salish-cedar", "Salish Cedar", "CAD", "CA", "America/Vancouver", False,
        [_variant("BENCH-CEDAR", "Cedar bench", "389.00"), _variant("PLANTER-CEDAR", "Cedar planter", "64.45")],
        platform="woocommerce",
        settings={
            "base": {"country": "CA", "state": "BC", "postcode": "V6B 1A1", "city": "Vancouver"},
            "rates": [_rate(1, "GST", "5.0000"), _rate(2, "PST", "7.0000", state="BC")],
        },
        second=Second(
            "salish-cedar-mill", "filedrop", "MILL-", [_variant("MILL-SHINGLE", "Cedar shingles, bundle", "31.00")]
        ),
    ),
    Shop(
        "fell-and-fern", "Fell & Fern", "GBP", "GB", "Europe/London", True,
        [_variant("JUG-STONEWARE", "Stoneware jug", "48.00"), _variant("MUG-STONEWARE", "Stoneware mug", "16.50")],
        platform="squarespace",
        second=Second(
            "fell-and-fern-kiln", "filedrop_sftp", "KILN-", [_variant("KILN-TILE", "Kiln-fired tile, box of 12", "24.00")]
        ),
    ),
    Shop(
        "thistle-looms", "Thistle Looms", "GBP", "GB", "Europe/London", True,
        [_variant("RUG-THISTLE", "Thistle rug", "150.00"), _variant("THROW-THISTLE", "Thistle throw", "38.00")],
    ),
)  # fmt: skip
PARTNER = SHOPS[-1]  # sells through demo_partner.SELLER


# Connected to nobody: for whoever tries the connect pages, as a destination or as a channel.
SPARE = Shop(
    "kauri-outlet", "Kauri Outlet", "NZD", "NZ", "Pacific/Auckland", True,
    [
        _variant("VASE-CLAY-S", "Clay vase, small", "49.00"),
        _variant("STOOL-OAK", "Oak stool", "199.00"),
        _variant("STOOL-OAK-2ND", "Oak stool, second choice", "149.00"),
    ],
)  # fmt: skip


def make_people(*, at: datetime) -> tuple[str, Portal]:
    """Merchants with one owner, a marketplace and API keys: the owner's password, and the portal as callers see it."""
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
        _, keys[shop.slug] = api_keys.issue(
            name="demo", can_write=True, expires_at=None, merchant=merchant, by=BY, at=at
        )
    viewer = User.objects.create_user(VIEWER, password, first_name="Vic")
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    Membership.objects.create(user=viewer, merchant=Merchant.objects.get(slug="kauri-and-clay"), role=Role.VIEWER)
    _, key = api_keys.issue(name="ArchiPro", can_write=True, expires_at=None, marketplace=marketplace, by=BY, at=at)
    return password, Portal(settings.BASE_URL, key, keys)


def open_shops(*, at: datetime) -> list[Connection]:
    """Practice stores with their products, each connected as a merchant would connect it. The web server must run."""
    made = []
    for shop in SHOPS:
        _open_carrier(Merchant.objects.get(slug=shop.slug))
        made.append(_join(shop, Merchant.objects.get(slug=shop.slug), at=at))
        if shop.second:
            made.append(_join_second(shop, shop.second, made[-1].merchant, at=at))
    made.append(demo_partner.join(Connection.objects.get(merchant__slug=PARTNER.slug), at=at))
    _open_mill(SHOPS[0])
    return made


def open_spare() -> PracticeShop:
    """A practice store for the connect pages."""
    return _open(SPARE)


def order_to_place(*, at: datetime) -> dict[str, Any]:
    """A body that no sample has used: the first one that a person sends."""
    return sample_orders.load("nzd_gst_inside", at=at, suffix="-CURL")


def _open_mill(shop: Shop) -> None:
    """A supplier by SFTP, for a merchant to connect: a person compares its server's key."""
    practice.open_shop(
        slug="kauri-mill",
        name="Kauri Mill",
        currency=shop.currency,
        taxes_included=False,
        variants=shop.variants[:5],
        platform="filedrop_sftp",
    )


def _open_carrier(merchant: Merchant) -> None:
    """An account at a practice UPS, for the merchant to connect under Settings, Carriers."""
    open_carrier(
        slug=f"ups-{merchant.slug}"[:60],
        name=f"{merchant.name} UPS",
        country_code=merchant.country_code,
        time_zone=merchant.time_zone,
    )


def _join_second(shop: Shop, second: Second, merchant: Merchant, *, at: datetime) -> Connection:
    other = replace(shop, slug=second.slug, platform=second.platform, variants=second.variants, settings={})
    connection = _join(other, merchant, at=at)
    if connector_class(second.platform).capabilities.desk:  # the one choice that such a supplier cannot do without
        suppliers.save(connection_id=connection.pk, shipping_method="Courier", step="sync", by=BY, at=at)
    rule = routing_rules.NewRule(RuleKind.SKU_PREFIX, "", second.prefix, connection.pk)
    routing_rules.add(merchant_id=merchant.pk, rule=rule, by=BY, at=at)
    return connection


def _join(shop: Shop, merchant: Merchant, *, at: datetime) -> Connection:
    connection = _connect(_open(shop), merchant, at=at)
    connections.register_webhooks(connection_id=connection.pk, at=at)
    return connection


def _open(shop: Shop) -> PracticeShop:
    there = practice.open_shop(
        slug=shop.slug,
        name=f"{shop.name} {platforms.named(shop.platform).label}",
        currency=shop.currency,
        taxes_included=shop.taxes_included,
        variants=shop.variants,
        platform=shop.platform,
    )
    there.settings = {**there.settings, **shop.settings}
    there.save(update_fields=["settings"])
    return there


def _connect(shop: PracticeShop, merchant: Merchant, *, at: datetime) -> Connection:
    """As a person does who copies the store's address and keys into the connect form."""
    typed = practice_choices.completed({"practice": shop.slug}, shop.platform)
    entry = form_of(shop.platform).read(typed, base_url=practice_choices.typed(typed["base_url"]))
    entry, answered = _confirmed(shop.platform, entry)
    return connections.connect(
        merchant_id=merchant.pk,
        platform=shop.platform,
        name=shop.name,
        base_url=entry.base_url,
        credentials=entry.credentials,
        webhook_secrets=entry.webhook_secrets,
        shop=answered,
        by=BY,
        at=at,
    )


def _confirmed(platform: str, entry: Entry) -> tuple[Entry, ShopInfo]:
    """Who answers there; the key of a server that shows one is confirmed, as a person does who has compared it."""
    try:
        return entry, connections.ask(platform=platform, base_url=entry.base_url, credentials=entry.credentials)
    except ServerKeyError as error:
        known = replace(entry, credentials={**entry.credentials, "server_key": error.shown})
        return known, connections.ask(platform=platform, base_url=known.base_url, credentials=known.credentials)


def show_every_state(portal: Portal, *, at: datetime) -> None:
    """Orders of Kauri & Clay for a first look: some to decide, and one of each kind of trouble."""

    def body(name: str, suffix: str, *, hours_ago: float) -> dict[str, Any]:
        return sample_orders.load(name, at=at - timedelta(hours=hours_ago), suffix=suffix)

    for hours, name in enumerate(("nzd_gst_inside", "click_and_collect", "order_discount", "non_latin_names"), start=1):
        portal.place(body(name, "-B", hours_ago=hours))
    unlinked = body("non_latin_names", "-C", hours_ago=5)
    unlinked["lines"][0]["sku"] = "BOWL-TOTARA"
    portal.place(unlinked)
    draft = body("two_parcels", "-D", hours_ago=6)
    draft["shipping_address"]["postcode"] = ""
    portal.place(draft)
    declined = portal.place(body("order_discount", "-E", hours_ago=8))
    portal.act(declined, "decline", reason="The bowl cracked in the kiln.")
    refused = body("nzd_gst_inside", "-F", hours_ago=20)
    refused["payment"]["reference"] = refused["payment"]["reference"].replace("_ok_", "_declined_")
    _confirm(portal, refused)
    waiting = _confirm(portal, body("two_parcels", "-G", hours_ago=26))
    portal.until(waiting, "created", lambda found: found["pushes"][0]["status"] == "pushed")
    # the store makes the order and does not answer: it is looked for and found about a minute later
    dials.turn(PracticeShop.objects.get(slug=SHOPS[0].slug).pk, "hang", left=1, seconds=35)
    _confirm(portal, body("click_and_collect", "-H", hours_ago=27))


def _confirm(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """Place an order and confirm it as soon as the store has said that it will take it."""
    order = portal.place(body)
    portal.until(order, "preflight", lambda found: found["pushes"][0]["checked_at"] is not None)
    return portal.act(order, "confirm")
