from __future__ import annotations

import pytest
from django.core.management import call_command
from django.utils.module_loading import import_string
from django_q.models import Schedule

pytestmark = pytest.mark.django_db


def register() -> dict[str, tuple[str, str, int | None]]:
    call_command("schedules", verbosity=0)
    rows = Schedule.objects.all()
    return {row.func: (row.name, row.schedule_type, row.minutes) for row in rows}


def test_exactly_the_nine_schedules_stand():
    assert register() == {
        "orders.tasks.sweep": ("sweep", Schedule.MINUTES, 1),
        "orders.tasks.poll_changes": ("poll changes", Schedule.MINUTES, 5),
        "orders.tasks.poll_unanswered": ("poll unanswered", Schedule.MINUTES, 2),
        "orders.tasks.check_webhooks": ("check webhooks", Schedule.HOURLY, None),
        "orders.tasks.refresh_tokens": ("refresh tokens", Schedule.MINUTES, 1),
        "orders.tasks.refresh_catalogs": ("refresh catalogs", Schedule.DAILY, None),
        "orders.tasks.audit_books": ("audit books", Schedule.HOURLY, None),
        "orders.tasks.read_standing": ("read standing orders", Schedule.DAILY, None),
        "orders.tasks.prune": ("prune", Schedule.DAILY, None),
    }


def test_every_schedule_names_a_task_that_exists():
    for func in register():
        assert callable(import_string(func))


def test_registering_again_keeps_the_next_runs():
    register()
    before = list(Schedule.objects.order_by("pk").values_list("pk", "next_run"))

    register()

    assert list(Schedule.objects.order_by("pk").values_list("pk", "next_run")) == before


def test_copies_and_schedules_of_former_days_are_deleted():
    register()
    Schedule.objects.create(name="sweep", func="orders.tasks.sweep")
    Schedule.objects.create(name="once", func="orders.tasks.gone")

    register()

    assert Schedule.objects.count() == 9


def test_a_changed_setting_changes_the_schedule():
    register()
    Schedule.objects.filter(name="poll changes").update(minutes=99, repeats=0)

    register()

    schedule = Schedule.objects.get(name="poll changes")
    assert (schedule.minutes, schedule.repeats) == (5, -1)
