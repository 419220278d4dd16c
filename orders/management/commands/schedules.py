"""Register what runs by the clock. Safe to repeat: schedules keep their next run, and there is never a second copy."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

NIGHT = time(3, 0)  # UTC

_POLL_MINUTES = max(int(settings.CHANGE_POLL_EVERY.total_seconds() // 60), 1)

# name -> what runs, and how often
SCHEDULES: dict[str, dict[str, Any]] = {
    "sweep": {"func": "orders.tasks.sweep", "schedule_type": Schedule.MINUTES, "minutes": 1},
    "poll changes": {"func": "orders.tasks.poll_changes", "schedule_type": Schedule.MINUTES, "minutes": _POLL_MINUTES},
    "poll unanswered": {"func": "orders.tasks.poll_unanswered", "schedule_type": Schedule.MINUTES, "minutes": 2},
    "check webhooks": {"func": "orders.tasks.check_webhooks", "schedule_type": Schedule.HOURLY},
    "refresh tokens": {"func": "orders.tasks.refresh_tokens", "schedule_type": Schedule.MINUTES, "minutes": 1},
    "refresh catalogs": {"func": "orders.tasks.refresh_catalogs", "schedule_type": Schedule.DAILY},
    "audit books": {"func": "orders.tasks.audit_books", "schedule_type": Schedule.HOURLY},
    "read standing orders": {"func": "orders.tasks.read_standing", "schedule_type": Schedule.DAILY},
    "prune": {"func": "orders.tasks.prune", "schedule_type": Schedule.DAILY},
}


class Command(BaseCommand):
    help = "Register the background schedules; run after every deploy."

    @transaction.atomic
    def handle(self, *_args: Any, **options: Any) -> None:
        Schedule.objects.filter(func__startswith="orders.tasks.").exclude(name__in=SCHEDULES).delete()
        for name, how in SCHEDULES.items():
            self._register(name, {"repeats": -1, **how}, at=timezone.now())
        if options["verbosity"]:
            self.stdout.write(f"{len(SCHEDULES)} schedules registered.")

    def _register(self, name: str, how: dict[str, Any], *, at: datetime) -> None:
        rows = list(Schedule.objects.filter(name=name).order_by("pk"))
        if not rows:
            Schedule.objects.create(name=name, next_run=_first_run(how, at), **how)
            return
        Schedule.objects.filter(pk=rows[0].pk).update(**how)
        Schedule.objects.filter(pk__in=[row.pk for row in rows[1:]]).delete()


def _first_run(how: dict[str, Any], at: datetime) -> datetime:
    """At once, but what is for the night waits for it."""
    if how["schedule_type"] != Schedule.DAILY:
        return at
    tonight = datetime.combine(at.date(), NIGHT, tzinfo=at.tzinfo)
    return tonight if tonight > at else tonight + timedelta(days=1)
