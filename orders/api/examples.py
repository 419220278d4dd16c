"""Sample bodies for the API's description."""

from __future__ import annotations

from orders.management import sample_orders

ORDER_EXAMPLES = {
    "GST inside the prices": sample_orders.load("nzd_gst_inside"),
    "Tax on top": sample_orders.load("usd_tax_on_top"),
    "Click and collect": sample_orders.load("click_and_collect"),
}
EDIT_EXAMPLE = {
    "revision": 1,
    "note": "Leave it at the back door.",
    "shipping_address": ORDER_EXAMPLES["GST inside the prices"]["shipping_address"],
}
