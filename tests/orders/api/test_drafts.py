"""Drafts, the archive and requirements over the API; nobody reaches another's."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEvent
from orders.enums import OrderStatus, PaymentStatus
from orders.models import Order, OrderRequirements
from tests.factories import make_order
from tests.orders.api.client import Api, make_api, sample
from tests.orders.drafts import fill, make_draft

pytestmark = pytest.mark.django_db
CITY = "shipping_address.city"


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def draft(api: Api) -> Order:
    return make_draft(api.merchant, address={"city": "", "postcode": ""})


def ask(api: Api, method: str, path: str, body: Any = None):
    return api.send(method, path, body, key=api.merchant_key)


def closed(api: Api) -> Order:
    return make_order(api.merchant, status=OrderStatus.DECLINED, payment_status=PaymentStatus.NONE)


def archived() -> set[Order]:
    return set(Order.objects.filter(is_archived=True))


def test_a_draft_tells_what_it_lacks_by_the_names_of_its_values(api: Api, draft: Order):
    body = ask(api, "GET", f"orders/{draft.public_id}/draft/").json()

    assert [blocker["field"] for blocker in body["blockers"]] == [CITY, "shipping_address.postcode"]
    assert {body["values"][blocker["field"]] for blocker in body["blockers"]} == {""}
    assert body["values"]["lines[1].customs_value"] == ""


def test_a_draft_is_filled_in_and_goes_on(api: Api, draft: Order):
    values = {CITY: "Auckland", "shipping_address.postcode": "1011"}

    response = ask(api, "PATCH", f"orders/{draft.public_id}/draft/", {"values": values})

    assert (response.status_code, response.json()["status"], response.json()["blockers"]) == (200, "pending", [])


def test_wrong_values_are_named_by_field(api: Api, draft: Order):
    values = {CITY: "Auckland", "shipping_address.postcode": "ten", "total": "1"}

    response = ask(api, "PATCH", f"orders/{draft.public_id}/draft/", {"values": values})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_order")
    assert [(e["field"], e["code"]) for e in response.json()["errors"]] == [
        ("shipping_address.postcode", "postcode_invalid"), ("total", "unknown_field"),
    ]  # fmt: skip


def test_a_value_that_changed_since_it_was_read_is_refused(api: Api, draft: Order):
    fill(draft, city="Auckland", by="ben")

    response = ask(api, "PATCH", f"orders/{draft.public_id}/draft/", {"values": {CITY: "Hamilton"}, "seen": {CITY: ""}})

    assert (response.status_code, response.json()["code"]) == (409, "changed_meanwhile")
    assert response.json()["errors"] == [
        {"field": CITY, "code": "changed_meanwhile", "message": "This is “Auckland” now."}
    ]


def test_an_order_that_is_no_draft_is_not_changed(api: Api):
    order = make_order(api.merchant)

    response = ask(api, "PATCH", f"orders/{order.public_id}/draft/", {"values": {CITY: "Hamilton"}})

    assert (response.status_code, response.json()["code"]) == (409, "transition_not_allowed")


@pytest.mark.parametrize("body", [{}, {"values": []}, {"values": {CITY: ["a"]}}, {"values": {CITY: "x"}, "seen": "a"}])
def test_a_body_of_another_shape_is_refused(api: Api, draft: Order, body: Any):
    assert ask(api, "PATCH", f"orders/{draft.public_id}/draft/", body).status_code == 400


def test_a_marketplaces_key_fills_in_nothing(api: Api, draft: Order):
    assert api.send("PATCH", f"orders/{draft.public_id}/draft/", {"values": {}}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "draft/"), ("PATCH", "draft/"), ("POST", "archive/"), ("POST", "unarchive/")]
)
def test_another_merchants_order_is_not_there(api: Api, method: str, path: str):
    order = make_draft()

    assert ask(api, method, f"orders/{order.public_id}/{path}", {"values": {}}).status_code == 404


# --- archive -------------------------------------------------------------------------------------------


def test_an_order_is_archived_and_brought_back(api: Api):
    order = closed(api)

    body = ask(api, "POST", f"orders/{order.public_id}/archive/").json()
    assert (body["is_archived"], archived()) == (True, {order})

    assert ask(api, "POST", f"orders/{order.public_id}/unarchive/").json()["is_archived"] is False


def test_an_order_under_way_needs_consent(api: Api):
    order = make_order(api.merchant)

    refused = ask(api, "POST", f"orders/{order.public_id}/archive/")
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_consent")

    assert ask(api, "POST", f"orders/{order.public_id}/archive/", {"consent": True}).status_code == 200
    assert archived() == {order}


def test_several_are_archived_and_strangers_passed_over(api: Api):
    orders = [closed(api), closed(api)]
    ids = [order.public_id for order in (*orders, make_order())]

    assert ask(api, "POST", "orders/archive/", {"orders": ids}).json() == {"done": 2, "more": 0}
    assert archived() == set(orders)
    assert ask(api, "POST", "orders/unarchive/", {"orders": ids}).json() == {"done": 2, "more": 0}


def test_all_without_an_address_are_archived(api: Api):
    order = closed(api)
    order.addresses.all().delete()
    closed(api)

    assert ask(api, "POST", "orders/archive/", {"without_address": True}).json() == {"done": 1, "more": 0}
    assert archived() == {order}


@pytest.mark.parametrize("body", [{}, {"orders": []}, {"orders": ["a"], "without_address": True}])
def test_it_must_be_said_which_orders(api: Api, body: Any):
    assert ask(api, "POST", "orders/archive/", body).status_code == 400


def test_the_list_is_filtered_by_archive_and_by_blocker(api: Api, draft: Order):
    order = closed(api)
    ask(api, "POST", f"orders/{order.public_id}/archive/")

    def ids(query: str) -> list[str]:
        return [row["id"] for row in ask(api, "GET", f"orders/?{query}").json()["results"]]

    assert ids("archived=true") == [order.public_id]
    assert ids("archived=false") == [draft.public_id]
    assert len(ids("")) == 2
    assert ids("blocker=address_incomplete") == [draft.public_id]
    assert ids("blocker=invoice_missing") == []


@pytest.mark.parametrize("query", ["archived=maybe", "blocker=lost"])
def test_a_filter_that_means_nothing_is_refused(api: Api, query: str):
    assert ask(api, "GET", f"orders/?{query}").status_code == 400


# --- requirements --------------------------------------------------------------------------------------


def test_requirements_are_read_and_replaced(api: Api):
    body = {"channel": "every", "address": True, "link": False, "invoice": True, "customs": False}

    rows = ask(api, "PUT", "requirements/", body).json()

    assert rows[0] == body | {"name": "Every channel", "is_own": True, "payment": True, "value": True}
    assert rows[1] == rows[0] | {"channel": rows[1]["channel"], "name": rows[1]["name"], "is_own": False}
    assert AuditEvent.objects.filter(kind="requirements.saved").get().by.startswith("API key")


def test_a_payment_and_a_value_need_not_be_asked_for(api: Api):
    body = {"channel": "every", "address": True, "link": False, "invoice": False, "customs": False}

    row = ask(api, "PUT", "requirements/", body | {"payment": False, "value": False}).json()[0]

    assert (row["payment"], row["value"]) == (False, False)
    kept = OrderRequirements.objects.get()
    assert (kept.needs_payment, kept.needs_value) == (False, False)


def test_a_channel_goes_by_the_common_requirements_again(api: Api):
    body = {"channel": api.marketplace.slug, "address": False, "link": False, "invoice": False, "customs": False}
    ask(api, "PUT", "requirements/", body)

    rows = ask(api, "DELETE", f"requirements/{api.marketplace.slug}/").json()

    assert [row["is_own"] for row in rows] == [False, False]
    assert not OrderRequirements.objects.exists()


def test_an_unknown_channel_is_named(api: Api):
    body = {"channel": "other", "address": True, "link": False, "invoice": True, "customs": False}

    response = ask(api, "PUT", "requirements/", body)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "channel")


def test_the_common_requirements_stay(api: Api):
    assert ask(api, "DELETE", "requirements/every/").status_code == 409


def test_the_requirements_of_an_unknown_channel_are_not_there(api: Api):
    assert ask(api, "DELETE", "requirements/other/").status_code == 404


# --- at the door ---------------------------------------------------------------------------------------


def test_an_order_brings_its_invoice_and_customs_data(api: Api):
    body = sample() | {"merchant": api.merchant.slug, "invoice_number": "INV-1", "invoice_key": "K-1"}
    body["lines"][0] |= {"hs_code": "9403.60", "origin_country": "NZ", "customs_value": "10.50"}

    placed = api.place(body)

    assert placed.status_code == 201, placed.json()
    order = ask(api, "GET", f"orders/{placed.json()['id']}/").json()
    assert (order["invoice_number"], order["invoice_key"]) == ("INV-1", "K-1")
    assert (order["lines"][0]["hs_code"], order["lines"][0]["origin_country"]) == ("940360", "NZ")
    assert [line["customs_value"] for line in order["lines"]][:2] == ["10.50", None]


def test_wrong_customs_data_are_refused_at_the_door(api: Api):
    body = sample() | {"merchant": api.merchant.slug}
    body["lines"][0] |= {"hs_code": "94", "origin_country": "XX", "customs_value": "0"}

    errors = api.place(body).json()["errors"]

    assert sorted(error["field"] for error in errors) == [
        "lines[0].customs_value", "lines[0].hs_code", "lines[0].origin_country",
    ]  # fmt: skip
