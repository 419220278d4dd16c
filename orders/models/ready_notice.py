"""That all of an order waits for its customer, told to the store where it was bought."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from connectors.models import Connection
from orders.enums import WriteBackState
from orders.models.order import Order


class ReadyNoticeQuerySet(models.QuerySet["ReadyNotice"]):
    def of(self, merchant: Merchant) -> ReadyNoticeQuerySet:
        return self.filter(order__merchant=merchant)


ReadyNoticeManager = models.Manager.from_queryset(ReadyNoticeQuerySet)


class ReadyNotice(models.Model):
    """One per order, while it waits; a store is told that it is ready and is never told that it is not."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="ready_notice")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="ready_notices")
    state = models.CharField(max_length=10, choices=WriteBackState, default=WriteBackState.WAITING)
    reason = models.CharField(max_length=500, blank=True)  # plain words: why it waits or is held
    told_at = models.DateTimeField(null=True, blank=True)

    objects = ReadyNoticeManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=WriteBackState.values), name="ready_notice_state_known"),
            models.CheckConstraint(condition=~Q(state="held") | ~Q(reason=""), name="ready_notice_held_says_why"),
            models.CheckConstraint(
                condition=Q(state="done", told_at__isnull=False) | (~Q(state="done") & Q(told_at__isnull=True)),
                name="ready_notice_told_at_iff_done",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} to {self.connection}"
