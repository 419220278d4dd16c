"""Promises as rows: what must still be done outside, and the small rows that wake and watch the workers."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from accounts.models import Merchant
from connectors.models import Connection
from orders.enums import OutboxStatus, Topic
from orders.models.order import Order
from orders.models.push import OrderPush


class Lane(models.Model):
    """Where messages queue: one lane per connection, and one per merchant for what needs no connection.

    Claims go to the lane that was served longest ago, so that a busy one delays no other.
    """

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="lane")
    merchant = models.OneToOneField(Merchant, on_delete=models.CASCADE, null=True, blank=True, related_name="lane")
    served_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(connection__isnull=True, merchant__isnull=False)
                | Q(connection__isnull=False, merchant__isnull=True),
                name="lane_of_connection_or_merchant",
            ),
        ]
        indexes = [models.Index(fields=["served_at", "id"], name="lane_fair_order")]

    def __str__(self) -> str:
        return str(self.connection or self.merchant)


# Raised with every change of `payload` or new topic that the code before does not know: it leaves such messages alone.
PAYLOAD_VERSION = 2


def payload_version() -> int:
    """Of what this code posts, and the newest that it carries out."""
    return PAYLOAD_VERSION


class OutboxMessage(models.Model):
    """One promise. Written only by orders/outbox/; the meaning of the columns is told there."""

    topic = models.CharField(max_length=20, choices=Topic)
    key = models.CharField(max_length=200, unique=True)  # the same promise twice is one row
    # none for a mail about a connection alone, which stands in its merchant's lane: see orders/alarms.py; and for an
    # order that is still to be read where it was placed
    order: models.ForeignKey[Order, Order] = models.ForeignKey(  # type: ignore[misc]  # every handler but two has it
        Order, on_delete=models.CASCADE, null=True, blank=True, related_name="messages", db_index=False
    )  # outbox_by_order begins with it
    push = models.ForeignKey(OrderPush, on_delete=models.CASCADE, null=True, blank=True, related_name="messages")
    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="messages")
    payload = models.JSONField(default=dict, blank=True)  # ids only
    payload_version = models.PositiveSmallIntegerField(default=payload_version, db_default=1)
    status = models.CharField(max_length=10, choices=OutboxStatus, default=OutboxStatus.WAITING)
    wait_for = models.CharField(max_length=200, blank=True)  # a condition; then the clock does not count
    reason = models.CharField(max_length=500, blank=True)  # plain words, for the merchant
    attempts = models.PositiveIntegerField(default=0)  # only grows: also the fencing token
    crashes = models.PositiveSmallIntegerField(default=0)  # claims in a row that ended without an outcome
    tries = models.PositiveIntegerField(default=0)  # failures in a row on the retry schedule; reset by "retry"
    first_failed_at = models.DateTimeField(null=True, blank=True)  # of those failures
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    maybe_sent_at = models.DateTimeField(null=True, blank=True)  # committed before the first byte of a request leaves
    error_reference = models.CharField(max_length=12, blank=True)  # finds the traceback in the log
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    # no columns: what limits.admit gave the claim that this object was made by
    probe: datetime | None = None
    place: datetime | None = None

    looked_past_horizon: bool = False  # no column: this attempt looked after the horizon, and nothing was there

    finished: bool = False  # no column either: outbox.finishing has committed for this object

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=OutboxStatus.values), name="outbox_status_known"),
            models.CheckConstraint(condition=Q(topic__in=Topic.values), name="outbox_topic_known"),
            models.CheckConstraint(
                condition=Q(order__isnull=False) | Q(topic__in=["tell_merchant", "read_store_order"]),
                name="outbox_only_mails_without_order",
            ),
            models.CheckConstraint(
                condition=Q(status="running", lease_until__isnull=False)
                | (~Q(status="running") & Q(lease_until__isnull=True)),
                name="outbox_lease_iff_running",
            ),
            models.CheckConstraint(
                condition=Q(status="done", done_at__isnull=False) | (~Q(status="done") & Q(done_at__isnull=True)),
                name="outbox_done_at_iff_done",
            ),
            models.CheckConstraint(condition=~Q(status="held") | ~Q(reason=""), name="outbox_held_says_why"),
            models.CheckConstraint(condition=Q(wait_for="") | Q(status="waiting"), name="outbox_wait_for_only_waiting"),
        ]
        indexes = [
            models.Index(
                fields=["lane", "next_attempt_at", "id"], condition=Q(status="waiting", wait_for=""), name="outbox_due"
            ),
            models.Index(fields=["lease_until"], condition=Q(status="running"), name="outbox_leases"),
            models.Index(
                fields=["wait_for"], condition=Q(status="waiting") & ~Q(wait_for=""), name="outbox_conditions"
            ),
            models.Index(fields=["order", "topic"], name="outbox_by_order"),
        ]

    def __str__(self) -> str:
        return self.key

    @classmethod
    def too_new(cls) -> models.QuerySet[OutboxMessage]:
        """Promises that newer code has made, and that this code leaves alone until it is updated as well."""
        return cls._default_manager.filter(payload_version__gt=payload_version()).exclude(status=OutboxStatus.DONE)

    @property
    def connection(self) -> Connection | None:
        """The destination this message speaks to; None for money, mails and what stays here."""
        return self.lane.connection


class WakeUp(models.Model):
    """One row: whether a pump has been called and has not started yet, so that a burst calls one."""

    called_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"called at {self.called_at}"


class PumpBeat(models.Model):
    """The last sign of life of each pump, for the watchdog."""

    worker = models.CharField(max_length=120, unique=True)  # host:pid
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.worker
