"""Who is served when much is due, and that nobody is served twice."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction

from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.models import Lane, OutboxMessage
from orders.outbox import claims
from tests import migrated
from tests.factories import NOON, make_merchant, make_order
from tests.machine import ROOT, Machine

LARGE, SMALL = 2000, 50


def post_many(count: int, *, after_s: float = 0) -> Lane:
    """So many messages of a merchant of their own."""
    order = make_order(make_merchant())
    at = NOON + timedelta(seconds=after_s)
    with transaction.atomic():
        first = outbox.post(Topic.CHECK_ORDER, order=order, key=f"0:{order.pk}", at=at)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            topic=Topic.CHECK_ORDER,
            order=order,
            key=f"{n}:{order.pk}",
            lane=first.lane,
            next_attempt_at=at,
            created_at=at,
        )
        for n in range(1, count)
    )
    return first.lane


@pytest.mark.django_db
def test_a_large_backlog_keeps_no_small_merchant_waiting_for_a_second_round():
    large = post_many(LARGE)
    small = [post_many(1, after_s=60) for _ in range(SMALL)]
    at = NOON + timedelta(hours=1)

    served = [outbox.claim(at=at)[0].lane for _ in range(SMALL + 1)]

    assert {lane.pk for lane in served} == {large.pk, *(lane.pk for lane in small)}
    assert OutboxMessage.objects.filter(lane=large, status=OutboxStatus.RUNNING).count() == outbox.CLAIM_SIZE


@pytest.mark.django_db
def test_what_somebody_else_took_in_between_is_not_leased_again():
    lane = post_many(3)
    with transaction.atomic():
        read = claims._first_due(lane, NOON, outbox.EVERY, 3)
    taken = outbox.claim(at=NOON, limit=1)
    OutboxMessage.objects.filter(pk=taken[0].pk).update(status=OutboxStatus.WAITING, lease_until=None)  # and gave back

    with transaction.atomic():
        assert claims._lease(lane, read, None, NOON) == []

    assert list(OutboxMessage.objects.order_by("pk").values_list("attempts", flat=True)) == [1, 0, 0]


CLAIM_ALL = """
import time
import django; django.setup()
from tests.factories import NOON
from orders import outbox
def claim():
    messages = outbox.claim(at=NOON, limit=2)
    print(*(message.pk for message in messages), flush=True)
    return messages
print("ready", flush=True)
input()
claim()
input()
while claim():
    time.sleep(0.01)
"""
POST = """
from tests.orders.test_outbox_fairness import post_many
for _ in range(4):
    post_many(30)
"""


@pytest.mark.processes
@pytest.mark.timeout(400)
def test_processes_on_one_sqlite_file_take_each_message_once(tmp_path: Path):
    machine = Machine(tmp_path / "claims.sqlite3")
    migrated.set_up(machine)
    machine.run(POST)
    claimers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM_ALL], cwd=ROOT, env=machine.env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    for claimer in claimers:
        assert claimer.stdout
        assert claimer.stdout.readline() == "ready\n"
    tell_all(claimers)
    first = [claimer.stdout.readline().split() for claimer in claimers]  # nobody has it all before the last has begun
    tell_all(claimers)
    got = [begun + claimer.communicate(timeout=300)[0].split() for begun, claimer in zip(first, claimers, strict=True)]

    assert [claimer.returncode for claimer in claimers] == [0, 0, 0]
    assert sum(map(bool, got)) > 1, "one of them got everything: that was no race"
    assert sorted(int(pk) for each in got for pk in each) == list(range(1, 121))


def tell_all(claimers: list[subprocess.Popen[str]]) -> None:
    for claimer in claimers:
        assert claimer.stdin
        claimer.stdin.write("\n")
        claimer.stdin.flush()
