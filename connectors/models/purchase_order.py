"""The book of purchase orders that went to suppliers as files, and of what they say they sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from connectors.models.connection import Connection


class PurchaseState(models.TextChoices):
    UPLOADING = "uploading", "On its way"  # under a name that nobody takes for an order: certainly not delivered yet
    SENDING = "sending", "Unsure"  # the mail was begun, or the file is given its name; nobody knows yet whether it left
    SENT = "sent", "Sent"
    FAILED = "failed", "Not sent"  # certainly: the next try sends it


class PurchaseOrder(models.Model):
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="purchase_orders")
    reference = models.CharField(max_length=60)  # the PO number
    file_name = models.CharField(max_length=80)
    body = models.TextField()  # the very CSV
    units = models.JSONField()  # [[SKU, quantity]]
    state = models.CharField(max_length=10, choices=PurchaseState)
    token = models.PositiveIntegerField(default=0)  # grows with each upload that is begun; who has an older one is late
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()  # of the state, or of a shipment

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "reference"], name="purchase_order_once"),
            models.CheckConstraint(condition=Q(state__in=PurchaseState.values), name="purchase_order_state_known"),
        ]
        indexes = [models.Index(fields=["connection", "updated_at"], name="purchase_order_changes")]

    def __str__(self) -> str:
        return self.reference


class PurchaseShipment(models.Model):
    """Units of one SKU in one parcel; without a number while the supplier told none."""

    order = models.ForeignKey(PurchaseOrder, on_delete=models.CASCADE, related_name="shipments")
    sku = models.CharField(max_length=120)
    quantity = models.PositiveIntegerField()
    tracking_number = models.CharField(max_length=120, blank=True)
    carrier = models.CharField(max_length=100, blank=True)
    tracking_url = models.CharField(max_length=500, blank=True)
    shipped_on = models.DateField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "sku", "tracking_number"], name="purchase_shipment_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="purchase_shipment_of_something"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}"


class TrackingFile(models.Model):
    """A file in a supplier's folder for tracking, as it was seen there; read once, when it has stopped changing."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="tracking_files")
    name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    modified_at = models.PositiveBigIntegerField()  # Unix seconds by the server's clock
    seen_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)  # that were taken
    faults = models.JSONField(default=list, blank=True)  # why the others were not, in words for a merchant

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "name", "size", "modified_at"], name="tracking_file_once"),
            models.CheckConstraint(
                condition=Q(read_at__isnull=False) | Q(rows=0), name="tracking_file_rows_only_when_read"
            ),
        ]

    def __str__(self) -> str:
        return self.name
