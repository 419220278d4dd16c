"""What a store's staff can do, and what the store refuses them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.practice import services
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop
from connectors.practice.services import PracticeError
from tests.connectors.practice.shop import bag, create, line, make_shop, read, tax

PARCEL = {"number": "NZ1", "company": "NZ Post", "url": "https://track.example/NZ1"}
SALE = {"kind": "SALE", "status": "SUCCESS", "gateway": "ArchiPro", "amountSet": bag("100.00")}


@pytest.fixture
def order(shop):
    """Two stools, paid: 100.00."""
    return create(shop, lineItems=[line(shop, quantity=2, taxLines=[tax("13.04")])], transactions=[SALE])


def test_opening_a_shop_again_adds_only_the_products_it_lacks(shop):
    shop.variants.filter(sku="STOOL").update(stock=1)

    again = make_shop()

    assert PracticeShop.objects.get() == again
    assert list(again.variants.order_by("sku").values_list("sku", "stock")) == [("LAMP", 5), ("STOOL", 1)]


def test_a_part_is_fulfilled_and_the_rest_is_left(shop, order):
    (stools,) = order.lines.all()

    services.fulfill(order_id=order.pk, quantities={stools.pk: 1}, parcels=[PARCEL])

    seen = read(shop, order)
    assert seen["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    assert seen["lineItems"]["nodes"][0]["unfulfilledQuantity"] == 1


@pytest.mark.parametrize("quantity", [0, 3, -1])
def test_no_units_and_more_than_are_left_are_refused(order, quantity):
    (stools,) = order.lines.all()

    with pytest.raises(PracticeError, match="Invalid fulfillment order line item quantity"):
        services.fulfill(order_id=order.pk, quantities={stools.pk: quantity}, parcels=[])


def test_another_orders_line_is_refused(shop, order):
    (other,) = create(shop).lines.all()

    with pytest.raises(PracticeError):
        services.fulfill(order_id=order.pk, quantities={other.pk: 1}, parcels=[])


def test_tracking_comes_later_beside_what_is_there(shop, order):
    sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[PARCEL])

    services.add_tracking(fulfillment_id=sent.pk, parcels=[{"number": "NZ2"}])

    (fulfillment,) = read(shop, order)["fulfillments"]
    assert fulfillment["trackingInfo"] == [PARCEL, {"number": "NZ2", "company": None, "url": None}]


def test_a_cancelled_fulfillment_frees_its_units(shop, order):
    sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[])

    services.cancel_fulfillment(fulfillment_id=sent.pk)

    seen = read(shop, order)
    assert (seen["displayFulfillmentStatus"], seen["fulfillments"][0]["status"]) == ("UNFULFILLED", "CANCELLED")


def test_a_cancelled_fulfillment_takes_no_tracking(order):
    sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[])
    services.cancel_fulfillment(fulfillment_id=sent.pk)

    with pytest.raises(PracticeError, match="was cancelled"):
        services.add_tracking(fulfillment_id=sent.pk, parcels=[PARCEL])


def test_an_order_that_was_sent_is_not_cancelled(order):
    services.fulfill(order_id=order.pk, quantities=None, parcels=[])

    with pytest.raises(PracticeError, match="outstanding fulfillments"):
        services.cancel_order(order_id=order.pk)


def test_a_cancelled_order_is_not_fulfilled_edited_or_cancelled_again(order):
    services.cancel_order(order_id=order.pk)
    (stools,) = order.lines.all()

    with pytest.raises(PracticeError, match="already been canceled"):
        services.cancel_order(order_id=order.pk)
    with pytest.raises(PracticeError, match="cannot be fulfilled"):
        services.fulfill(order_id=order.pk, quantities=None, parcels=[])
    with pytest.raises(PracticeError, match="cannot be edited"):
        services.edit_quantity(line_id=stools.pk, quantity=1)


@pytest.mark.parametrize(("restock", "stock"), [(True, 7), (False, 5)])
def test_a_cancelled_order_goes_back_into_stock_when_asked(shop, order, restock, stock):
    services.cancel_order(order_id=order.pk, restock=restock)

    assert shop.variants.get(sku="STOOL").stock == stock


def test_a_part_is_refunded_and_then_the_rest(order):
    services.refund(order_id=order.pk, amount=Decimal("40.00"))
    order.refresh_from_db()
    assert order.financial_status == "PARTIALLY_REFUNDED"

    services.refund(order_id=order.pk, amount=Decimal("60.00"))
    order.refresh_from_db()
    assert order.financial_status == "REFUNDED"


@pytest.mark.parametrize("amount", ["0", "100.01", "-1", "0.001"])
def test_more_than_was_paid_and_no_money_at_all_are_not_refunded(order, amount):
    with pytest.raises(PracticeError):
        services.refund(order_id=order.pk, amount=Decimal(amount))

    assert not order.refunds.exists()


def test_the_same_key_refunds_once(order):
    first = services.refund(order_id=order.pk, amount=Decimal("40.00"), key="k1")

    assert services.refund(order_id=order.pk, amount=Decimal("40.00"), key="k1") == first
    assert PracticeOrder.objects.get().refunded == Decimal("40.00")


def test_an_edit_sums_up_anew(order):
    (stools,) = order.lines.all()

    services.edit_quantity(line_id=stools.pk, quantity=3)

    order.refresh_from_db()
    assert (order.total, order.tax, order.financial_status) == (Decimal("150"), Decimal("19.56"), "PARTIALLY_PAID")


def test_taxes_on_top_go_along_with_an_edit(shop):
    lines = [line(shop, quantity=2, priceSet=bag("12.00"), taxLines=[tax("2.40")])]
    shipping = [{"title": "Post", "priceSet": bag("5.00"), "taxLines": [tax("0.50")]}]
    order = create(shop, taxesIncluded=False, lineItems=lines, shippingLines=shipping)

    services.edit_quantity(line_id=order.lines.get().pk, quantity=1)

    order.refresh_from_db()
    assert order.total == Decimal("18.70")  # 12.00 + 1.20 + 5.00 + 0.50


def test_fewer_than_were_sent_cannot_be_ordered(order):
    services.fulfill(order_id=order.pk, quantities=None, parcels=[])

    with pytest.raises(PracticeError, match="2 of them were sent"):
        services.edit_quantity(line_id=order.lines.get().pk, quantity=1)


def test_a_deleted_order_is_gone(shop, order):
    services.delete_order(order_id=order.pk)

    assert not PracticeOrder.objects.exists()
    assert not PracticeDelivery.objects.exists()


def test_the_timeline_tells_what_happened(order):
    services.fulfill(order_id=order.pk, quantities=None, parcels=[PARCEL])

    assert [event.text for event in order.events.order_by("pk")] == [
        "The order was created by an app: 100.00 NZD.",
        "2 items fulfilled.",
    ]
