"""What a webhook is when it leaves, and what came of each time that it was sent.

An attempt is {"at", "by_hand", "headers", "body", "signature_fits", "names_this_shop", "outcome", "status", "answer"};
status and answer are None and "" where none came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django_q.models import Schedule

from connectors.practice import dials, platforms
from connectors.practice.models import PracticeDelivery

RETRY = "connectors.practice.tasks.retry"
ANSWER_MAX = 2000
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Sending:
    """The bytes and headers of one webhook."""

    headers: Mapping[str, str]
    payload: Mapping[str, Any]
    signature_fits: bool = True
    names_this_shop: bool = True

    @property
    def body(self) -> bytes:
        """As connectors.http writes it."""
        return json.dumps(self.payload, allow_nan=False).encode()


def of(delivery: PracticeDelivery) -> Sending:
    """As it leaves, with the faults that were dialled."""
    platform, payload = platforms.of(delivery.shop), platforms.of(delivery.shop).body(delivery)
    astray, forged = dials.ASTRAY in delivery.faults, dials.FORGED in delivery.faults
    if astray:
        _, payload = platform.of_another_shop({}, payload)
    headers: Mapping[str, str] = platform.headers(delivery, Sending({}, payload).body)
    if astray:
        headers, _ = platform.of_another_shop(headers, payload)
    if forged:
        right = headers[platform.signature_header]
        headers = {**headers, platform.signature_header: ("0" if right[0] != "0" else "1") + right[1:]}
    return Sending(headers, payload, signature_fits=not forged, names_this_shop=not astray)


@transaction.atomic
def record(
    delivery_id: int, sent: Sending, *, status: int | None, answer: str, outcome: str, at: datetime, retries: bool
) -> None:
    """Write an attempt down; with `retries`, one that failed is promised again as the platform does."""
    delivery = PracticeDelivery.objects.select_for_update().filter(pk=delivery_id).first()
    if delivery is None:
        return  # its shop was deleted meanwhile
    attempt = {
        "at": at.isoformat(),
        "by_hand": not retries,
        "headers": dict(sent.headers),
        "body": sent.body.decode(),
        "signature_fits": sent.signature_fits,
        "names_this_shop": sent.names_this_shop,
        "outcome": outcome[:200],
        "status": status,
        "answer": answer[:ANSWER_MAX],
    }
    delivery.attempts = [*delivery.attempts, attempt]
    delivery.answered_at, delivery.outcome, delivery.is_held = at, outcome[:200], False
    if status in _SUCCESS:
        delivery.next_attempt_at = None
    elif retries and not delivery.faults and delivery.next_attempt_at is None:
        _promise_next(delivery, at=at)
    delivery.save()


def _promise_next(delivery: PracticeDelivery, *, at: datetime) -> None:
    """A stranger's webhook is not sent again: those with dialled faults have one attempt."""
    platform, failed = platforms.of(delivery.shop), sum(not attempt["by_hand"] for attempt in delivery.attempts)
    if not platform.retries_s:
        return
    if failed > len(platform.retries_s):
        platform.gave_up(delivery)
        delivery.refresh_from_db(fields=["subscription"])  # it may be gone with that
        return
    delivery.next_attempt_at = at + timedelta(seconds=platform.retries_s[failed - 1])
    Schedule.objects.create(
        name=f"practice webhook {delivery.pk}",
        func=RETRY,
        args=str(delivery.pk),
        schedule_type=Schedule.ONCE,
        next_run=delivery.next_attempt_at,
    )
