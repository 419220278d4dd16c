"""What threads hand in at the same time is done at one go, and each learns of its own item alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial

import pytest
from django.db import transaction

from connectors.together import AT_MOST, Cohort, Later, Together, _Entry, at_work

PATIENCE_S = 60.0


class Acts:
    """Notes what came together. The first act lasts until it is let go; `faulty` items cannot be done."""

    def __init__(self, *, faulty: Sequence[str] = ()) -> None:
        self.groups: list[list[str]] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.faulty = faulty

    def __call__(self, items: Sequence[str]) -> None:
        self.groups.append(sorted(items))
        self.began.set()
        assert self.go_on.wait(PATIENCE_S)
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
    assert acts.began.wait(PATIENCE_S)
    for thread in threads[1:]:
        thread.start()
    _until(lambda: len(together._waiting) == len(rest))
    acts.go_on.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    return faults


def _until(true) -> None:
    deadline = time.monotonic() + PATIENCE_S
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


def test_whoever_has_the_turn_waits_for_the_others_of_its_cohort(monkeypatch: pytest.MonkeyPatch):
    acts = Acts()
    acts.go_on.set()
    together = Together(acts)
    both, cohort = threading.Barrier(2), Cohort(2)

    def run(item: str) -> None:
        with at_work(cohort):
            both.wait(PATIENCE_S)
            together(item)
            both.wait(PATIENCE_S)

    for name in ("GATHER_S", "GATHER_AT_MOST_S"):
        monkeypatch.setattr(f"connectors.together.{name}", PATIENCE_S)
    threads = [threading.Thread(target=run, args=(item,)) for item in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert acts.groups == [["a", "b"]]


def test_nobody_waits_for_those_of_another_cohort(monkeypatch: pytest.MonkeyPatch):
    acts = Acts()
    acts.go_on.set()
    together = Together(acts)
    monkeypatch.setattr(together._list, "wait", lambda seconds: pytest.fail("waited"))

    with at_work(Cohort(5)), at_work(Cohort(1)):
        together("a")

    assert acts.groups == [["a"]]


def test_what_nobody_waits_for_is_kept_while_a_crew_is_at_work():
    acts = Acts()
    acts.go_on.set()
    later = Later(acts)

    with at_work(Cohort(1)):
        later("a")
        later("b")
        assert acts.groups == []
    later.flush()
    later.flush()
    later("c")

    assert acts.groups == [["a", "b"], ["c"]]


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
    assert acts.began.wait(PATIENCE_S)
    for thread in threads[1:]:
        thread.start()
    _until(lambda: len(together._waiting) == 2)
    acts.go_on.set()
    for thread in threads:
        thread.join(PATIENCE_S)

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


@pytest.mark.parametrize("who", ["whoever has the turn", "somebody who waits"])
def test_a_thread_that_is_ended_before_its_item_was_done_stops_nobody(monkeypatch: pytest.MonkeyPatch, who: str):
    class Ended(BaseException):
        pass

    class Gate:
        def acquire(self) -> None:
            raise Ended

        def release(self) -> None:
            pytest.fail("the turn was given to a thread that is gone")

    acts = Acts()
    together = Together(acts)
    if who == "whoever has the turn":
        acts.go_on.set()
        monkeypatch.setattr(together, "_gather", lambda: (_ for _ in ()).throw(Ended))
        with pytest.raises(Ended):
            together("a")
        monkeypatch.undo()
    else:
        first = threading.Thread(target=together, args=("first",))
        first.start()
        assert acts.began.wait(PATIENCE_S)
        monkeypatch.setattr("connectors.together._Entry", partial(_Entry, gate=Gate()))
        with pytest.raises(Ended):
            together("a")
        monkeypatch.undo()
        acts.go_on.set()
        first.join(PATIENCE_S)

    together("b")

    assert (acts.groups[-1], together._waiting) == (["b"], [])
