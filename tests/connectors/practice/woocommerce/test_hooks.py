"""Webhooks: made over the API, greeted, signed, disabled when they fail."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from connectors.practice import deliveries, platforms, services
from connectors.practice.models import PracticeDelivery, PracticeWebhook
from tests.connectors.practice.woocommerce.shop import ask, create, refusal, send

HOOK = "https://portal.example/webhooks/"


@pytest.fixture
def webhook(shop):
    return made(shop)


def made(shop, topic="order.updated"):
    body = {"name": "Ours", "topic": topic, "delivery_url": HOOK, "secret": "5ec7e7"}
    return send(shop, "POST", "webhooks", body).json()


def topics_sent() -> list[str]:
    return list(PracticeDelivery.objects.order_by("pk").values_list("topic", flat=True))


def test_a_webhook_never_tells_its_secret(shop, webhook):
    assert webhook["status"] == "active"
    assert ask(shop, "webhooks") == [webhook]
    assert "secret" not in webhook


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"topic": "order.shipped"}, "woocommerce_rest_shop_webhook_invalid_topic"),
        ({"delivery_url": "ftp://portal.example"}, "woocommerce_rest_shop_webhook_invalid_delivery_url"),
    ],
)
def test_an_odd_webhook_is_refused(shop, changed, code):
    body = {"topic": "order.updated", "delivery_url": HOOK, **changed}

    assert refusal(shop, "POST", "webhooks", body) == (400, code)


def test_it_is_changed_and_deleted_only_for_good(shop, webhook):
    path = f"webhooks/{webhook['id']}"

    assert send(shop, "POST", path, {"status": "paused"}).json()["status"] == "paused"
    assert refusal(shop, "POST", path, {"status": "off"}) == (400, "rest_invalid_param")
    assert refusal(shop, "DELETE", path) == (501, "woocommerce_rest_trash_not_supported")
    assert send(shop, "DELETE", f"{path}?force=true").status_code == 200
    assert refusal(shop, "GET", path) == (404, "woocommerce_rest_shop_webhook_invalid_id")


@pytest.mark.django_db(transaction=True)
def test_a_new_webhook_is_greeted(shop):
    made(shop)

    assert [queued.func() for queued in OrmQ.objects.all()] == ["connectors.practice.woocommerce.tasks.ping"]


def test_an_order_tells_of_itself_and_of_each_change(shop, webhook):
    made(shop, "order.created")
    made(shop, "order.deleted")

    number = create(shop)["id"]
    send(shop, "PUT", f"orders/{number}", {})
    send(shop, "POST", f"orders/{number}/notes", {"note": "Says nothing to anybody"})
    services.fulfill(order_id=number, quantities=None, parcels=[])
    send(shop, "DELETE", f"orders/{number}")

    assert topics_sent() == ["order.created", "order.updated", "order.updated", "order.updated", "order.deleted"]


def test_a_delivery_is_signed_with_the_webhooks_own_secret(shop, webhook):
    create(shop)
    delivery = PracticeDelivery.objects.get()

    headers = deliveries.of(delivery).headers

    digest = hmac.new(b"5ec7e7", deliveries.of(delivery).body, hashlib.sha256).digest()
    assert headers["X-WC-Webhook-Signature"] == base64.b64encode(digest).decode()
    assert headers["X-WC-Webhook-Source"].endswith("/practice/woocommerce/rimu/")
    assert delivery.payload == ask(shop, f"orders/{delivery.payload['id']}")


def test_deliveries_of_one_second_share_an_id(shop, webhook):
    create(shop)
    create(shop)
    PracticeDelivery.objects.update(triggered_at=timezone.now().replace(microsecond=0))

    ids = {deliveries.of(delivery).headers["X-WC-Webhook-Delivery-ID"] for delivery in PracticeDelivery.objects.all()}

    assert len(ids) == 1


def test_an_equal_one_stands_beside_it_and_each_is_delivered_with_its_own_secret(shop, webhook):
    body = {"name": "Ours again", "topic": "order.updated", "delivery_url": HOOK, "secret": "0ther"}
    double = send(shop, "POST", "webhooks", body).json()

    create(shop)

    assert ask(shop, "webhooks") == [webhook, double]
    first, second = (deliveries.of(delivery) for delivery in PracticeDelivery.objects.order_by("pk"))
    assert first.body == second.body
    assert [sent.headers["X-WC-Webhook-ID"] for sent in (first, second)] == [str(webhook["id"]), str(double["id"])]
    assert first.headers["X-WC-Webhook-Signature"] != second.headers["X-WC-Webhook-Signature"]


def test_one_of_two_equal_ones_is_disabled_alone(shop, webhook):
    double = made(shop)
    for _ in range(6):
        create(shop)
    failing = PracticeDelivery.objects.filter(subscription=double["id"])
    failing.update(outcome="failed: answered 500", answered_at=timezone.now())

    assert [one["status"] for one in ask(shop, "webhooks")] == ["active", "disabled"]


def test_a_webhook_that_fails_again_and_again_is_disabled_until_it_is_activated(shop, webhook):
    for _ in range(6):
        create(shop)
    PracticeDelivery.objects.update(outcome="failed: answered 500", answered_at=timezone.now())
    row = PracticeWebhook.objects.get()

    assert ask(shop, "webhooks")[0]["status"] == "disabled"
    assert not platforms.of(shop).listens(row, "order.updated")
    assert send(shop, "PUT", f"webhooks/{row.pk}", {"status": "active"}).json()["status"] == "active"


def test_one_answer_in_between_keeps_it(shop, webhook):
    for _ in range(6):
        create(shop)
    PracticeDelivery.objects.update(outcome="failed: answered 500", answered_at=timezone.now())
    PracticeDelivery.objects.filter(pk=PracticeDelivery.objects.order_by("pk")[3].pk).update(outcome="answered 200")

    assert ask(shop, "webhooks")[0]["status"] == "active"
