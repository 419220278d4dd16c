"""One of several orders that a supplier made of one push."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orders.enums import SupplierPartStatus
from orders.models.push import OrderPush


class PushPart(models.Model):
    """As the supplier told it last. What was sent of it, and told to the customer, stands in the fulfillments."""

    push = models.ForeignKey(OrderPush, on_delete=models.CASCADE, related_name="parts")
    number = models.CharField(max_length=60)  # as people there name it
    warehouse = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=10, choices=SupplierPartStatus)
    tracking = models.JSONField(default=list, blank=True)  # numbers
    expected_on = models.DateField(null=True, blank=True)  # delivery

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["push", "number"], name="push_part_once"),
            models.CheckConstraint(condition=Q(status__in=SupplierPartStatus.values), name="push_part_status_known"),
        ]

    def __str__(self) -> str:
        return self.number
