"""Only a webhook that Squarespace signed for this very site gets in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.base import Account, InboundNotice
from connectors.errors import BadSignatureError
from connectors.squarespace import webhook
from connectors.squarespace.connector import SquarespaceConnector
from tests.connectors.squarespace.orders import ACCOUNT, SITE

SECRET = "c1f4a0" * 10
ORDER = "6a81716f0589b404e7529648"
GIVEN = {
    "id": "a3d5ba7e-2a4e-4f5c-8a8a-1f2e3d4c5b6a",
    "websiteId": SITE,
    "subscriptionId": "s-1",
    "topic": "order.update",
    "createdOn": "2026-11-23T12:00:00.123Z",
    "data": {"orderId": ORDER, "update": "FULFILLED"},
}
BODY = json.dumps(GIVEN).encode()


def parse(
    body: bytes = BODY, *, secret: str = SECRET, secrets=(SECRET,), signature: str | None = None, account=ACCOUNT
) -> InboundNotice:
    headers = {"Squarespace-Signature": webhook.sign(body, secret) if signature is None else signature}
    return SquarespaceConnector.parse_webhook(headers=headers, body=body, secrets=secrets, account=account)


def notice(**fields) -> InboundNotice:
    return parse(json.dumps({**GIVEN, **fields}).encode())


def test_a_signed_webhook_is_a_notice():
    assert parse() == InboundNotice(
        event_id="a3d5ba7e-2a4e-4f5c-8a8a-1f2e3d4c5b6a",
        topic="order.update",
        remote_order_id=ORDER,
        occurred_at=datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC),
    )


def test_the_signature_is_the_one_of_an_independent_calculation():
    # printf '{}' | openssl dgst -sha256 -mac hmac -macopt hexkey:00ff
    assert webhook.sign(b"{}", "00ff") == "e170d2ea0c0d1506b1379cdcf2b6583c27c6b96495149a4815776b7f273bedf4"


def test_the_header_may_be_written_in_any_case():
    headers = {"squarespace-SIGNATURE": webhook.sign(BODY, SECRET)}

    assert webhook.parse(headers=headers, body=BODY, secrets=[SECRET], account=ACCOUNT).remote_order_id == ORDER


@pytest.mark.parametrize("secret", ["aa" * 30, "bb" * 30])
def test_either_secret_fits_while_one_is_rotated(secret):
    assert parse(secret=secret, secrets=["aa" * 30, "bb" * 30]).event_id


SIGNATURE = webhook.sign(BODY, SECRET)
FORGED = {
    "none": "",
    "first letter": ("0" if SIGNATURE[0] != "0" else "1") + SIGNATURE[1:],
    "last letter": SIGNATURE[:-1] + ("0" if SIGNATURE[-1] != "0" else "1"),
    "twice": SIGNATURE * 2,
    "white space": f" {SIGNATURE}",
    "upper case": SIGNATURE.upper(),
    "not ascii": "é" * 64,
    "lone surrogate": "\udcff" * 64,
    "other secret": webhook.sign(BODY, "00"),
    "of another body": webhook.sign(BODY + b" ", SECRET),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_signature_that_is_off_is_refused(name):
    with pytest.raises(BadSignatureError, match="signature"):
        parse(signature=FORGED[name])


def test_the_undecoded_secret_is_not_the_key():
    import hashlib
    import hmac

    signature = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()

    with pytest.raises(BadSignatureError):
        parse(signature=signature)


@pytest.mark.parametrize("secrets", [[], [""], ["no hex"], ["  "]])
def test_without_a_usable_secret_nothing_gets_in(secrets):
    with pytest.raises(BadSignatureError, match="signature"):
        parse(secrets=secrets)


@pytest.mark.parametrize("site", ["", None, "5863f6faf7e0abc3cf95ce3b", [SITE]])
def test_another_sites_webhook_is_refused(site):
    with pytest.raises(BadSignatureError, match="another site"):
        notice(websiteId=site)


def test_an_account_without_a_site_takes_no_webhook():
    account = replace(ACCOUNT, remote_id="")

    with pytest.raises(BadSignatureError):
        parse(json.dumps({**GIVEN, "websiteId": ""}).encode(), account=account)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"7", b'"text"', b"{", b"\x00", '{"id": 1}'.encode("utf-16"), b"[" * 100_000]
)
def test_a_signed_body_that_is_no_json_object_is_refused(body):
    with pytest.raises(BadSignatureError, match="JSON object"):
        parse(body)


@pytest.mark.parametrize(
    "fields",
    [{"id": ""}, {"id": None}, {"id": 7}, {"id": "x" * 201}, {"id": "a\x00b"}, {"topic": ""}, {"topic": "x" * 81}],
)
def test_a_webhook_without_a_usable_id_or_topic_is_refused(fields):
    with pytest.raises(BadSignatureError, match="id or topic"):
        notice(**fields)


@pytest.mark.parametrize(
    "data", [None, [], {}, {"orderId": None}, {"orderId": 7}, {"orderId": "../x"}, {"contactId": "1"}]
)
def test_what_names_no_order_is_about_none(data):
    assert notice(data=data).remote_order_id == ""


def test_an_uninstalled_extension_has_the_name_that_all_platforms_give_it():
    assert notice(topic="extension.uninstall", data={}).topic == "app/uninstalled"


@pytest.mark.parametrize("value", ["", None, 7, "yesterday", "2026-11-23T12:00:00"])
def test_a_time_that_makes_no_sense_is_none(value):
    assert notice(createdOn=value).occurred_at is None


def test_the_account_may_be_one_that_knows_nothing_else():
    account = Account(base_url="", credentials={}, remote_id=SITE)

    assert parse(account=account).remote_order_id == ORDER
