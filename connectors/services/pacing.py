"""Requests that no admission paid for, counted as they leave, where a platform has a pace that we keep by our own count.

Messages are paid for when they are admitted. Polls, readings of a catalog and what a page asks are counted one by one: they
wait for nobody, and what is on its way out waits until the plan holds its requests again.
"""

from __future__ import annotations

import logging
import threading

from django.db import Error

from connectors.http import CallRecord
from connectors.services import limits

logger = logging.getLogger(__name__)

_local = threading.local()


def paid(connection_id: int, requests: float) -> None:
    """So many requests of this thread to the connection have been paid for; 0 forgets those that were not made."""
    _left()[connection_id] = requests


class Counter:
    """Told of each call to one connection. A count that cannot be written changes nothing of what the call brought."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id

    def __call__(self, record: CallRecord) -> None:
        left = _left().get(self._connection_id, 0.0)
        if left >= 1:
            _left()[self._connection_id] = left - 1
            return
        try:
            limits.count_request(self._connection_id, at=record.at)
        except Error:
            logger.exception("request not counted", extra={"connection_id": self._connection_id})


def _left() -> dict[int, float]:
    left: dict[int, float] = _local.__dict__.setdefault("left", {})
    return left
