"""What makes an order that a channel sends twice one order."""

from __future__ import annotations

from django.db import models

from orders.models.order import Channel, Order


class IntakeKey(models.Model):
    """An Idempotency-Key that a channel used, with the first answer."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="intake_keys")
    key = models.CharField(max_length=255)
    body_digest = models.CharField(max_length=64)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="intake_keys")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="intake_key_once_per_channel")]

    def __str__(self) -> str:
        return self.key
