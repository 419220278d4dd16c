"""Partnerships and orders for partners' stores over the API."""

from __future__ import annotations

import pytest

from accounts.models import AuditEvent
from accounts.services import api_keys
from connectors.models import Partnership, ProductLink
from orders.enums import PushStatus
from tests.factories import NOON, make_connection, make_marketplace, make_merchant
from tests.orders.api.client import Api
from tests.orders.services.partnered import Partnered, make_partnered

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> Partnered:
    return make_partnered()


def key(merchant, *, can_write: bool = True) -> str:
    issued = {"name": "scripts", "can_write": can_write, "expires_at": None, "by": "tests", "at": NOON}
    return api_keys.issue(merchant=merchant, **issued)[1]


def send(merchant, method: str, path: str, body=None, **options):
    return Api(merchant, None, "", "").send(method, path, body, key=key(merchant, **options))


def at(pair: Partnered, path: str = "") -> str:
    return f"partnerships/{pair.partnership.public_id}/{path}"


def test_each_side_reads_it_as_its_own(pair):
    ours, theirs = (send(merchant, "GET", at(pair)).json() for merchant in (pair.seller, pair.owner))

    assert (ours["you"], ours["partner"], ours["state"]) == ("destination", "Atua Ceramics", "accepted")
    assert (ours["store"], ours["destination"]) == (None, pair.connection.public_id)
    assert (theirs["you"], theirs["partner"], theirs["store"]) == ("source", "Kauri & Clay", pair.store.public_id)
    assert theirs["destination"] is None


def test_the_list_has_ones_own_alone(pair):
    stranger = make_merchant()

    assert [row["partner"] for row in send(pair.owner, "GET", "partnerships/").json()["results"]] == ["Kauri & Clay"]
    assert send(stranger, "GET", "partnerships/").json()["results"] == []


def test_asked_and_accepted_over_the_api():
    seller, owner = make_merchant(), make_merchant(slug="atua")
    store = make_connection(owner)
    asked = send(seller, "POST", "partnerships/", {"side": "destination", "whom": "atua"})
    assert (asked.status_code, asked.json()["state"]) == (201, "invited")

    path = f"partnerships/{asked.json()['id']}/accept/"
    assert send(seller, "POST", path, {}).status_code == 404
    accepted = send(owner, "POST", path, {"store": store.public_id})

    assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
    again = send(owner, "POST", path, {"store": store.public_id})
    assert (again.status_code, again.json()["code"]) == (409, "partnership_refused")


def test_a_question_that_cannot_be_asked_names_its_field():
    answer = send(make_merchant(), "POST", "partnerships/", {"side": "destination", "whom": "nobody"})

    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == ["whom"]
    assert not Partnership.objects.exists()


def test_another_merchants_store_cannot_be_given():
    body = {"side": "source", "whom": "a@b.example", "store": make_connection().public_id}

    answer = send(make_merchant(), "POST", "partnerships/", body)

    assert [problem["field"] for problem in answer.json()["errors"]] == ["store"]


@pytest.mark.parametrize("lacks", ["at_least", "costs"])
def test_a_shipping_rule_without_its_half_is_refused_by_name(pair, lacks: str):
    rule = {"at_least": "100.00", "costs": "10.00"}
    del rule[lacks]

    answer = send(pair.seller, "PATCH", at(pair, "settings/"), {"shipping_rules": [rule]})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].endswith(lacks)


def test_declined_over_the_api():
    seller, owner = make_merchant(), make_merchant(slug="atua")
    asked = send(seller, "POST", "partnerships/", {"side": "destination", "whom": "atua"}).json()

    answer = send(owner, "POST", f"partnerships/{asked['id']}/decline/")

    assert answer.json()["state"] == "declined"


def test_revoked_over_the_api_what_waits_is_held(pair):
    order = pair.paid(("BOWL", 1, "30.00"))

    answer = send(pair.owner, "POST", at(pair, "revoke/"))

    assert answer.json()["state"] == "revoked"
    assert pair.push_of(order).status == PushStatus.HELD


