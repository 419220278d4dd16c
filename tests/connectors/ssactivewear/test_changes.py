"""Every PO that may have changed, portion by portion."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
import responses

from connectors.errors import RetryableError, TooLargeError
from connectors.ssactivewear import changes
from connectors.ssactivewear.client import Page
from tests.connectors.ssactivewear.wire import BASE, answers, asked, connector, finds_nothing, placed

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = NOON.date()


@pytest.fixture(autouse=True)
def wire():
    with responses.mock:
        yield


def listed() -> list[tuple[str, str, str]]:
    return sorted((one.reference, one.ref.remote_id, one.ref.name) for one in connector().changed_since(NOON))


def test_those_of_three_months_come_from_one_list_without_other_peoples():
    answers("orders/", [placed(1), placed(2, poNumber="SW-2"), placed(3, poNumber="SW-2", warehouseAbbr="KS"),
                        placed(9, poNumber="")])  # fmt: skip
    answers("orders/", [placed(1)])

    assert listed() == [("SW-1", "SW-1", "1"), ("SW-2", "SW-2", "2, 3")]
    assert ["All=True" in call for call in asked()] == [True, False]


def test_an_older_po_that_is_still_open_is_seen_with_what_was_invoiced_of_it():
    answers("orders/", [placed(1)])
    answers("orders/", [placed(1), placed(3, poNumber="SW-0"), placed(4, poNumber="Jim's, by phone")])
    invoiced = placed(2, poNumber="SW-0", warehouseAbbr="KS", invoiceNumber="907070")
    answers("orders/SW-0", [invoiced, placed(3, poNumber="SW-0")])

    assert listed() == [("SW-0", "SW-0", "2, 3"), ("SW-1", "SW-1", "1")]


def test_an_order_placed_twice_is_listed_beside_its_po():
    answers("orders/", [placed(1), placed(2)])
    finds_nothing("orders/")

    assert listed() == [("SW-1", "2", "2"), ("SW-1", "SW-1", "1, 2")]


def test_what_the_first_list_told_is_taken_before_the_next_is_asked_for():
    answers("orders/", [placed(1)])
    responses.add("GET", f"{BASE}/orders/", status=503)
    changed = connector().changed_since(NOON)

    assert next(changed).reference == "SW-1"
    with pytest.raises(RetryableError):
        next(changed)


def test_polls_that_are_cut_short_come_to_every_po_in_the_end():
    def served(poll: int) -> changes.Ask:
        rows = [{"ordernumber": str(n), "ponumber": f"SW-{n}", "orderdate": "2026-11-01"} for n in range(300)]
        return lambda *path, **query: Page(rows, NOON + timedelta(minutes=5 * poll))

    seen = Counter(
        number
        for poll in range(40)
        for number, _ in next(changes.portions(served(poll), asked_at=NOON))[0][:100]
    )  # fmt: skip

    assert len(seen) == 300


# --- more orders in three months than one answer may hold ---


class Busy:
    """Orders by number: PO, day placed, day invoiced or None. An answer holds `most` rows."""

    def __init__(self, *rows: tuple[int, str, date, date | None], most: int = 50) -> None:
        self.rows, self.most, self.asked = rows, most, []

    def __call__(self, *path: str, operation: str, **query: str) -> Page:
        self.asked.append(operation)
        match operation:
            case "list_orders":
                found = list(self.rows)
            case "list_open_orders":
                found = [row for row in self.rows if row[3] is None]
            case "list_invoiced_orders":
                start, end = (date.fromisoformat(query[name]) for name in ("invoicestartdate", "invoiceenddate"))
                found = [row for row in self.rows if row[3] and start <= row[3] <= end]
            case _:
                found = [row for row in self.rows if row[1] in path[1].split(",")]
        if len(found) > self.most:
            raise TooLargeError("Too much.")
        rows = [{"ordernumber": str(n), "ponumber": po, "orderdate": f"{day}T06:00:01"} for n, po, day, _ in found]
        return Page(rows, NOON)

    def pos(self) -> list[tuple[str, int]]:
        """Every PO that is told of, with the number of its orders."""
        told = [po for portion, _ in changes.portions(self, asked_at=NOON) for po in portion]
        return [(number, len(nodes)) for number, nodes in told]


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def a_day_each(count: int) -> list[tuple[int, str, date, date | None]]:
    """One PO a day, sent the day after."""
    return [(1000 + n, f"SW-{n}", ago(n), ago(max(n - 1, 0))) for n in range(count)]


def test_a_po_is_told_of_once_and_whole_by_the_days_of_its_invoices():
    parts = [(1, "SW-X", ago(40), ago(39)), (2, "SW-X", ago(40), ago(3)), (3, "SW-X", ago(40), None)]
    busy = Busy(*a_day_each(80), *parts)

    told = busy.pos()

    assert sorted(told) == sorted([*[(f"SW-{n}", 1) for n in range(80)], ("SW-X", 3)])


def test_the_newest_are_told_of_first():
    busy = Busy(*a_day_each(80))

    two = islice(changes.portions(busy, asked_at=NOON), 2)

    assert [sorted(number for number, _ in portion) for portion, _ in two] == [
        ["SW-0", "SW-1", "SW-2", "SW-3"],
        ["SW-10", "SW-4", "SW-5", "SW-6", "SW-7", "SW-8", "SW-9"],
    ]


def test_days_with_too_many_invoices_are_asked_for_in_shorter_times():
    busy = Busy(*a_day_each(60), *[(n, f"BULK-{n}", ago(20), ago(20 - n % 5)) for n in range(100)])

    assert sorted(busy.pos()) == sorted([*[(f"SW-{n}", 1) for n in range(60)], *[(f"BULK-{n}", 1) for n in range(100)]])


def test_a_day_with_more_invoices_than_an_answer_holds_cannot_be_read():
    busy = Busy(*[(n, f"SW-{n}", ago(20), ago(20)) for n in range(100)])

    with pytest.raises(TooLargeError):
        busy.pos()


def test_an_old_po_with_a_part_that_is_still_open_is_asked_for_by_its_number():
    busy = Busy(*a_day_each(60), (1, "OLD", ago(200), ago(190)), (2, "OLD", ago(200), None))

    assert ("OLD", 2) in busy.pos()
    assert busy.asked[-1] == "orders_by_po"
