"""Waiting for those who wait: what makes a race on PostgreSQL certain instead of likely."""

from __future__ import annotations

import time

from django.db import connection

_WAITING = """
    SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()
"""


def until_waiting(count: int) -> None:
    """Return once so many sessions of this database wait for a lock; others may be tested beside it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees the sessions of its first look
            cursor.execute(_WAITING)
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.01)
    raise AssertionError(f"{count} sessions never waited for a lock")