def test_settings_are_read_and_changed_by_the_destination_alone(pair):
    body = {"automatic": True, "shipping_rules": [{"at_least": "100.00", "costs": "10.00"}]}
    changed = send(pair.seller, "PATCH", at(pair, "settings/"), body).json()

    assert changed == {
        "automatic": True,
        "email_policy": "own",
        "other_email": "",
        "shipping_rules": [{"at_least": "100.00", "costs": "10.00"}],
    }
    assert send(pair.seller, "GET", at(pair, "settings/")).json() == changed
    for method in ("GET", "PATCH"):
        assert send(pair.owner, method, at(pair, "settings/"), {}).status_code == 404


def test_settings_of_which_a_part_is_refused_stay_as_they_were(pair):
    before = send(pair.seller, "GET", at(pair, "settings/")).json()
    twice = {"at_least": "100.00", "costs": "10.00"}

    answer = send(pair.seller, "PATCH", at(pair, "settings/"), {"automatic": True, "shipping_rules": [twice, twice]})

    assert answer.status_code == 400
    assert "Two shipping rules begin at the same total." in answer.content.decode()
    assert send(pair.seller, "GET", at(pair, "settings/")).json() == before


def test_a_missing_address_names_its_field(pair):
    answer = send(pair.seller, "PATCH", at(pair, "settings/"), {"email_policy": "other"})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "other_email")


def test_shared_products_are_told_without_stock_and_price(pair):
    rows = send(pair.seller, "GET", at(pair, "products/")).json()

    assert rows == [
        {"variant_id": "variant-BOWL", "sku": "BOWL", "title": "Bowl"},
        {"variant_id": "variant-MUG", "sku": "MUG", "title": "Mug"},
    ]
    assert send(pair.seller, "POST", at(pair, "products/"), {"skus": ["SECRET-LAMP"]}).status_code == 404


def test_a_product_is_shared_no_more(pair):
    path = at(pair, "products/?variant_id=variant-BOWL")

    assert send(pair.seller, "DELETE", path).status_code == 404
    assert send(pair.owner, "DELETE", path, can_write=False).status_code == 403
    assert send(make_merchant(), "DELETE", path).status_code == 404
    assert send(pair.owner, "DELETE", at(pair, "products/")).json()["errors"][0]["code"] == "blank"
    assert ProductLink.objects.filter(sku="BOWL").exists()
    gone = send(pair.owner, "DELETE", path)

    assert gone.status_code == 204
    assert [row["sku"] for row in send(pair.owner, "GET", at(pair, "products/")).json()] == ["MUG"]
    assert not ProductLink.objects.filter(sku="BOWL").exists()
    assert AuditEvent.objects.filter(kind="partnership.unshared", by__startswith="API key").count() == 2
    assert send(pair.owner, "DELETE", path).status_code == 404


