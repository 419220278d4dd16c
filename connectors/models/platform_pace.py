"""How a whole platform answers those who try whether it is back."""

from __future__ import annotations

from django.db import models


class PlatformPace(models.Model):
    """One row for each platform of which a connection's circuit was open: see connectors.services.limits."""

    platform = models.CharField(max_length=20, unique=True)
    probed_at = models.DateTimeField()  # when any of its connections was last tried
    answered_at = models.DateTimeField(null=True, blank=True)  # when one of those tries last went well

    def __str__(self) -> str:
        return self.platform
