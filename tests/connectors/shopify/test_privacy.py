"""Shopify's privacy webhooks: signed, about one shop, and taken over as ids alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.errors import BadSignatureError
from connectors.shopify import privacy, webhook

REDACT = {
    "shop_id": 1,
    "shop_domain": "kauri.myshopify.com",
    "customer": {"id": 191167, "email": "harriet@example.com", "phone": "555-625-1199"},
    "orders_to_redact": [299938, "280263", "x", None, True, -1, 299938],
}


def parse(payload: object, *, topic: str = "customers/redact", secret: str = "hush", **headers):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    given = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": "kauri.myshopify.com",
        "X-Shopify-Webhook-Id": "w-1",
        "X-Shopify-Hmac-Sha256": webhook.sign(body, secret),
        **headers,
    }
    return privacy.parse(headers=given, body=body, secrets=["hush", "older"])


@pytest.mark.parametrize("secret", ["hush", "older"])
def test_a_request_is_read_as_ids(secret):
    notice = parse(REDACT, secret=secret)

    assert (notice.event_id, notice.shop_domain, notice.remote_customer_id) == ("w-1", "kauri.myshopify.com", "191167")
    assert notice.remote_order_ids == ("gid://shopify/Order/299938", "gid://shopify/Order/280263")
    assert "harriet" not in repr(notice)


def test_a_data_request_has_a_number():
    asked = {"orders_requested": [7], "customer": {"id": 1}, "data_request": {"id": 9999}}

    notice = parse(asked, topic="customers/data_request")

    assert (notice.remote_id, notice.remote_order_ids) == ("9999", ("gid://shopify/Order/7",))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("2026-11-23T12:00:00.123456789Z", datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)),
        ("", None), ("yesterday", None), ("2026-11-23T12:00:00", None),
    ],
)  # fmt: skip
def test_when_it_was_triggered_is_read_from_its_header(said, read):
    assert parse(REDACT, **{"X-Shopify-Triggered-At": said}).triggered_at == read


@pytest.mark.parametrize("payload", [{}, {"orders_to_redact": "all", "customer": []}, {"orders_to_redact": None}])
def test_an_empty_request_names_no_order(payload):
    assert parse(payload).remote_order_ids == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "wrong"},
        {"topic": "orders/create"},
        {"payload": b"[1]"},
        {"payload": {"shop_domain": "other.myshopify.com"}},
        {"X-Shopify-Webhook-Id": ""},
        {"X-Shopify-Shop-Domain": ""},
        {"X-Shopify-Hmac-Sha256": "é"},
    ],
)
def test_what_shopify_did_not_sign_or_say_is_refused(wrong):
    with pytest.raises(BadSignatureError):
        parse(**{"payload": REDACT, **wrong})
