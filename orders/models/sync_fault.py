"""One cause that keeps orders from their destination, however many they are."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from connectors.models import Connection


class SyncFaultQuerySet(models.QuerySet["SyncFault"]):
    def of(self, merchant: Merchant) -> SyncFaultQuerySet:
        return self.filter(connection__merchant=merchant)

    def open(self) -> SyncFaultQuerySet:
        return self.filter(repaired_at=None)


SyncFaultManager = models.Manager.from_queryset(SyncFaultQuerySet)


class SyncFault(models.Model):
    """Which orders it keeps is read off their pushes, never counted here: orders.services.sync_faults."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="faults")
    code = models.CharField(max_length=40)  # of connectors.base.BlockerCode
    value = models.CharField(max_length=200, blank=True)  # the SKU, where each has a repair of its own
    reason = models.CharField(max_length=500)  # as the first order said it
    began_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)  # when a mail was promised last
    mails = models.PositiveIntegerField(default=0)
    orders_told = models.PositiveIntegerField(default=0)  # how many the last mail named
    repaired_at = models.DateTimeField(null=True, blank=True)

    objects = SyncFaultManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "code", "value"], condition=Q(repaired_at=None), name="sync_fault_once_while_open"
            ),
            models.CheckConstraint(
                condition=Q(mails=0, told_at=None) | Q(mails__gt=0, told_at__isnull=False),
                name="sync_fault_told_at_iff_mails",
            ),
        ]
        indexes = [models.Index(fields=["told_at", "id"], condition=Q(repaired_at=None), name="sync_fault_open")]

    def __str__(self) -> str:
        return f"{self.code} {self.value} at {self.connection_id}".replace("  ", " ")
