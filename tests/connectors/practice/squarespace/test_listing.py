"""Lists of orders: windows, cursors, and pages that are no snapshot."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from connectors.practice import dials, services
from connectors.practice.squarespace import nodes
from tests.connectors.practice.squarespace.site import INVENTORY, ORDERS, call, create, get

AFTER, BEFORE = "2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z"


def listed(site, **query):
    return get(site, f"{ORDERS}?{urlencode(query)}")


def refused(site, **query) -> tuple[str, str]:
    answer = call(site, "GET", f"{ORDERS}?{urlencode(query)}")
    assert answer.status_code == 400, answer.content
    body = json.loads(answer.content)
    return body["subtype"], body["message"]


def numbers(page) -> list[str]:
    return [row["orderNumber"] for row in page["result"]]


@pytest.fixture
def many(site):
    return [create(site, key=f"key-{number}") for number in range(1, 53)]


def test_an_empty_list_is_a_page(site):
    assert listed(site) == {
        "result": [],
        "pagination": {"hasNextPage": False, "nextPageCursor": None, "nextPageUrl": None},
    }


def test_what_changed_last_comes_first(site):
    first, _ = create(site), create(site, key="key-2")
    services.fulfill(order_id=first.pk, quantities=None, parcels=[])

    assert numbers(listed(site)) == ["1", "2"]


def test_a_page_has_fifty_and_its_cursor_leads_to_the_rest(site, many):
    first = listed(site, limit=2)
    rest = listed(site, cursor=first["pagination"]["nextPageCursor"])

    assert (len(first["result"]), numbers(rest)) == (50, ["2", "1"])
    assert not rest["pagination"]["hasNextPage"]


def test_an_order_that_changes_between_two_pages_shifts_the_others(site, many):
    first = listed(site)
    services.fulfill(order_id=many[0].pk, quantities=None, parcels=[])
    rest = listed(site, cursor=first["pagination"]["nextPageCursor"])

    assert numbers(rest) == ["3", "2"]


def test_the_cursor_carries_the_filters(site, many):
    services.cancel_order(order_id=many[51].pk)
    first = listed(site, fulfillmentStatus="PENDING")
    rest = listed(site, cursor=first["pagination"]["nextPageCursor"])

    assert numbers(rest) == ["1"]


@pytest.mark.parametrize("name", ["modifiedAfter", "modifiedBefore"])
def test_both_ends_of_a_window_or_neither(site, name):
    words = "'modifiedBefore' and 'modifiedAfter' must both be specified."

    assert refused(site, **{name: AFTER}) == ("MISSING_ARGUMENT", words)


@pytest.mark.parametrize(
    "filters", [{"modifiedAfter": AFTER, "modifiedBefore": BEFORE}, {"fulfillmentStatus": "PENDING"}]
)
def test_a_cursor_goes_alone(site, filters):
    words = "Cursor cannot be set while other parameters are present."

    assert refused(site, cursor="x", **filters) == ("INVALID_ARGUMENT", words)


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nothing"},
        {"cursor": "W10"},
        {"fulfillmentStatus": "OPEN"},
        {"modifiedAfter": "x", "modifiedBefore": BEFORE},
        {"modifiedAfter": BEFORE, "modifiedBefore": AFTER},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(site, query):
    create(site)

    assert refused(site, **query)[0] == "INVALID_ARGUMENT"


def test_a_window_has_what_changed_in_it(site):
    create(site)
    now, hour = timezone.now(), timedelta(hours=1)

    inside = listed(site, modifiedAfter=nodes.time(now - hour), modifiedBefore=nodes.time(now + hour))
    before = listed(site, modifiedAfter=nodes.time(now - 2 * hour), modifiedBefore=nodes.time(now - hour))
    after = listed(site, modifiedAfter=nodes.time(now + hour), modifiedBefore=nodes.time(now + 2 * hour))

    assert (numbers(inside), numbers(before), numbers(after)) == (["1"], [], [])


def test_the_list_can_lag_behind_the_orders(site):
    create(site)
    dials.turn(site.pk, "index_lag", left=1, seconds=60)

    assert [len(listed(site)["result"]) for _ in range(2)] == [0, 1]


def test_inventory_comes_in_pages_too(site):
    services.open_shop(
        slug="clay",
        name="",
        platform="squarespace",
        currency="NZD",
        taxes_included=True,
        variants=[{"sku": f"S{number}", "title": "S", "price": "1"} for number in range(50)],
    )

    first = get(site, INVENTORY)
    rest = get(site, f"{INVENTORY}?cursor={first['pagination']['nextPageCursor']}")

    assert (len(first["inventory"]), [row["sku"] for row in rest["inventory"]]) == (50, ["S48", "S49"])


def test_a_list_takes_the_same_queries_for_one_order_and_for_many(site, many, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        listed(site)
