"""An order as the store has it: money, shipments, tracking."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import responses

from connectors.base import Parcel, ShipmentLine, ShipmentNotice
from connectors.errors import RetryableError
from connectors.http import HttpClient
from connectors.woocommerce import tracking
from connectors.woocommerce.connector import WooCommerceConnector
from tests.connectors.woocommerce.orders import ACCOUNT
from tests.connectors.woocommerce.store import ROOT, answers, calls, connector, refuses, stored, stored_line, with_meta

DONE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LINKS = f"{ROOT}/wc-shipment-tracking/v3/orders/7/shipment-trackings"

pytestmark = pytest.mark.usefixtures("wire")


def read(**fields):
    answers("orders/7", with_meta(**fields))
    return connector().read("7")


SENT = {"status": "completed", "date_completed_gmt": "2026-11-24T09:00:00"}


def completed(**fields):
    return read(**{**SENT, **fields})


def item(number="NZ1", **fields):
    return {"tracking_provider": "", "custom_tracking_provider": "NZ Post", "tracking_number": number, **fields}


def linked(number="NZ1", **fields):
    return item(number, custom_tracking_link=f"https://track.example/{number}", **fields)


# --- money and state -----------------------------------------------------------------------------


def test_an_order_is_read_with_its_money_in_utc():
    seen = read(refunds=[{"id": 1, "total": "-10.00"}, {"id": 2, "total": "-2.50"}])

    assert (seen.reference, seen.currency, seen.total, seen.refunded) == ("SW-1", "NZD", Decimal(100), Decimal("12.5"))
    assert (seen.outstanding, seen.cancelled, seen.shipments) == (0, False, ())
    assert (seen.created_at, seen.updated_at) == (
        datetime(2026, 11, 23, 12, tzinfo=UTC),
        datetime(2026, 11, 23, 13, tzinfo=UTC),
    )


def test_an_order_that_is_not_paid_is_outstanding():
    assert read(status="on-hold", date_paid_gmt=None).outstanding == Decimal(100)


@pytest.mark.parametrize(("status", "cancelled"), [("cancelled", True), ("trash", True), ("packing", False)])
def test_statuses_of_plugins_are_no_cancellation(status, cancelled):
    assert read(status=status).cancelled is cancelled


def test_an_order_that_is_gone_is_none():
    refuses("orders/7", 404, "woocommerce_rest_shop_order_invalid_id")

    assert connector().read("7") is None


def test_an_answer_that_lacks_its_fields_is_a_torn_one():
    answers("orders/7", {"id": 7})

    with pytest.raises(RetryableError):
        connector().read("7")


# --- completed -----------------------------------------------------------------------------------


def test_completed_is_fulfilled_without_tracking():
    (shipment,) = completed().shipments

    assert shipment == ShipmentNotice(
        "completed",
        "success",
        (ShipmentLine("SKU-1", 2, "line-1", "11"),),
        shipped_at=DONE,
        updated_at=datetime(2026, 11, 23, 13, tzinfo=UTC),
    )


def test_two_parcels_of_a_plugin_are_one_shipment():
    (shipment,) = completed(meta={tracking.ITEMS: [linked("NZ1"), linked("NZ2")]}).shipments

    assert shipment.parcels == (
        Parcel("NZ Post", "NZ1", "https://track.example/NZ1"),
        Parcel("NZ Post", "NZ2", "https://track.example/NZ2"),
    )


def test_an_order_that_went_back_takes_its_shipment_back():
    (shipment,) = completed(status="processing").shipments

    assert shipment.status == "cancelled"


@pytest.mark.parametrize("status", ["delivered", "shipped", "wc-partial"])
def test_a_plugins_status_after_completion_leaves_the_goods_sent(status):
    (shipment,) = completed(status=status).shipments

    assert shipment.status == "success"


@pytest.mark.parametrize("status", ["pending", "on-hold", "failed", "cancelled", "trash"])
def test_an_order_that_was_closed_or_waits_again_is_not_sent(status):
    (shipment,) = completed(status=status).shipments

    assert shipment.status == "cancelled"


def test_a_refund_after_completion_leaves_the_goods_sent():
    (shipment,) = completed(status="refunded").shipments

    assert shipment.status == "success"


def test_tracking_before_completion_is_not_yet_a_shipment():
    assert read(meta={tracking.ITEMS: [linked()]}).shipments == ()


def test_a_line_added_in_the_store_has_none_of_our_ids():
    (shipment,) = completed(line_items=[stored_line(12, meta_data=[], sku="OTHER", quantity=1)]).shipments

    assert shipment.lines == (ShipmentLine("OTHER", 1, "", "12"),)


# --- a plugin that the merchant named ---


@pytest.mark.parametrize(
    ("value", "parcels"),
    [
        ("NZ1", [Parcel("", "NZ1")]),
        ("NZ1, NZ2;NZ 3", [Parcel("", "NZ1"), Parcel("", "NZ2"), Parcel("", "NZ 3")]),
        (12345, [Parcel("", "12345")]),
        ("https://track.example/NZ1", [Parcel("", "", "https://track.example/NZ1")]),
        (["NZ1", "NZ2"], [Parcel("", "NZ1"), Parcel("", "NZ2")]),
        ({"code": "NZ1", "carrier": "NZ Post"}, [Parcel("NZ Post", "NZ1")]),
        ({"1": {"number": "NZ1", "url": "https://t.example/%number%"}}, [Parcel("", "NZ1", "https://t.example/NZ1")]),
        ({"carrier": "UPS", "trackingNumber": "1Z9", "date": "2026-11-20", "id": 77}, [Parcel("UPS", "1Z9")]),
        ({"carrier": "UPS", "awb": "1Z9", "date": "2026-11-20", "id": 77}, []),
        ({"parcel_1": {"number": "NZ1"}, "note": "fragile"}, [Parcel("", "NZ1")]),
        ({"0": "NZ1", "2": "NZ2"}, [Parcel("", "NZ1"), Parcel("", "NZ2")]),
        ("x" * 200, []),
        ([["NZ1"], None, True], []),
        (None, []),
    ],
)
def test_tracking_is_read_where_the_merchant_says(value, parcels):
    answers("orders/7", with_meta(meta={"_shipper": value}, **SENT))

    (shipment,) = named("_shipper").read("7").shipments

    assert list(shipment.parcels) == parcels


def test_what_the_common_plugins_keep_is_read_too_each_number_once():
    answers("orders/7", with_meta(meta={tracking.ITEMS: [linked("NZ1"), linked("NZ2")], "_shipper": "NZ2"}, **SENT))

    (shipment,) = named("_shipper").read("7").shipments

    assert [parcel.number for parcel in shipment.parcels] == ["NZ2", "NZ1"]


def test_a_common_key_that_is_named_keeps_its_carrier():
    answers("orders/7", with_meta(meta={"_tracking_number": "NZ1", "_tracking_provider": "NZ Post"}, **SENT))

    (shipment,) = named("_tracking_number").read("7").shipments

    assert shipment.parcels == (Parcel("NZ Post", "NZ1"),)


def test_another_number_there_is_another_version_of_the_order():
    for number in ("NZ1", "NZ2"):
        answers("orders/7", with_meta(meta={"_shipper": number}, **SENT))

    assert named("_shipper").read("7").remote_version != named("_shipper").read("7").remote_version


def named(key: str) -> WooCommerceConnector:
    return WooCommerceConnector(replace(ACCOUNT, tracking_key=key), HttpClient(deadline_s=30))


# --- links of plugins ----------------------------------------------------------------------------


def test_a_link_that_only_the_plugin_knows_is_asked_for():
    answers(LINKS, [{"tracking_number": "NZ1", "tracking_link": "https://nzpost.example/NZ1"}])

    (shipment,) = completed(meta={tracking.ITEMS: [item()]}).shipments

    assert shipment.parcels == (Parcel("NZ Post", "NZ1", "https://nzpost.example/NZ1"),)


@pytest.mark.parametrize(("status", "code"), [(404, "rest_no_route"), (500, "any"), (403, "rest_forbidden")])
def test_a_plugin_that_does_not_answer_costs_only_the_link(status, code):
    refuses(LINKS, status, code)

    (shipment,) = completed(meta={tracking.ITEMS: [item()]}).shipments

    assert shipment.parcels == (Parcel("NZ Post", "NZ1"),)


# --- WooCommerce's own fulfillments --------------------------------------------------------------


def fulfillment(number=3, *, units=1, is_fulfilled=True, **facts):
    meta = {"_items": [{"item_id": 11, "qty": units}], **facts}
    pairs = [{"id": at, "key": key, "value": value} for at, (key, value) in enumerate(meta.items())]
    return {"id": number, "is_fulfilled": is_fulfilled, "meta_data": pairs}


def test_a_partial_fulfillment_is_a_shipment_of_its_own():
    facts = {"_tracking_number": "N1", "_shipment_provider": "dhl", "_tracking_url": "https://dhl.example/N1"}
    answers("orders/7/fulfillments", {"fulfillments": [fulfillment(**facts), fulfillment(4, is_fulfilled=False)]})

    (shipment,) = read(meta={"_fulfillment_status": "partially_fulfilled"}).shipments

    assert (shipment.remote_id, [line.quantity for line in shipment.lines]) == ("fulfillment-3", [1])
    assert shipment.parcels == (Parcel("dhl", "N1", "https://dhl.example/N1"),)


def test_completed_after_a_partial_fulfillment_is_the_rest():
    answers("orders/7/fulfillments", {"fulfillments": [fulfillment()]})

    shipments = completed(meta={"_fulfillment_status": "partially_fulfilled"}).shipments

    assert [(one.remote_id, one.lines[0].quantity) for one in shipments] == [("fulfillment-3", 1), ("completed", 1)]


def test_completed_after_a_whole_fulfillment_sends_nothing_twice():
    answers("orders/7/fulfillments", {"fulfillments": [fulfillment(units=2)]})

    shipments = completed(meta={"_fulfillment_status": "fulfilled"}).shipments

    assert [one.remote_id for one in shipments] == ["fulfillment-3"]


def test_fulfillments_that_were_switched_off_leave_the_status():
    refuses("orders/7/fulfillments", 404, "rest_no_route")

    assert [one.remote_id for one in completed(meta={"_fulfillment_status": "fulfilled"}).shipments] == ["completed"]


# --- where plugins keep numbers ------------------------------------------------------------------


def parcels(**meta) -> tuple[Parcel, ...]:
    return tracking.of_meta(meta, {})


def test_a_list_that_php_wrote_as_an_object_is_read():
    assert parcels(**{tracking.ITEMS: {"1": linked("NZ2")}}) == (Parcel("NZ Post", "NZ2", "https://track.example/NZ2"),)


@pytest.mark.parametrize("placeholder", ["%number%", "%1$s"])
def test_a_placeholder_in_a_link_is_filled(placeholder):
    (parcel,) = parcels(**{tracking.ITEMS: [item(custom_tracking_link=f"https://t.example/?n={placeholder}")]})

    assert parcel.url == "https://t.example/?n=NZ1"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://t.example/%2$s", "//t.example", 7])
def test_what_cannot_be_shown_as_a_link_is_left_out(link):
    assert parcels(**{tracking.ITEMS: [item(custom_tracking_link=link)]})[0].url == ""


@pytest.mark.parametrize(
    ("meta", "parcel"),
    [
        ({"_tracking_number": "A1"}, Parcel("", "A1")),
        ({"tracking_number": 4711, "tracking_provider": "DHL"}, Parcel("DHL", "4711")),
        ({"ywot_tracking_code": "Y1", "ywot_carrier_id": "ups"}, Parcel("ups", "Y1")),
        ({tracking.AFTERSHIP: [{"slug": "nz-post", "tracking_number": "S1"}]}, Parcel("nz-post", "S1")),
    ],
)
def test_other_plugins_keys_are_known(meta, parcel):
    assert parcels(**meta) == (parcel,)


def test_one_number_in_two_places_is_one_parcel():
    assert len(parcels(**{tracking.ITEMS: [linked("A1")], "_tracking_number": "A1"})) == 1


@pytest.mark.parametrize("value", [None, "", "text", 5, [1, None], {"a": 1}, [{"tracking_number": ["x"]}]])
def test_another_shape_than_we_know_counts_as_nothing(value):
    assert parcels(**{tracking.ITEMS: value}) == ()


def test_reading_costs_one_call_where_nothing_else_is_to_be_known():
    answers("orders/7", stored())

    connector().read("7")

    assert calls() == ["GET orders/7"]
    assert len(responses.calls) == 1
