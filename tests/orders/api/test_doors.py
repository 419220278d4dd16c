"""Whatever can be done on a page can be done over the API."""

from __future__ import annotations

import pytest
from django.urls import reverse

from orders import urls
from orders.api import urls as api_urls

# The page's address by name -> the API's, or "" where there is nothing to do but to look or to leave the page's own way.
DOORS = {
    "bulk_confirm": "confirm", "confirm": "confirm", "decline": "decline", "cancel": "cancel", "check": "check",
    "bulk_push": "push_now", "push_now": "push_now", "push_retry": "push_retry", "push_skip": "push_skip",
    "push_cancel": "push_cancel", "push_preview": "push_preview", "partner_push": "partner_push", "mark": "mark",
    "capture_retry": "capture", "move": "order_routing", "archive": "archive", "unarchive": "unarchive", "draft": "draft",
    "sync": "channel_sync", "store_sync": "channel_sync", "store_channel": "channel", "change_settle": "settle_change",
    "refund": "refund", "refund_retry": "refund_retry", "refund_withdraw": "refund_withdraw",
    "requests": "refund_requests", "request_decline": "refund_request_decline", "refund_picture": "refund_picture",
    "ship": "ship", "ready": "ready", "tracking": "tracking", "take_back": "take_back", "hand_over": "collected",
    "write_back_retry": "write_back_retry",
    "documents": "customs", "document": "document", "documents_many": "document_jobs", "document_job": "document_job",
    "document_file": "document_file",
    "pickups": "pickups", "pickup_new": "pickups", "pickup": "pickup", "pickup_cancel": "pickup_cancel",
    "pickup_retry": "pickup_retry", "pickup_settle": "pickup_settle",
    "reexport": "reexport", "reexport_choose": "reexport_choose", "reexport_look": "reexport_look",
    "reexport_withdraw": "reexport_withdraw",
    "list": "orders", "detail": "order", "partner_orders": "partner_orders", "partner_shipments": "partner_shipments",
    "links": "links", "links_save_many": "link_import", "link_sku": "links", "link_save": "links", "link_ask": "links",
    "link_try": "link_import", "order_data": "order_data", "locations": "locations", "settings": "order_settings",
    "requirements": "requirements", "requirements_follow": "channel_requirements",
    "routing": "routing", "routing_default": "routing", "rule_raise": "routing", "rule_remove": "routing",
    "plan": "plan", "partners": "partnerships", "partner": "partnership", "partner_accept": "partnership_accept",
    "partner_decline": "partnership_decline", "partner_revoke": "partnership_revoke",
    "partner_settings": "partnership_settings", "partner_rules": "partnership_settings",
    "partner_automatic": "partnership_settings", "partner_share": "partnership_products",
    "partner_unshare": "partnership_products",
    "auto_accept": "auto_accept", "auto_accept_settings": "accept_rules", "auto_accept_save": "auto_accept",
    "auto_accept_look_back": "look_back", "accept_rule_raise": "accept_rule", "accept_rule_remove": "accept_rule",
    "opening_hours": "opening_hours",
}  # fmt: skip
PAGES_ALONE = {
    "health": "for machines", "health_pump": "for machines",
    "refund_ask": "the customer's, behind a signed link", "partner_invitation": "a person's, behind a mailed link",
    "link_skip": "tidies the page's own list", "link_bring_back": "tidies the page's own list",
    "disconnect_impact": "a part of a page", "privacy": "an owner's, in person", "privacy_export": "an owner's, in person",
}  # fmt: skip


def test_every_page_has_its_door():
    pages = {pattern.name for pattern in urls.urlpatterns}

    assert pages - set(DOORS) - set(PAGES_ALONE) == set()


@pytest.mark.parametrize("door", sorted(set(DOORS.values())))
def test_each_door_is_there(door: str):
    pattern = next(each for each in api_urls.urlpatterns if getattr(each, "name", None) == door)

    assert reverse(f"api:{door}", kwargs=dict.fromkeys(pattern.pattern.converters, 1))
