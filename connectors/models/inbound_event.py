"""One webhook or polled change, stored before it is processed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from connectors.models.connection import Connection


class InboundState(models.TextChoices):
    NEW = "new", "To do"
    DONE = "done", "Done"
    IGNORED = "ignored", "Not about one of our orders"
    FAILED = "failed", "Failed"


class InboundEvent(models.Model):
    """Unique per source: a repeat finds the row and is answered 200 without effect."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="inbound_events"
    )
    gateway = models.CharField(max_length=20, blank=True)  # of a payment webhook; then there is no connection
    event_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=80)
    remote_order_id = models.CharField(max_length=200, blank=True)  # a payment reference for a gateway
    reference = models.CharField(max_length=120, blank=True)
    body_digest = models.CharField(max_length=64)  # hex SHA-256 of the raw body; the body itself is not kept
    occurred_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=InboundState, default=InboundState.NEW)
    attempts = models.PositiveSmallIntegerField(default=0)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "event_id"],
                condition=Q(connection__isnull=False),
                name="inbound_once_per_connection",
            ),
            models.UniqueConstraint(
                fields=["gateway", "event_id"], condition=Q(connection__isnull=True), name="inbound_once_per_gateway"
            ),
            models.CheckConstraint(
                condition=Q(connection__isnull=False, gateway="") | (Q(connection__isnull=True) & ~Q(gateway="")),
                name="inbound_from_connection_or_gateway",
            ),
            models.CheckConstraint(
                condition=Q(state="new", processed_at__isnull=True) | (~Q(state="new") & Q(processed_at__isnull=False)),
                name="inbound_processed_at_iff_not_new",
            ),
        ]
        indexes = [
            models.Index(fields=["received_at", "id"], condition=Q(state="new"), name="inbound_to_do"),
            models.Index(fields=["connection", "remote_order_id"], name="inbound_by_remote_order"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"
