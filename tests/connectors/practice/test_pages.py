"""The practice stores' pages: what a person sees, and what the buttons do."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from connectors.practice import platforms, services
from connectors.practice.dials import DIALS
from connectors.practice.models import PracticeDelivery, PracticeFulfillment, PracticeOrder, PracticeShop
from connectors.practice.woocommerce import ordering
from tests.connectors.practice.shop import bag, create, line, tax
from tests.connectors.practice.woocommerce import shop as woocommerce
from tests.factories import NOON

HOSTILE = "<script>alert(1)</script>\"'&"
WITH_HTTP = ("shopify", "squarespace", "ssactivewear", "woocommerce")
PARCELS = {"parcel-TOTAL_FORMS": "2", "parcel-INITIAL_FORMS": "0"}


@pytest.fixture
def order(shop):
    return create(
        shop,
        sourceIdentifier="SW-1",
        sourceUrl="https://portal.example/orders/1/",
        poNumber="AP-1",
        note=f"Leave at the door {HOSTILE}",
        tags=["ArchiPro Order"],
        customAttributes=[{"key": "Delivery method", "value": HOSTILE}],
        shippingAddress={"firstName": "Harriet", "lastName": "Ngata", "city": "Auckland", "countryCode": "NZ"},
        shippingLines=[{"title": "Courier", "priceSet": bag("6.50")}],
        lineItems=[line(shop, quantity=2, taxLines=[tax("13.04")])],
        transactions=[{"kind": "SALE", "status": "SUCCESS", "gateway": "ArchiPro", "amountSet": bag("106.50")}],
    )


def url(name, *args):
    return reverse(f"practice:{name}", args=["kauri", *args])


def test_the_order_page_shows_the_order_as_the_platform_would(client, order):
    page = client.get(url("order", order.pk))

    for words in ("#1001", "Oak stool", "STOOL", "106.50 NZD", "GST 15% 13.04", "Courier", "ArchiPro Order", "AP-1"):
        assertContains(page, words)
    assertContains(page, "Harriet Ngata")
    assertContains(page, "The order was created by an app")


def test_hostile_text_stays_text(client, order):
    page = client.get(url("order", order.pk))

    assertNotContains(page, "<script>alert")
    assertContains(page, "&lt;script&gt;")


def test_pages_have_no_inline_script_or_style(client, order):
    for name, args in (
        ("shop", ()),
        ("order", (order.pk,)),
        ("products", ()),
        ("webhooks", ()),
        ("app", ()),
        ("dials", ()),
    ):
        page = client.get(url(name, *args))

        assertNotContains(page, "style=")
        assertNotContains(page, "<script")


def test_a_part_is_fulfilled_in_two_parcels(client, order):
    (stools,) = order.lines.all()
    form = {
        **PARCELS,
        f"line-{stools.pk}": "1",
        "parcel-0-number": "NZ1",
        "parcel-0-company": "NZ Post",
        "parcel-0-url": "https://track.example/NZ1",
        "parcel-1-number": "NZ2",
    }

    answer = client.post(url("fulfill", order.pk), form)

    assertRedirects(answer, url("order", order.pk))
    sent = PracticeFulfillment.objects.get()
    assert [item["number"] for item in sent.trackings] == ["NZ1", "NZ2"]
    assert sent.lines.get().quantity == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"parcel-0-number": "NZ1", "parcel-0-url": "javascript:alert(1)"},
        {"parcel-0-company": "NZ Post"},
        {"parcel-TOTAL_FORMS": "many"},
        {"line": "some"},
        {"line": "99"},
        {"line": "0"},
    ],
)
def test_a_fulfillment_that_makes_no_sense_is_refused_with_a_reason(client, order, wrong):
    given = dict(wrong)
    units = given.pop("line", "1")

    answer = client.post(
        url("fulfill", order.pk), {**PARCELS, f"line-{order.lines.get().pk}": units, **given}, follow=True
    )

    assert [str(message) for message in answer.context["messages"]]
    assert not PracticeFulfillment.objects.exists()


def test_tracking_is_added_later(client, order):
    sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[])

    client.post(url("tracking", sent.pk), {**PARCELS, "parcel-0-number": "NZ1"})

    sent.refresh_from_db()
    assert [item["number"] for item in sent.trackings] == ["NZ1"]


def test_tracking_without_a_number_is_refused(client, order):
    sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[])

    answer = client.post(url("tracking", sent.pk), PARCELS)

    assertRedirects(answer, url("order", order.pk))


def test_a_fulfillment_is_cancelled(client, order):
    sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[])

    client.post(url("cancel_fulfillment", sent.pk))

    sent.refresh_from_db()
    assert sent.status == "CANCELLED"


def test_an_order_is_cancelled_and_a_second_time_is_refused(client, order):
    client.post(url("cancel", order.pk), {"restock": "on"})

    answer = client.post(url("cancel", order.pk), follow=True)

    assertContains(answer, "already been canceled")
    assert PracticeOrder.objects.get().cancelled_at


def test_an_order_is_refunded_edited_and_deleted(client, order):
    client.post(url("refund", order.pk), {"amount": "6.50", "note": "Scratched"})
    client.post(url("edit", order.lines.get().pk), {"quantity": "1"})
    order.refresh_from_db()
    assert (str(order.refunded), str(order.total)) == ("6.5000", "56.5000")

    assertRedirects(client.post(url("delete", order.pk)), url("shop"))
    assert not PracticeOrder.objects.exists()


@pytest.mark.parametrize("amount", ["", "lots", "-1", "1e400", "1000"])
def test_a_refund_of_no_sense_is_refused(client, order, amount):
    answer = client.post(url("refund", order.pk), {"amount": amount})

    assertRedirects(answer, url("order", order.pk))
    assert not order.refunds.exists()


def test_a_product_is_changed(client, shop):
    stool = shop.variants.get(sku="STOOL")

    client.post(url("edit_product", stool.pk), {"stock": "0", "is_tracked": "on", "sells_below_zero": "on"})

    stool.refresh_from_db()
    assert (stool.stock, stool.is_tracked, stool.sells_below_zero, stool.is_active) == (0, True, True, False)


def test_a_dial_is_turned_and_its_page_explains_it(client, shop):
    answer = client.post(url("dials"), {"name": "down", "left": "3"}, follow=True)

    assertContains(answer, "Down: 3 to go.")
    assertContains(answer, "nothing is done")
    assert PracticeShop.objects.get().dials["down"] == {"left": 3, "seconds": 0}


@pytest.mark.parametrize("form", [{"name": "gremlins", "left": "1"}, {"name": "down", "left": "-1"}, {}])
def test_a_dial_of_no_sense_is_refused(client, shop, form):
    assert client.post(url("dials"), form).status_code == 200
    assert PracticeShop.objects.get().dials == {}


def test_a_webhook_is_delivered_again(client, shop):
    delivery = PracticeDelivery.objects.create(
        shop=shop, topic="orders/cancelled", uri="https://portal.example/", payload={}, triggered_at=NOON,
        webhook_id="11111111-1111-4111-8111-111111111111", event_id="22222222-2222-4222-8222-222222222222",
    )  # fmt: skip

    assertContains(client.get(url("webhooks")), "11111111-1111")
    client.post(url("deliver_again", delivery.pk))

    assert OrmQ.objects.count() == 1


def test_the_index_lists_the_stores(client, shop):
    assertContains(client.get(reverse("practice:index")), "Kauri &amp; Clay")


def test_every_fault_means_something_at_some_platform_and_no_platform_names_an_unknown_one():
    named = [platforms.named(key).faults for key in ("filedrop", "filedrop_sftp", *WITH_HTTP)]

    assert frozenset().union(*named) == set(DIALS)


def test_a_supplier_that_only_gets_mail_has_no_faults(client, shop):
    PracticeShop.objects.update(platform="filedrop")

    page = client.get(url("dials"))

    assertContains(page, "nothing to make misbehave")
    assertNotContains(page, "Search lags")


@pytest.mark.parametrize("platform", ["woocommerce", "ssactivewear", "filedrop_sftp"])
def test_keys_that_do_not_run_out_have_no_faults_of_renewal(client, shop, platform: str):
    PracticeShop.objects.update(platform=platform)

    page = client.get(url("dials"))

    assertContains(page, "Lost answer")
    assertNotContains(page, "Short access")


@pytest.mark.parametrize("name", ["shop", "products", "webhooks", "dials"])
def test_pages_can_be_empty(client, db, name):
    services.open_shop(slug="kauri", name="Empty", currency="JPY", taxes_included=True, variants=[])

    assert client.get(url(name)).status_code == 200


@pytest.mark.parametrize("name", ["order", "fulfill", "cancel", "delete", "refund"])
def test_another_stores_order_is_not_there(client, order, name):
    services.open_shop(slug="other", name="Other", currency="NZD", taxes_included=True, variants=[])
    address = reverse(f"practice:{name}", args=["other", order.pk])

    answer = client.get(address) if name == "order" else client.post(address)

    assert answer.status_code == 404


def test_a_button_needs_the_forms_token(order):
    assert Client(enforce_csrf_checks=True).post(url("cancel", order.pk)).status_code == 403


def test_an_action_is_no_link(client, order):
    assert client.get(url("cancel", order.pk)).status_code == 405


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_for_any_number_of_orders(client, shop, count, django_assert_num_queries):
    for _ in range(count):
        create(shop)

    with django_assert_num_queries(5):
        client.get(url("shop"))


def test_an_order_note_is_shown_as_it_was_meant_and_stays_text(client, db):
    shop = woocommerce.make_shop()
    order = PracticeOrder.objects.create(
        shop=shop, name="#7", created_at=NOON, updated_at=NOON, currency="NZD", taxes_included=True, subtotal=1, total=1,
        details={"notes": [], "status": "processing", "lines": {}},
    )  # fmt: skip
    ordering.add_note(order, {"note": f"Click &amp; Collect {HOSTILE} https://portal.example/orders/1/"}, at=NOON)

    page = client.get(reverse("practice:order", args=[shop.slug, order.pk]))

    assertContains(page, "Click &amp; Collect")
    assertContains(page, 'href="https://portal.example/orders/1/"')
    assertNotContains(page, "<script>alert")
