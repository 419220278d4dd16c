"""What threads hand in at the same time is done at one go, and each learns of its own item alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest
from django.db import transaction

from connectors.together import AT_MOST, Together, at_work


class Acts:
    """Notes what came together. The first act lasts until it is let go; `faulty` items cannot be done."""

    def __init__(self, *, faulty: Sequence[str] = ()) -> None:
        self.groups: list[list[str]] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.faulty = faulty

    def __call__(self, items: Sequence[str]) -> None:
        self.groups.append(sorted(items))
        self.began.set()
        assert self.go_on.wait(10)
        for item in items:
            if item in self.faulty:
                raise ValueError(item)


def hand_in(together: Together[str], acts: Acts, first: str, rest: Sequence[str]) -> dict[str, str]:
    """The rest is handed in while the first is being done. What was raised for each item."""
    faults: dict[str, str] = {}

    def run(item: str) -> None:
        try:
            together(item)
        except ValueError as error:
            faults[item] = str(error)

    threads = [threading.Thread(target=run, args=(item,)) for item in [first, *rest]]
    threads[0].start()
    assert acts.began.wait(10)
    for thread in threads[1:]:
        thread.start()
    _until(lambda: len(together._waiting) == len(rest))
    acts.go_on.set()
    for thread in threads:
        thread.join(10)
    return faults


def _until(true) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_waits_for_its_turn_is_done_at_one_go():
    acts = Acts()

    assert hand_in(Together(acts), acts, "a", ["b", "c", "d"]) == {}

    assert acts.groups == [["a"], ["b", "c", "d"]]


def test_a_fault_is_raised_where_its_item_was_handed_in_and_the_others_are_done():
    acts = Acts(faulty=["c"])

    assert hand_in(Together(acts), acts, "a", ["b", "c", "d"]) == {"c": "c"}

    assert acts.groups[:2] == [["a"], ["b", "c", "d"]]
    assert sorted(acts.groups[2:]) == [["b"], ["c"], ["d"]]


def test_no_more_are_done_at_one_go_than_are_allowed():
    acts, many = Acts(), [str(n) for n in range(AT_MOST + 2)]

    hand_in(Together(acts), acts, "a", many)

    assert [len(group) for group in acts.groups] == [1, AT_MOST, 2]


def test_whoever_has_the_turn_waits_for_the_others_at_work():
    acts = Acts()
    acts.go_on.set()
    together = Together(acts)
    both = threading.Barrier(2)

    def run(item: str) -> None:
        with at_work():
            both.wait(10)
            together(item)

    threads = [threading.Thread(target=run, args=(item,)) for item in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert acts.groups == [["a", "b"]]


def test_a_thread_that_is_ended_in_its_turn_leaves_the_others_items_to_themselves():
    class Ended(BaseException):
        pass

    class Ending(Acts):
        def __call__(self, items: Sequence[str]) -> None:
            super().__call__(items)
            if len(items) > 1:
                raise Ended

    acts, ended = Ending(), []
    together = Together(acts)

    def run(item: str) -> None:
        try:
            together(item)
        except Ended:
            ended.append(item)

    threads = [threading.Thread(target=run, args=(item,)) for item in "abc"]
    threads[0].start()
    assert acts.began.wait(10)
    for thread in threads[1:]:
        thread.start()
    _until(lambda: len(together._waiting) == 2)
    acts.go_on.set()
    for thread in threads:
        thread.join(10)

    (other,) = {"b", "c"} - set(ended)
    assert acts.groups == [["a"], ["b", "c"], [other]]


@pytest.mark.django_db
def test_inside_a_transaction_an_item_is_done_there_alone():
    acts = Acts()
    acts.go_on.set()
    together = Together(acts)

    with transaction.atomic():
        together("a")

    assert (acts.groups, together._waiting) == ([["a"]], [])
