"""A carrier that is to come for parcels: when, for which orders, and what it said."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from accounts.models import Merchant, new_public_id
from connectors.models import CarrierAccount
from orders.enums import PickupStatus
from orders.models.order import Order


class CarrierPickupQuerySet(models.QuerySet["CarrierPickup"]):
    def of(self, merchant: Merchant) -> CarrierPickupQuerySet:
        return self.filter(account__merchant=merchant)

    def standing(self) -> CarrierPickupQuerySet:
        """Not called off."""
        return self.exclude(status=PickupStatus.CANCELLED)


CarrierPickupManager = models.Manager.from_queryset(CarrierPickupQuerySet)


class CarrierPickup(models.Model):
    """The place is a copy of the account's address: what was asked for stays as it was asked."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    account = models.ForeignKey(CarrierAccount, on_delete=models.PROTECT, related_name="pickups")
    reference = models.CharField(max_length=40)  # what the carrier carries of ours
    orders = models.ManyToManyField(Order, through="CarrierPickupOrder", related_name="carrier_pickups")
    opens_at = models.DateTimeField()  # the window in which the driver may come
    closes_at = models.DateTimeField()
    place = models.JSONField(default=dict)  # connectors.carriers.base.Place, as JSON
    note = models.CharField(max_length=200, blank=True)  # for the driver
    status = models.CharField(max_length=10, choices=PickupStatus, default=PickupStatus.REQUESTED)
    reason = models.CharField(max_length=500, blank=True)  # why it is not arranged, or was not called off
    confirmation = models.CharField(max_length=60, blank=True)  # the carrier's own number
    cost = models.CharField(max_length=40, blank=True)  # what the carrier says it charges, in its words
    requested_by = models.CharField(max_length=254)
    requested_at = models.DateTimeField()
    scheduled_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    objects = CarrierPickupManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "reference"], name="carrier_pickup_reference_once"),
            models.CheckConstraint(condition=Q(status__in=PickupStatus.values), name="carrier_pickup_status_known"),
            models.CheckConstraint(condition=Q(closes_at__gt=F("opens_at")), name="carrier_pickup_window_is_one"),
            models.CheckConstraint(
                condition=~Q(status="failed") | ~Q(reason=""), name="carrier_pickup_failed_says_why"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["scheduled", "cancelling"])
                | (Q(scheduled_at__isnull=False) & ~Q(confirmation="")),
                name="carrier_pickup_scheduled_has_number",
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled", cancelled_at__isnull=False)
                | (~Q(status="cancelled") & Q(cancelled_at__isnull=True)),
                name="carrier_pickup_cancelled_at_iff_cancelled",
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class CarrierPickupOrder(models.Model):
    """What of one order the driver takes along."""

    pickup = models.ForeignKey(CarrierPickup, on_delete=models.CASCADE, related_name="rows")
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="pickup_rows")
    parcels = models.PositiveSmallIntegerField()
    weight_g = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pickup", "order"], name="carrier_pickup_order_once"),
            models.CheckConstraint(
                condition=Q(parcels__gte=1, weight_g__gte=1), name="carrier_pickup_order_is_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.parcels} of {self.order_id}"
