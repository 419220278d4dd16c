"""The real WooCommerce driver against a practice store, over HTTP: what is its own. What all platforms do is in the contracts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.base import Account, Parcel
from connectors.errors import (
    CredentialsError,
    RejectedError,
    RetryableError,
)
from connectors.http import HttpClient
from connectors.practice import dials, platforms, services
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.woocommerce import form
from connectors.woocommerce.connector import WooCommerceConnector
from tests.connectors.neutral import SHOWROOM, tax, with_options
from tests.connectors.practice.woocommerce.shop import change, make_shop, product, rate
from tests.connectors.woocommerce.orders import line, order
from tests.server import let_go

HOOK = "https://portal.example/webhooks/woocommerce/x/"
GST_INSIDE = (tax("13.04"),)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop() -> PracticeShop:
    return make_shop()


@pytest.fixture
def http():
    with closing(HttpClient(allow_loopback=True, deadline_s=30)) as client:
        yield client
    let_go()


@pytest.fixture
def account(live_server, shop, http) -> Account:
    """Connected as a person does it: what is typed, then what the store says of itself."""
    typed = {item.name: item.value for item in platforms.of(shop).typed(shop)}
    entry = form.read(typed, base_url=f"{live_server.url}/practice/woocommerce/{shop.slug}")
    return known(Account(entry.base_url, entry.credentials), http)


def known(account: Account, http: HttpClient) -> Account:
    """With what the store says of itself now."""
    told = WooCommerceConnector(account, http).check()
    return replace(account, currency=told.currency, shop_domain=told.domain, settings=told.settings)


@pytest.fixture
def driver(account, http) -> WooCommerceConnector:
    return WooCommerceConnector(account, http)


@pytest.fixture
def outbound(shop):
    """An order of two stools, placed a minute ago."""
    return bought(shop)


def bought(shop, sku="STOOL", taxes=GST_INSIDE, **fields):
    stools = replace(line(1, variant_id=str(product(shop, sku).pk), taxes=taxes), sku=sku)
    return order(stools, placed_at=timezone.now() - timedelta(minutes=1), **fields)


def since():
    return timezone.now() - timedelta(hours=1)


def blockers(driver, one) -> list[str]:
    variants = driver.read_variants([part.variant_id for part in one.lines])
    return [blocker.code.value for blocker in driver.preflight(one, variants)]


def arrives_equal(driver, one) -> None:
    """Nothing stands in its way, and the store's own sum is what was paid, to the cent."""
    assert blockers(driver, one) == []
    assert driver.read(driver.create(one).remote_id).total == one.total


# --- connecting ----------------------------------------------------------------------------------


def test_the_driver_finds_the_store_in_order(driver, shop):
    info = driver.check()

    assert (info.name, info.currency, info.missing_scopes) == ("Rimu", "NZD", ())
    assert info.domain == shop.domain
    assert info.settings["rates"][0]["percent"] == "15.0000"


def test_a_key_that_may_only_read_is_told(driver, shop):
    shop.scopes = ["read"]
    shop.save()

    assert driver.check().missing_scopes == ("read_write",)


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"permalinks": "plain"}, RejectedError, "Permalinks"),
        ({"active": False}, RejectedError, "not active"),
        ({"version": "7.9.0"}, RejectedError, "Update it"),
        ({"role": "editor"}, CredentialsError, "administrator"),
        ({"consumer_secret": "cs_other"}, CredentialsError, "Consumer secret is invalid"),
    ],
)
def test_what_is_wrong_with_a_store_is_named(driver, shop, changed, error, words):
    change(shop, **changed)

    with pytest.raises(error, match=words):
        driver.check()


def test_the_driver_finds_products_and_variations_by_exact_sku(driver, shop):
    found = driver.find_variants(["STOOL", "stool", "MUG-RED", "MUG", "NONE"])

    assert [len(found[sku]) for sku in found] == [1, 0, 1, 0, 0]
    red = str(product(shop, "MUG-RED").pk)
    assert driver.read_variants([red])[red].stock == 3


# --- money ---------------------------------------------------------------------------------------


def test_an_order_with_tax_inside_arrives_to_the_cent(driver, outbound):
    arrives_equal(driver, outbound)


def test_shipping_and_a_discount_arrive_to_the_cent(driver, shop):
    one = bought(shop, shipping=Decimal("7.35"), shipping_taxes=(tax("0.96"),), discount=Decimal("9.99"))

    arrives_equal(driver, one)
    assert PracticeOrder.objects.get().discount == Decimal("8.69")  # of it, without the tax


def test_a_variation_arrives_to_the_cent(driver, shop):
    arrives_equal(driver, bought(shop, "MUG-RED"))


@pytest.mark.parametrize("settings", [{}, {"calc_taxes": False}, {"round_at_subtotal": True}])
@pytest.mark.parametrize("is_inside", [True, False])
def test_every_tax_mode_of_a_store_takes_every_kind_of_order(account, http, shop, is_inside, settings):
    shop.taxes_included = is_inside
    change(shop, **settings).save()
    driver = WooCommerceConnector(known(account, http), http)

    arrives_equal(driver, bought(shop))
    arrives_equal(driver, bought(shop, taxes=(tax("15.00"),), prices_include_tax=False))


def test_an_untaxed_order_is_not_taxed_there(driver, shop):
    untaxed = replace(bought(shop).lines[0], taxes=())

    arrives_equal(driver, order(untaxed, prices_include_tax=False))


def test_a_collected_order_is_taxed_at_the_store(driver, shop):
    arrives_equal(driver, bought(shop, shipping_address=None, pickup=SHOWROOM))


