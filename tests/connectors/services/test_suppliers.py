"""A supplier's settings: what is refused, and what an order carries."""

from __future__ import annotations

import pytest

from accounts.models import AuditEvent
from connectors.base import SupplierOptions
from connectors.models import Connection, StoreAddress, SupplierSettings
from connectors.services import suppliers
from tests.factories import NOON, make_connection, make_merchant

PLACE = {"company": "Kauri Prints", "address1": "9 Customs St", "city": "Portland", "country_code": "US"}


@pytest.fixture
def supplier(merchant) -> Connection:
    return make_connection(merchant, platform="ssactivewear", base_url="https://api.ssactivewear.com/v2")


def save(supplier: Connection, **chosen) -> SupplierSettings:
    return suppliers.save(connection_id=supplier.pk, by="ana", at=NOON, **chosen)


def test_without_choices_the_supplier_s_own_count(supplier):
    assert suppliers.options_of(supplier) == SupplierOptions()


def test_a_store_is_asked_nothing(merchant, django_assert_num_queries):
    store = make_connection(merchant)

    with django_assert_num_queries(0):
        assert suppliers.options_of(store) == SupplierOptions()


def test_a_profile_that_is_not_chosen_yet_leaves_its_number_empty(supplier):
    save(supplier, pays_by_profile=True, payment_email="ana@example.com")

    options = suppliers.options_of(supplier)
    assert (options.payment_email, options.payment_profile_id) == ("ana@example.com", "")


def test_on_account_no_profile_is_carried(supplier):
    save(supplier, pays_by_profile=False, payment_email="ana@example.com", payment_profile_id="5")

    assert suppliers.options_of(supplier) == SupplierOptions()


def test_what_cannot_be_is_refused_and_not_saved(supplier):
    for chosen in ({"shipping_method": "99"}, {"disable_dropshipping": True}, {"pays_by_profile": True}):
        with pytest.raises(suppliers.ChoiceRefused):
            save(supplier, **chosen)

    assert not SupplierSettings.objects.exists()


def test_the_address_of_another_merchant_is_refused(supplier):
    theirs = StoreAddress.objects.create(merchant=make_merchant(), **PLACE)

    with pytest.raises(suppliers.ChoiceRefused, match="not one of yours"):
        save(supplier, disable_dropshipping=True, store_address=theirs)


def test_an_address_is_kept_once(supplier):
    first = suppliers.keep_address(connection_id=supplier.pk, by="ana", at=NOON, **PLACE)

    assert suppliers.keep_address(connection_id=supplier.pk, by="ana", at=NOON, **PLACE) == first
    assert AuditEvent.objects.filter(kind="address.added").count() == 1


def test_what_stays_as_it_is_leaves_no_trace(supplier):
    save(supplier, auto_fulfillment=True, step="auto")

    assert not AuditEvent.objects.exists()
    assert SupplierSettings.objects.get().steps_done == ["auto"]
