"""Which installation of the portal this is."""

from __future__ import annotations

from django.db import models


class Installation(models.Model):
    """One row, with key 1: the token that every reference carries. Written by connectors.services.installation alone."""

    token = models.CharField(max_length=8)

    def __str__(self) -> str:
        return self.token
