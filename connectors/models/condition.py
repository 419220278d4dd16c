"""Something that work was waiting for has come about. The pump releases what waits, twice, then deletes the row."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class ClearedCondition(models.Model):
    key = models.CharField(max_length=200)  # see connectors.conditions
    at = models.DateTimeField(default=timezone.now)
    released_at = models.DateTimeField(null=True, blank=True)  # first release; see orders.outbox.release

    def __str__(self) -> str:
        return self.key
