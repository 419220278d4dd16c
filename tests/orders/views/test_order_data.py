"""The page of order data settings, Push now on an order and in the list, as each role and stranger sees them."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Merchant, Role, User
from connectors import conditions
from connectors.models import Connection, Location, ShippingRule, SyncSettings, TaxPreset
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.models import Order, OrderPush
from orders.services.order_data import FIELDS
from tests.factories import NOON, make_connection, make_member, make_order

pytestmark = pytest.mark.django_db

TABLES = {
    "taxes-TOTAL_FORMS": "2", "taxes-INITIAL_FORMS": "0", "rules-TOTAL_FORMS": "2", "rules-INITIAL_FORMS": "0",
}  # fmt: skip
FORM = {
    "sync_orders": "on", "push_every_minutes": "0", "financial_status": "auto", "fulfillment_status": "unfulfilled",
    "location": "", "email_policy": "none", "other_email": "", "create_customer": "on", "tag_template": "{channel} Order",
    "note_template": "{order_number}", "alert_addresses": "", **TABLES,
}  # fmt: skip


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def store(merchant: Merchant) -> Connection:
    return make_connection(merchant, name="Kauri")


def url(store: Connection, name: str = "order_data") -> str:
    return reverse(f"orders:{name}", args=[store.public_id])


def post(page: Client, store: Connection, **changed):
    return page.post(url(store), {**FORM, **changed})


def test_the_page_says_of_each_setting_what_will_happen(page, store):
    text = page.get(url(store)).content.decode()

    for words in (
        "When orders go out",
        "Push by hand",
        "paid orders are collected and all go out together",
        "{line_sheet}",
    ):
        assert words in text
    assert text.count('class="help"') >= 12


def test_all_settings_are_saved_at_once(page, store):
    place = Location.objects.create(connection=store, remote_id="gid://shopify/Location/1", name="Warehouse")
    posted = {
        "push_by_hand": "on", "push_every_minutes": "30", "max_age_days": "10", "financial_status": "unpaid",
        "fulfillment_status": "fulfilled", "location": str(place.pk), "bypass_stock_check": "on", "email_policy": "other",
        "other_email": "desk@rimu.example", "create_customer": "", "tag_template": "{payment_terms}",
        "note_template": "Sheet {line_sheet}", "alert_addresses": "a@kauri.example\n\nb@kauri.example",
        "taxes-0-country_code": "nz", "taxes-0-name": "GST", "taxes-0-percent": "15", "taxes-0-on_shipping": "on",
        "rules-0-minimum": "0", "rules-0-cost": "12.50", "rules-1-minimum": "150", "rules-1-cost": "0",
    }  # fmt: skip

    response = post(page, store, **posted)

    assert response.status_code == 302
    row = SyncSettings.objects.get()
    assert {name: getattr(row, name) for name in FIELDS} == {
        "sync_orders": True, "push_by_hand": True, "push_every_minutes": 30, "max_age_days": 10,
        "financial_status": "unpaid", "fulfillment_status": "fulfilled", "location": place, "bypass_stock_check": True,
        "email_policy": "other", "other_email": "desk@rimu.example", "create_customer": False,
        "tag_template": "{payment_terms}", "note_template": "Sheet {line_sheet}",
        "alert_addresses": ["a@kauri.example", "b@kauri.example"], "tracking_key": "",
    }  # fmt: skip
    assert [str(tax) for tax in TaxPreset.objects.all()] == ["NZ: GST 15 %"]
    assert [str(rule) for rule in ShippingRule.objects.order_by("minimum")] == ["from 0: 12.5", "from 150: 0"]


def test_customers_that_will_not_be_created_are_said_beside_the_field_and_on_save(page, store):
    words = "No customers are created: a store tells them apart by their e-mail address."
    assert page.get(url(store)).content.decode().count(words) == 1

    assert page.post(url(store), FORM, follow=True).content.decode().count(words) == 2
    assert words not in page.post(url(store), {**FORM, "email_policy": "customer"}, follow=True).content.decode()


def test_a_platform_that_knows_no_customers_says_nothing_of_them(page, merchant):
    other = make_connection(merchant, platform="woocommerce")

    assert "No customers are created" not in page.get(url(other)).content.decode()


def test_a_refusal_stands_beside_its_field_and_keeps_what_was_typed(page, store):
    posted = {
        "push_every_minutes": "2", "tag_template": "{no_such}",
        "taxes-0-country_code": "NZ", "taxes-0-name": "GST", "taxes-0-percent": "15",
        "taxes-1-country_code": "NZ", "taxes-1-name": "VAT", "taxes-1-percent": "20",
    }  # fmt: skip

    response = post(page, store, **posted)

    form, taxes = response.context["form"], response.context["forms"].taxes
    assert response.status_code == 422
    assert "Choose 5 to 1440, or at once." in form.errors["push_every_minutes"][0]
    assert "No order has a field {no_such}. There are: {order_number}" in form.errors["tag_template"][0]
    assert taxes.forms[1].errors["country_code"] == ["NZ has a tax already: one for each country."]
    text = response.content.decode()
    assert 'value="{no_such}"' in text
    assert 'value="VAT"' in text
    assert not TaxPreset.objects.exists()


@pytest.mark.parametrize(
    "posted",
    [
        {"push_every_minutes": "-5"}, {"push_every_minutes": "99999999999"}, {"max_age_days": "x"},
        {"financial_status": "refunded"}, {"location": "7"}, {"note_template": "x" * 2001}, {"other_email": "nobody"},
        {"rules-0-minimum": "0", "rules-0-cost": "-5"}, {"rules-0-minimum": "0", "rules-0-cost": "NaN"},
        {"taxes-0-country_code": "NZ", "taxes-0-name": "GST", "taxes-0-percent": "1e9"},
        {"taxes-0-country_code": "NZ"}, {"rules-0-minimum": "10"}, {"tag_template": "a\0b"},
    ],
)  # fmt: skip
def test_bad_input_is_a_form_error_and_changes_nothing(page, store, posted):
    before = list(SyncSettings.objects.values())

    assert post(page, store, **posted).status_code == 422
    assert (list(SyncSettings.objects.values()), TaxPreset.objects.count(), ShippingRule.objects.count()) == (
        before,
        0,
        0,
    )


def test_a_row_is_changed_and_another_taken_out(page, store):
    for code in ("AU", "NZ"):
        TaxPreset.objects.create(connection=store, country_code=code, name="GST", rate="0.1")
    rows = {
        "taxes-TOTAL_FORMS": "2", "taxes-INITIAL_FORMS": "2",
        "taxes-0-country_code": "AU", "taxes-0-name": "GST", "taxes-0-percent": "10", "taxes-0-DELETE": "on",
        "taxes-1-country_code": "NZ", "taxes-1-name": "GST", "taxes-1-percent": "15",
    }  # fmt: skip

    assert post(page, store, **rows).status_code == 302
    assert [str(tax) for tax in TaxPreset.objects.all()] == ["NZ: GST 15 %"]


def test_what_the_platform_cannot_do_is_disabled_with_the_reason_and_stays(page, merchant):
    site = make_connection(merchant, platform="squarespace", name="Clay")

    text = page.get(url(site)).content.decode()
    saved = post(page, site, financial_status="unpaid", tag_template="forced")

    assert "Squarespace takes orders as paid only." in text
    assert "Squarespace takes no tags." in text
    assert "Squarespace takes no tax by name and rate." in text
    row = SyncSettings.objects.get()
    assert (saved.status_code, row.financial_status, row.tag_template) == (302, "auto", "{channel} Order")


def test_where_a_plugin_keeps_tracking_is_typed_and_refused_beside_its_field(page, merchant):
    shop = make_connection(merchant, platform="woocommerce", name="Rimu")

    refused = post(page, shop, tag_template="", tracking_key="two words")
    saved = post(page, shop, tag_template="", tracking_key=" _shipper_code ")

    assert refused.status_code == 422
    assert refused.context["form"].errors["tracking_key"] == [
        "A key is one word of up to 100 characters, as _tracking_code."
    ]
    assert (saved.status_code, SyncSettings.objects.get().tracking_key) == (302, "_shipper_code")
    assert 'value="_shipper_code"' in page.get(url(shop)).content.decode()


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "squarespace", "ssactivewear", "filedrop"])
def test_the_page_as_it_is_shown_can_be_saved(page, merchant, platform):
    store = make_connection(merchant, platform=platform)
    shown = page.get(url(store)).context["form"]
    posted = {name: value for name, value in shown.initial.items() if value is not None and value is not False}

    assert page.post(url(store), {**posted, **TABLES}).status_code == 302


# --- trying the texts -----------------------------------------------------------------------------


def test_texts_are_tried_on_a_real_order_without_saving(page, store):
    make_order(store.merchant, number="AP-1", attributes={"payment_terms": "Net 60"})
    older = make_order(
        store.merchant, number="AP-2", attributes={"payment_terms": "Net 30"}, placed_at=NOON.replace(year=2025)
    )
    posted = {
        **FORM,
        "try": "1",
        "order": older.public_id,
        "tag_template": "{payment_terms}",
        "note_template": "{customer_name}",
    }

    part = page.post(url(store), posted, headers={"HX-Request": "true"}).content.decode()
    whole = page.post(url(store), posted)

    assert "<html" not in part
    assert "Net 30" in part
    assert "Harriet Ngata" in part
    assert (whole.status_code, "Net 30" in whole.content.decode()) == (200, True)
    assert SyncSettings.objects.get().tag_template == "{channel} Order"


def test_a_text_that_cannot_be_says_why_where_it_is_tried(page, store):
    order = make_order(store.merchant)
    posted = {**FORM, "try": "1", "order": order.public_id, "tag_template": "{no_such}", "note_template": ""}

    part = page.post(url(store), posted, headers={"HX-Request": "true"}).content.decode()

    assert "No order has a field {no_such}" in part
    assert "Empty: none is sent." in part


def test_a_text_that_is_too_long_for_this_order_says_so(page, store):
    order = make_order(store.merchant, customer_name="N" * 60)
    posted = {**FORM, "try": "1", "order": order.public_id, "tag_template": "{customer_name}"}

    part = page.post(url(store), posted, headers={"HX-Request": "true"}).content.decode()

    assert "For this order it has 60 characters; the store takes 40" in part


def test_what_a_customer_typed_is_shown_as_text(page, store):
    order = make_order(store.merchant, customer_name="<script>alert(1)</script>")
    posted = {**FORM, "try": "1", "order": order.public_id, "note_template": "{customer_name}"}

    part = page.post(url(store), posted, headers={"HX-Request": "true"}).content.decode()

    assert "<script>alert" not in part


def test_another_merchant_s_order_cannot_be_tried(page, store):
    theirs = make_order(customer_name="Wiremu Parata")
    mine = make_order(store.merchant, customer_name="Harriet Ngata")
    posted = {**FORM, "try": "1", "order": theirs.public_id, "note_template": "{customer_name}"}

    part = page.post(url(store), posted, headers={"HX-Request": "true"}).content.decode()

    assert ("Wiremu" in part, "Harriet" in part) == (False, True)
    assert mine.number in part


def test_without_any_order_the_page_says_when_texts_can_be_tried(page, store):
    assert "No order has come in yet" in page.get(url(store)).content.decode()


def test_more_orders_and_rows_ask_no_more_of_the_database(page, store):
    def asked() -> int:
        page.get(url(store))
        with CaptureQueriesContext(database) as counted:
            page.get(url(store))
        return len(counted)

    make_order(store.merchant)
    TaxPreset.objects.create(connection=store, country_code="NZ", name="GST", rate="0.15")
    one = asked()
    for code in ("AU", "DE"):
        make_order(store.merchant)
        TaxPreset.objects.create(connection=store, country_code=code, name="GST", rate="0.15")

    assert asked() == one


# --- who may --------------------------------------------------------------------------------------


def test_a_viewer_looks_and_changes_nothing(store, client: Client):
    client.force_login(make_member(store.merchant, Role.VIEWER))

    shown = client.get(url(store)).content.decode()
    answers = [post(client, store, push_by_hand="on"), client.post(url(store, "locations"))]

    assert "Order data settings" in shown
    assert ">Save<" not in shown
    assert [answer.status_code for answer in answers] == [403, 403]
    assert not SyncSettings.objects.get().push_by_hand


def test_a_stranger_s_connection_does_not_exist(page):
    theirs = make_connection()

    answers = [page.get(url(theirs)), post(page, theirs), page.post(url(theirs, "locations"))]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


# --- push now -------------------------------------------------------------------------------------


def waiting(store: Connection, **fields) -> OrderPush:
    order = make_order(
        store.merchant, connections=[store], status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.CAPTURED,
        payment={"captured_at": NOON, "captured": 1}, **fields,
    )  # fmt: skip
    push = order.pushes.get()
    OrderPush.objects.filter(pk=push.pk).update(
        wait_for=conditions.pushed_by_hand(push.pk), reason="Waiting until you push it."
    )
    return OrderPush.objects.select_related("order").get(pk=push.pk)


def detail(page: Client, push: OrderPush) -> str:
    return page.get(reverse("orders:detail", args=[push.order.public_id])).content.decode()


def test_an_order_that_waits_is_pushed_on_its_page(page, store):
    push = waiting(store)
    assert "Push now" in detail(page, push)
    assert 'name="shipping_fee"' not in detail(page, push)

    page.post(reverse("orders:push_now", args=[push.public_id]))

    push.refresh_from_db()
    assert push.status == PushStatus.QUEUED
    assert "Push now" not in detail(page, push)


def test_a_shipping_fee_is_asked_for_where_it_is_free(page, store):
    store.sync_settings.financial_status = "unpaid"
    store.sync_settings.save()
    push = waiting(store)
    assert 'name="shipping_fee"' in detail(page, push)

    page.post(reverse("orders:push_now", args=[push.public_id]), {"shipping_fee": "12.50"})

    push.refresh_from_db()
    assert (push.status, push.shipping_fee) == (PushStatus.QUEUED, 12.5)


@pytest.mark.parametrize("fee", ["x", "-1", "9" * 30, "12.50"])
def test_a_fee_that_cannot_be_is_said_and_nothing_is_sent(page, store, fee):
    push = waiting(store)

    answer = page.post(reverse("orders:push_now", args=[push.public_id]), {"shipping_fee": fee}, follow=True)

    push.refresh_from_db()
    assert (push.status, "hipping" in answer.content.decode()) == (PushStatus.WAITING, True)


def test_chosen_orders_are_pushed_and_each_refusal_is_told(page, store):
    first, second = waiting(store), waiting(store)
    other = make_order(store.merchant, number="AP-NOT-PAID")
    theirs = waiting(make_connection())
    chosen = [push.order.public_id for push in (first, second, theirs)] + [other.public_id]

    text = page.post(reverse("orders:bulk_push"), {"orders": chosen}, follow=True).content.decode()

    assert "2 pushed." in text
    assert "Nothing of order AP-NOT-PAID waits to be pushed." in text
    assert list(OrderPush.objects.filter(status=PushStatus.QUEUED).order_by("pk")) == [first, second]


def test_nobody_but_a_manager_of_the_merchant_pushes(store, client: Client):
    push = waiting(store)
    path = reverse("orders:push_now", args=[push.public_id])
    client.force_login(make_member(store.merchant, Role.VIEWER))
    viewer = client.post(path).status_code
    client.force_login(make_member(make_connection().merchant))

    assert (viewer, client.post(path).status_code, Order.objects.get(pk=push.order_id).push_status) == (
        403,
        404,
        "waiting",
    )
