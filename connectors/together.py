"""Work of several threads of a process, done at one go: whoever's turn it is does it for all that wait.

Beside a destination that answers at once, a push costs its rows and little else. Eight pushes whose marks are written by
one UPDATE in one transaction cost hardly more than one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Lock, local
from typing import Any, Generic, TypeVar

from django.db import connection as database

Item = TypeVar("Item")

AT_MOST = 16  # items at one go
GATHER_S = 0.006  # whoever has the turn waits so long for the others of its cohort, and again while more come
GATHER_AT_MOST_S = 0.05


class Cohort:
    """Threads that began with the same kind of work at the same time, and so hand in their items at the same time."""

    def __init__(self, size: int) -> None:
        self.left = size  # that are not done yet


class _AtWork:
    """How many threads of this process are at what makes them hand in items; each with its cohort."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()
        self._here = local()

    @property
    def beside(self) -> int:
        """How many of the calling thread's cohort are left, itself included."""
        cohort: Cohort | None = getattr(self._here, "cohort", None)
        return cohort.left if cohort else 1

    @contextmanager
    def __call__(self, cohort: Cohort) -> Iterator[None]:
        with self._lock:
            self.count += 1
        self._here.cohort = cohort
        try:
            yield
        finally:
            self._here.cohort = None
            with self._lock:
                self.count -= 1
                cohort.left -= 1


at_work = _AtWork()


class Together(Generic[Item]):
    """Does `act` with what threads hand in at the same time. A call returns when its own item is done.

    `act` owns its transaction, and may be called again with the same items: when it fails for several, each thread does
    its own by itself, so that nobody gets a neighbour's fault. Inside a transaction an item is done there, alone.
    """

    def __init__(self, act: Callable[[Sequence[Item]], None]) -> None:
        self._act = act
        self._waiting: list[_Entry[Item]] = []
        self._leader: _Entry[Item] | None = None  # who has the turn
        self._enough = AT_MOST  # so many make whoever has it go on at once
        self._list = Condition()

    def __call__(self, item: Item) -> None:
        if database.in_atomic_block:
            self._act([item])
            return
        entry = _Entry(item)
        with self._list:
            self._waiting.append(entry)
            self._leader = self._leader or entry
            leads = self._leader is entry
            if len(self._waiting) >= self._enough:
                self._list.notify()
        try:
            if not leads:
                entry.gate.acquire()  # until it is settled, or the turn is its own
            while not entry.settled:
                self._gather()
                self._do_waiting()
        finally:
            self._leave(entry)
        if entry.alone:
            self._act([item])

    def _leave(self, entry: _Entry[Item]) -> None:
        """Pass the turn on. A thread that is being ended takes what it handed in along."""
        with self._list:
            if not entry.settled and entry in self._waiting:
                self._waiting.remove(entry)
            if self._leader is entry:
                self._leader = next(iter(self._waiting), None)
                if self._leader is not None:
                    self._leader.gate.release()

    def _gather(self) -> None:
        until, before = time.monotonic() + GATHER_AT_MOST_S, 0
        with self._list:
            self._enough = min(at_work.beside, AT_MOST)
            while before < len(self._waiting) < self._enough and time.monotonic() < until:
                before = len(self._waiting)
                self._list.wait(GATHER_S)

    def _do_waiting(self) -> None:
        with self._list:
            entries, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
        try:
            self._act([entry.item for entry in entries])
        except Exception:
            if len(entries) == 1:
                raise
            _leave_alone(entries)
            database.close_if_unusable_or_obsolete()
        except BaseException:  # this thread is being ended; the others are not
            _leave_alone(entries)
            raise
        else:
            for entry in entries:
                entry.settle()


class Later(Generic[Item]):
    """Items that nobody waits for: kept for the next `flush`, or done at once where no crew is at work that calls it.

    What is kept is lost when the process dies.
    """

    def __init__(self, act: Callable[[Sequence[Item]], None]) -> None:
        self._act = act
        self._kept: list[Item] = []
        self._list = Lock()

    def __call__(self, item: Item) -> None:
        if not at_work.count:
            self._act([item])
            return
        with self._list:
            self._kept.append(item)

    def flush(self) -> None:
        with self._list:
            items, self._kept = self._kept, []
        if items:
            self._act(items)


def _closed() -> Any:
    gate = Lock()
    gate.acquire()
    return gate


def _leave_alone(entries: Sequence[_Entry[Any]]) -> None:
    for entry in entries:
        entry.alone = True
        entry.settle()


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item]):
    item: Item
    settled: bool = False
    alone: bool = False  # to be done by its own thread
    gate: Any = field(default_factory=_closed)  # opened once: when it is settled, or when the turn is its own

    def settle(self) -> None:
        self.settled = True
        self.gate.release()
