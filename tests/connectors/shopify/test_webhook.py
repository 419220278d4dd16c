"""Only a webhook that Shopify signed for this very shop gets in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.base import Account, InboundNotice
from connectors.errors import BadSignatureError
from connectors.shopify import webhook
from connectors.shopify.connector import ShopifyConnector
from tests.connectors.shopify.orders import ACCOUNT

BODY = b'{"id":1,"order_id":820982911946154508,"status":"success"}'
ORDER = "gid://shopify/Order/820982911946154508"


def headers(body: bytes = BODY, *, secret: str = "hush", **changed: str) -> dict[str, str]:
    given = {
        "X-Shopify-Topic": "fulfillments/create",
        "X-Shopify-Shop-Domain": "kauri.myshopify.com",
        "X-Shopify-Hmac-Sha256": webhook.sign(body, secret),
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Triggered-At": "2026-11-23T12:00:00.123456789Z",
    }
    return given | {f"X-Shopify-{name.replace('_', '-')}": value for name, value in changed.items()}


def parse(given: dict[str, str], body: bytes = BODY, *, secrets=("hush",), account: Account = ACCOUNT) -> InboundNotice:
    return ShopifyConnector.parse_webhook(headers=given, body=body, secrets=secrets, account=account)


def notice(topic: str, **payload) -> InboundNotice:
    body = json.dumps(payload).encode()
    return parse(headers(body, Topic=topic), body)


def test_a_signed_webhook_is_a_notice():
    assert parse(headers()) == InboundNotice(
        event_id="b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        topic="fulfillments/create",
        remote_order_id=ORDER,
        occurred_at=datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("given", "told"), [("2026-07", "2026-07"), ("unstable", "unstable"), ("2026\n07", ""), ("x" * 21, "")]
)
def test_the_version_that_it_is_written_in_is_told(given, told):
    assert parse(headers(API_Version=given)).api_version == told


def test_the_signature_is_the_one_of_an_independent_calculation():
    # printf '{}' | openssl dgst -sha256 -hmac hush -binary | base64
    assert webhook.sign(b"{}", "hush") == "UFwgrGBPZilFtmKh8TqcovA78LGYb1BdWu9I4Q2oyRg="


def test_header_names_may_be_written_in_any_case():
    assert parse({name.lower(): value for name, value in headers().items()}).remote_order_id == ORDER


@pytest.mark.parametrize("secret", ["new", "old"])
def test_either_secret_fits_while_one_is_rotated(secret):
    assert parse(headers(secret=secret), secrets=["new", "old"]).event_id


def test_the_shop_may_be_written_in_capitals():
    assert parse(headers(Shop_Domain="Kauri.MyShopify.com")).event_id


def test_without_a_shop_domain_the_host_of_the_address_counts():
    assert parse(headers(), account=replace(ACCOUNT, shop_domain="")).event_id


SIGNATURE = webhook.sign(BODY, "hush")
FORGED = {
    "no signature": headers() | {"X-Shopify-Hmac-Sha256": ""},
    "first letter": headers(Hmac_Sha256="A" + SIGNATURE[1:] if SIGNATURE[0] != "A" else "B" + SIGNATURE[1:]),
    "last letter": headers(Hmac_Sha256=SIGNATURE[:-2] + ("A=" if SIGNATURE[-2] != "A" else "B=")),
    "no padding": headers(Hmac_Sha256=SIGNATURE.rstrip("=")),
    "twice": headers(Hmac_Sha256=SIGNATURE * 2),
    "white space": headers(Hmac_Sha256=f" {SIGNATURE}"),
    "lower case": headers(Hmac_Sha256=SIGNATURE.lower()),
    "hex": headers(Hmac_Sha256="ab" * 32),
    "not ascii": headers(Hmac_Sha256="é" * 44),
    "lone surrogate": headers(Hmac_Sha256="\udcff" * 44),
    "other secret": headers(secret="hush2"),
    "empty secret": headers(secret=""),
    "of another body": headers(BODY + b" "),
    "other shop": headers(Shop_Domain="other.myshopify.com"),
    "shop with a suffix": headers(Shop_Domain="kauri.myshopify.com.evil.example"),
    "shop with a prefix": headers(Shop_Domain="xkauri.myshopify.com"),
    "no shop": headers(Shop_Domain=""),
    "no id": headers(Webhook_Id=""),
    "long id": headers(Webhook_Id="x" * 201),
    "id with NUL": headers(Webhook_Id="a\x00b"),
    "id with a line break": headers(Webhook_Id="a\nb"),
    "no topic": headers(Topic=""),
    "long topic": headers(Topic="x" * 81),
    "no headers": {},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_webhook_that_is_off_in_one_thing_is_refused(name):
    with pytest.raises(BadSignatureError):
        parse(FORGED[name])


@pytest.mark.parametrize(
    "body", [BODY[:-1], BODY + b"\n", BODY.replace(b"8", b"9", 1), b"", BODY.upper(), b"\xef\xbb\xbf" + BODY]
)
def test_a_body_changed_on_the_way_is_refused(body):
    with pytest.raises(BadSignatureError):
        parse(headers(), body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"{",
        b"\x00",
        '{"id": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_signed_body_that_is_no_json_object_is_refused(body):
    with pytest.raises(BadSignatureError):
        parse(headers(body), body)


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_gets_in(secrets):
    with pytest.raises(BadSignatureError):
        parse(headers(secret=""), secrets=secrets)


def test_an_account_without_address_takes_no_shop():
    with pytest.raises(BadSignatureError):
        parse(headers(Shop_Domain=""), account=Account(base_url="", credentials={}))


@pytest.mark.parametrize(
    ("topic", "payload", "order_id"),
    [
        ("orders/cancelled", {"id": 1, "admin_graphql_api_id": ORDER}, ORDER),
        ("orders/updated", {"id": 820982911946154508}, ORDER),
        ("orders/delete", {"id": 820982911946154508}, ORDER),
        ("orders/edited", {"order_edit": {"id": 9, "order_id": 820982911946154508}}, ORDER),
        (
            "fulfillments/update",
            {"id": 9, "admin_graphql_api_id": "gid://shopify/Fulfillment/9", "order_id": 7},
            "gid://shopify/Order/7",
        ),
        ("refunds/create", {"id": 9, "order_id": 7}, "gid://shopify/Order/7"),
        ("app/uninstalled", {"id": 548380009}, ""),
        ("orders/updated", {"id": 1, "admin_graphql_api_id": "gid://shopify/Customer/1"}, "gid://shopify/Order/1"),
        ("fulfillments/create", {"order_id": "7"}, ""),
        ("fulfillments/create", {"order_id": True}, ""),
        ("fulfillments/create", {"order_id": -1}, ""),
        ("fulfillments/create", {"order_id": {"$gt": 0}}, ""),
        ("fulfillments/create", {}, ""),
        ("orders/edited", {"order_edit": [1]}, ""),
    ],
)
def test_each_topic_names_its_order_in_its_own_way(topic, payload, order_id):
    assert notice(topic, **payload).remote_order_id == order_id


@pytest.mark.parametrize(
    ("identifier", "reference"),
    [("SW-1", "SW-1"), (None, ""), (7, ""), ("a\x00b", ""), ("x" * 121, ""), (["SW-1"], "")],
)
def test_an_order_payload_carries_our_reference_home(identifier, reference):
    assert notice("orders/updated", id=1, source_identifier=identifier).reference == reference


@pytest.mark.parametrize("value", ["", "yesterday", "2026-11-23T12:00:00"])
def test_a_time_that_makes_no_sense_is_none(value):
    assert parse(headers(Triggered_At=value)).occurred_at is None
