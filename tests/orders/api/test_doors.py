"""Whatever can be done on a page can be done over the API, but for what only a person may."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from accounts import urls as account_urls
from connectors import urls as connection_urls
from orders import urls
from orders.api import urls as api_urls

METHODS = ("get", "post", "put", "patch", "delete")
Door = tuple[str, str]  # the API's name and the method

# A page's address by name -> the API's, where it is called differently or has several methods.
DOORS: dict[str, Door] = {
    "bulk_confirm": ("confirm", "post"),
    "bulk_push": ("push_now", "post"),
    "bulk_retry": ("push_retry", "post"),
    "capture_retry": ("capture", "post"),
    "draft": ("draft", "patch"),
    "reexport": ("reexport", "post"),
    "move": ("order_routing", "post"),
    "sync": ("channel_sync", "post"),
    "store_sync": ("channel_sync", "post"),
    "store_channel": ("channel", "put"),
    "change_settle": ("settle_change", "post"),
    "requests": ("refund_requests", "get"),
    "request_decline": ("refund_request_decline", "post"),
    "hand_over": ("collected", "post"),
    "documents": ("customs", "post"),
    "documents_many": ("document_jobs", "post"),
    "pickups": ("pickups", "get"),
    "pickup_new": ("pickups", "post"),
    "list": ("orders", "get"),
    "detail": ("order", "get"),
    "links": ("unlinked", "get"),
    "links_save_many": ("link_import", "post"),
    "link_sku": ("unlinked_candidates", "get"),
    "link_save": ("links", "post"),
    "link_ask": ("links", "post"),
    "link_try": ("unlinked_try", "get"),
    "link_skip": ("unlinked_skip", "post"),
    "link_bring_back": ("unlinked_unskip", "post"),
    "disconnect_impact": ("connection_impact", "get"),
    "order_data": ("order_data", "patch"),
    "locations": ("locations", "post"),
    "settings": ("order_settings", "patch"),
    "requirements": ("requirements", "put"),
    "requirements_follow": ("channel_requirements", "delete"),
    "routing": ("routing", "put"),
    "routing_default": ("routing", "put"),
    "rule_raise": ("routing", "put"),
    "rule_remove": ("routing", "put"),
    "plan": ("plan", "put"),
    "partners": ("partnerships", "post"),
    "partner": ("partnership", "get"),
    "partner_accept": ("partnership_accept", "post"),
    "partner_decline": ("partnership_decline", "post"),
    "partner_revoke": ("partnership_revoke", "post"),
    "partner_settings": ("partnership_settings", "patch"),
    "partner_rules": ("partnership_settings", "patch"),
    "partner_automatic": ("partnership_settings", "patch"),
    "partner_share": ("partnership_products", "post"),
    "partner_unshare": ("partnership_products", "delete"),
    "auto_accept": ("auto_accept", "put"),
    "auto_accept_settings": ("accept_rules", "post"),
    "auto_accept_save": ("auto_accept", "put"),
    "auto_accept_look_back": ("look_back", "get"),
    "accept_rule_raise": ("accept_rule", "put"),
    "accept_rule_remove": ("accept_rule", "delete"),
    "accept_rule_edit": ("accept_rule", "put"),
    "opening_hours": ("opening_hours", "put"),
    "label_new": ("order_labels", "post"),
    "labels_file": ("labels_print", "post"),
}
# What a page can do or shows besides: each has a door of its own.
BESIDE: dict[str, list[Door]] = {
    "pickup_new": [("pickup_quote", "post")],
    "list": [("overview", "get")],
    "detail": [("events", "get")],
    "refund": [("refund_quote", "post"), ("refund_suggested", "get")],
    "requests": [("owed_orders", "get")],
}
PAGES_ALONE = {
    "health": "for machines", "health_pump": "for machines", "health_gateways": "for machines",
    "refund_ask": "the customer's, behind a signed link", "partner_invitation": "a person's, behind a mailed link",
    "privacy": "an owner's, in person", "privacy_export": "an owner's, in person",
}  # fmt: skip

DOORS_OF_CONNECTIONS: dict[str, Door] = {
    "gallery": ("platforms", "get"),
    "connect": ("connections", "post"),
    "reconnect": ("connection_reconnect", "post"),
    "confirm_server": ("connections", "post"),
    "list": ("connections", "get"),
    "detail": ("connection", "get"),
    "test": ("connection_test", "post"),
    "webhooks": ("connection_webhooks", "post"),
    "pause": ("connection_pause", "post"),
    "resume": ("connection_resume", "post"),
    "disconnect": ("connection_disconnect", "post"),
    "calls": ("connection_calls", "get"),
    "carriers": ("carriers", "get"),
    "carrier_new": ("carriers", "post"),
    "carrier_edit": ("carrier", "patch"),
    "carrier_test": ("carrier_test", "post"),
    "carrier_disconnect": ("carrier", "delete"),
    "tracking": ("tracking_files", "post"),
    "purchase_settle": ("purchase_order_settle", "post"),
    "setup": ("supplier", "get"),
    "setup_step": ("supplier", "patch"),
    "links": ("links", "get"),
    "link_save": ("links", "post"),
    "link_export": ("links", "get"),
    "link_import": ("link_import", "post"),
    "link_check": ("link_import", "post"),
    "link_remove": ("link", "delete"),
    "catalog": ("catalog", "get"),
    "catalog_read": ("catalog_read", "post"),
}
PAGES_ALONE_OF_CONNECTIONS = {
    "gateway_webhook": "for machines", "privacy": "for machines", "webhook": "for machines",
    "authorize": "a person's, in a browser", "authorized": "a person's, in a browser",
    "authorized_keys": "for machines", "reauthorize": "a person's, in a browser",
    "reconnect": "a person's, who has the keys", "confirm_server": "a person's, who knows the server",
    "start": "leads to the test, order sync and the catalog", "start_step": "leads to the test, order sync and the catalog",
}  # fmt: skip

OF_PERSONS = {  # a key must make neither people nor keys: see docs/adr/0022
    "team", "invite", "invitation_withdraw", "member_role", "member_remove", "invitation",
    "keys", "key_revoke", "switch",
}  # fmt: skip
OF_THE_BUSINESS: dict[str, Door] = {"profile": ("business", "patch")}


def test_every_page_has_its_door():
    """Under the same name, or under the one that the table says, with that method."""
    assert without_door(urls, set(PAGES_ALONE), DOORS) == {}


def test_every_page_of_a_connection_has_its_door():
    assert without_door(connection_urls, set(PAGES_ALONE_OF_CONNECTIONS), DOORS_OF_CONNECTIONS) == {}


def test_every_page_of_the_account_has_its_door_or_is_a_person_s():
    assert without_door(account_urls, OF_PERSONS, OF_THE_BUSINESS) == {}


def test_what_pages_can_do_besides_has_its_door():
    there = _methods()

    assert [door for doors in BESIDE.values() for door in doors if door[1] not in there.get(door[0], ())] == []


def test_doors_ask_in_one_place_whose_key_it_is_and_leave_transactions_to_services():
    words = ("request.auth", 'f"API key', "raise_exception=True", "transaction.atomic")
    found = {
        f"{path.name}: {word}"
        for path in Path(api_urls.__file__).parent.glob("*.py")
        for word in words
        if path.name != "common.py" and word in path.read_text()
    }

    assert found == set()


def test_the_tables_name_pages_that_there_are():
    assert {*DOORS, *BESIDE, *PAGES_ALONE} <= _names(urls)
    assert {*DOORS_OF_CONNECTIONS, *PAGES_ALONE_OF_CONNECTIONS} <= _names(connection_urls)
    assert {*OF_THE_BUSINESS, *OF_PERSONS} <= _names(account_urls)


def without_door(pages: ModuleType, alone: set[str], doors: Mapping[str, Door]) -> dict[str, str]:
    """Pages that the API has nothing for, each with what is wrong."""
    methods, wrong = _methods(), {}
    for page in _names(pages) - alone:
        name, method = doors.get(page, (page, ""))
        there = methods.get(name, ())
        if not there:
            wrong[page] = f"there is no {name}"
        elif not method and len(there) > 1:
            wrong[page] = f"which of {', '.join(there)}?"
        elif method and method not in there:
            wrong[page] = f"{name} has no {method}"
    return wrong


def _methods() -> dict[str, tuple[str, ...]]:
    """By the API's names, which methods are answered there."""
    views = {pattern.name: getattr(pattern.callback, "cls", None) for pattern in api_urls.urlpatterns}
    return {name: tuple(each for each in METHODS if hasattr(view, each)) for name, view in views.items() if name}


def _names(module: ModuleType) -> set[str]:
    return {pattern.name for pattern in module.urlpatterns if getattr(pattern, "name", None)}
