"""The sandbox gateway's own books: what a card network would keep."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class SandboxCharge(models.Model):
    """One authorization. Amounts are minor units."""

    reference = models.CharField(max_length=120, unique=True)
    currency = models.CharField(max_length=3)
    authorized = models.PositiveBigIntegerField()
    captured = models.PositiveBigIntegerField(default=0)
    refunded = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=20)  # "requires_capture", "succeeded", "canceled"
    capture_before = models.DateTimeField()
    answers = models.JSONField(default=dict, blank=True)  # idempotency key -> {"request": ..., "answer": ...}
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(captured__lte=F("authorized")), name="sandbox_captured_within_authorized"
            ),
            models.CheckConstraint(condition=Q(refunded__lte=F("captured")), name="sandbox_refunded_within_captured"),
        ]

    def __str__(self) -> str:
        return self.reference
