"""Something that work was waiting for has come about. The pump reads the rows and deletes them."""

from __future__ import annotations

from django.db import models


class ClearedCondition(models.Model):
    key = models.CharField(max_length=200)  # see connectors.conditions
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key
