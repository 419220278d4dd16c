"""Webhooks that go wrong: spoilt, overtaken, refused; sent again as the platform does, and shown on a page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import responses
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage
from pytest_django.asserts import assertContains, assertNotContains

from connectors.practice import deliveries, dials, platforms, services, tasks
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeWebhook
from tests.connectors.practice.shop import bag, create, line
from tests.factories import NOON

pytestmark = pytest.mark.django_db
URI = "https://portal.example/webhooks/shopify/abc/"
SALE = {"kind": "SALE", "status": "SUCCESS", "gateway": "ArchiPro", "amountSet": bag("50.00")}


@pytest.fixture
def order(shop) -> PracticeOrder:
    for topic in ("FULFILLMENTS_CREATE", "ORDERS_CANCELLED"):
        PracticeWebhook.objects.create(shop=shop, topic=topic, uri=URI, created_at=NOON)
    return create(shop, lineItems=[line(shop)], transactions=[SALE])


@pytest.fixture
def cancelled(order) -> PracticeDelivery:
    services.cancel_order(order_id=order.pk)
    return PracticeDelivery.objects.get()


def deliver(
    delivery: PracticeDelivery, *, status: int = 200, body: str = "", act=tasks.deliver, **how
) -> PracticeDelivery:
    with responses.mock:
        responses.add(responses.POST, URI, status=status, body=body, content_type="text/plain")
        act(delivery.pk, **how)
    delivery.refresh_from_db()
    return delivery


def queued() -> list[int]:
    """The deliveries that workers will take, in their order."""
    return [SignedPackage.loads(row.payload)["args"][0] for row in OrmQ.objects.order_by("pk")]


# --- attempts ---


def test_an_attempt_keeps_what_left_and_what_came_back(cancelled):
    deliver(cancelled, status=401, body="Who are you?")

    (attempt,) = cancelled.attempts
    assert attempt["headers"] == deliveries.of(cancelled).headers
    assert attempt["body"] == deliveries.of(cancelled).body.decode()
    assert (attempt["status"], attempt["answer"], attempt["outcome"]) == (401, "Who are you?", "answered 401")


def test_shopify_sends_one_that_failed_again_later_and_later(cancelled):
    deliver(cancelled, status=500)
    first = cancelled.next_attempt_at - datetime.fromisoformat(cancelled.attempts[-1]["at"])
    deliver(cancelled, status=500, act=tasks.retry)
    second = cancelled.next_attempt_at - datetime.fromisoformat(cancelled.attempts[-1]["at"])

    assert (first, second) == (timedelta(seconds=60), timedelta(seconds=120))
    assert (
        list(Schedule.objects.values_list("func", "args"))
        == [("connectors.practice.tasks.retry", str(cancelled.pk))] * 2
    )


def test_after_its_last_failure_shopify_deletes_the_subscription(cancelled):
    deliver(cancelled, status=500)
    while cancelled.next_attempt_at:
        deliver(cancelled, status=500, act=tasks.retry)

    assert len(cancelled.attempts) == 9
    assert list(cancelled.shop.webhooks.values_list("topic", flat=True)) == ["FULFILLMENTS_CREATE"]


def test_one_that_arrived_is_not_sent_again(cancelled):
    deliver(cancelled, status=500)
    deliver(cancelled, retries=False)

    tasks.retry(cancelled.pk)

    cancelled.refresh_from_db()
    assert (len(cancelled.attempts), cancelled.next_attempt_at) == (2, None)


def test_one_sent_by_hand_starts_no_repeats(cancelled):
    deliver(cancelled, status=500, retries=False)

    assert (cancelled.next_attempt_at, Schedule.objects.count()) == (None, 0)


@pytest.mark.parametrize(("platform", "repeats"), [("shopify", 8), ("squarespace", 6), ("woocommerce", 0)])
def test_each_platform_repeats_as_it_is_known_to(platform, repeats):
    assert len(platforms.named(platform).retries_s) == repeats


# --- faults ---


@pytest.mark.parametrize(
    ("dial", "fits", "names"), [("webhooks_forged", False, True), ("webhooks_astray", True, False)]
)
def test_a_spoilt_webhook_is_shown_as_spoilt_and_not_repeated(order, dial, fits, names):
    dials.turn(order.shop_id, dial, left=1)
    services.cancel_order(order_id=order.pk)
    delivery = deliver(PracticeDelivery.objects.get(), status=401)

    attempt = delivery.attempts[0]
    assert (attempt["signature_fits"], attempt["names_this_shop"], delivery.next_attempt_at) == (fits, names, None)


def test_one_that_is_overtaken_comes_after_the_next(order, django_capture_on_commit_callbacks):
    dials.turn(order.shop_id, "webhooks_swapped", left=1)
    with django_capture_on_commit_callbacks(execute=True):
        sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[])
    assert queued() == []

    services.cancel_fulfillment(fulfillment_id=sent.pk)
    with django_capture_on_commit_callbacks(execute=True):
        services.cancel_order(order_id=order.pk)

    first, second = PracticeDelivery.objects.order_by("pk")
    assert (first.topic, second.topic) == ("fulfillments/create", "orders/cancelled")
    assert (queued(), first.is_held, first.wait_s) == ([second.pk, first.pk], False, 2)


# --- the page ---


def page(delivery: PracticeDelivery, slug: str = "kauri"):
    return Client().get(reverse("practice:delivery", args=[slug, delivery.pk]))


def test_the_page_shows_each_attempt(cancelled):
    deliver(cancelled, status=500)
    deliver(cancelled, status=401, body="<b>No</b>", retries=False)

    answer = page(cancelled)

    for text in (
        "Attempt 1",
        "Attempt 2, by hand",
        "X-Shopify-Hmac-Sha256",
        "answered 401",
        "&lt;b&gt;No&lt;/b&gt;",
        "again on",
    ):
        assertContains(answer, text)
    assertContains(answer, "fits the body and the secret", count=2)
    assertNotContains(answer, cancelled.shop.webhook_secret)


def test_the_page_says_that_a_webhook_was_spoilt(order):
    dials.turn(order.shop_id, "webhooks_forged", left=1)
    services.cancel_order(order_id=order.pk)
    delivery = deliver(PracticeDelivery.objects.get(), status=401)

    assertContains(page(delivery), "does not fit: it was spoilt on purpose")
    assertContains(page(delivery), "Wrong signature")


def test_one_that_was_not_sent_yet_has_a_page(cancelled):
    assertContains(page(cancelled), "It was not sent yet")


def test_another_stores_webhook_is_not_there(cancelled):
    services.open_shop(slug="other", name="Other", currency="NZD", taxes_included=True, variants=[])

    assert page(cancelled, "other").status_code == 404


def test_stores_that_send_no_webhooks_have_no_dials_for_them(db):
    for platform in ("filedrop", "shopify", "squarespace", "ssactivewear", "woocommerce"):
        has = {"webhooks_forged", "webhooks_astray", "webhooks_swapped"} & platforms.named(platform).faults
        assert bool(has) is bool(platforms.named(platform).signature_header)
