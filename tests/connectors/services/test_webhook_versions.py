"""The API version that webhooks are written in: another than ours is taken, logged, and told on the health card."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.models import Connection, InboundEvent
from connectors.services import health
from connectors.shopify import webhook
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db
BODY = b'{"id":1,"order_id":820982911946154508}'


def make_shop() -> Connection:
    return make_connection(
        platform="shopify", base_url="https://kauri.myshopify.com", shop_domain="kauri.myshopify.com",
        webhook_secret={"secrets": ["hush"]}, last_success_at=NOON,
    )  # fmt: skip


def tell(connection: Connection, version: str | None, number: int = 1) -> int:
    headers = {
        "X-Shopify-Topic": "fulfillments/create",
        "X-Shopify-Shop-Domain": "kauri.myshopify.com",
        "X-Shopify-Hmac-Sha256": webhook.sign(BODY, "hush"),
        "X-Shopify-Webhook-Id": f"id-{number}",
        **({} if version is None else {"X-Shopify-API-Version": version}),
    }
    url = f"/webhooks/shopify/{connection.public_id}/"
    return Client().post(url, BODY, content_type="application/json", headers=headers).status_code


def test_webhooks_of_another_version_are_taken_and_told(caplog):
    connection = make_shop()

    assert tell(connection, "2026-07") == 200

    connection.refresh_from_db()
    found = health.of(connection, at=NOON)
    assert (found.tone, found.headline) == ("warn", "Webhooks of another version")
    assert found.detail.startswith("Shopify sends webhooks of version 2026-07; Storeward reads 2026-10.")
    assert ("Webhook version", "warn") in [
        (fact.label, fact.tone) for fact in health.facts(connection, at=timezone.now())
    ]
    assert InboundEvent.objects.count() == 1
    (record,) = [each for each in caplog.records if each.message == "webhook of another api version"]
    assert (record.told, record.expected) == ("2026-07", "2026-10")


@pytest.mark.parametrize("version", ["2026-10", None, "no version's name"])
def test_ours_and_none_are_no_news(version):
    connection = make_shop()

    assert tell(connection, version) == 200

    connection.refresh_from_db()
    assert (connection.webhook_version, health.of(connection, at=NOON).headline) == ("", "Connected")


def test_the_warning_ends_with_the_first_webhook_of_our_version():
    connection = make_shop()
    tell(connection, "2026-07")

    tell(connection, "2026-10", number=2)

    connection.refresh_from_db()
    assert connection.webhook_version == ""


def test_a_burst_writes_the_version_once():

    connection = make_shop()
    tell(connection, "2026-07")

    with CaptureQueriesContext(database) as asked:
        tell(connection, "2026-07", number=2)

    assert not [query for query in asked.captured_queries if "UPDATE" in query["sql"] and "connection" in query["sql"]]
