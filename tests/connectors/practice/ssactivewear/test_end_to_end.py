"""The real S&S Activewear driver against the practice one, over HTTP: what is its own. What all platforms do is in the contracts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.base import Account, Address, Parcel, PaymentProfile, SupplierOptions
from connectors.errors import RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.practice import dials, services
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.services import practice
from connectors.ssactivewear import form
from connectors.ssactivewear.connector import SsActivewearConnector
from tests.connectors.practice.ssactivewear.supplier import make_supplier, ship
from tests.connectors.ssactivewear.orders import line, order
from tests.server import let_go

TWO_ORDERS = 600  # bytes that hold two rows of a list, and not three

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier() -> PracticeShop:
    return make_supplier()


@pytest.fixture
def driver(live_server, supplier, settings):
    settings.BASE_URL = live_server.url
    typed = practice.completed({"practice": supplier.slug}, "ssactivewear")
    entry = form.read(typed, base_url=practice.typed(typed["base_url"]))
    account = Account(base_url=entry.base_url, credentials=entry.credentials, currency="USD")
    with closing(HttpClient(allow_loopback=True, deadline_s=30)) as http:
        yield SsActivewearConnector(account, http)
    let_go()


@pytest.fixture
def outbound():
    """Six tees, which no warehouse has alone."""
    return order(line(3, quantity=6))


def since():
    return timezone.now() - timedelta(hours=1)


def numbers() -> list[str]:
    return list(PracticeOrder.objects.order_by("pk").values_list("name", flat=True))


def test_the_driver_finds_the_account_in_order(driver, supplier):
    info = driver.check()

    assert (info.remote_id, info.currency) == (f"US-{supplier.settings['account_number']}", "USD")
    assert (driver.budget.available, driver.budget.maximum) == (59.0, 60.0)


def test_the_driver_finds_products_by_either_sku(driver):
    found = driver.find_variants(["B00760003", "TEE-WHITE-M", "NONE"])

    assert [[hit.variant_id for hit in hits] for hits in found.values()] == [["B00760003"], ["B00760003"], []]
    assert found["TEE-WHITE-M"][0].title == "Gildan 2000 White M"
    assert driver.read_variants(["B00760003"])["B00760003"].stock == 7


def test_a_good_order_passes_its_check_and_is_placed_in_two_warehouses(driver, outbound):
    assert driver.preflight(outbound, driver.read_variants(["B00760003"])) == ()

    ref = driver.create(outbound)

    assert (ref.remote_id, ref.name) == ("SW-1", ", ".join(numbers()))
    assert driver.find("SW-1", since=since()) == (ref,)


def test_a_part_that_was_placed_is_known_and_says_what_is_missing(driver, supplier):
    dials.turn(supplier.pk, "takes_part", left=1)

    ref = driver.create(order(line(3), line(4, quantity=999)))

    assert ref.name == ", ".join(numbers())
    assert [(each.code, each.value) for each in ref.left_out] == [("out_of_stock", "TEE-4")]


def test_it_is_read_back_to_the_cent(driver, outbound):
    driver.create(outbound)

    seen = driver.read("SW-1")

    assert (seen.reference, seen.total, seen.currency) == ("SW-1", Decimal("25.50"), "USD")
    assert (seen.cancelled, seen.shipments) == (False, ())
    assert abs((timezone.now() - seen.created_at).total_seconds()) < 60


def test_each_warehouse_sends_its_part_with_its_own_tracking(driver, outbound):
    driver.create(outbound)
    first, second = numbers()
    ship(first, number="1Z1", company="UPS")
    assert [shipment.remote_id for shipment in driver.read("SW-1").shipments] == [first]
    ship(second, number="940", company="USPS")

    shipments = driver.read("SW-1").shipments

    assert [(one.remote_id, one.parcels) for one in shipments] == [
        (first, (Parcel("UPS", "1Z1"),)),
        (second, (Parcel("USPS", "940"),)),
    ]
    assert [(sent.variant_id, sent.quantity) for one in shipments for sent in one.lines] == [
        ("B00760003", 4),
        ("B00760003", 2),
    ]


def test_what_changed_is_polled_under_the_version_of_a_read(driver, outbound):
    driver.create(outbound)
    driver.create(replace(outbound, reference="SW-2", lines=(line(3, quantity=1),)))
    ship(numbers()[0])

    changed = {one.reference: one for one in driver.changed_since(since())}

    assert sorted(changed) == ["SW-1", "SW-2"]
    assert changed["SW-1"].remote_version == driver.read("SW-1").remote_version


def test_more_than_one_answer_may_hold_is_polled_by_the_days_of_invoices(driver, outbound):
    driver.create(outbound)
    for number in numbers():
        ship(number)
    driver.create(replace(outbound, reference="SW-2", lines=(line(3, quantity=1),)))
    with closing(HttpClient(allow_loopback=True, deadline_s=30, max_bytes=TWO_ORDERS)) as http:
        narrow = SsActivewearConnector(driver.account, http)

        changed = {one.reference: one.remote_version for one in narrow.changed_since(since())}

    assert changed == {name: driver.read(name).remote_version for name in ("SW-1", "SW-2")}


def test_cancelled_is_what_every_warehouse_cancelled(driver, outbound, supplier):
    driver.create(outbound)

    driver.cancel("SW-1", note="Cancelled in Storeward")
    driver.cancel("SW-1", note="Cancelled in Storeward")

    assert driver.read("SW-1").cancelled
    assert supplier.variants.get(sku="B00760003").stock == 7


def test_one_part_that_staff_cancelled_leaves_the_other(driver, outbound):
    driver.create(outbound)
    services.cancel_order(order_id=PracticeOrder.objects.order_by("pk").first().pk)

    seen = driver.read("SW-1")

    assert (seen.cancelled, seen.ref.name) == (False, numbers()[1])


def test_after_ten_minutes_a_person_has_to_call(driver, outbound):
    driver.create(outbound)
    PracticeOrder.objects.update(created_at=timezone.now() - timedelta(minutes=11))

    with pytest.raises(RejectedError, match="first 10 minutes"):
        driver.cancel("SW-1", note="")


def test_a_test_order_is_cancelled_at_once_and_is_not_taken_for_the_real_one(driver, outbound):
    ref = driver.create(replace(outbound, options=order(supplier=SupplierOptions(test_order=True)).options))

    assert driver.read(ref.remote_id).cancelled
    assert driver.find("SW-1", since=since()) == ()


def test_choices_of_the_merchant_reach_the_supplier(driver, outbound):
    (profile,) = driver.payment_profiles("ana@example.com")
    store = Address(company="Kauri Prints", address1="9 Pine St", city="Portland", province_code="OR", postcode="97201")
    chosen = SupplierOptions(
        shipping_method="40",
        payment_email="ana@example.com",
        payment_profile_id=profile.profile_id,
        store_address=replace(store, country_code="US"),
        warehouses=("KS", "IL"),
    )

    driver.create(replace(outbound, options=order(supplier=chosen).options))

    assert profile == PaymentProfile("123456789", "Credit Card", "Practice Bank 1234 (Ana Kauri)")
    details = PracticeOrder.objects.order_by("pk").first().details
    assert (details["warehouse"], details["method"], details["terms"]) == ("KS", "UPS Ground", "Credit Card")
    assert (details["blind"], details["address"]["city"]) == (False, "Portland")


def test_warehouses_tell_the_days_to_a_postcode(driver):
    assert [(place.code, place.days_in_transit) for place in driver.warehouses("60440")] == [
        ("IL", 1),
        ("KS", 2),
        ("NV", 4),
    ]


def test_a_refused_address_is_a_blocker(driver):
    nowhere = replace(order(), shipping_address=Address("H", "N", "", "1 Main St", "", "Reno", "NV", "", "US"))

    with pytest.raises(RejectedError) as caught:
        driver.create(nowhere)

    assert [(each.code, each.field) for each in caught.value.blockers] == [("postcode_invalid", "shippingAddress.zip")]


def test_an_order_that_was_placed_twice_is_seen(driver):
    for _ in range(2):
        driver.create(order(line(3, quantity=1)))

    assert len(driver.find("SW-1", since=since())) == 2
    assert [one.ref.remote_id for one in driver.changed_since(since())] == ["SW-1", numbers()[1]]


def test_orders_can_lag_behind(driver, outbound, supplier):
    driver.create(outbound)
    dials.turn(supplier.pk, "index_lag", left=2, seconds=60)

    assert driver.find("SW-1", since=since()) == ()
    with pytest.raises(RetryableError, match="does not show"):
        driver.read("SW-1")


def test_an_account_whose_minute_is_used_up_waits(driver, outbound, supplier):
    PracticeShop.objects.filter(pk=supplier.pk).update(bucket=0, bucket_at=timezone.now())

    with pytest.raises(RetryableError) as caught:
        driver.create(outbound)

    assert (caught.value.throttled, caught.value.after_s, driver.budget.available) == (True, 60.0, 0.0)
    assert numbers() == []
