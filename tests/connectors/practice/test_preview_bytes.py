"""What a preview shows is what leaves, byte by byte: the whole way from a placed order to a practice store."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors import http
from connectors.base import Account, PreviewCall
from connectors.http import HttpClient
from connectors.models import ProductLink
from connectors.practice.models import PracticeOrder
from connectors.shopify.connector import ShopifyConnector
from orders import outbox
from orders.enums import PushStatus
from orders.models import Order, OrderPush
from orders.services import decisions, outbound
from orders.world import World
from tests.connectors.practice.shop import make_shop, variant_id
from tests.factories import make_connection, make_order
from tests.fakes import FakeClock
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)

LINES = [
    {"sku": "STOOL", "title": "Eiche „Hocker“ 椅子", "unit_price": "50.00", "taxes": []},
    {"sku": "LAMP", "title": "Lamp", "unit_price": "15.00", "quantity": 2},
]


@pytest.fixture
def wired(live_server):
    """A driver whose HTTP client writes down every request that it forms to send."""
    shop = make_shop()
    account = Account(
        base_url=f"{live_server.url}/practice/shopify/{shop.slug}",
        credentials={"access_token": shop.access_token},
        currency="NZD",
        shop_domain=shop.domain,
    )
    with closing(Recorder(allow_loopback=True, deadline_s=30)) as client:
        yield shop, ShopifyConnector(account, client), client
    let_go()


class Recorder(HttpClient):
    """Keeps what goes on the wire, below everything that forms a request."""

    def __init__(self, **limits) -> None:
        super().__init__(**limits)
        self.sent: list[http.requests.PreparedRequest] = []

    def _exchange(self, prepared, trace, explained):
        self.sent.append(prepared)
        return super()._exchange(prepared, trace, explained)


def make_due(shop, **fields) -> OrderPush:
    """An order of two lines, bound for the practice store, its links saved."""
    connection = make_connection(name="Kauri", settings={"email_policy": "customer"})
    for sku in ("STOOL", "LAMP"):
        ProductLink.objects.create(
            connection=connection, sku=sku, variant_id=variant_id(shop, sku), source="sku", checked_at=timezone.now()
        )
    fields = {"lines": LINES, "customer_note": "Bitte läuten 鐘", "discount": "1.50", "shipping": 7, **fields}
    at = timezone.now()
    return make_order(
        connection.merchant, connections=[connection], placed_at=at, received_at=at, **fields
    ).pushes.get()


def same(preview: PreviewCall, sent) -> bool:
    path = sent.url.partition("/practice/")[2]
    return (preview.method, preview.path.partition("/practice/")[2], preview.body) == (sent.method, path, sent.body)


def operation(body: bytes) -> str:
    return json.loads(body)["operationName"]


def test_the_bytes_previewed_are_the_bytes_sent(wired):
    shop, driver, client = wired
    order = outbound.build(make_due(shop))
    (preview,) = driver.calls_for(order)
    assert client.sent == []

    driver.create(order)

    (sent,) = client.sent
    assert same(preview, sent)
    assert PracticeOrder.objects.count() == 1


def test_headers_are_the_same_but_for_the_key(wired):
    shop, driver, client = wired
    order = outbound.build(make_due(shop))
    (preview,) = driver.calls_for(order)

    driver.create(order)

    sent = dict(client.sent[0].headers)
    assert sent.pop("X-Shopify-Access-Token") == shop.access_token
    assert dict(preview.headers) == {**sent, "X-Shopify-Access-Token": http.HIDDEN}


def test_a_worker_sends_what_was_previewed_and_the_store_holds_the_same_total(wired):
    shop, driver, client = wired
    push = make_due(shop)
    world = World(clock=FakeClock(timezone.now()), connector_for=lambda _: driver, gateway_for=World.real().gateway_for)
    Order.objects.update(confirm_by=timezone.now() + timedelta(days=5))
    decisions.confirm(order_id=push.order_id, by="ana", at=world.now())
    (capture,) = outbox.claim(at=world.now())
    outbox.carry_out(capture, world)
    (preview,) = driver.calls_for(outbound.build(OrderPush.objects.get()))

    outbox.drain(at=world.now(), world=world)

    (created,) = [sent for sent in client.sent if operation(sent.body) == operation(preview.body)]
    push.refresh_from_db()
    assert same(preview, created)
    assert push.status == PushStatus.PUSHED
    assert push.remote_total == push.total
