"""The way in: what is signed becomes one row and a wake-up, everything else is refused, and nothing is answered with 500."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from unittest.mock import patch

import pytest
from cryptography.fernet import Fernet
from django.db import connection as database
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from connectors import webhooks
from connectors.models import Connection, ConnectionState, InboundEvent
from connectors.shopify import webhook as shopify
from tests.connectors.gateway import stripe_events
from tests.examples import tried
from tests.factories import NOON, make_connection
from tests.locks import until_waiting

ORDER = b'{"id": 820982911946154508, "source_identifier": "SW-1"}'
STRIPE = "/webhooks/gateway/stripe/"
BODIES = {
    "array": b'[{"id": 1}]',
    "null": b"null",
    "number": b"7",
    "empty": b"",
    "not JSON": b"id=1",
    "not UTF-8": b'{"id": "\xff"}',
    "bottomless": b"[" * 100_000,
}
ODD = {"NUL": "a\x00b", "long": "x" * 10_000, "line break": "a\nb", "latin": "\x9f\xff", "empty": ""}


@dataclass
class Sender:
    """One source of webhooks: its address, its headers for a body, and a good body."""

    url: str
    headers: Callable[[bytes], dict[str, str]]
    body: bytes
    secret: str

    def send(self, body: bytes | None = None, **changed: str) -> HttpResponse:
        body = self.body if body is None else body
        return post(self.url, body, self.headers(body) | changed)


def post(url: str, body: bytes, headers: dict[str, str], **environ) -> HttpResponse:
    given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    environ = {"CONTENT_LENGTH": str(len(body)), **given, **environ}
    return Client(enforce_csrf_checks=True).generic("POST", url, body, "application/json", **environ)


def url_of(connection: Connection) -> str:
    return f"/webhooks/{connection.platform}/{connection.public_id}/"


def shopify_headers(connection: Connection, body: bytes, *, secret: str = "hush") -> dict[str, str]:
    return {
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Shop-Domain": connection.shop_domain,
        "X-Shopify-Hmac-Sha256": shopify.sign(body, secret),
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Triggered-At": NOON.isoformat(),
    }


def stripe_headers(body: bytes, *, secret: str = stripe_events.SECRET) -> dict[str, str]:
    return {"Stripe-Signature": stripe_events.sign(body, secret=secret, at=timezone.now())}


@pytest.fixture(autouse=True)
def _stripe_secret(settings):
    settings.STRIPE_WEBHOOK_SECRETS = [stripe_events.SECRET]


@pytest.fixture
def shop(db) -> Connection:
    return make_connection(webhook_secret={"secrets": ["hush_canary"]})


@pytest.fixture(params=["shopify", "stripe"])
def sender(request, shop) -> Sender:
    if request.param == "stripe":
        return Sender(STRIPE, stripe_headers, stripe_events.event(), stripe_events.SECRET)
    headers = lambda body: shopify_headers(shop, body, secret="hush_canary")  # noqa: E731  # a fixture's one line
    return Sender(url_of(shop), headers, ORDER, "hush_canary")


def refused(response: HttpResponse, status: int) -> bool:
    return (response.status_code, InboundEvent.objects.count()) == (status, 0)


# --- good ------------------------------------------------------------------------------------------


def test_a_stores_webhook_is_stored(shop):
    post(url_of(shop), ORDER, shopify_headers(shop, ORDER, secret="hush_canary"))

    event = InboundEvent.objects.get()
    assert (event.connection, event.gateway, event.topic) == (shop, "", "orders/updated")
    assert (event.remote_order_id, event.reference) == ("gid://shopify/Order/820982911946154508", "SW-1")
    assert (event.event_id, event.occurred_at) == ("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", NOON)
    assert (event.state, event.body_digest) == ("new", sha256(ORDER).hexdigest())


@pytest.mark.django_db
def test_a_payments_webhook_is_stored():
    body = stripe_events.event()

    post(STRIPE, body, stripe_headers(body))

    event = InboundEvent.objects.get()
    assert (event.connection, event.gateway, event.topic) == (None, "stripe", "payment_intent.canceled")
    assert (event.event_id, event.remote_order_id) == ("evt_1Kauri", "pi_1Kauri")
    assert (event.state, event.body_digest) == ("new", sha256(body).hexdigest())


def test_a_good_webhook_is_answered_with_an_empty_200(sender):
    response = sender.send()

    assert (response.status_code, response.content) == (200, b"")


def test_a_worker_is_woken_once_the_row_is_committed(sender, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        sender.send()
        assert not OrmQ.objects.exists()

    task = OrmQ.objects.get().task
    assert (task["func"], task["args"]) == ("orders.tasks.process_inbound", (InboundEvent.objects.get().pk,))


def test_a_broker_that_fails_does_not_lose_the_webhook(sender, django_capture_on_commit_callbacks):
    with (
        patch.object(webhooks, "async_task", side_effect=OSError("down")),
        django_capture_on_commit_callbacks(execute=True),
    ):
        assert sender.send().status_code == 200

    assert InboundEvent.objects.count() == 1


def test_a_repeat_is_answered_alike_and_wakes_nobody(sender, django_capture_on_commit_callbacks):
    sender.send()

    with django_capture_on_commit_callbacks() as wakes:
        again = sender.send()

    assert (again.status_code, InboundEvent.objects.count(), wakes) == (200, 1, [])


def test_the_same_id_from_two_shops_is_two_events(shop):
    other = make_connection()

    post(url_of(shop), ORDER, shopify_headers(shop, ORDER, secret="hush_canary"))
    post(url_of(other), ORDER, shopify_headers(other, ORDER))

    assert InboundEvent.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("secret", ["new", "old"])
def test_both_secrets_of_a_shop_are_taken_while_one_is_rotated(secret):
    shop = make_connection(webhook_secret={"secrets": ["new", "old"]})

    assert post(url_of(shop), ORDER, shopify_headers(shop, ORDER, secret=secret)).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("secret", ["whsec_new", "whsec_old"])
def test_both_secrets_of_stripe_are_taken_while_one_is_rotated(settings, secret):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
    body = stripe_events.event()

    assert post(STRIPE, body, stripe_headers(body, secret=secret)).status_code == 200


# --- not from there --------------------------------------------------------------------------------


def test_a_signature_that_is_off_by_one_letter_is_refused(sender):
    headers = sender.headers(sender.body)
    name = "X-Shopify-Hmac-Sha256" if "X-Shopify-Hmac-Sha256" in headers else "Stripe-Signature"
    at = len(headers[name]) - 2
    other = "A" if headers[name][at] not in "Aa" else "B"
    headers[name] = headers[name][:at] + other + headers[name][at + 1 :]

    assert refused(post(sender.url, sender.body, headers), 401)


def test_a_body_that_is_off_by_one_byte_is_refused(sender):
    headers = sender.headers(sender.body)

    assert refused(post(sender.url, sender.body.replace(b"1", b"2", 1), headers), 401)


def test_an_unsigned_webhook_is_refused(sender):
    assert refused(post(sender.url, sender.body, {}), 401)


def test_the_webhook_of_another_shop_is_refused(shop):
    other = make_connection(webhook_secret={"secrets": ["hush_canary"]})

    assert refused(post(url_of(shop), ORDER, shopify_headers(other, ORDER, secret="hush_canary")), 401)


@pytest.mark.parametrize("secrets", [[], [""]])
def test_a_connection_without_a_secret_takes_nothing(shop, secrets):
    shop.webhook_secret = {"secrets": secrets}
    shop.save()

    assert refused(post(url_of(shop), ORDER, shopify_headers(shop, ORDER, secret="")), 401)


@pytest.mark.django_db
def test_an_old_payment_webhook_played_again_is_refused():
    body = stripe_events.event()
    header = stripe_events.sign(body, at=timezone.now() - timedelta(seconds=400))

    assert refused(post(STRIPE, body, {"Stripe-Signature": header}), 401)


@pytest.mark.django_db
def test_the_greeting_of_a_new_webhook_is_answered_and_leaves_no_row():
    shop = make_connection(platform="woocommerce")

    assert refused(post(url_of(shop), b"webhook_id=3", {}), 200)
    assert refused(post(url_of(shop), b"webhook_id=3&id=7", {}), 401)


@pytest.mark.django_db
def test_the_sandbox_sends_no_webhooks():
    assert refused(post("/webhooks/gateway/sandbox/", b"{}", {}), 401)


# --- no webhook at all -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", BODIES)
def test_a_signed_body_that_is_no_object_is_refused(sender, name):
    assert refused(sender.send(BODIES[name]), 401)


@pytest.mark.parametrize("verb", ["get", "head", "put", "patch", "delete", "options"])
def test_only_post_is_answered(sender, verb):
    assert refused(getattr(Client(), verb)(sender.url), 405)


def test_a_body_that_is_declared_too_large_is_refused_unread(sender):
    class Unread(io.BytesIO):
        def read(self, *args):
            raise AssertionError("read")

    body = Unread(b" " * (webhooks.MAX_BYTES + 1))

    response = Client().generic(
        "POST", sender.url, **{"CONTENT_LENGTH": str(webhooks.MAX_BYTES + 1), "wsgi.input": body}
    )

    assert refused(response, 413)


def test_the_largest_body_is_read(sender):
    assert sender.send(sender.body.ljust(webhooks.MAX_BYTES)).status_code == 200


def test_a_body_in_chunks_must_declare_its_length(sender):
    headers = sender.headers(sender.body) | {"Transfer-Encoding": "chunked"}
    environ = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(sender.body), "wsgi.input_terminated": True}

    assert refused(post(sender.url, sender.body, headers, **environ), 411)


@pytest.mark.parametrize("length", ["x", "-1", "1.5", "\xb2", "9" * 5000])
def test_a_length_that_is_no_number_is_refused(sender, length):
    response = post(sender.url, sender.body, sender.headers(sender.body), CONTENT_LENGTH=length)

    assert refused(response, 400)


def test_a_body_longer_than_it_says_is_refused(sender):
    response = post(sender.url, sender.body, sender.headers(sender.body), CONTENT_LENGTH=str(len(sender.body) - 1))

    assert refused(response, 401)


def test_a_body_that_breaks_off_is_refused(sender):
    class Broken(io.BytesIO):
        def read(self, *args):
            raise ConnectionResetError

    response = post(sender.url, sender.body, sender.headers(sender.body), **{"wsgi.input": Broken()})

    assert refused(response, 400)


# --- nobody there ----------------------------------------------------------------------------------


@pytest.mark.parametrize("public_id", ["nobody", "x" * 10_000, "1' OR '1'='1", "%F0%9F%91%BB"])
def test_an_unknown_connection_is_not_found(shop, public_id):
    response = post(f"/webhooks/shopify/{public_id}/", ORDER, shopify_headers(shop, ORDER, secret="hush_canary"))

    assert refused(response, 404)


@pytest.mark.parametrize("platform", ["woocommerce", "nothing"])
def test_a_connection_is_not_found_under_another_platform(shop, platform):
    url = f"/webhooks/{platform}/{shop.public_id}/"

    assert refused(post(url, ORDER, shopify_headers(shop, ORDER, secret="hush_canary")), 404)


def test_an_address_with_a_nul_is_refused(shop):
    assert refused(post(f"/webhooks/shopify/{shop.public_id}%00/", ORDER, {}), 400)


def test_a_disconnected_shop_is_gone(shop):
    shop.state = ConnectionState.REMOVED
    shop.save()

    assert refused(post(url_of(shop), ORDER, shopify_headers(shop, ORDER, secret="hush_canary")), 410)


@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.AUTH_LOST])
def test_a_paused_connection_still_listens(shop, state):
    shop.state = state
    shop.save()

    assert post(url_of(shop), ORDER, shopify_headers(shop, ORDER, secret="hush_canary")).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["paypal", "x" * 10_000])
def test_an_unknown_gateway_is_not_found(name):
    assert refused(post(f"/webhooks/gateway/{name}/", b"{}", {}), 404)


@pytest.mark.django_db
def test_a_gateway_that_is_not_switched_on_is_not_found(settings):
    settings.GATEWAYS = ["sandbox"]
    body = stripe_events.event()

    assert refused(post(STRIPE, body, stripe_headers(body)), 404)


def test_a_secret_that_cannot_be_read_asks_for_another_delivery(shop, settings):
    headers = shopify_headers(shop, ORDER, secret="hush_canary")
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]

    assert refused(post(url_of(shop), ORDER, headers), 503)


# --- never 500 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("header", ["Topic", "Shop-Domain", "Hmac-Sha256", "Webhook-Id", "Triggered-At"])
def test_an_odd_header_of_a_shop_is_answered(shop, header, value):
    headers = shopify_headers(shop, ORDER, secret="hush_canary") | {f"X-Shopify-{header}": ODD[value]}

    response = post(url_of(shop), ORDER, headers)

    assert response.status_code == (200 if header == "Triggered-At" else 401)


@pytest.mark.django_db
@pytest.mark.parametrize("value", ODD)
def test_an_odd_signature_of_a_payment_is_refused(value):
    assert refused(post(STRIPE, stripe_events.event(), {"Stripe-Signature": ODD[value]}), 401)


@pytest.mark.django_db
@pytest.mark.parametrize("stamp", ["\xb2", "999999999999", "9" * 5000, "-1", "0"])
def test_an_odd_time_of_a_payment_is_refused(stamp):
    assert refused(post(STRIPE, stripe_events.event(), {"Stripe-Signature": f"t={stamp},v1=00"}), 401)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-23", "2026-11-23T12:00:00", "yesterday"]
)
def test_a_time_that_cannot_be_is_left_out(shop, at):
    headers = shopify_headers(shop, ORDER, secret="hush_canary") | {"X-Shopify-Triggered-At": at}

    assert post(url_of(shop), ORDER, headers).status_code == 200
    assert InboundEvent.objects.get().occurred_at is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": 1' + b"0" * 300 + b"}",
        b'{"id": 1' + b"0" * 5000 + b"}",
        b'{"id": -1}',
        b'{"id": 1e400}',
        b'{"id": {"id": 1}}',
        b'{"admin_graphql_api_id": "gid://shopify/Order/\\u0000"}',
        b'{"source_identifier": "\\u0000"}',
        b'{"source_identifier": "\\ud800"}',
        b'{"source_identifier": ["SW-1"]}',
    ],
)
def test_an_odd_body_of_a_shop_names_no_order(shop, body):
    response = post(url_of(shop), body, shopify_headers(shop, body, secret="hush_canary"))

    assert response.status_code in (200, 401)
    assert list(InboundEvent.objects.exclude(remote_order_id="", reference="")) == []


TEXTS = st.text(st.characters(max_codepoint=255), max_size=50) | st.sampled_from(list(ODD.values()))
DELIVERIES = st.fixed_dictionaries({"signed": st.booleans(), "body": st.binary(max_size=60) | st.sampled_from([ORDER])})
FUZZ = tried(60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@FUZZ
@given(
    delivery=DELIVERIES,
    odd=st.dictionaries(st.sampled_from(["Topic", "Shop-Domain", "Webhook-Id", "Triggered-At", "Hmac-Sha256"]), TEXTS),
)
def test_whatever_a_shop_sends_is_answered(shop, delivery, odd):
    body = delivery["body"]
    headers = shopify_headers(shop, body, secret="hush_canary" if delivery["signed"] else "guess")

    response = post(url_of(shop), body, headers | {f"X-Shopify-{name}": value for name, value in odd.items()})

    assert response.status_code in (200, 401)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "object", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.django_db
@FUZZ
@given(fields=st.dictionaries(st.sampled_from(["id", "type", "data", "object"]), JSON))
def test_whatever_stripe_signs_is_answered(fields):
    body = stripe_events.event(**fields)

    assert post(STRIPE, body, stripe_headers(body)).status_code in (200, 401)


@pytest.mark.django_db
@FUZZ
@given(header=TEXTS | st.builds("t={},v1={}".format, TEXTS, TEXTS), body=st.binary(max_size=60))
def test_whatever_calls_itself_stripe_is_refused(header, body):
    assert post(STRIPE, body, {"Stripe-Signature": header}).status_code == 401


# --- secrets ---------------------------------------------------------------------------------------


def test_no_log_shows_a_secret_a_signature_or_a_body(sender, caplog):
    caplog.set_level(logging.DEBUG)
    good = sender.headers(sender.body)

    sender.send()
    sender.send()
    post(sender.url, sender.body + b" ", good)

    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "webhook refused" in told
    for hidden in (sender.secret, sender.body.decode()[:20], *[value[-20:] for value in good.values() if "=" in value]):
        assert hidden not in told


# --- two at once -----------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("source", ["shopify", "stripe"])
def test_two_deliveries_at_once_are_one_row_and_two_answers(source):
    assert database.vendor == "postgresql", "run by `make test-postgres`"
    shop = make_connection()
    body = ORDER if source == "shopify" else stripe_events.event()
    url = url_of(shop) if source == "shopify" else STRIPE
    headers = shopify_headers(shop, body) if source == "shopify" else stripe_headers(body)

    assert at_once(lambda: post(url, body, headers).status_code) == [200, 200]

    assert (InboundEvent.objects.count(), OrmQ.objects.count()) == (1, 1)


def at_once(act: Callable[[], int]) -> list[int]:
    """Both are let go together, once each waits behind the same row, which is then taken back."""
    answers: list[int] = []

    def run() -> None:
        try:
            answers.append(act())
        finally:
            database.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    with transaction.atomic():
        assert act() == 200
        for count, thread in enumerate(threads, start=1):
            thread.start()
            until_waiting(count)
        transaction.set_rollback(True)
    for thread in threads:
        thread.join(timeout=60)
    return answers
