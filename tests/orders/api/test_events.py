"""The history of an order over the API: what its page shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order
from orders.services import history
from tests.factories import NOON, make_channel, make_order
from tests.orders.api.client import Api, make_api
from tests.orders.drafts import fill, make_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.fixture
def order(api: Api) -> Order:
    return make_order(api.merchant, channel=make_channel(api.marketplace))


def get(api: Api, order: Order, query: str = ""):
    return api.send("GET", f"orders/{order.public_id}/events/{query}", key=api.merchant_key)


def note(order: Order, minutes: int, text: str = "Looked at.") -> None:
    history.note(order, kind="order.checked", text=text, by="ana", at=NOON + timedelta(minutes=minutes), push="p1")


def test_the_newest_line_comes_first_with_who_and_what(api: Api, order: Order):
    note(order, 1, "First.")
    note(order, 2, "Second.")

    rows = get(api, order).json()["results"]

    assert [row["text"] for row in rows] == ["Second.", "First."]
    assert {**rows[1], "at": ""} == {"at": "", "by": "ana", "kind": "order.checked", "text": "First.", "changes": []}


def test_what_was_corrected_stands_field_by_field(api: Api):
    draft = make_draft(api.merchant)
    fill(draft, city="Auckland")

    (changes,) = [row["changes"] for row in get(api, draft).json()["results"] if row["changes"]]

    assert [(change["before"], change["after"]) for change in changes] == [("", "Auckland")]


def test_a_long_history_is_read_page_by_page_and_asks_as_little_for_three_as_for_one(api: Api, order: Order):
    note(order, 1)
    get(api, order)
    counts = []
    for more in (0, 2):
        for _ in range(more):
            note(order, 1)
        with CaptureQueriesContext(connection) as queries:
            assert len(get(api, order).json()["results"]) == more + 1
        counts.append(len(queries))
    first = get(api, order, "?page_size=2").json()
    rest = api.send("GET", first["next"].partition("/api/v1/")[2], key=api.merchant_key).json()

    assert counts[0] == counts[1]
    assert (len(first["results"]), len(rest["results"]), rest["next"]) == (2, 1, None)


def test_it_is_the_merchants_alone(api: Api, order: Order):
    note(order, 1)
    theirs = make_order()

    assert get(api, theirs).status_code == 404
    assert api.send("GET", f"orders/{order.public_id}/events/").status_code == 403
