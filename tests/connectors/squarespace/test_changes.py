"""Changes oldest first out of lists that begin with the newest, while the site goes on changing."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from connectors.errors import RetryableError
from connectors.squarespace import changes, reading

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAGE = 50


class Site:
    """Orders by the time of their change, 50 a page. `inclusive` and `step` are what nobody documents."""

    def __init__(self, *, inclusive: bool = False, step: timedelta = timedelta(milliseconds=1)) -> None:
        self.inclusive, self.step = inclusive, step
        self.orders: dict[str, datetime] = {}
        self.now = NOON
        self.calls = 0
        self.meanwhile = lambda: None  # happens after each answer

    def change(self, *names: str, after: timedelta = timedelta(seconds=1)) -> None:
        self.now += after
        self.orders.update(dict.fromkeys(names, self.now))

    def crowd(self, count: int, *, each: timedelta = timedelta(seconds=1)) -> None:
        for number in range(count):
            self.change(f"order-{len(self.orders)}-{number}", after=each)

    def changed_since(self, since: datetime = NOON):
        windows = changes.oldest_first(since, first_page=self.first_page, all_pages=self.all_pages)
        for rows in windows:
            yield from rows

    def names(self, since: datetime = NOON) -> list[str]:
        return [row["id"] for row in self.changed_since(since)]

    def first_page(self, window: changes.Window):
        return self._page(window, 0)

    def all_pages(self, window: changes.Window):
        found, start, more = [], 0, "more"
        while more:
            rows, more = self._page(window, start)
            found, start = found + rows, start + PAGE
        return found

    def _page(self, window: changes.Window, start: int):
        self.calls += 1
        rows = sorted((at, name) for name, at in self.orders.items() if self._is_in(at, window))[::-1]
        page = [{"id": name, "modifiedOn": at.isoformat()} for at, name in rows[start : start + PAGE]]
        self.meanwhile()
        return page, "more" if start + PAGE < len(rows) else ""

    def _is_in(self, at: datetime, window: changes.Window) -> bool:
        after = self._cut(window.after)
        before = self._cut(window.before) if window.before else datetime.max.replace(tzinfo=UTC)
        at = self._cut(at)
        return after <= at <= before if self.inclusive else after < at < before

    def _cut(self, at: datetime) -> datetime:
        return at - (at - NOON) % self.step


EDGES = [
    pytest.param(inclusive, step, id=f"{'with' if inclusive else 'without'} its ends, {step.total_seconds():g} s")
    for inclusive in (True, False)
    for step in (timedelta(milliseconds=1), timedelta(seconds=1))
]


def test_few_changes_take_one_call():
    site = Site()
    site.crowd(PAGE)

    assert (site.names(), site.calls) == (list(site.orders), 1)


@pytest.mark.parametrize(("inclusive", "step"), EDGES)
def test_many_changes_come_each_once_and_the_oldest_first(inclusive, step):
    site = Site(inclusive=inclusive, step=step)
    site.crowd(700)

    assert site.names() == list(site.orders)


@pytest.mark.parametrize(("inclusive", "step"), EDGES)
def test_nothing_is_lost_at_an_edge_however_unevenly_the_changes_come(inclusive, step):
    dice = random.Random(20261123)
    for _ in range(20):
        site = Site(inclusive=inclusive, step=step)
        for number in range(300):
            site.change(f"{number}", after=timedelta(milliseconds=dice.choice([1, 30, 499, 1_000, 90_000])))

        assert Counter(site.names()) == Counter(list(site.orders))


def test_whoever_is_cut_short_after_each_batch_comes_to_the_end():
    site = Site()
    site.crowd(1000)
    seen: set[str] = set()
    since, polls = NOON, 0

    while len(seen) < 1000 and polls < 30:
        batch = list(islice(site.changed_since(since), 100))
        seen |= {row["id"] for row in batch}
        since = max(reading.at(row["modifiedOn"]) for row in batch)
        polls += 1

    assert (len(seen), polls) == (1000, 11)


def test_the_first_batch_costs_few_calls_however_much_there_is():
    site = Site()
    site.crowd(5000)

    next(site.changed_since())

    assert site.calls <= 10


def test_all_of_it_costs_little_more_than_its_pages():
    site = Site()
    site.crowd(5000)

    site.names()

    assert site.calls <= 2 * 5000 / PAGE


def test_an_order_that_changes_while_the_others_are_read_takes_no_other_away():
    site = Site()
    site.crowd(600)
    left = list(site.orders)[::-1]
    site.meanwhile = lambda: site.change(left.pop()) if site.calls < 10 else None

    seen = {row["id"]: row["modifiedOn"] for row in site.changed_since()}

    assert seen == {name: at.isoformat() for name, at in site.orders.items()}


@pytest.mark.parametrize("seed", range(100))
def test_nothing_older_than_the_newest_that_came_is_missing_while_the_site_goes_on_changing(seed):
    dice = random.Random(seed)
    site = Site(inclusive=dice.random() < 0.5)
    pauses = [timedelta(milliseconds=ms) for ms in (1, 20, 300, 900, 4000)]
    for number in range(dice.choice([60, 120, 200])):
        site.change(f"{number}", after=dice.choice(pauses[: dice.randint(1, 4)]))

    def meanwhile():
        for _ in range(dice.choice([0, 0, 0, 2])):
            site.change(f"new-{len(site.orders)}", dice.choice(list(site.orders)), after=dice.choice(pauses))

    site.meanwhile = meanwhile
    seen = {(row["id"], row["modifiedOn"]) for row in islice(site.changed_since(), 500)}

    newest = max(at for _, at in seen)
    assert {(name, at.isoformat()) for name, at in site.orders.items() if at.isoformat() <= newest} <= seen


def test_hundreds_that_change_at_one_moment_are_all_read():
    site = Site()
    site.crowd(80)
    site.change(*[f"bulk-{number}" for number in range(170)])
    site.crowd(80)

    assert sorted(site.names()) == sorted(site.orders)


def test_hundreds_that_changed_at_the_last_moment_are_all_read():
    site = Site()
    site.change(*[f"bulk-{number}" for number in range(170)])

    assert sorted(site.names()) == sorted(site.orders)


def test_one_of_hundreds_that_leaves_their_moment_takes_no_other_away():
    site = Site()
    site.change(*[f"bulk-{number}" for number in range(170)])
    site.crowd(80)
    site.meanwhile = lambda: site.change("bulk-169") if site.calls in (7, 8, 9) else None

    assert set(site.names()) == set(site.orders)


def test_a_moment_that_never_comes_to_rest_may_be_asked_for_again():
    site = Site()
    site.change(*[f"bulk-{number}" for number in range(170)])
    moment = site.now
    site.meanwhile = lambda: site.orders.update({f"more-{site.calls}": moment})

    with pytest.raises(RetryableError, match="come to rest"):
        site.names()
