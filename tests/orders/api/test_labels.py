"""Labels over the API: the same services behind, the same refusals as problem documents."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.models import CarrierAccount
from orders.models import Order, ShippingLabel
from tests.factories import NOON, later
from tests.orders.api.client import Api, make_api
from tests.orders.services.collected import drain, make_account
from tests.orders.services.labelled import FakeSeller, make_bought, make_label, make_rated, make_seller
from tests.orders.services.printed import pages
from tests.orders.services.refundable import make_paid
from tests.orders.services.test_labels import lost

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.fixture
def order(api: Api) -> Order:
    return make_paid(api.merchant)


def send(api: Api, method: str, path: str, body: Any = None) -> Any:
    return api.send(method, path, body, key=api.merchant_key)


def wish(account: CarrierAccount, **fields: Any) -> dict[str, Any]:
    lines = [{"id": "1", "quantity": 3}, {"id": "2", "quantity": 1}]
    return {"carrier": account.public_id, "lines": lines, "parcels": [{"weight_g": 2400}], **fields}


def test_a_label_is_rated_bought_printed_and_shipped_with(api: Api, order: Order):
    asked = send(api, "POST", f"orders/{order.public_id}/labels/", wish(make_seller(api.merchant)))
    path = f"labels/{asked.json()['id']}/"
    drain(FakeSeller(), at=timezone.now())
    rate = send(api, "GET", path).json()["rates"][0]

    buying = send(api, "POST", f"{path}buy/", {name: rate[name] for name in ("service", "amount", "currency")})
    drain(FakeSeller(), at=timezone.now())
    printed = send(api, "GET", f"{path}file/")
    shipped = send(api, "POST", f"{path}ship/").json()

    assert (asked.status_code, asked.json()["status"]) == (201, "rating")
    assert rate == {"service": "03", "name": "UPS Ground", "amount": "10.13", "currency": "USD", "days": None}
    assert (buying.status_code, buying.json()["status"]) == (200, "buying")
    assert (printed["Content-Type"], len(pages(printed.content))) == ("application/pdf", 1)
    assert shipped["cost"] == {"amount": "10.13", "currency": "USD"}
    assert (shipped["number"], shipped["parcels"][0]["number"]) == ("1Z10", "1Z10")
    assert shipped["fulfillment"] == order.fulfillments.get().public_id


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"service": "03", "amount": "9.99", "currency": "USD"}, "amount"),
        ({"service": "03", "amount": "10.131", "currency": "USD"}, "amount"),
        ({"service": "03", "amount": "10.13", "currency": "ZZZ"}, "currency"),
        ({"service": "99", "amount": "10.13", "currency": "USD"}, "service"),
    ],
)
def test_another_price_is_refused_with_its_field(api: Api, order: Order, body: dict[str, str], field: str):
    label = make_rated(order)

    response = send(api, "POST", f"labels/{label.public_id}/buy/", body)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)
    assert ShippingLabel.objects.get().status == "rated"


def test_what_is_missing_or_too_much_is_named_with_its_field(api: Api, order: Order):
    account = make_seller(api.merchant)
    path = f"orders/{order.public_id}/labels/"
    bodies = [
        wish(account, parcels=[{"size_mm": {"length": 1, "width": 1, "height": 1}}]),
        wish(account, parcels=[]),
        wish(account, lines=[{"id": "1", "quantity": 4}]),
        wish(make_account(api.merchant)),
    ]

    refused = [send(api, "POST", path, body) for body in bodies]

    assert [response.status_code for response in refused] == [422] * 4
    assert [response.json()["errors"][0]["field"] for response in refused] == [
        "parcels[0].weight_g", "parcels", "lines[0].quantity", "carrier"
    ]  # fmt: skip


def test_what_nobody_knows_is_settled_over_the_api(api: Api, order: Order):
    label = lost(order, FakeSeller(), sold=False)
    path = f"labels/{label.public_id}/"

    unsure = send(api, "GET", path).json()
    early = send(api, "POST", f"{path}void/")
    looked = send(api, "POST", f"{path}look/").json()
    drain(FakeSeller(), at=later(hours=2))
    settled = send(api, "POST", f"{path}settle/", {"numbers": ["1Z88"]}).json()

    assert (unsure["status"], early.status_code, looked["status"]) == ("unsure", 409, "buying")
    assert (settled["status"], settled["number"], settled["cost"]) == ("bought", "1Z88", None)
    assert settled["quoted"] == {"amount": "10.13", "currency": "USD"}
    assert send(api, "GET", f"{path}file/").status_code == 404


def test_a_label_is_voided_or_withdrawn(api: Api, order: Order):
    bought = make_bought(order, lines={"1": 1})
    rated = make_rated(order, account=bought.account, lines={"1": 1})

    voiding = send(api, "POST", f"labels/{bought.public_id}/void/").json()
    withdrawn = send(api, "POST", f"labels/{rated.public_id}/withdraw/").json()
    again = send(api, "POST", f"labels/{rated.public_id}/rates/")

    assert (voiding["status"], withdrawn["status"], again.status_code) == ("voiding", "withdrawn", 409)


def test_labels_are_listed_newest_first_and_carriers_say_what_they_sell(api: Api, order: Order):
    seller, mail = make_seller(api.merchant), make_account(api.merchant)
    first, second = (make_label(order, account=seller, at=NOON + timedelta(hours=hours)) for hours in (0, 1))
    make_label()

    listed = send(api, "GET", "labels/").json()["results"]
    sells = {row["id"]: row["sells_labels"] for row in send(api, "GET", "carriers/").json()}

    assert [row["id"] for row in listed] == [second.public_id, first.public_id]
    assert sells == {seller.public_id: True, mail.public_id: False}


def test_many_labels_are_one_pdf(api: Api, order: Order):
    first = make_bought(order, lines={"1": 1})
    second = make_bought(order, account=first.account, lines={"1": 1})
    wanted = [second.public_id, first.public_id, first.public_id]

    printed = send(api, "POST", "labels/print/", {"labels": wanted})

    assert (printed["Content-Type"], len(pages(printed.content))) == ("application/pdf", 2)
    assert printed["Cache-Control"] == "private, no-store"


def test_a_label_that_cannot_be_printed_refuses_the_whole(api: Api, order: Order):
    bought = make_bought(order, lines={"1": 1})
    rated = make_rated(order, account=bought.account, lines={"1": 1})

    refused = send(api, "POST", "labels/print/", {"labels": [bought.public_id, rated.public_id]})

    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_print")
    assert rated.reference in refused.json()["detail"]
    assert bought.reference not in refused.json()["detail"]


def test_what_is_printed_is_one_s_own(api: Api, order: Order):
    ours, theirs = make_bought(order, lines={"1": 1}), make_bought()

    answers = [
        send(api, "POST", "labels/print/", {"labels": chosen}).status_code
        for chosen in ([ours.public_id, theirs.public_id], ["none"], [], ["x"] * 201)
    ]

    assert answers == [404, 404, 400, 400]
    assert api.send("POST", "labels/print/", {"labels": [ours.public_id]}).status_code == 403


def test_another_merchants_labels_do_not_exist(api: Api, order: Order):
    theirs = make_bought()
    acts = ("buy", "rates", "look", "buy-again", "settle", "withdraw", "void", "ship")
    body = {"service": "03", "amount": "10.13", "currency": "USD", "numbers": ["1Z1"]}

    answers = [send(api, "POST", f"labels/{theirs.public_id}/{act}/", body).status_code for act in acts]

    assert answers == [404] * len(acts)
    assert send(api, "GET", f"labels/{theirs.public_id}/").status_code == 404
    assert send(api, "GET", f"labels/{theirs.public_id}/file/").status_code == 404
    assert send(api, "POST", f"orders/{order.public_id}/labels/", wish(theirs.account)).status_code == 404
    assert send(api, "POST", f"orders/{theirs.order.public_id}/labels/", wish(theirs.account)).status_code == 404


def test_a_marketplaces_key_buys_nothing(api: Api, order: Order):
    label = make_rated(order)
    body = {"service": "03", "amount": "10.13", "currency": "USD"}

    assert api.send("POST", f"labels/{label.public_id}/buy/", body).status_code == 403
