"""One order's lines for one destination, generation n."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from connectors.base import Blocker
from connectors.models import Connection
from orders.enums import PushStatus
from orders.models.fields import ZERO, amount_field
from orders.models.order import Order, OrderLine


class OrderPushQuerySet(models.QuerySet["OrderPush"]):
    def of(self, merchant: Merchant) -> OrderPushQuerySet:
        return self.filter(order__merchant=merchant)


OrderPushManager = models.Manager.from_queryset(OrderPushQuerySet)


class OrderPush(models.Model):
    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="pushes")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="pushes")
    generation = models.PositiveSmallIntegerField(default=1)
    reference = models.CharField(max_length=60)  # what the destination carries of ours
    status = models.CharField(max_length=10, choices=PushStatus)
    wait_for = models.CharField(max_length=200, blank=True)  # a key of connectors.conditions
    reason = models.CharField(max_length=500, blank=True)  # plain words: why it waits or is held
    blockers = models.JSONField(default=list, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)  # last preflight
    checking = models.BooleanField(default=False)  # a preflight was asked for and has not ended
    remote_id = models.CharField(max_length=200, blank=True)
    remote_name = models.CharField(max_length=60, blank=True)  # "#1001"
    remote_url = models.CharField(max_length=300, blank=True)
    remote_total = amount_field(null=True, blank=True)  # read back
    remote_version = models.CharField(max_length=60, blank=True)
    remote_updated_at = models.DateTimeField(null=True, blank=True)  # of the newest state that was applied
    remote_refunded = amount_field(default=ZERO)  # what the destination says it gave back
    remote_cancelled = models.BooleanField(default=False)
    adopted = models.BooleanField(default=False)  # found there after a lost answer
    pushed_at = models.DateTimeField(null=True, blank=True)
    read_back_at = models.DateTimeField(null=True, blank=True)

    objects = OrderPushManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "connection", "generation"], name="push_once_per_generation"),
            models.UniqueConstraint(fields=["connection", "reference"], name="push_reference_once_per_connection"),
            models.UniqueConstraint(
                fields=["connection", "remote_id"], condition=~Q(remote_id=""), name="remote_order_once_per_connection"
            ),
            models.CheckConstraint(condition=Q(status__in=PushStatus.values), name="push_status_known"),
            models.CheckConstraint(
                condition=Q(status="waiting") & ~Q(wait_for="") | (~Q(status="waiting") & Q(wait_for="")),
                name="push_wait_for_iff_waiting",
            ),
            models.CheckConstraint(condition=~Q(status="held") | ~Q(reason=""), name="push_held_says_why"),
            models.CheckConstraint(
                condition=~Q(status="pushed") | (~Q(remote_id="") & Q(pushed_at__isnull=False)),
                name="push_pushed_has_remote",
            ),
            models.CheckConstraint(
                condition=Q(remote_id="", pushed_at__isnull=True) | (~Q(remote_id="") & Q(pushed_at__isnull=False)),
                name="push_remote_id_iff_pushed_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} at {self.connection}"

    @property
    def blocker_list(self) -> list[Blocker]:
        return [Blocker.from_json(item) for item in self.blockers]


class PushLine(models.Model):
    """Which lines go in a push."""

    push = models.ForeignKey(OrderPush, on_delete=models.CASCADE, related_name="push_lines")
    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="push_lines")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["push", "line"], name="push_line_once")]

    def __str__(self) -> str:
        return f"{self.line} in {self.push}"
