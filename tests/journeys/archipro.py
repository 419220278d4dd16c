"""A marketplace, a merchant, and its practice store on one of the three shop platforms, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant
from accounts.services import api_keys
from connectors.http import HttpClient
from connectors.models import Connection
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.registry import connector_class
from connectors.services import clients
from orders import outbox
from orders.management import sample_orders
from orders.models import Order
from orders.services import reconcile
from orders.world import World
from tests.connectors.practice.shop import make_shop as make_shopify
from tests.connectors.practice.squarespace.site import make_site as make_squarespace
from tests.connectors.practice.woocommerce.shop import make_shop as make_woocommerce
from tests.factories import make_marketplace, make_member, make_merchant
from tests.server import let_go

SHOPS = {"shopify": make_shopify, "woocommerce": make_woocommerce, "squarespace": make_squarespace}
EMAIL = "harriet@example.com"


@dataclass
class Journey:
    merchant: Merchant
    shop: PracticeShop
    connection: Connection
    page: Client  # the owner's browser
    key: str  # the marketplace's
    world: World

    def place(self, suffix: str = "", **fields: Any) -> Order:
        """An order over the marketplace's API, checked by the store."""
        response = self.post_order(suffix, **fields)
        assert response.status_code == 201, response.content
        self.work()
        return Order.objects.get(public_id=response.json()["id"])

    def post_order(self, suffix: str = "", **fields: Any) -> HttpResponse:
        body = json.dumps(body_of(self.merchant, suffix, **fields))
        headers = {"Authorization": f"Bearer {self.key}"}
        return Client().post("/api/v1/orders/", body, content_type="application/json", headers=headers)

    def work(self) -> None:
        """What workers do."""
        outbox.drain(world=self.world)

    def press(self, name: str, order: Order, **typed: Any) -> HttpResponse:
        """A button on the order's page, and what follows from it."""
        response = self.page.post(reverse(f"orders:{name}", args=[order.public_id]), typed, follow=True)
        assert response.status_code == 200, response.content
        self.work()
        order.refresh_from_db()
        return response

    def look(self, order: Order) -> str:
        return self.page.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    def poll(self, order: Order) -> None:
        """The store is asked what changed there, whether or not it told."""
        Connection.objects.update(polled_at=None)
        reconcile.poll_changes(world=self.world)
        self.work()
        order.refresh_from_db()

    @property
    def there(self) -> PracticeOrder:
        """The one order in the store."""
        return PracticeOrder.objects.get(shop=self.shop)


def begin(platform: str) -> Iterator[Journey]:
    """The merchant chose the practice store in the connect form."""
    merchant = make_merchant(name="Kauri & Clay", slug="kauri-and-clay", currency="NZD")
    page, shop = Client(), SHOPS[platform]()
    page.force_login(make_member(merchant, email="ana@kauri.example"))
    response = page.post(reverse("connectors:connect", args=[platform]), {"practice": shop.slug})
    assert response.status_code == 302, response.content
    marketplace = make_marketplace(name="ArchiPro", merchants=[merchant])
    issued = {"name": "tests", "can_write": True, "expires_at": None, "by": "tests", "at": timezone.now()}
    with closing(HttpClient(allow_loopback=True)) as http:
        world = replace(
            World.real(), connector_for=lambda row: connector_class(row.platform)(clients.account_of(row), http)
        )
        connection = Connection.objects.get()
        yield Journey(merchant, shop, connection, page, api_keys.issue(marketplace=marketplace, **issued)[1], world)
    let_go()


def choose(page: Client, connection: Connection, **chosen: str) -> None:
    """The order data settings of a connection as their page shows them, with changes; an empty one is off."""
    url = reverse("orders:order_data", args=[connection.public_id])
    form = page.get(url).context["form"]
    shown = {name: form[name].value() for name, field in form.fields.items() if not field.disabled}
    typed = {name: "on" if value is True else value for name, value in shown.items() if value not in (None, "", [])}
    tables = {f"{table}-{count}": "0" for table in ("taxes", "rules") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}
    response = page.post(url, {**typed, **tables, **chosen})
    assert response.status_code == 302, response.context["form"].errors


def body_of(merchant: Merchant, suffix: str, *, pickup: bool = False, quantity: int = 2) -> dict[str, Any]:
    """Stools at 50.00 with GST inside, and 7.00 for shipping them; or to pick up."""
    body = sample_orders.load("click_and_collect" if pickup else "nzd_gst_inside", at=timezone.now(), suffix=suffix)
    goods, freight = 50 * quantity, 0 if pickup else 7
    tax, freight_tax = _gst(goods), _gst(freight)
    body["merchant"] = merchant.slug
    body["customer"]["email"] = EMAIL
    body["lines"] = [
        {
            **body["lines"][0],
            "sku": "STOOL",
            "title": "Oak stool",
            "quantity": quantity,
            "unit_price": "50.00",
            "taxes": [{"title": "GST", "rate": "0.15", "amount": tax}],
            "requires_shipping": not pickup,
        }
    ]
    shipping = {"title": "Courier", "amount": f"{freight}.00"}
    if freight:
        shipping["taxes"] = [{"title": "GST", "rate": "0.15", "amount": freight_tax}]
    total = f"{goods + freight}.00"
    body |= {"subtotal": f"{goods}.00", "shipping": shipping, "discount": "0.00", "total": total}
    body["tax"] = f"{float(tax) + float(freight_tax):.2f}"
    body["payment"]["amount"] = total
    return body


def _gst(amount: int) -> str:
    return f"{amount * 3 / 23:.2f}"
