"""The real Squarespace driver against a practice site, over HTTP."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.base import Account, Parcel
from connectors.errors import BadSignatureError, CredentialsError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.practice import deliveries, dials, services
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop
from connectors.practice.squarespace import ids, limits
from connectors.practice.squarespace.importing import import_order
from connectors.squarespace import form
from connectors.squarespace.connector import SquarespaceConnector
from tests.connectors.neutral import tax
from tests.connectors.practice.squarespace.site import import_body, make_site, oauth, variant_id
from tests.connectors.squarespace.orders import line, order, pickup
from tests.server import let_go

CALLBACK = "https://portal.example/webhooks/squarespace/abc/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site() -> PracticeShop:
    return make_site()


@pytest.fixture
def account(live_server, site) -> Account:
    """As the connect form and the first check leave it."""
    practice = f"{live_server.url}/practice/"
    typed = {"base_url": f"{practice}squarespace/{site.slug}", "api_key": site.access_token}
    entry = form.read(typed, practice=practice)
    with closing(HttpClient(allow_loopback=True, deadline_s=5)) as http:
        shop = SquarespaceConnector(Account(entry.base_url, entry.credentials), http).check()
    return Account(entry.base_url, entry.credentials, shop.currency, shop.remote_id, shop.domain)


@pytest.fixture
def driver(account):
    with closing(HttpClient(allow_loopback=True, deadline_s=5)) as http:
        yield SquarespaceConnector(account, http)
    let_go()


@pytest.fixture
def outbound(site):
    """An order of two stools, placed a minute ago."""
    stools = line(1, variant_id=variant_id(site), taxes=(tax("13.04"),))
    return order(replace(stools, sku="STOOL"), placed_at=timezone.now() - timedelta(minutes=1))


def since():
    return timezone.now() - timedelta(hours=1)


def made(ref) -> PracticeOrder:
    return PracticeOrder.objects.get(pk=ids.order_pk(ref.remote_id))


def test_the_driver_finds_the_site_in_order(driver, site):
    info = driver.check()

    assert (info.currency, info.remote_id, info.missing_scopes) == ("NZD", site.settings["websiteId"], ())


def test_a_key_that_may_not_see_orders_says_so(driver, site):
    PracticeShop.objects.update(scopes=["website.inventory"])

    assert driver.check().missing_scopes == ("Orders",)
    with pytest.raises(CredentialsError):
        driver.find("SW-1", since=since())


def test_the_driver_finds_variants_by_exact_sku(driver, site):
    found = driver.find_variants(["STOOL", "STOO", "NONE"])

    assert [len(found[sku]) for sku in ("STOOL", "STOO", "NONE")] == [1, 0, 0]
    assert driver.read_variants([variant_id(site)])[variant_id(site)].stock == 5


def test_a_variant_that_is_gone_is_left_out(driver, site):
    gone = variant_id(site, "LAMP")
    site.variants.filter(sku="LAMP").delete()

    assert list(driver.read_variants([gone, variant_id(site)])) == [variant_id(site)]


def test_an_order_passes_the_preflight_is_imported_found_and_read_back(driver, outbound, site):
    assert driver.preflight(outbound, driver.read_variants([variant_id(site)])) == ()
    ref = driver.create(outbound)

    assert driver.find("SW-1", since=since()) == (ref,)
    seen = driver.read(ref.remote_id)
    assert (seen.total, seen.currency, seen.reference, ref.name) == (outbound.total, "NZD", "SW-1", "#1")
    assert [one.ref for one in driver.changed_since(since())] == [ref]


def test_tax_on_top_a_discount_and_shipping_come_back_to_the_cent(driver, outbound, site):
    taxed = replace(outbound.lines[0], taxes=(tax("14.25"),))
    fields = {"discount": Decimal("5.00"), "shipping": Decimal("6.50"), "prices_include_tax": False}
    one = order(taxed, **fields)

    assert driver.preflight(one, driver.read_variants([variant_id(site)])) == ()
    assert driver.read(driver.create(one).remote_id).total == one.total == Decimal("115.75")


def test_a_pickup_shows_where_it_is_collected(driver, outbound):
    row = made(driver.create(pickup(*outbound.lines)))

    assert row.details["shippingLines"] == [{"title": "Click & collect: Kauri Showroom"}]
    assert row.details["shippingAddress"]["address1"] == "Kauri Showroom"


def test_the_link_of_an_order_opens(driver, outbound, client):
    ref = driver.create(outbound)

    assert client.get(ref.url, follow=True).status_code == 200


def test_an_import_takes_the_units_from_stock(driver, outbound, site):
    driver.create(outbound)

    assert site.variants.get(sku="STOOL").stock == 3


def test_two_parcels_and_late_tracking_come_back_as_one_shipment(driver, outbound, site):
    ref = driver.create(outbound)
    track = {"company": "NZ Post", "url": "https://track.example/NZ1"}
    sent = services.fulfill(order_id=made(ref).pk, quantities=None, parcels=[{"number": "NZ1", **track}])
    services.add_tracking(fulfillment_id=sent.pk, parcels=[{"number": "NZ2", "company": "NZ Post", "url": ""}])

    (shipment,) = driver.read(ref.remote_id).shipments

    assert shipment.parcels == (Parcel("NZ Post", "NZ1", "https://track.example/NZ1"), Parcel("NZ Post", "NZ2", ""))
    assert [(part.sku, part.quantity, part.variant_id) for part in shipment.lines] == [("STOOL", 2, variant_id(site))]


def test_an_order_marked_pending_again_takes_its_shipment_back(driver, outbound):
    ref = driver.create(outbound)
    sent = services.fulfill(order_id=made(ref).pk, quantities=None, parcels=[])
    assert [each.status for each in driver.read(ref.remote_id).shipments] == ["success"]

    services.cancel_fulfillment(fulfillment_id=sent.pk)

    assert [each.status for each in driver.read(ref.remote_id).shipments] == ["cancelled"]


def test_a_cancellation_and_a_refund_there_are_seen(driver, outbound):
    ref = driver.create(outbound)
    services.refund(order_id=made(ref).pk, amount=Decimal("20.50"))
    services.cancel_order(order_id=made(ref).pk)

    (seen,) = driver.changed_since(since())

    assert (seen.cancelled, seen.refunded) == (True, Decimal("20.50"))


def test_an_order_that_was_deleted_there_is_gone(driver, outbound):
    ref = driver.create(outbound)
    services.delete_order(order_id=made(ref).pk)

    assert driver.read(ref.remote_id) is None


def test_a_lost_answer_leaves_an_order_that_is_found_and_not_made_again(driver, outbound, site):
    dials.turn(site.pk, "lost_answer", left=1)
    with pytest.raises(OutcomeUnknownError):
        driver.create(outbound)

    (found,) = driver.find("SW-1", since=since())

    assert driver.create(outbound) == found
    assert PracticeOrder.objects.count() == 1


@pytest.mark.parametrize(
    ("dial", "error", "orders"),
    [
        ("down", OutcomeUnknownError, 0),
        ("too_many", RetryableError, 0),
        ("throttled", RetryableError, 0),
        ("dead_token", CredentialsError, 0),
        ("html", OutcomeUnknownError, 0),
        ("torn", OutcomeUnknownError, 1),
    ],
)
def test_each_fault_is_what_the_driver_takes_it_for(driver, outbound, dial, error, orders):
    dials.turn(PracticeShop.objects.get().pk, dial, left=1)

    with pytest.raises(error) as caught:
        driver.create(outbound)

    assert type(caught.value) is error
    assert PracticeOrder.objects.count() == orders


def test_a_site_that_hangs_after_the_import_is_a_lost_answer(driver, outbound, site):
    dials.turn(site.pk, "hang", left=1, seconds=2)

    with closing(HttpClient(allow_loopback=True, deadline_s=1)) as http, pytest.raises(OutcomeUnknownError):
        SquarespaceConnector(driver.account, http).create(outbound)

    assert PracticeOrder.objects.count() == 1


def test_the_hourly_limit_is_a_minute_to_wait_and_an_empty_budget(driver, outbound, site):
    for _ in range(limits.IMPORTS):
        limits.admit_import(site)

    with pytest.raises(RetryableError) as caught:
        driver.create(outbound)

    assert (caught.value.after_s, driver.budget.available) == (60, 0)


def test_too_little_stock_is_a_blocker_before_and_after(driver, outbound, site):
    site.variants.update(stock=1)
    (found,) = driver.preflight(outbound, driver.read_variants([variant_id(site)]))

    with pytest.raises(RejectedError) as caught:
        driver.create(outbound)

    (refused,) = caught.value.blockers
    assert (found.code, found.value) == (refused.code, refused.value) == ("out_of_stock", "STOOL")


def test_a_product_that_is_gone_is_a_blocker(driver, outbound, site):
    site.variants.all().delete()

    with pytest.raises(RejectedError) as caught:
        driver.create(outbound)

    assert [(blocker.code, blocker.value) for blocker in caught.value.blockers] == [("sku_gone", "STOOL")]


def test_more_orders_than_a_page_are_all_seen(driver, outbound, site):
    first = driver.create(outbound)
    for number in range(2, 53):
        body = import_body(site, externalOrderReference=f"SW-{number}")
        import_order(site.pk, body, key=f"key-{number}", at=timezone.now())

    assert driver.find("SW-1", since=since()) == (first,)
    assert len(driver.changed_since(since())) == 52


# --- webhooks ---


@pytest.fixture
def subscribed(driver, site, account):
    """The account of an OAuth app after it has subscribed."""
    app = replace(account, credentials={"access_token": oauth(site)})
    state = SquarespaceConnector(app, driver.http).register_webhooks(CALLBACK)
    return replace(app, webhook_secret={"secrets": [state.secret]})


def test_a_key_has_no_webhooks(driver):
    assert driver.register_webhooks(CALLBACK).topics == ()


def test_webhooks_are_registered_once(driver, subscribed, site):
    again = SquarespaceConnector(subscribed, driver.http).register_webhooks(CALLBACK)

    assert (again.missing, again.secret, site.webhooks.count()) == ((), "", 1)


def test_a_lost_secret_is_made_anew(driver, subscribed):
    forgetful = replace(subscribed, webhook_secret={})

    state = SquarespaceConnector(forgetful, driver.http).register_webhooks(CALLBACK)

    assert state.secret not in ("", *subscribed.webhook_secret["secrets"])


def test_a_webhook_is_accepted_and_leads_to_the_order(driver, subscribed, outbound):
    ref = driver.create(outbound)
    services.fulfill(order_id=made(ref).pk, quantities=None, parcels=[])
    delivery = PracticeDelivery.objects.select_related("shop").get()
    given = {
        "body": deliveries.of(delivery).body,
        "secrets": subscribed.webhook_secret["secrets"],
        "account": subscribed,
    }

    notice = SquarespaceConnector.parse_webhook(headers=deliveries.of(delivery).headers, **given)

    assert (notice.topic, notice.remote_order_id) == ("order.update", ref.remote_id)
    with pytest.raises(BadSignatureError):
        SquarespaceConnector.parse_webhook(headers={"Squarespace-Signature": "0" * 64}, **given)
