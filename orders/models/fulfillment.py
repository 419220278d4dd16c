"""What the destination says it sent: fulfillments, their lines and parcels."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orders.enums import ShipmentStatus
from orders.models.order import Order, OrderLine
from orders.models.push import OrderPush


class Fulfillment(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="fulfillments")
    push = models.ForeignKey(OrderPush, on_delete=models.CASCADE, related_name="fulfillments")
    remote_id = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=ShipmentStatus)
    shipped_at = models.DateTimeField(null=True, blank=True)
    remote_updated_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)  # when the customer was first promised a mail about it
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["push", "remote_id"], name="fulfillment_once_per_push"),
            models.CheckConstraint(condition=Q(status__in=ShipmentStatus.values), name="fulfillment_status_known"),
        ]

    def __str__(self) -> str:
        return self.remote_id


class FulfillmentLine(models.Model):
    fulfillment = models.ForeignKey(Fulfillment, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="fulfillment_lines")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fulfillment", "line"], name="fulfillment_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="fulfillment_line_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.line_id}"


class Parcel(models.Model):
    """One tracking number. `told_at`: when the customer was promised a mail about it."""

    fulfillment = models.ForeignKey(Fulfillment, on_delete=models.CASCADE, related_name="parcels")
    carrier = models.CharField(max_length=100, blank=True)
    number = models.CharField(max_length=120)
    url = models.CharField(max_length=500, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fulfillment", "number"], name="parcel_once_per_fulfillment")]

    def __str__(self) -> str:
        return self.number
