"""One wish to send a part of an order once more: what was found at the destination, what was chosen, how it ended."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from orders.enums import ReexportStatus, ReexportWay
from orders.models.push import OrderPush

OPEN = ("looking", "ready", "running")


class ReexportQuerySet(models.QuerySet["Reexport"]):
    def of(self, merchant: Merchant) -> ReexportQuerySet:
        return self.filter(push__order__merchant=merchant)

    def open(self) -> ReexportQuerySet:
        return self.filter(status__in=OPEN)


ReexportManager = models.Manager.from_queryset(ReexportQuerySet)


class Reexport(models.Model):
    """`push` is the earlier copy. One of a push is open at a time, and one push is followed by one other."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    push = models.ForeignKey(OrderPush, on_delete=models.CASCADE, related_name="reexports")
    status = models.CharField(max_length=10, choices=ReexportStatus)
    way = models.CharField(max_length=10, choices=ReexportWay, blank=True)  # empty until one is chosen
    found = models.JSONField(default=dict, blank=True)  # orders.services.reexport_plan.Found: the copy as it was read
    ways = models.JSONField(default=list, blank=True)  # [{"way", "possible", "why", "fields", "left"}]
    looked_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)  # plain words: why it was refused, or what it waits for
    blockers = models.JSONField(default=list, blank=True)  # why a new copy would be refused
    successor = models.OneToOneField(
        OrderPush, on_delete=models.SET_NULL, null=True, blank=True, related_name="reexport_of"
    )
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    decided_by = models.CharField(max_length=254, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ReexportManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["push"], condition=Q(status__in=OPEN), name="reexport_one_open"),
            models.CheckConstraint(condition=Q(status__in=ReexportStatus.values), name="reexport_status_known"),
            models.CheckConstraint(condition=Q(way__in=["", *ReexportWay.values]), name="reexport_way_known"),
            models.CheckConstraint(
                condition=~Q(status__in=["running", "done"]) | ~Q(way=""), name="reexport_runs_a_way"
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN, ended_at__isnull=True) | (~Q(status__in=OPEN) & Q(ended_at__isnull=False)),
                name="reexport_ended_iff_closed",
            ),
            models.CheckConstraint(condition=~Q(status="refused") | ~Q(reason=""), name="reexport_refused_says_why"),
        ]

    def __str__(self) -> str:
        return f"Re-export of {self.push_id}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN
