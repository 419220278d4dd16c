"""The money of one order: what was set aside, taken and given back."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from orders.enums import PaymentStatus
from orders.models.fields import ZERO, amount_field
from orders.models.order import Order

STORE = "store"  # the gateway of a payment that was made in the shop where the order was placed


class Payment(models.Model):
    """At most one per order. The card itself lives at the gateway; here is its reference.

    One of the gateway STORE was taken by the merchant's own shop: it is known here, and moved there alone.
    """

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="payment")
    gateway = models.CharField(max_length=20)  # a key of connectors.gateway.registry, or STORE
    reference = models.CharField(max_length=120)  # the gateway's id, "pi_..."
    status = models.CharField(max_length=20, choices=PaymentStatus)
    currency = models.CharField(max_length=3)
    authorized = amount_field()
    captured = amount_field(default=ZERO)
    refunded = amount_field(default=ZERO)
    authorized_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)  # the last instant at which a capture can succeed
    captured_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    capture_id = models.CharField(max_length=120, blank=True)
    capture_generation = models.PositiveSmallIntegerField(default=1)  # part of the idempotency key
    failure_code = models.CharField(max_length=60, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "reference"], name="payment_reference_once"),
            models.CheckConstraint(condition=Q(status__in=PaymentStatus.values), name="payment_status_known"),
            models.CheckConstraint(
                condition=Q(authorized__gte=0, captured__gte=0, refunded__gte=0), name="payment_amounts_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(captured__lte=F("authorized")), name="payment_captured_within_authorized"
            ),
            models.CheckConstraint(condition=Q(refunded__lte=F("captured")), name="payment_refunded_within_captured"),
            models.CheckConstraint(
                condition=Q(status__in=["captured", "partially_refunded", "refunded"], captured_at__isnull=False)
                | (
                    ~Q(status__in=["captured", "partially_refunded", "refunded"])
                    & Q(captured_at__isnull=True, captured=0)
                ),
                name="payment_captured_at_iff_captured",
            ),
            models.CheckConstraint(
                condition=Q(status="voided", voided_at__isnull=False)
                | (~Q(status="voided") & Q(voided_at__isnull=True)),
                name="payment_voided_at_iff_voided",
            ),
        ]
        indexes = [models.Index(fields=["captured_at"], name="payment_by_capture")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.reference}"

    @property
    def taken_in_store(self) -> bool:
        return self.gateway == STORE

    @property
    def refundable(self) -> Decimal:
        return self.captured - self.refunded
