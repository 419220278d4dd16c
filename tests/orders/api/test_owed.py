"""What stores took off orders by themselves, over the API: listed with its reason, and the refund that matches."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Payment, Refund
from tests.factories import make_order
from tests.orders.api.client import Api, make_api
from tests.orders.services.pushed import Pushed, make_pushed
from tests.orders.services.refundable import make_paid

pytestmark = pytest.mark.django_db
NOTHING = {"owed_back": None, "refund": None, "quote": None}


@pytest.fixture
def api() -> Api:
    return make_api()


def taken(api: Api) -> Pushed:
    """Two stools and a vase at 15.00 each: 45.00, taken."""
    there = make_pushed(merchant=api.merchant)
    Payment.objects.filter(order=there.order).update(captured=there.order.total)
    return there


@pytest.fixture
def pushed(api: Api) -> Pushed:
    return taken(api)


def change(pushed: Pushed, **fields: Any) -> None:
    pushed.store.change(pushed.push.remote_id, **fields)
    pushed.pull()


def get(api: Api, path: str):
    return api.send("GET", path, key=api.merchant_key)


def listed(api: Api) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = get(api, "orders/owed-back/").json()["results"]
    return rows


def suggested(api: Api, pushed: Pushed):
    return get(api, f"orders/{pushed.order.public_id}/refunds/suggested/")


# --- the list ---


def test_what_a_store_cancelled_and_what_it_gave_back_are_listed_with_the_reason(api: Api, pushed: Pushed):
    refunded, untouched = taken(api), taken(api)
    change(pushed, cancelled=True)
    refunded.store.refund(refunded.push.remote_id, "15.00")
    refunded.pull()

    rows = {row["id"]: row["owed_back"] for row in listed(api)}

    assert rows == {
        pushed.order.public_id: {"amount": "45.00", "why": "cancelled"},
        refunded.order.public_id: {"amount": "15.00", "why": "refunded"},
    }
    assert untouched.order.public_id not in rows


def test_nothing_owed_is_an_empty_list(api: Api, pushed: Pushed):
    assert listed(api) == []


def test_a_row_is_as_in_the_list_of_orders(api: Api, pushed: Pushed):
    change(pushed, cancelled=True)
    (of_all,) = get(api, "orders/").json()["results"]

    (row,) = listed(api)

    assert row == {**of_all, "owed_back": {"amount": "45.00", "why": "cancelled"}}


def test_the_list_is_walked_page_by_page(api: Api):
    for _ in range(3):
        change(taken(api), cancelled=True)

    first = get(api, "orders/owed-back/?page_size=2").json()
    rest = get(api, first["next"].partition("/api/v1/")[2]).json()

    assert (len(first["results"]), len(rest["results"]), rest["next"]) == (2, 1, None)


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(api: Api, pushed: Pushed):
    change(pushed, cancelled=True)
    listed(api)  # notes when the key was last used
    counts = []
    for more in (0, 2):
        for _ in range(more):
            change(taken(api), cancelled=True)
        with CaptureQueriesContext(connection) as queries:
            assert len(listed(api)) == more + 1
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_the_list_is_a_merchants_and_holds_nothing_of_others(api: Api):
    change(taken(make_api("stranger")), cancelled=True)

    assert listed(api) == []
    assert api.send("GET", "orders/owed-back/").status_code == 403


# --- the refund that matches ---


def test_nothing_is_suggested_where_nothing_is_owed(api: Api, pushed: Pushed):
    assert suggested(api, pushed).json() == NOTHING


def test_the_lines_that_the_store_cancelled_are_suggested_with_what_they_come_to(api: Api, pushed: Pushed):
    change(pushed, cancelled=True)

    answer = suggested(api, pushed).json()

    assert answer["owed_back"] == {"amount": "45.00", "why": "cancelled"}
    assert answer["refund"] == {
        "lines": [{"id": "1", "quantity": 2}, {"id": "2", "quantity": 1}],
        "shipping": "0.00",
        "reason": "other",
    }
    assert (answer["quote"]["amount"], answer["quote"]["left"]) == ("45.00", "45.00")


def test_the_units_that_an_edit_took_off_are_suggested(api: Api, pushed: Pushed):
    change(pushed, total=Decimal(30))

    answer = suggested(api, pushed).json()

    assert answer["owed_back"]["why"] == "changed"
    assert answer["refund"] == {"lines": [{"id": "1", "quantity": 1}], "shipping": "0.00", "reason": "other"}


def test_an_amount_that_no_units_come_to_is_suggested_bare(api: Api, pushed: Pushed):
    pushed.store.refund(pushed.push.remote_id, "7.00")
    pushed.pull()

    assert suggested(api, pushed).json()["refund"] == {
        "lines": [],
        "shipping": "0.00",
        "reason": "other",
        "amount": "7.00",
    }


@pytest.mark.parametrize("there", [{"cancelled": True}, {"total": Decimal(30)}, {"total": Decimal(38)}], ids=str)
def test_the_suggested_refund_can_be_asked_for_as_it_is_and_settles_the_debt(api: Api, pushed: Pushed, there: dict):
    change(pushed, **there)
    answer = suggested(api, pushed).json()
    assert not Refund.objects.exists()

    path = f"orders/{pushed.order.public_id}/refunds/"
    given = api.send("POST", path, answer["refund"], key=api.merchant_key)

    assert (given.status_code, given.json()["amount"]) == (201, answer["quote"]["amount"])
    assert answer["owed_back"]["amount"] == answer["quote"]["amount"]
    assert suggested(api, pushed).json() == NOTHING


def test_a_suggestion_that_cannot_be_given_here_says_why(api: Api, pushed: Pushed):
    pushed.store.refund(pushed.push.remote_id, "7.00")
    pushed.pull()
    Payment.objects.update(gateway="store")

    refused = suggested(api, pushed)

    assert refused.status_code == 409
    assert "give the money back there" in refused.json()["detail"]


def test_of_others_orders_nothing_is_suggested_and_a_marketplace_is_not_asked(api: Api):
    theirs, own = make_order(), make_paid(api.merchant)

    assert get(api, f"orders/{theirs.public_id}/refunds/suggested/").status_code == 404
    assert api.send("GET", f"orders/{own.public_id}/refunds/suggested/").status_code == 403
