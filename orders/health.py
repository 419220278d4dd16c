"""Signs of life for load balancers and supervisors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from orders.models import PumpBeat
from orders.pump import oldest_due
from orders.services import gateways

BEAT_LIMIT = timedelta(seconds=120)
DUE_LIMIT = timedelta(seconds=180)


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """How the background work is doing. Ages are None when there is nothing to measure."""

    beat_age_s: float | None
    oldest_due_age_s: float | None

    @property
    def well(self) -> bool:
        beating = self.beat_age_s is not None and self.beat_age_s <= BEAT_LIMIT.total_seconds()
        flowing = self.oldest_due_age_s is None or self.oldest_due_age_s <= DUE_LIMIT.total_seconds()
        return beating and flowing


def worker_health(*, at: datetime) -> WorkerHealth:
    beat = PumpBeat.objects.aggregate(latest=Max("at"))["latest"]
    return WorkerHealth(_age(beat, at), _age(oldest_due(at=at), at))


@login_not_required
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """The web process answers and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def health_pump(request: HttpRequest) -> JsonResponse:
    """503 when no worker has shown itself for two minutes, or work has been due for three."""
    found = worker_health(at=timezone.now())
    body = {
        "status": "ok" if found.well else "stuck",
        "beat_age_s": found.beat_age_s,
        "oldest_due_age_s": found.oldest_due_age_s,
    }
    return JsonResponse(body, status=200 if found.well else 503)


@login_not_required
@require_safe
def health_gateways(request: HttpRequest) -> JsonResponse:
    """503 while payments wait because a gateway refuses our key."""
    refused = gateways.refused()
    body = {"status": "refused" if refused else "ok", "gateways": refused}
    return JsonResponse(body, status=503 if refused else 200)


def _age(moment: datetime | None, at: datetime) -> float | None:
    return None if moment is None else round((at - moment).total_seconds(), 1)
