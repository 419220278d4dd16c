"""Whatever can be done on a page can be done over the API, but for what only a person may."""

from __future__ import annotations

from types import ModuleType

from accounts import urls as account_urls
from orders import urls
from orders.api import urls as api_urls

# A page's address by name -> the API's, where the two are called differently.
DOORS = {
    "bulk_confirm": "confirm",
    "bulk_push": "push_now",
    "bulk_retry": "push_retry",
    "capture_retry": "capture",
    "move": "order_routing",
    "sync": "channel_sync",
    "store_sync": "channel_sync",
    "store_channel": "channel",
    "change_settle": "settle_change",
    "requests": "refund_requests",
    "request_decline": "refund_request_decline",
    "hand_over": "collected",
    "documents": "customs",
    "documents_many": "document_jobs",
    "pickup_new": "pickups",
    "list": "orders",
    "detail": "order",
    "links_save_many": "link_import",
    "link_sku": "links",
    "link_save": "links",
    "link_ask": "links",
    "link_try": "link_import",
    "settings": "order_settings",
    "requirements_follow": "channel_requirements",
    "routing_default": "routing",
    "rule_raise": "routing",
    "rule_remove": "routing",
    "partners": "partnerships",
    "partner": "partnership",
    "partner_accept": "partnership_accept",
    "partner_decline": "partnership_decline",
    "partner_revoke": "partnership_revoke",
    "partner_settings": "partnership_settings",
    "partner_rules": "partnership_settings",
    "partner_automatic": "partnership_settings",
    "partner_share": "partnership_products",
    "partner_unshare": "partnership_products",
    "auto_accept_settings": "accept_rules",
    "auto_accept_save": "auto_accept",
    "auto_accept_look_back": "look_back",
    "accept_rule_raise": "accept_rule",
    "accept_rule_remove": "accept_rule",
    "accept_rule_edit": "accept_rule",
    "label_new": "order_labels",
    "labels_file": "label_file",
}
PAGES_ALONE = {
    "health": "for machines", "health_pump": "for machines", "health_gateways": "for machines",
    "refund_ask": "the customer's, behind a signed link", "partner_invitation": "a person's, behind a mailed link",
    "link_skip": "tidies the page's own list", "link_bring_back": "tidies the page's own list",
    "disconnect_impact": "a part of a page", "privacy": "an owner's, in person", "privacy_export": "an owner's, in person",
}  # fmt: skip


def test_every_page_has_its_door():
    """Under the same name, or under the one that the table says."""
    missing = {page for page in _names(urls) - set(PAGES_ALONE) if DOORS.get(page, page) not in _names(api_urls)}

    assert missing == set()


OF_PERSONS = {  # a key must make neither people nor keys: see docs/adr/0022
    "team", "invite", "invitation_withdraw", "member_role", "member_remove", "invitation",
    "keys", "key_revoke", "switch",
}  # fmt: skip
OF_THE_BUSINESS = {"profile": "business"}


def test_every_page_of_the_account_has_its_door_or_is_a_person_s():
    doors = {OF_THE_BUSINESS.get(page, page) for page in _names(account_urls) - OF_PERSONS}

    assert doors <= _names(api_urls)


def _names(module: ModuleType) -> set[str]:
    return {pattern.name for pattern in module.urlpatterns if getattr(pattern, "name", None)}
