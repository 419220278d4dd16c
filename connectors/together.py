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
from typing import Generic, TypeVar

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

    `act` owns its transaction, and may be called again with the same items: when it fails for several, it is done for
    each of them by itself, so that nobody gets a neighbour's fault. Inside a transaction an item is done there, alone.
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
        if entry.error is not None:
            raise entry.error

    def _gather(self) -> None:
        until, before = time.monotonic() + GATHER_AT_MOST_S, 0
        while before < len(self._waiting) < min(at_work.count, AT_MOST) and time.monotonic() < until:
            before = len(self._waiting)
            time.sleep(GATHER_S)

    def _do_waiting(self) -> None:
        """One that is not settled, since its thread was ended in here, waits for whoever comes next."""
        with self._list:
            entries = self._waiting[:AT_MOST]
        try:
            self._do(entries)
        finally:
            with self._list:
                self._waiting = [entry for entry in self._waiting if not entry.settled]

    def _do(self, entries: list[_Entry[Item]]) -> None:
        if len(entries) > 1 and self._attempt(entries) is None:
            return
        for entry in entries:
            entry.error = self._attempt([entry])
            entry.settled = True

    def _attempt(self, entries: list[_Entry[Item]]) -> Exception | None:
        try:
            self._act([entry.item for entry in entries])
        except Exception as error:  # noqa: BLE001  # raised again where the item was handed in
            database.close_if_unusable_or_obsolete()
            return error
        for entry in entries:
            entry.settled = True
        return None


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item]):
    item: Item
    settled: bool = False
    error: Exception | None = None
