"""What stands above the Order Manager's list, over the API, and what stands behind its tabs."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from orders import queries
from tests.factories import NOON, make_order
from tests.orders.api.client import Api, make_api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    cache.clear()
    return make_api()


def get(api: Api, path: str = "orders/overview/", **options: str):
    return api.send("GET", path, **{"key": api.merchant_key, **options})


def some(api: Api) -> None:
    make_order(api.merchant)
    make_order(api.merchant, status="declined")
    make_order(api.merchant, needs_look=True)
    make_order(api.merchant, is_archived=True)
    make_order()


def test_tabs_are_counted_as_in_the_order_manager_and_listed_under_the_same_names(api: Api):
    some(api)

    counts = {tab["key"]: int(tab["count"]) for tab in get(api).json()["tabs"]}
    listed = {key: len(get(api, f"orders/?tab={key}").json()["results"]) for key in counts}

    assert counts == listed
    assert {key: count for key, count in counts.items() if count} == {
        "all": 3, "confirm": 2, "attention": 1, "closed": 1, "archived": 1,
    }  # fmt: skip


def test_what_the_list_says_of_a_tab_is_what_its_page_has(api: Api):
    some(api)
    tab = next(tab for tab in queries.TABS if tab.key == "attention")

    page = queries.order_page(api.merchant, queries.Wanted(tab=tab), at=NOON)

    rows = get(api, "orders/?tab=attention").json()["results"]
    assert [row["id"] for row in rows] == [order.public_id for order in page.orders]


def test_the_figures_are_those_of_the_page(api: Api):
    some(api)

    body = get(api).json()

    assert len(body["days"]) == 14
    assert len(body["cards"]) == 4
    assert all(isinstance(card["series"], list) for card in body["cards"])


def test_without_an_order_there_is_nothing_to_count(api: Api):
    assert {tab["count"] for tab in get(api).json()["tabs"]} == {"0"}


def test_a_tab_that_there_is_not_is_refused_and_a_marketplace_has_no_overview(api: Api):
    assert get(api, "orders/?tab=lost").status_code == 400
    assert get(api, key=api.marketplace_key).status_code == 403
