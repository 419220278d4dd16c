"""What load balancers and supervisors are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from orders import outbox
from orders.enums import Topic
from orders.health import worker_health
from orders.models import PumpBeat
from tests.factories import NOON, make_order

pytestmark = pytest.mark.django_db


def test_the_web_process_says_that_it_is_up_to_anybody(client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_portal_without_any_worker_is_stuck(client):
    answer = client.get("/healthz/pump")

    assert (answer.status_code, answer.json()["status"]) == (503, "stuck")


def test_a_worker_that_just_showed_itself_is_well(client):
    PumpBeat.objects.create(worker="here:1", at=timezone.now())

    answer = client.get("/healthz/pump")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize(("age_s", "well"), [(120, True), (121, False)])
def test_a_sign_of_life_counts_for_two_minutes(age_s, well):
    PumpBeat.objects.create(worker="here:1", at=NOON - timedelta(seconds=age_s))

    assert worker_health(at=NOON).well is well


@pytest.mark.parametrize(("age_s", "well"), [(180, True), (181, False)])
def test_work_that_has_been_due_for_three_minutes_is_not_well(age_s, well):
    PumpBeat.objects.create(worker="here:1", at=NOON)
    with transaction.atomic():
        outbox.post(Topic.CHECK_ORDER, order=make_order(), key="check", at=NOON - timedelta(seconds=age_s))

    assert worker_health(at=NOON).well is well
