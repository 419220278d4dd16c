"""Every call that left for a connection: no headers, no bodies, no secrets."""

from __future__ import annotations

from django.db import models

from connectors.models.connection import Connection


class CallLog(models.Model):
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="calls")
    at = models.DateTimeField()
    method = models.CharField(max_length=8)
    url = models.CharField(max_length=300)  # without query
    operation = models.CharField(max_length=80, blank=True)  # "orderCreate"
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # None: no answer
    outcome = models.CharField(max_length=30)  # "ok", or the error class
    request_id = models.CharField(max_length=100, blank=True)  # the platform's
    duration_ms = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["connection", "-at", "-id"], name="call_newest")]

    @property
    def said(self) -> str:
        """In a word: an answer that the driver read as a refusal is one here too."""
        return "refused" if self.outcome == "ok" and (self.status or 0) >= 400 else self.outcome

    def __str__(self) -> str:
        return f"{self.method} {self.operation or self.url} {self.status or '-'}"
