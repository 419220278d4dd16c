"""Polls of a practice store that tells when an order was changed: what is broken off is gone on with, and ends.

A platform's tests inherit PollingContract beside PracticeContract; suppliers tell no time of change.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.practice.models import PracticeOrder
from tests.connectors.contract import an_hour_ago
from tests.connectors.practice_store import PracticeStore

TAKEN = 30  # of a hundred and more that changed within minutes, by one poll


class PollingContract:
    def test_polls_that_are_broken_off_within_minutes_of_changes_come_to_their_end(self, store: PracticeStore):
        store.crowd()
        last = store.order()
        row = store.row(store.driver.create(last))
        began, rows = an_hour_ago(), list(PracticeOrder.objects.order_by("pk"))
        for number, each in enumerate(rows, start=1):
            each.updated_at = began + timedelta(seconds=4 * number)
        PracticeOrder.objects.bulk_update(rows, ["updated_at"])
        assert rows[-1].pk == row.pk

        since, polls, seen = began, 0, set[str]()
        while last.reference not in seen and polls < 10:
            newest, polls = since, polls + 1
            for taken, remote in enumerate(store.driver.changed_since(since), start=1):
                seen.add(remote.reference)
                newest = max(newest, remote.updated_at or newest)
                if taken >= TAKEN and newest > since:
                    break
            since = newest

        assert (last.reference in seen, polls > 3) == (True, True)