def test_an_order_is_listed_pushed_and_listed_as_pushed(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    (row,) = send(pair.seller, "GET", "partner-orders/").json()["results"]
    assert (row["number"], row["push_state"]) == (order.number, "not_pushed")
    assert row["pushes"][0]["can_be_pushed"] is True

    pushed = send(pair.seller, "POST", f"pushes/{row['pushes'][0]['id']}/push-to-partner/", {"shipping": "4.50"})
    assert (pushed.status_code, pushed.json()["status"], pushed.json()["total"]) == (200, "queued", "34.50")
    pair.drain()

    (row,) = send(pair.seller, "GET", "partner-orders/").json()["results"]
    assert row["push_state"] == "pushed"


def test_an_order_that_lacks_something_is_listed_with_what_it_lacks(pair):
    order = pair.place(("BOWL", 1, "30.00"), payment=None)

    (row,) = send(pair.seller, "GET", "partner-orders/").json()["results"]

    assert (row["number"], [blocker["code"] for blocker in row["blockers"]]) == (order.number, ["not_paid"])


def test_a_shipping_cost_that_cannot_be_names_its_field(pair):
    push = pair.push_of(pair.paid(("BOWL", 1, "30.00")))

    answer = send(pair.seller, "POST", f"pushes/{push.public_id}/push-to-partner/", {"shipping": "1.001"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_push")
    assert answer.json()["errors"][0]["field"] == "shipping"


def test_pushed_twice_is_refused(pair):
    push = pair.push_of(pair.paid(("BOWL", 1, "30.00")))
    path = f"pushes/{push.public_id}/push-to-partner/"
    send(pair.seller, "POST", path, {})

    assert send(pair.seller, "POST", path, {}).json()["code"] == "transition_not_allowed"


def test_without_the_add_on_there_are_no_such_orders():
    pair = make_partnered(addon=False)
    push = pair.push_of(pair.paid(("BOWL", 1, "30.00")))

    assert send(pair.seller, "GET", "partner-orders/").status_code == 404
    assert send(pair.seller, "POST", f"pushes/{push.public_id}/push-to-partner/", {}).status_code == 404
    assert send(pair.seller, "GET", "plan/").json() == {"orders_addon": False}


def test_the_add_on_is_switched_over_the_api():
    merchant = make_merchant()

    assert send(merchant, "PUT", "plan/", {"orders_addon": True}).json() == {"orders_addon": True}
    assert send(merchant, "PUT", "plan/", {}).status_code == 400
    assert send(merchant, "PUT", "plan/", {"orders_addon": False}, can_write=False).status_code == 403
    assert send(merchant, "GET", "plan/").json() == {"orders_addon": True}


def test_the_source_reads_what_to_ship_and_nothing_besides(pair):
    order = pair.paid(("BOWL", 2, "30.00"), ("RUG", 1, "100.00"))
    pair.push(order)

    answer = send(pair.owner, "GET", "partner-shipments/")

    (row,) = answer.json()["results"]
    assert (row["seller"], row["total"], row["fulfillment_status"]) == ("Kauri & Clay", "60.00", "unfulfilled")
    assert row["lines"] == [{"sku": "BOWL", "title": "Bowl", "quantity": 2}]
    assert row["shipping_address"]["address1"] == "12 Ponsonby Road"
    for hidden in ("harriet@example.com", "gate code", "RUG", "PO-77", "Secret Lane", order.public_id):
        assert hidden not in answer.content.decode()
    assert send(pair.seller, "GET", "partner-shipments/").json()["results"] == []


def test_the_source_cannot_read_or_push_the_destination_s_order(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    push = pair.push_of(order)

    assert send(pair.owner, "GET", f"orders/{order.public_id}/").status_code == 404
    assert send(pair.owner, "POST", f"pushes/{push.public_id}/push-to-partner/", {}).status_code == 404


def test_the_destination_is_told_nothing_of_the_source_s_shop(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    pair.push(order)

    for path in (
        f"orders/{order.public_id}/",
        "connections/",
        "partnerships/",
        at(pair),
        "routing/",
        "partner-orders/",
    ):
        body = send(pair.seller, "GET", path).content.decode()
        assert "atua-secret" not in body
        assert "fake.example/admin" not in body or path.startswith("orders/")


@pytest.mark.parametrize("path", ["", "settings/", "products/"])
def test_a_stranger_s_key_finds_nothing(pair, path):
    assert send(make_merchant(), "GET", at(pair, path)).status_code == 404


@pytest.mark.parametrize("path", ["accept/", "decline/", "revoke/", "products/"])
def test_a_stranger_s_key_and_one_that_may_only_read_change_nothing(pair, path):
    assert send(make_merchant(), "POST", at(pair, path), {}).status_code == 404
    assert send(pair.owner, "POST", at(pair, path), {}, can_write=False).status_code == 403


def test_a_marketplace_s_key_is_refused(pair):
    issued = {"name": "m", "can_write": True, "expires_at": None, "by": "tests", "at": NOON}
    secret = api_keys.issue(marketplace=make_marketplace(), **issued)[1]

    assert Api(None, None, "", "").send("GET", "partnerships/", key=secret).status_code == 403
