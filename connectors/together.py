"""Work of several threads of a process, done at one go: whoever's turn it is does it for all that wait.

Beside a destination that answers at once, a push costs its rows and little else. Eight pushes whose marks are written by
one UPDATE in one transaction cost hardly more than one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

from django.db import connection as database

Item = TypeVar("Item")

AT_MOST = 16  # items at one go
GATHER_S = 0.006  # whoever has the turn waits so long for the others at work, and again while more come
GATHER_AT_MOST_S = 0.05


class _AtWork:
    """How many threads of this process are at what makes them hand in items."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def _add(self, more: int) -> None:
        with self._lock:
            self.count += more


at_work = _AtWork()


class Together(Generic[Item]):
    """Does `act` with what threads hand in at the same time. A call returns when its own item is done.

    `act` owns its transaction, and may be called again with the same items: when it fails for several, each thread does
    its own by itself, so that nobody gets a neighbour's fault. Inside a transaction an item is done there, alone.
    """

    def __init__(self, act: Callable[[Sequence[Item]], None]) -> None:
        self._act = act
        self._waiting: list[_Entry[Item]] = []
        self._list = Lock()
        self._turn = Lock()

    def __call__(self, item: Item) -> None:
        if database.in_atomic_block:
            self._act([item])
            return
        entry = _Entry(item)
        with self._list:
            self._waiting.append(entry)
        with self._turn:
            while not entry.settled:
                self._gather()
                self._do_waiting()
        if entry.alone:
            self._act([item])

    def _gather(self) -> None:
        until, before = time.monotonic() + GATHER_AT_MOST_S, 0
        while before < len(self._waiting) < min(at_work.count, AT_MOST) and time.monotonic() < until:
            before = len(self._waiting)
            time.sleep(GATHER_S)

    def _do_waiting(self) -> None:
        with self._list:
            entries, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
        try:
            self._act([entry.item for entry in entries])
        except Exception:
            if len(entries) == 1:
                raise
            database.close_if_unusable_or_obsolete()
            _leave_alone(entries)
        except BaseException:  # this thread is being ended; the others are not
            _leave_alone(entries)
            raise
        for entry in entries:
            entry.settled = True


def _leave_alone(entries: Sequence[_Entry[Any]]) -> None:
    for entry in entries:
        entry.alone = entry.settled = True


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item]):
    item: Item
    settled: bool = False
    alone: bool = False  # to be done by its own thread
