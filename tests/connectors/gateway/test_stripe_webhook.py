"""Only an event that Stripe signed just now gets in."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import BadSignatureError
from connectors.gateway.base import PaymentNotice
from connectors.gateway.stripe import TOPICS, StripeGateway
from tests.connectors.gateway.stripe_events import SECRET, about, event, mac, sign
from tests.factories import NOON

OPERATIONS = Path(__file__).parents[3] / "docs/operations.md"
BODY = event()
GOOD = sign(BODY)
STAMP, V1 = GOOD.split(",")
T = STAMP.removeprefix("t=")
SHA1 = "v0=" + "6" * 64


@pytest.fixture(autouse=True)
def _secrets(settings):
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]


def parse(header: str | None = None, body: bytes = BODY, *, at=NOON) -> PaymentNotice:
    headers = {"Stripe-Signature": sign(body) if header is None else header}
    return StripeGateway().parse_webhook(headers=headers, body=body, at=at)


def test_a_signed_event_names_its_payment():
    assert parse() == PaymentNotice("evt_1Kauri", "payment_intent.canceled", "pi_1Kauri", NOON)


def test_the_signature_is_the_one_of_an_independent_calculation():
    # printf '1790000000.{}' | openssl dgst -sha256 -hmac whsec_canary
    assert mac(b"{}", t="1790000000") == "178ae32139e03f27a312480d85c69b80f3502ce4b4cf24a7c8411c57a9026f0a"


@pytest.mark.parametrize(
    "header",
    [
        f"{STAMP},v1={'0' * 64},{V1}",
        f"{STAMP},{V1},v1={'0' * 64}",
        f"{STAMP},{SHA1},{V1}",
        f"{V1},{STAMP}",
        f"{GOOD},x=y",
    ],
)
def test_one_signature_of_several_is_enough(header):
    assert parse(header).event_id == "evt_1Kauri"


@pytest.mark.parametrize("secret", ["whsec_new", "whsec_old"])
def test_either_secret_fits_while_one_is_rotated(settings, secret):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]

    assert parse(sign(BODY, secret=secret)).event_id == "evt_1Kauri"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_are_tolerated(seconds):
    assert parse(at=NOON + timedelta(seconds=seconds)).occurred_at == NOON


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_replay_and_a_signature_from_the_future_are_refused(seconds):
    with pytest.raises(BadSignatureError, match="not signed just now"):
        parse(at=NOON + timedelta(seconds=seconds))


FORGED = {
    "missing": "",
    "last digit": GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"),
    "one digit short": GOOD[:-1],
    "one digit more": GOOD + "0",
    "capitals": f"{STAMP},{V1.upper()}",
    "other secret": sign(BODY, secret="whsec_other"),
    "empty secret": sign(BODY, secret=""),
    "of another body": sign(BODY + b" "),
    "of another second": f"t={int(T) + 1},{V1}",
    "no time": V1,
    "two times": f"t={T},{GOOD}",
    "time is a word": f"t=now,{V1}",
    "time is negative": f"t=-{T},{V1}",
    "time is a superscript": f"t=\u00b2,{V1}",
    "time is Arabic": f"t=\u0661,{V1}",
    "time is far away": f"t=999999999999,{V1}",
    "time is endless": f"t={'9' * 5000},{V1}",
    "time with white space": f"t= {T},{V1}",
    "no signature": STAMP,
    "empty signature": f"{STAMP},v1=",
    "old scheme only": f"{STAMP},v0={V1.removeprefix('v1=')}",
    "not ascii": f"{STAMP},v1={'é' * 64}",
    "lone surrogate": f"{STAMP},v1=\udcff",
    "NUL": f"{STAMP},v1=\x00",
    "commas": "," * 10_000,
    "long": "x" * 10_000,
}


@pytest.mark.parametrize("name", FORGED)
def test_a_signature_that_is_off_in_one_thing_is_refused(name):
    with pytest.raises(BadSignatureError):
        parse(FORGED[name])


def test_without_the_header_nothing_gets_in():
    with pytest.raises(BadSignatureError, match="no signature"):
        StripeGateway().parse_webhook(headers={}, body=BODY, at=NOON)


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_gets_in(settings, secrets):
    settings.STRIPE_WEBHOOK_SECRETS = secrets

    with pytest.raises(BadSignatureError):
        parse(sign(BODY, secret=""))


SIGNED_NONSENSE = {
    "empty": b"",
    "not JSON": b"payment_intent.canceled",
    "not UTF-8": BODY.replace(b"evt_", b"\xff\xfe"),
    "UTF-16": BODY.decode().encode("utf-16"),
    "array": b"[" + BODY + b"]",
    "null": b"null",
    "number": b"7",
    "bottomless": b"[" * 100_000,
    "no id": event(id=None),
    "id is a number": event(id=7),
    "empty id": event(id=""),
    "long id": event(id="e" * 201),
    "id with NUL": event(id="evt_\x00"),
    "id with a lone surrogate": event(id="evt_\ud800"),
    "no topic": event(type=None),
    "long topic": event("t" * 81),
    "topic with NUL": event("payment_intent.\x00"),
    "no data": event(data=None),
    "data is a list": event(data=[]),
    "no object": event(data={"object": None}),
    "payment without an id": event(data={"object": {"object": "payment_intent"}}),
    "payment with a NUL": event(data={"object": {"object": "payment_intent", "id": "pi_\x00"}}),
    "charge with a long payment": event("charge.expired", **about("charge", payment_intent="p" * 201)),
    "charge with an object for a payment": event("charge.expired", **about("charge", payment_intent={"id": "pi_1"})),
}


@pytest.mark.parametrize("name", SIGNED_NONSENSE)
def test_a_signed_body_that_is_no_event_is_refused(name):
    with pytest.raises(BadSignatureError):
        parse(body=SIGNED_NONSENSE[name])


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_topic_that_we_take_names_its_payment(topic):
    kind = topic.rsplit(".", 1)[0].rsplit(".", 1)[-1]
    target = {} if kind == "payment_intent" else about(kind, payment_intent="pi_1Kauri")

    assert parse(body=event(topic, **target)).reference == "pi_1Kauri"


def test_a_charge_without_a_payment_is_about_none():
    assert parse(body=event("charge.refunded", **about("charge", payment_intent=None))).reference == ""


@pytest.mark.parametrize("topic", ["customer.created", "payment_intent.created"])
def test_another_topic_is_taken_and_about_no_payment(topic):
    assert parse(body=event(topic)).reference == ""


@pytest.mark.parametrize("name", ["last digit", "other secret", "no signature"])
def test_a_refusal_shows_neither_secret_nor_body(name):
    with pytest.raises(BadSignatureError) as caught:
        parse(FORGED[name], json.dumps({"email": "harriet@example.com"}).encode())

    told = repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert SECRET not in told
    assert "harriet" not in told


def test_the_topics_that_an_operator_is_told_to_send_are_those_that_we_take():
    told = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", OPERATIONS.read_text().split("### Payments")[1].split("## ")[0])

    assert sorted(told) == sorted(TOPICS)
