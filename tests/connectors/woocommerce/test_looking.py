"""Finding an order by our reference, and every order that changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import responses

from connectors.errors import RetryableError
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


def test_changes_of_ours_come_oldest_first_with_the_trash():
    answers("orders", [stored(6, meta_data=[]), changed(number=7, date_modified_gmt="2026-11-23T13:00:05")])
    answers("orders", [changed(number=8, status="trash", date_modified_gmt="2026-11-23T13:00:01")])

    orders = connector().changed_since(NOON)

    assert [(one.ref.remote_id, one.cancelled) for one in orders] == [("8", True), ("7", False)]
    assert (asked(0)["modified_after"], asked(0)["orderby"]) == ("2026-11-23T11:58:00", "modified")


def test_each_step_asks_from_the_newest_change_that_was_seen():
    """A page by its number would skip an order that moved up while another one was changed."""
    answers("orders", [changed(number=1, date_modified_gmt="2026-11-23T13:00:05")], X_WP_TotalPages=2)
    answers("orders", [changed(number=2, date_modified_gmt="2026-11-23T13:00:09")], X_WP_TotalPages=1)
    answers("orders", [])

    assert [one.ref.remote_id for one in connector().changed_since(NOON)] == ["1", "2"]
    assert (asked(1)["modified_after"], asked(1)["page"]) == ("2026-11-23T13:00:04", "1")


def test_many_changes_within_one_second_are_paged():
    same = "2026-11-23T13:00:05"
    answers("orders", [changed(number=1, date_modified_gmt=same)], X_WP_TotalPages=2)
    answers("orders", [changed(number=1, date_modified_gmt=same)], X_WP_TotalPages=2)
    answers("orders", [changed(number=2, date_modified_gmt=same)], X_WP_TotalPages=2)
    answers("orders", [])

    assert [one.ref.remote_id for one in connector().changed_since(NOON)] == ["1", "2"]
    assert [asked(at)["page"] for at in (0, 1, 2)] == ["1", "1", "2"]


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

    assert connector().read("7") == connector().changed_since(NOON)[0]


def test_strangers_cost_no_calls():
    tracked = {"_wc_shipment_tracking_items": [{"tracking_number": "1", "tracking_provider": "nz-post"}]}
    answers("orders", [with_meta(6, reference="", meta=tracked)])
    answers("orders", [])

    assert connector().changed_since(NOON) == []
    assert calls() == ["GET orders", "GET orders"]
    assert len(responses.calls) == 2
