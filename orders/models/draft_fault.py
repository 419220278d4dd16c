"""One cause that keeps orders of a channel among the drafts, however many they are."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from orders.models.order import Channel


class DraftFaultQuerySet(models.QuerySet["DraftFault"]):
    def of(self, merchant: Merchant) -> DraftFaultQuerySet:
        return self.filter(merchant=merchant)

    def open(self) -> DraftFaultQuerySet:
        return self.filter(ended_at=None)


DraftFaultManager = models.Manager.from_queryset(DraftFaultQuerySet)


class DraftFault(models.Model):
    """Which orders it keeps is read off them, never counted here: orders.services.draft_faults."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="draft_faults")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="draft_faults")
    code = models.CharField(max_length=40)  # of connectors.base.BlockerCode; what the order lacks first
    began_at = models.DateTimeField()
    told_at = models.DateTimeField()  # when a mail was promised last
    mails = models.PositiveIntegerField(default=1)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DraftFaultManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "channel", "code"], condition=Q(ended_at=None), name="draft_fault_once_while_open"
            ),
        ]
        indexes = [models.Index(fields=["told_at", "id"], condition=Q(ended_at=None), name="draft_fault_open")]

    def __str__(self) -> str:
        return f"{self.code} from {self.channel_id}"
