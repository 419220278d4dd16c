"""What a marketplace's product sync does with orders, sentence by sentence, in each of the three shop platforms."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.models import Merchant
from connectors.practice import looks
from connectors.practice import services as practice
from connectors.practice.models import PracticeOrder
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.models import Order, Refund
from orders.services import refund_links
from tests.journeys.archipro import EMAIL, Journey, begin, choose

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
TRACKED = {"number": "NZ123", "company": "NZ Post", "url": "https://track.example/NZ123"}


@pytest.fixture(params=["shopify", "woocommerce", "squarespace"])
def journey(request, live_server, settings) -> Iterator[Journey]:
    settings.BASE_URL = live_server.url
    yield from begin(request.param)


@pytest.fixture
def shopify(live_server, settings) -> Iterator[Journey]:
    settings.BASE_URL = live_server.url
    yield from begin("shopify")


def confirmed(journey: Journey, **fields: Any) -> Order:
    order = journey.place(**fields)
    journey.press("confirm", order)
    assert order.pushes.get().status == PushStatus.PUSHED
    return order


def letters_to(address: str) -> list[Any]:
    return [letter for letter in mail.outbox if letter.to == [address]]


# --- New orders need confirmation before payment is taken and before they sync ---


def test_a_new_order_waits_in_the_order_manager_unpaid_and_unsent(journey: Journey):
    order = journey.place()

    assert (order.status, order.payment_status, PracticeOrder.objects.count()) == ("pending", "authorized", 0)
    assert (order.payment.captured, order.pushes.get().status) == (Decimal(0), PushStatus.WAITING)
    assert order.number in journey.page.get("/orders/?tab=confirm").content.decode()

    journey.press("confirm", order)

    assert (order.payment.captured, journey.there.total) == (Decimal(107), Decimal(107))


def test_auto_accept_is_off_by_default_and_does_both_at_once(journey: Journey):
    assert not Merchant.objects.get().auto_accept
    journey.page.post(reverse("orders:auto_accept"), {"on": "1"})

    order = journey.place()

    assert (order.auto_accepted, order.payment_status) == (True, PaymentStatus.CAPTURED)
    assert journey.there.total == order.total


# --- What the store shows ---


def test_shopify_shows_tag_note_link_delivery_status_lines_and_contact(shopify: Journey):
    order = confirmed(shopify)

    there, page = shopify.there, order_page(order)
    attributes = {item["key"]: item["value"] for item in there.attributes}
    assert "ArchiPro Order" in there.tags
    assert page in there.note
    assert (attributes["Delivery method"], attributes["Order page"]) == ("Delivery", page)
    assert there.details["shippingAddress"]["address1"] == "12 Ponsonby Road"
    assert [line["title"] for line in there.details["shippingLines"]] == ["Courier"]
    assert (attributes["Customer"], attributes["Customer phone"]) == ("Harriet Ngata", "+64211234567")
    assert (there.financial_status, practice.fulfillment_status(there)) == ("PAID", "UNFULFILLED")
    for words in ("ArchiPro Order", page, "Delivery method", "Harriet Ngata", "Paid", "Unfulfilled"):
        assert words in store_page(shopify)


def test_shopify_shows_where_an_order_is_picked_up(shopify: Journey):
    confirmed(shopify, pickup=True)

    attributes = {item["key"]: item["value"] for item in shopify.there.attributes}
    assert attributes["Delivery method"] == "Click & Collect"
    assert attributes["Pick-up place"] == "Kauri & Clay showroom"
    assert "Kauri & Clay showroom" in shopify.there.note


@pytest.mark.parametrize("pickup", [False, True])
def test_woocommerce_shows_delivery_and_link_as_order_notes(live_server, settings, pickup: bool):
    settings.BASE_URL = live_server.url
    for journey in begin("woocommerce"):
        order = confirmed(journey, pickup=pickup)

        origin, delivery = (note["note"] for note in journey.there.details["notes"])
        assert order_page(order) in origin
        assert delivery.startswith(
            "Click &amp; Collect from: Kauri" if pickup else "Delivery: Courier\nTo: Harriet Ngata"
        )
        assert journey.there.details["status"] == "processing"
        assert journey.there.tags == []
        page = unescape(store_page(journey))
        for words in (order_page(order), "Click & Collect from: Kauri" if pickup else "Delivery: Courier"):
            assert words in page


@pytest.mark.parametrize("pickup", [False, True])
def test_squarespace_shows_delivery_or_pick_up_and_takes_no_tag_and_no_note(live_server, settings, pickup: bool):
    settings.BASE_URL = live_server.url
    for journey in begin("squarespace"):
        confirmed(journey, pickup=pickup)

        sent = journey.there.details["sent"]
        method = "Click & collect: Kauri & Clay showroom" if pickup else "Courier"
        assert [line["method"] for line in sent["shippingLines"]] == [method]
        assert sent["shippingAddress"]["address1"] == ("Kauri & Clay showroom" if pickup else "12 Ponsonby Road")
        assert sent["fulfillmentStatus"] == "PENDING"
        assert (journey.there.tags, journey.there.note) == ([], "")


def test_an_order_that_was_paid_owes_nothing_in_any_store(journey: Journey):
    order = confirmed(journey)

    assert order.pushes.get().remote_outstanding in (0, None)
    assert not order.events.filter(kind="push.owed_in_store").exists()


def test_every_store_has_the_lines_the_cents_and_the_contact_without_the_email(journey: Journey):
    confirmed(journey)

    there = journey.there
    assert [(line.sku, line.quantity) for line in there.lines.all()] == [("STOOL", 2)]
    assert there.total == Decimal(107)
    assert there.details["billingAddress"]["firstName"] == "Harriet"
    assert there.details["billingAddress"]["phone"] == "+64211234567"
    assert EMAIL not in everything_there(there)
    page = store_page(journey)
    assert EMAIL not in page
    for words in ("Oak stool", "Harriet Ngata", "+64211234567", "107.00 NZD"):
        assert words in page


def test_the_email_is_shared_when_the_merchant_says_so(journey: Journey):
    choose(journey.page, journey.connection, email_policy="customer")

    confirmed(journey)

    assert EMAIL in everything_there(journey.there)


# --- Marked fulfilled in the store: the customer gets an e-mail ---


def test_fulfilled_in_the_store_the_customer_gets_the_tracking_url(journey: Journey):
    order = confirmed(journey)
    before = status_shown(journey)
    practice.fulfill(order_id=journey.there.pk, quantities=None, parcels=[TRACKED])

    journey.poll(order)

    assert [before, status_shown(journey)] == {
        "shopify": ["Unfulfilled", "Fulfilled"],
        "woocommerce": ["Processing", "Completed"],
        "squarespace": ["Pending", "Fulfilled"],
    }[journey.shop.platform]
    assert order.status == OrderStatus.COMPLETED
    (letter,) = letters_to(EMAIL)
    assert "https://track.example/NZ123" in letter.body


def test_ready_in_the_store_the_customer_gets_the_pick_up_details(journey: Journey):
    order = confirmed(journey, pickup=True)
    practice.fulfill(order_id=journey.there.pk, quantities=None, parcels=[])

    journey.poll(order)

    assert order.status == OrderStatus.COMPLETED
    (letter,) = letters_to(EMAIL)
    assert "31 Great North Road, Grey Lynn, Auckland 1021" in letter.body


# --- Refunds happen only in the portal ---


def test_a_refund_by_line_shipping_and_reason_moves_the_money_once(shopify: Journey):
    order = confirmed(shopify)
    form = shopify.page.get(reverse("orders:refund", args=[order.public_id])).context["form"]
    typed = {"line-0": "1", "shipping": "7.00", "reason": "damaged", "key": form["key"].value()}

    for _ in range(2):  # pressed twice
        shopify.press("refund", order, **typed, confirm="1", shown="57.00")

    refund = Refund.objects.get()
    assert (refund.status, refund.amount, refund.shipping) == ("done", Decimal(57), Decimal(7))
    assert (refund.reason, [(line.line.sku, line.quantity) for line in refund.lines.all()]) == (
        "damaged",
        [("STOOL", 1)],
    )
    assert order.payment.refunded == Decimal(57)
    assert "57.00" in letters_to(EMAIL)[-1].body
    assert order.payment_status == PaymentStatus.PARTIALLY_REFUNDED


def test_a_customer_asks_with_a_picture_and_the_merchant_issues_it(shopify: Journey, client):
    order = confirmed(shopify)
    client.post(refund_links.url_for(order), {"line-0": "1", "reason": "damaged", "picture-line-0": photo()})
    request = order.refund_requests.get()
    picture = request.lines.get().picture.public_id
    assert picture in shopify.look(order)

    path = f"{reverse('orders:refund', args=[order.public_id])}?request={request.public_id}"
    form = shopify.page.get(path).context["form"]
    typed = {"line-0": form["line-0"].value(), "reason": form["reason"].value(), "key": form["key"].value()}
    shopify.page.post(path, {**typed, "confirm": "1", "shown": "50.00"})
    shopify.work()

    request.refresh_from_db()
    assert (request.status, Refund.objects.get().amount) == ("issued", Decimal(50))
    assert "50.00" in letters_to(EMAIL)[-1].body


def test_a_customer_asks_with_a_reason_and_the_merchant_declines(shopify: Journey, client):
    order = confirmed(shopify)
    link = refund_links.url_for(order)
    client.post(link, {"line-0": "1", "reason": "damaged", "note": "A leg is loose."})
    request = order.refund_requests.get()
    assert "A leg is loose." in shopify.look(order)

    shopify.page.post(reverse("orders:request_decline", args=[request.public_id]), {"reason": "Ours are round."})
    shopify.work()

    request.refresh_from_db()
    assert (request.status, Refund.objects.count()) == ("declined", 0)
    assert "Ours are round." in letters_to(EMAIL)[-1].body


def test_a_refund_in_the_store_moves_no_money_and_is_offered_here(journey: Journey):
    order = confirmed(journey)
    practice.refund(order_id=journey.there.pk, amount=Decimal(50))
    mail.outbox.clear()

    journey.poll(order)

    assert (Refund.objects.count(), order.payment.refunded) == (0, Decimal(0))
    assert 'id="owed-back"' in journey.look(order)
    (letter,) = letters_to("ana@kauri.example")
    assert (order.number in letter.subject, "50.00" in letter.body) == (True, True)
    offered = journey.page.get(reverse("orders:refund", args=[order.public_id]), {"store": "1"})
    assert offered.context["form"]["line-0"].value() == 1


@pytest.mark.parametrize("taken_off", ["edited", "cancelled"])
def test_an_edit_or_a_cancellation_in_the_store_is_offered_as_a_refund(shopify: Journey, taken_off: str):
    order = confirmed(shopify)
    line = shopify.there.lines.order_by("pk").first()
    if taken_off == "edited":
        practice.edit_quantity(line_id=line.pk, quantity=line.quantity - 1)
    else:
        practice.cancel_order(order_id=shopify.there.pk)

    shopify.poll(order)

    assert (Refund.objects.count(), order.payment.refunded) == (0, Decimal(0))
    assert 'id="owed-back"' in shopify.look(order)
    offered = shopify.page.get(reverse("orders:refund", args=[order.public_id]), {"store": "1"})
    assert offered.context["form"]["line-0"].value() == (1 if taken_off == "edited" else line.quantity)


# --- Order data settings ---


def test_with_order_data_kept_in_storeward_a_confirmed_order_is_paid_and_goes_nowhere(journey: Journey):
    choose(journey.page, journey.connection, sync_orders="")
    order = journey.place()

    journey.press("confirm", order)

    assert (order.payment_status, order.pushes.get().status) == (PaymentStatus.CAPTURED, PushStatus.SKIPPED)
    assert not PracticeOrder.objects.exists()


def photo() -> SimpleUploadedFile:
    content = io.BytesIO()
    Image.new("RGB", (30, 20), "peru").save(content, "PNG")
    return SimpleUploadedFile("stool.png", content.getvalue(), "image/png")


def store_page(journey: Journey) -> str:
    """The order as the store's staff see it."""
    answer = Client().get(reverse("practice:order", args=[journey.shop.slug, journey.there.pk]))
    return answer.content.decode()


def status_shown(journey: Journey) -> str:
    """How its order's fulfillment stands on the store's own page."""
    there = journey.there
    return looks.states(journey.shop.platform, there, practice.fulfillment_status(there))[-1].text


def order_page(order: Order) -> str:
    return str(settings.BASE_URL) + reverse("orders:detail", args=[order.public_id])


def everything_there(order: PracticeOrder) -> str:
    return repr([order.note, order.tags, order.attributes, order.details])
