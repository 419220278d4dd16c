"""What the supervisor takes for a hang, and what it does about wake-ups that are lost."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from connectors.services import connections
from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.models import Lane, OutboxMessage, PumpBeat, WakeUp
from orders.supervisor import BEAT_LIMIT, DUE_LIMIT, Supervisor
from tests.factories import later, make_connection, make_order
from tests.fakes import FakeClock, FakeStore, make_world

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(seconds=1) + max(DUE_LIMIT, BEAT_LIMIT)


@pytest.fixture
def supervisor() -> Supervisor:
    """Of a cluster that has been running for long enough to be judged. No canary is due meanwhile."""
    made = Supervisor(canary_every_s=3600)
    made._process = cast("object", SimpleNamespace(poll=lambda: None))  # type: ignore[assignment]
    made._started_at = timezone.now() - LONG_AGO
    return made


@pytest.fixture
def _beating() -> None:
    PumpBeat.objects.create(worker="here:1", at=timezone.now())


def due_since(age: timedelta) -> OutboxMessage:
    at = timezone.now() - age
    order = make_order(connections=[make_connection()])
    with transaction.atomic():
        connection = order.pushes.get().connection
        return outbox.post(Topic.CHECK_ORDER, order=order, connection=connection, key=f"c:{order.pk}", at=at)


def fault(supervisor: Supervisor) -> str:
    return supervisor._fault(timezone.now())


@pytest.mark.usefixtures("_beating")
def test_a_cluster_that_beats_and_has_nothing_to_do_is_well(supervisor: Supervisor):
    assert fault(supervisor) == ""


@pytest.mark.usefixtures("_beating")
def test_work_that_nobody_takes_is_a_hang(supervisor: Supervisor):
    due_since(LONG_AGO)

    assert fault(supervisor) == "work is due and nobody takes it"


@pytest.mark.usefixtures("_beating")
def test_work_that_is_due_for_a_moment_is_none(supervisor: Supervisor):
    due_since(DUE_LIMIT - timedelta(seconds=60))

    assert fault(supervisor) == ""


@pytest.mark.usefixtures("_beating")
def test_a_long_queue_that_moves_is_none(supervisor: Supervisor):
    due_since(LONG_AGO)
    Lane.objects.update(served_at=timezone.now() - DUE_LIMIT + timedelta(seconds=60))

    assert fault(supervisor) == ""


@pytest.mark.usefixtures("_beating")
def test_work_for_a_store_that_is_paused_is_none(supervisor: Supervisor):
    message = due_since(LONG_AGO)
    assert message.lane.connection
    connections.pause(connection_id=message.lane.connection.pk, by="ana", at=timezone.now())

    assert fault(supervisor) == ""


def test_a_cluster_whose_pumps_stopped_showing_themselves_hangs(supervisor: Supervisor):
    PumpBeat.objects.create(worker="here:1", at=timezone.now() - BEAT_LIMIT - timedelta(seconds=1))

    assert fault(supervisor) == "no pump has shown itself"


def test_a_cluster_that_has_just_started_is_given_time(supervisor: Supervisor):
    supervisor._started_at = timezone.now()
    due_since(LONG_AGO)

    assert fault(supervisor) == ""


def test_wake_ups_that_were_lost_are_made_anew_and_the_work_is_done(supervisor: Supervisor):
    """Every queued task is gone, and the note that a pump was called stays."""
    message = due_since(timedelta(seconds=20))
    OrmQ.objects.all().delete()
    WakeUp.objects.update_or_create(pk=1, defaults={"called_at": timezone.now() - timedelta(seconds=11)})

    fault(supervisor)

    assert [row.task["func"] for row in OrmQ.objects.all()] == [settings.PUMP_TASK]
    assert callable(import_string(settings.PUMP_TASK))
    outbox.drain(world=make_world(FakeStore(FakeClock(later()))))
    assert OutboxMessage.objects.get(pk=message.pk).status == OutboxStatus.DONE
