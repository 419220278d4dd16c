"""How a real store tells that goods were sent: by its status, by a plugin's meta data, or by its own fulfillments."""

from __future__ import annotations

from connectors.practice import services
from connectors.practice.models import PracticeOrder
from tests.connectors.practice.woocommerce.shop import ask, change, create, send

PARCEL = {"number": "NZ1", "company": "NZ Post", "url": "https://track.example/NZ1"}
ITEMS = "_wc_shipment_tracking_items"


def meta(order) -> dict:
    return {pair["key"]: pair["value"] for pair in order["meta_data"]}


def fulfill(order, *, units=None, parcels=(PARCEL,)):
    line = PracticeOrder.objects.get(pk=order["id"]).lines.get()
    return services.fulfill(
        order_id=order["id"], quantities=None if units is None else {line.pk: units}, parcels=parcels
    )


def test_all_sent_is_completed_with_the_plugins_tracking(shop):
    order = create(shop)
    fulfill(order)

    seen = ask(shop, f"orders/{order['id']}")

    assert seen["status"] == "completed"
    assert seen["date_completed_gmt"]
    (item,) = meta(seen)[ITEMS]
    assert (item["tracking_number"], item["custom_tracking_provider"]) == ("NZ1", "NZ Post")


def test_a_part_sent_is_still_processing(shop):
    order = create(shop)
    fulfill(order, units=1)

    seen = ask(shop, f"orders/{order['id']}")

    assert (seen["status"], seen["date_completed_gmt"]) == ("processing", None)
    assert ITEMS in meta(seen)


def test_a_fulfillment_that_is_taken_back_leaves_the_date(shop):
    order = create(shop)
    services.cancel_fulfillment(fulfillment_id=fulfill(order).pk)

    seen = ask(shop, f"orders/{order['id']}")

    assert seen["status"] == "processing"
    assert seen["date_completed_gmt"]


def test_woocommerces_own_fulfillments_leave_the_status(shop):
    change(shop, fulfillments=True)
    order = create(shop)
    fulfill(order, units=1)

    seen = ask(shop, f"orders/{order['id']}")
    (fulfillment,) = ask(shop, f"orders/{order['id']}/fulfillments")["fulfillments"]

    assert (seen["status"], meta(seen)["_fulfillment_status"]) == ("processing", "partially_fulfilled")
    assert meta(fulfillment)["_items"] == [{"item_id": order["line_items"][0]["id"], "qty": 1}]
    assert meta(fulfillment)["_tracking_number"] == "NZ1"


def test_an_order_that_is_completed_over_the_api_is_completed_beside_woocommerces_own_fulfillments(shop):
    change(shop, fulfillments=True)
    order = create(shop)
    fulfill(order, units=1)

    answer = send(shop, "POST", f"orders/{order['id']}", {"status": "completed"}).json()
    seen = ask(shop, f"orders/{order['id']}")

    assert (answer["status"], seen["status"]) == ("completed", "completed")
    assert seen["date_completed_gmt"]


def test_an_order_that_is_completed_may_be_taken_back_to_processing(shop):
    change(shop, fulfillments=True)
    order = create(shop)
    send(shop, "POST", f"orders/{order['id']}", {"status": "completed"})

    send(shop, "POST", f"orders/{order['id']}", {"status": "processing"})

    assert ask(shop, f"orders/{order['id']}")["status"] == "processing"


def test_fulfillments_are_no_route_where_the_feature_is_off(shop):
    order = create(shop)

    answer = send(shop, "GET", f"orders/{order['id']}/fulfillments")

    assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")


def test_the_plugin_works_out_addresses(shop):
    order = create(shop)
    fulfill(order, parcels=[{"number": "NZ2", "company": "NZ Post", "url": ""}])

    path = f"/practice/woocommerce/rimu/wp-json/wc-shipment-tracking/v3/orders/{order['id']}/shipment-trackings"
    assert ask(shop, path) == [{"tracking_number": "NZ2", "tracking_link": "https://track.example/NZ2"}]
