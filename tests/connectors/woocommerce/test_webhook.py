"""A webhook is believed when this connection's store signed it, and says no more than which order to read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.errors import BadSignatureError
from connectors.woocommerce import webhook
from tests.connectors.woocommerce.orders import ACCOUNT
from tests.connectors.woocommerce.store import connector, stored

SECRET = "5ec7e7"
SOURCE = "https://www.kauri.example.com/shop/"


def raw(**fields) -> bytes:
    return json.dumps({**stored(), **fields}).encode()


def parse(body=None, *, secrets=(SECRET,), signed_with=SECRET, account=ACCOUNT, **changed):
    body = raw() if body is None else body
    headers = {
        "X-WC-Webhook-Source": SOURCE,
        "X-WC-Webhook-Topic": "order.updated",
        "X-WC-Webhook-Signature": webhook.sign(body, signed_with),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return connector().parse_webhook(headers=headers, body=body, secrets=secrets, account=account)


def test_a_signed_webhook_names_the_order():
    notice = parse()

    assert (notice.topic, notice.remote_order_id, notice.reference) == ("order.updated", "7", "SW-1")
    assert notice.occurred_at == datetime(2026, 11, 23, 13, tzinfo=UTC)


def test_the_signature_is_woocommerces():
    """base64(HMAC-SHA256(secret, raw body)), worked out by hand for this body."""
    assert webhook.sign(b'{"id":90}', "secret") == "MGlJTE5t1/C3L402WzOcu1tyLdBbvXGY3mj/SA0VxH0="


def test_an_older_secret_still_counts():
    assert parse(secrets=("new", SECRET)).remote_order_id == "7"


def test_a_repeat_has_the_same_id_and_another_state_another():
    """WooCommerce's own delivery id is shared by all deliveries of one second."""
    same = {"X_WC_Webhook_Delivery_ID": "one second"}

    assert parse(**same).event_id == parse(**same).event_id
    assert parse(**same).event_id != parse(raw(status="completed"), **same).event_id


@pytest.mark.parametrize(
    "forged",
    [
        {"signed_with": "other"},
        {"secrets": ()},
        {"secrets": ("",), "signed_with": ""},
        {"X_WC_Webhook_Signature": ""},
        {"X_WC_Webhook_Signature": "ü"},
        {"X_WC_Webhook_Source": "https://staging.kauri.example.com/"},
        {"X_WC_Webhook_Source": ""},
        {"X_WC_Webhook_Source": "https://["},
        {"X_WC_Webhook_Topic": "product.updated"},
        {"body": b"[1]"},
        {"body": b"not json"},
        {"body": b"\xff\xfe"},
        {"body": b"[" * 100_000},
    ],
)
def test_what_is_not_from_this_store_is_refused(forged):
    with pytest.raises(BadSignatureError):
        parse(forged.pop("body", None), **forged)


def test_the_unsigned_greeting_is_let_pass_and_forgotten():
    assert connector().parse_webhook(headers={}, body=b"webhook_id=3", secrets=(SECRET,), account=ACCOUNT) is None


@pytest.mark.parametrize("body", [b"webhook_id=3&x=1", b"webhook_id=", b'{"id":7}', b""])
def test_nothing_else_passes_unsigned(body):
    with pytest.raises(BadSignatureError):
        connector().parse_webhook(headers={}, body=body, secrets=(SECRET,), account=ACCOUNT)


def test_an_order_that_was_deleted_is_named_by_its_id_alone():
    notice = parse(b'{"id":90}', X_WC_Webhook_Topic="order.deleted")

    assert (notice.topic, notice.remote_order_id, notice.occurred_at) == ("order.deleted", "90", None)


def test_an_order_that_was_gone_before_its_webhook_left_is_about_none():
    assert parse(b'{"code":"woocommerce_rest_shop_order_invalid_id"}').remote_order_id == ""


@pytest.mark.parametrize("meta", [None, "x", [None], [{"key": "storeward_reference", "value": ["x"]}]])
def test_odd_meta_data_has_no_reference(meta):
    assert parse(raw(meta_data=meta)).reference == ""


@pytest.mark.parametrize("changed", [None, 7, "yesterday", "2026-02-31T00:00:00"])
def test_an_odd_time_is_left_out(changed):
    assert parse(raw(date_modified_gmt=changed)).occurred_at is None
