"""What was sent: fulfillments, their lines and parcels, as the destination tells them or as the merchant sent them from here."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from orders.enums import ShipmentStatus
from orders.models.order import Order, OrderLine
from orders.models.push import OrderPush


class FulfillmentQuerySet(models.QuerySet["Fulfillment"]):
    def of(self, merchant: Merchant) -> FulfillmentQuerySet:
        return self.filter(order__merchant=merchant)

    def own(self) -> FulfillmentQuerySet:
        """Made here, not told by a destination."""
        return self.filter(push=None)


FulfillmentManager = models.Manager.from_queryset(FulfillmentQuerySet)


class Fulfillment(models.Model):
    """Without a push it was made here: shipped, or for the customer to pick up. Those of a push follow the destination."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="fulfillments")
    push = models.ForeignKey(OrderPush, on_delete=models.CASCADE, null=True, blank=True, related_name="fulfillments")
    remote_id = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=ShipmentStatus)
    shipped_at = models.DateTimeField(null=True, blank=True)
    remote_updated_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)  # when the customer was first promised a mail about it
    created_at = models.DateTimeField()
    key = models.CharField(max_length=255, blank=True)  # the same key is the same fulfillment
    digest = models.CharField(max_length=64, blank=True)  # of what was asked for under the key
    pickup_code = models.CharField(max_length=8, blank=True)  # the customer shows it; only of click and collect
    ready_at = models.DateTimeField(null=True, blank=True)
    collected_at = models.DateTimeField(null=True, blank=True)
    collected_by = models.CharField(max_length=200, blank=True)  # who came for it

    objects = FulfillmentManager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["push", "remote_id"], name="fulfillment_once_per_push"),
            models.UniqueConstraint(fields=["order", "key"], condition=~Q(key=""), name="fulfillment_once_per_key"),
            models.CheckConstraint(condition=Q(status__in=ShipmentStatus.values), name="fulfillment_status_known"),
            models.CheckConstraint(
                condition=Q(push__isnull=True, remote_id="") | (Q(push__isnull=False) & ~Q(remote_id="")),
                name="fulfillment_remote_id_iff_push",
            ),
            models.CheckConstraint(
                condition=Q(pickup_code="", ready_at__isnull=True) | (~Q(pickup_code="") & Q(ready_at__isnull=False)),
                name="fulfillment_pickup_code_iff_ready",
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(ready_at__isnull=False, collected_at__isnull=True),
                name="fulfillment_ready_waits_for_customer",
            ),
            models.CheckConstraint(
                condition=Q(collected_at__isnull=True, collected_by="")
                | (Q(collected_at__isnull=False, ready_at__isnull=False) & ~Q(collected_by="")),
                name="fulfillment_collected_by_iff_collected",
            ),
        ]

    def __str__(self) -> str:
        return self.remote_id or self.public_id

    @property
    def is_own(self) -> bool:
        return self.push_id is None

    @property
    def is_pickup(self) -> bool:
        return self.ready_at is not None

    @property
    def in_words(self) -> str:
        """Its state as people say it."""
        if self.is_pickup and self.status == ShipmentStatus.SUCCESS:
            return "Picked up"
        return ShipmentStatus(self.status).label


class FulfillmentLine(models.Model):
    fulfillment = models.ForeignKey(Fulfillment, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="fulfillment_lines")
    quantity = models.PositiveIntegerField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["fulfillment", "line"], name="fulfillment_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="fulfillment_line_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.line_id}"


class Parcel(models.Model):
    """One box. `told_at`: when the customer was promised a mail about its number; one sent from here may get that later."""

    fulfillment = models.ForeignKey(Fulfillment, on_delete=models.CASCADE, related_name="parcels")
    carrier = models.CharField(max_length=100, blank=True)
    number = models.CharField(max_length=120, blank=True)
    url = models.CharField(max_length=500, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    weight_g = models.PositiveIntegerField(null=True, blank=True)
    length_mm = models.PositiveIntegerField(null=True, blank=True)
    width_mm = models.PositiveIntegerField(null=True, blank=True)
    height_mm = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["fulfillment", "number"], condition=~Q(number=""), name="parcel_once_per_fulfillment"
            ),
            models.CheckConstraint(condition=Q(told_at__isnull=True) | ~Q(number=""), name="parcel_told_has_number"),
            models.CheckConstraint(
                condition=Q(length_mm__isnull=True, width_mm__isnull=True, height_mm__isnull=True)
                | Q(
                    **{f"{side}_mm__isnull": False for side in ("length", "width", "height")},
                    **{f"{side}_mm__gte": 1 for side in ("length", "width", "height")},
                ),
                name="parcel_size_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(weight_g__isnull=True) | Q(weight_g__gte=1), name="parcel_weight_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.number
