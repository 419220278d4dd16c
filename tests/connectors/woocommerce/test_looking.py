"""Finding an order by our reference, and every order that changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import responses

from connectors.errors import RetryableError
from connectors.storefront import StoreOrderPage
from tests.connectors.woocommerce.store import answers, asked, calls, connector, stored, with_meta

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("wire")


def lists(*answers_in_order):
    """Queue the answers to: search, every order since, the trash since."""
    for rows in answers_in_order:
        answers("orders", list(rows))


def found(reference="SW-1") -> list[str]:
    return [ref.remote_id for ref in connector().find(reference, since=NOON)]


# --- by reference --------------------------------------------------------------------------------


def test_an_order_is_found_by_its_meta_data_alone():
    lists([], [with_meta(6, reference="SW-10"), with_meta(7), stored(8, meta_data=[])], [])

    assert found() == ["7"]


def test_a_search_that_hits_too_much_is_compared_exactly():
    lists([with_meta(6, reference="SW-10")], [], [])

    assert found() == []


def test_an_order_in_the_trash_is_found():
    lists([], [], [with_meta(7, status="trash")])

    assert found() == ["7"]


def test_a_second_order_with_the_reference_is_seen_and_the_oldest_comes_first():
    lists([with_meta(9)], [with_meta(9), with_meta(7, date_created_gmt="2026-11-23T11:59:59")], [])

    assert found() == ["7", "9"]


def test_the_search_is_bounded_in_utc_that_does_not_say_so():
    lists([], [], [])

    found()

    assert asked(0)["search"] == "SW-1"
    assert (asked(1)["after"], asked(1)["dates_are_gmt"], asked(1)["status"]) == (
        "2026-11-23T12:00:00",
        "true",
        "any",
    )
    assert asked(2)["status"] == "trash"


def test_every_page_is_looked_through():
    lists([])
    answers("orders", [stored(1, meta_data=[])], X_WP_TotalPages=3)
    answers("orders", [with_meta(2)], X_WP_TotalPages=3)
    answers("orders", [stored(3, meta_data=[])], X_WP_TotalPages=3)
    lists([])

    assert found() == ["2"]
    assert [asked(at)["page"] for at in (1, 2, 3)] == ["1", "2", "3"]


def test_a_look_that_fails_proves_nothing():
    lists([])
    answers("orders", {"code": "wp_die"}, status=503)

    with pytest.raises(RetryableError):
        connector().find("SW-1", since=NOON)


# --- changes -------------------------------------------------------------------------------------


def changed(**fields):
    return with_meta(**fields)


def at(second: int) -> str:
    return f"2026-11-23T13:00:{second:02}"


def one(number: int, second: int, **fields):
    return changed(number=number, date_modified_gmt=at(second), **fields)


def ids(orders) -> list[str]:
    return [order.ref.remote_id for order in orders]


def test_changes_come_oldest_first_with_the_trash_and_strangers_as_no_more_than_a_time():
    answers("orders", [stored(6, meta_data=[], date_modified_gmt=at(0)), one(7, 5)])
    answers("orders", [one(8, 1, status="trash")])

    orders = list(connector().changed_since(NOON))

    assert [(order.ref.remote_id, order.reference, order.cancelled) for order in orders] == [
        ("6", "", False),
        ("8", "SW-1", True),
        ("7", "SW-1", False),
    ]
    assert [order.updated_at.second for order in orders] == [0, 1, 5]
    assert (asked(0)["modified_after"], asked(0)["orderby"]) == ("2026-11-23T11:59:59", "modified")


def test_the_next_page_is_asked_for_once_the_one_before_is_taken():
    answers("orders", [one(1, 5), one(2, 6)], X_WP_TotalPages=2)
    answers("orders", [])
    changes = connector().changed_since(NOON)

    taken = [next(changes), next(changes)]

    assert (ids(taken), calls()) == (["1", "2"], ["GET orders"] * 2)
    answers("orders", [one(2, 6), one(3, 9)])
    assert (ids(changes), calls()) == (["3"], ["GET orders"] * 3)
    assert (asked()["modified_after"], asked()["page"]) == (at(5), "1")


def test_what_failed_after_a_page_has_lost_nothing_of_it():
    answers("orders", [one(1, 5)], X_WP_TotalPages=2)
    answers("orders", [])
    answers("orders", {"code": "wp_die"}, status=503)
    taken = []

    with pytest.raises(RetryableError):
        taken.extend(connector().changed_since(NOON))

    assert ids(taken) == ["1"]


def test_an_order_that_changes_while_the_pages_are_read_comes_again_and_hides_none():
    """By the number of the page, order 2 would stand where has been read."""
    answers("orders", [one(1, 5)], X_WP_TotalPages=2)
    answers("orders", [])
    answers("orders", [one(2, 6)], X_WP_TotalPages=2)
    answers("orders", [one(2, 6), one(1, 9)])

    assert ids(connector().changed_since(NOON)) == ["1", "2", "1"]
    assert [asked(n)["modified_after"] for n in (2, 3)] == [at(4), at(5)]


def test_a_second_with_more_than_a_page_is_read_by_pages_until_nothing_of_it_is_new():
    """Orders 1 and 2 change after their page was read: 3 and 5 move to where has been read."""
    answers("orders", [one(1, 5)], X_WP_TotalPages=4)
    answers("orders", [])
    for first, second in ((1, 2), (2, 3), (3, 5), (3, 5)):
        for row in (one(first, 5), one(second, 5), one(4, 7)):
            answers("orders", [row], X_WP_TotalPages=4)
    answers("orders", [one(4, 7), one(1, 8), one(2, 9)])

    assert ids(connector().changed_since(NOON)) == ["1", "2", "3", "5", "4", "1", "2"]
    tied = [(asked(n)["modified_after"], asked(n)["page"]) for n in range(2, 14)]
    assert tied == [(at(4), "1"), (at(4), "2"), (at(4), "3")] * 4
    assert asked()["modified_after"] == at(6)


def test_the_store_s_own_orders_of_one_second_with_more_than_a_page_are_on_one_page():
    """Order 1 changes after its page was read: 3 moves to where has been read."""
    orders = {number: {**bought(number), "date_modified_gmt": at(5)} for number in (1, 2, 3)}
    later = {**bought(4), "date_modified_gmt": at(7)}
    answers("orders", [orders[1]], X_WP_TotalPages=3)
    for first, second in ((1, 2), (2, 3), (2, 3)):
        for row in (orders[first], orders[second], later):
            answers("orders", [row], X_WP_TotalPages=3 if row is not later else 9)
    first_page = connector().store_orders(since=NOON, cursor="")

    page = connector().store_orders(since=NOON, cursor=first_page.next_cursor)

    assert [order.remote_id for order in page.orders] == ["1", "2", "3", "4"]
    assert page.next_cursor == "any|2026-11-23T13:00:06+00:00"


def test_a_cursor_that_named_a_page_goes_on_from_its_second():
    answers("orders", [])

    page = connector().store_orders(since=NOON, cursor="trash|2026-11-23T13:00:06+00:00|3")

    assert (page, asked()["modified_after"], asked()["page"]) == (StoreOrderPage((), ""), at(6), "1")


@pytest.mark.parametrize(
    ("status", "completed_at", "fulfillment"),
    [
        ("delivered", "2026-11-24T09:00:00", "fulfilled"),
        ("processing", "2026-11-24T09:00:00", "open"),
        ("packing", None, "open"),
    ],
)
def test_a_plugins_status_after_completion_is_fulfilled(status, completed_at, fulfillment):
    answers("orders/7", {**bought(7), "status": status, "date_completed_gmt": completed_at})

    found = connector().store_order("7")

    assert (found.fulfillment, "date_completed_gmt" in asked()["_fields"]) == (fulfillment, True)


def bought(number: int) -> dict:
    """An order as the store's checkout made it."""
    none = {"prices_include_tax": True, "tax_lines": [], "fee_lines": [], "shipping_lines": [], "coupon_lines": []}
    texts = {"customer_note": "", "created_via": "checkout", "payment_method": "", "total_tax": "0.00"}
    return stored(number, meta_data=[], line_items=[], billing={}, shipping={}, **none, **texts)


def test_two_changes_within_one_second_are_two_versions():
    answers("orders", [changed(number=1), changed(number=2, status="completed")])
    answers("orders", [])

    first, second = connector().changed_since(NOON)

    assert first.remote_version != second.remote_version
    assert len(first.remote_version) <= 60


def test_a_read_and_a_poll_see_the_same_version():
    answers("orders/7", stored())
    answers("orders", [stored()])
    answers("orders", [])

    assert connector().read("7") == next(connector().changed_since(NOON))


def test_strangers_cost_no_calls():
    tracked = {"_wc_shipment_tracking_items": [{"tracking_number": "1", "tracking_provider": "nz-post"}]}
    answers("orders", [with_meta(6, reference="", meta=tracked)])
    answers("orders", [])

    assert [order.reference for order in connector().changed_since(NOON)] == [""]
    assert calls() == ["GET orders", "GET orders"]
    assert len(responses.calls) == 2
