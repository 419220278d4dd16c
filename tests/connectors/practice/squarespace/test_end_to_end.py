"""The real Squarespace driver against a practice site, over HTTP: what is its own. What all platforms do is in the contracts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.base import Account, PutBack
from connectors.errors import CredentialsError, RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.practice import services
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.squarespace import ids, limits
from connectors.squarespace import form
from connectors.squarespace.connector import SquarespaceConnector
from tests.connectors.neutral import tax
from tests.connectors.practice.squarespace.site import make_site, oauth, variant_id
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
    here = f"{live_server.url}/practice/squarespace/{site.slug}"
    entry = form.read({"api_key": site.access_token}, base_url=here)
    with closing(HttpClient(allow_loopback=True, deadline_s=30)) as http:
        shop = SquarespaceConnector(Account(entry.base_url, entry.credentials), http).check()
    return Account(
        entry.base_url, entry.credentials, shop.currency, shop.remote_id, shop.domain, settings=shop.settings
    )


@pytest.fixture
def driver(account):
    with closing(HttpClient(allow_loopback=True, deadline_s=30)) as http:
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


def test_the_hourly_limit_is_a_minute_to_wait_and_an_empty_budget(driver, outbound, site):
    for _ in range(limits.IMPORTS):
        limits.admit_import(site)

    with pytest.raises(RetryableError) as caught:
        driver.create(outbound)

    assert (caught.value.after_s, driver.budget.available) == (60, 0)


# --- webhooks ---


@pytest.fixture
def subscribed(driver, site, account):
    """The account of an OAuth app after it has subscribed."""
    app = replace(account, credentials={"access_token": oauth(site)})
    state = SquarespaceConnector(app, driver.http).register_webhooks(CALLBACK)
    return replace(app, webhook_secret={"secrets": [state.secret]})


def test_a_key_has_no_webhooks(driver):
    assert driver.register_webhooks(CALLBACK).topics == ()


def test_a_lost_secret_is_made_anew(driver, subscribed):
    forgetful = replace(subscribed, webhook_secret={})

    state = SquarespaceConnector(forgetful, driver.http).register_webhooks(CALLBACK)

    assert state.secret not in ("", *subscribed.webhook_secret["secrets"])


# --- units that come back ---------------------------------------------------------------------------


def come_back(site, **fields) -> PutBack:
    back = PutBack("SW-1-back", {"line-1": 1}, Decimal(50), "Arrived damaged", {"line-1": variant_id(site)})
    return replace(back, **fields)


def stock(site) -> int:
    return site.variants.get(sku="STOOL").stock


def test_units_are_put_back_once_per_refund(driver, outbound, site):
    ref = driver.create(outbound)

    driver.put_back(ref.remote_id, come_back(site))
    driver.put_back(ref.remote_id, come_back(site))
    assert stock(site) == 4

    driver.put_back(ref.remote_id, come_back(site, reference="SW-1-second"))
    assert stock(site) == 5


@pytest.mark.parametrize("given", [{"units": {"line-1": 3}}, {"variants": {}}, {"took_stock": False}])
def test_what_the_order_did_not_take_is_not_put_back(driver, outbound, site, given):
    ref = driver.create(outbound)

    with pytest.raises(RejectedError):
        driver.put_back(ref.remote_id, come_back(site, **given))

    assert stock(site) == 3


def test_a_refund_that_stands_there_may_have_put_them_back_already(driver, outbound, site):
    ref = driver.create(outbound)
    services.refund(order_id=made(ref).pk, amount=Decimal(50))

    with pytest.raises(RejectedError, match="refund"):
        driver.put_back(ref.remote_id, come_back(site))


def test_a_variant_that_is_not_counted_has_nothing_to_put_back(driver, outbound, site):
    ref = driver.create(outbound)
    site.variants.update(is_tracked=False)

    assert driver.put_back(ref.remote_id, come_back(site)) is False
    assert stock(site) == 3


def test_a_cancelled_order_has_nothing_to_put_back(driver, outbound, site):
    ref = driver.create(outbound)
    services.cancel_order(order_id=made(ref).pk)
    before = stock(site)

    assert driver.put_back(ref.remote_id, come_back(site)) is False
    assert stock(site) == before