def test_other_rates_than_the_orders_are_a_blocker(account, http, shop, outbound):
    change(shop, rates=[rate("20")])

    assert blockers(WooCommerceConnector(known(account, http), http), outbound) == ["total_mismatch"]


# --- exactly once --------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"version": "9.8.0"}, {"hpos": False}, {"version": "8.5.0", "hpos": False}])
def test_an_order_is_found_in_older_stores_too(driver, shop, outbound, settings):
    change(shop, **settings)
    ref = driver.create(outbound)

    assert driver.find("SW-1", since=since()) == (ref,)
    assert driver.find("SW-2", since=since()) == ()


def test_an_order_in_the_trash_is_found(driver, outbound, shop):
    ref = driver.create(outbound)
    PracticeOrder.objects.update(details={**PracticeOrder.objects.get().details, "status": "trash"})

    assert driver.find("SW-1", since=since()) == (ref,)
    assert driver.read(ref.remote_id).cancelled
    assert [one.cancelled for one in driver.changed_since(since())] == [True]


def test_a_product_that_vanished_leaves_nothing_to_be_found(driver, outbound, shop):
    product(shop).delete()

    with pytest.raises(RejectedError) as caught:
        driver.create(outbound)

    assert [blocker.code for blocker in caught.value.blockers] == ["sku_gone"]
    assert driver.find("SW-1", since=since()) == ()
    assert PracticeOrder.objects.get().cancelled_at


def test_many_orders_are_looked_through(driver, outbound, shop):
    ref = driver.create(outbound)
    seen = PracticeOrder.objects.get()
    for number in range(205):
        PracticeOrder.objects.create(
            shop=shop, name=f"#{5000 + number}", created_at=seen.created_at, updated_at=seen.updated_at,
            currency="NZD", taxes_included=False, subtotal=0, total=0,
            details={**seen.details, "meta_data": [], "lines": {}},
        )  # fmt: skip

    assert driver.find("SW-1", since=since()) == (ref,)
    changed = list(driver.changed_since(since()))
    assert [one.ref for one in changed if one.reference] == [ref]
    assert len({one.ref.remote_id for one in changed}) == 206


def test_an_address_for_mails_that_is_none_is_a_blocker(driver, shop):
    one = bought(shop, customer_email="nobody", options=with_options(share_customer_email=True))

    with pytest.raises(RejectedError) as caught:
        driver.create(one)

    assert [blocker.code for blocker in caught.value.blockers] == ["email_required"]


# --- notes ---------------------------------------------------------------------------------------


def notes() -> list[str]:
    return [note["note"] for note in PracticeOrder.objects.get().details["notes"]]


def test_notes_are_written_once_however_often_it_is_tried(driver, outbound):
    ref = driver.create(outbound)

    driver.add_notes(ref.remote_id, outbound)
    driver.add_notes(ref.remote_id, outbound)

    assert [note.splitlines()[0] for note in notes()] == ["ArchiPro order AP-1", "Delivery: Standard delivery"]


def test_a_note_whose_answer_was_torn_is_not_written_twice(driver, outbound, shop):
    ref = driver.create(outbound)
    dials.turn(shop.pk, "torn", left=3)
    for _ in range(3):
        with pytest.raises(RetryableError):
            driver.add_notes(ref.remote_id, outbound)

    driver.add_notes(ref.remote_id, outbound)

    assert len(notes()) == 2
    assert PracticeOrder.objects.count() == 1


# --- what comes back -----------------------------------------------------------------------------


def send(ref, *, units=None, parcels=()):
    row = PracticeOrder.objects.get(pk=ref.remote_id)
    quantities = None if units is None else {row.lines.get().pk: units}
    return services.fulfill(order_id=row.pk, quantities=quantities, parcels=parcels)


def test_two_parcels_come_back_as_one_shipment(driver, outbound):
    ref = driver.create(outbound)
    first = {"number": "NZ1", "company": "NZ Post", "url": "https://track.example/a"}
    send(ref, parcels=[first, {"number": "NZ2", "company": "NZ Post", "url": ""}])

    (shipment,) = driver.read(ref.remote_id).shipments

    assert shipment.parcels == (
        Parcel("NZ Post", "NZ1", "https://track.example/a"),
        Parcel("NZ Post", "NZ2", "https://track.example/NZ2"),
    )
    assert [(sent.sku, sent.quantity, sent.line_id) for sent in shipment.lines] == [("STOOL", 2, "line-1")]


def test_an_order_is_cancelled_and_cancelling_again_is_no_error(driver, outbound, shop):
    ref = driver.create(outbound)

    driver.cancel(ref.remote_id, note="Cancelled in Storeward")
    driver.cancel(ref.remote_id, note="Cancelled in Storeward")

    assert driver.read(ref.remote_id).cancelled
    assert (product(shop).stock, notes()) == (5, ["Cancelled in Storeward"])


# --- webhooks ------------------------------------------------------------------------------------


def test_webhooks_are_registered_once_and_mended(driver, shop):
    first = driver.register_webhooks(HOOK)
    webhook = shop.webhooks.get(topic="order.updated")
    webhook.details["status"] = "disabled"
    webhook.save()

    again = driver.register_webhooks(HOOK)

    assert first.missing == again.missing == ()
    assert shop.webhooks.count() == 3
    assert shop.webhooks.get(topic="order.updated").details["status"] == "active"


def test_equal_webhooks_become_one_again(driver, shop):
    driver.register_webhooks(HOOK)
    standing = shop.webhooks.get(topic="order.updated")
    for _ in range(2):
        shop.webhooks.create(
            topic=standing.topic, uri=standing.uri, details=standing.details, created_at=standing.created_at
        )

    driver.register_webhooks(HOOK)

    assert (shop.webhooks.count(), shop.webhooks.get(topic="order.updated")) == (3, standing)
