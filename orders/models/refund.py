"""Money given back, line by line, and what customers ask for."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from accounts.models import Merchant, new_public_id
from orders.enums import RefundReason, RefundRequestStatus, RefundStatus
from orders.models.fields import ZERO, amount_field
from orders.models.order import Order, OrderLine


class RefundRequestQuerySet(models.QuerySet["RefundRequest"]):
    def of(self, merchant: Merchant) -> RefundRequestQuerySet:
        return self.filter(order__merchant=merchant)

    def open(self) -> RefundRequestQuerySet:
        return self.filter(status=RefundRequestStatus.OPEN)


RefundRequestManager = models.Manager.from_queryset(RefundRequestQuerySet)


class RefundRequest(models.Model):
    """What a customer asks back. One of an order is open at a time."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="refund_requests")
    status = models.CharField(max_length=10, choices=RefundRequestStatus, default=RefundRequestStatus.OPEN)
    reason = models.CharField(max_length=20, choices=RefundReason)
    note = models.TextField(blank=True)  # the customer's words
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=254, blank=True)
    answer = models.CharField(max_length=500, blank=True)  # why it was declined; the customer reads it

    objects = RefundRequestManager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order"], condition=Q(status="open"), name="refund_request_one_open"),
            models.CheckConstraint(
                condition=Q(status__in=RefundRequestStatus.values), name="refund_request_status_known"
            ),
            models.CheckConstraint(condition=Q(reason__in=RefundReason.values), name="refund_request_reason_known"),
            models.CheckConstraint(
                condition=Q(status="open", decided_at__isnull=True, decided_by="")
                | (~Q(status="open") & Q(decided_at__isnull=False) & ~Q(decided_by="")),
                name="refund_request_decided_iff_not_open",
            ),
            models.CheckConstraint(condition=~Q(status="declined") | ~Q(answer=""), name="refund_request_declined_why"),
        ]
        indexes = [models.Index(fields=["status", "-created_at", "-id"], name="refund_request_newest")]

    def __str__(self) -> str:
        return f"Refund request for {self.order_id}"


class RefundRequestLine(models.Model):
    request = models.ForeignKey(RefundRequest, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="refund_request_lines")
    quantity = models.PositiveIntegerField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["request", "line"], name="refund_request_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="refund_request_line_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.line_id}"


class RefundPictureQuerySet(models.QuerySet["RefundPicture"]):
    def of(self, merchant: Merchant) -> RefundPictureQuerySet:
        return self.filter(request_line__request__order__merchant=merchant)


RefundPictureManager = models.Manager.from_queryset(RefundPictureQuerySet)


class RefundPicture(models.Model):
    """A customer's picture of one line: always a JPEG of our own making, see orders.services.pictures."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    request_line = models.OneToOneField(RefundRequestLine, on_delete=models.CASCADE, related_name="picture")
    content = models.BinaryField()

    objects = RefundPictureManager()

    def __str__(self) -> str:
        return self.public_id


class RefundQuerySet(models.QuerySet["Refund"]):
    def of(self, merchant: Merchant) -> RefundQuerySet:
        return self.filter(order__merchant=merchant)

    def standing(self) -> RefundQuerySet:
        """Given, or to be given: what counts against the money and the units that are left."""
        return self.exclude(status=RefundStatus.WITHDRAWN)


RefundManager = models.Manager.from_queryset(RefundQuerySet)


class Refund(models.Model):
    """One movement of money back to the customer. Its promise is the outbox message of `orders.services.refunds.key_of`."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="refunds")
    request = models.ForeignKey(RefundRequest, on_delete=models.SET_NULL, null=True, blank=True, related_name="refunds")
    status = models.CharField(max_length=10, choices=RefundStatus, default=RefundStatus.REQUESTED)
    currency = models.CharField(max_length=3)
    amount = amount_field()  # what the customer gets
    computed = amount_field(default=ZERO)  # what lines and shipping come to; 0: an amount without either
    shipping = amount_field(default=ZERO)  # the part of `computed` that is shipping, its tax inside
    reason = models.CharField(max_length=20, choices=RefundReason)
    note = models.TextField(blank=True)  # the merchant's own
    restock = models.BooleanField(default=False)  # the units go back; stores that can are told, see services.restocking
    generation = models.PositiveSmallIntegerField(default=1)  # part of the idempotency key: new after a refusal
    # of the request to the gateway, as it may keep an answer of its own fault for a key; part of that key alone
    request_number = models.PositiveSmallIntegerField(default=1, db_default=1)
    gateway_id = models.CharField(max_length=120, blank=True)
    failure = models.CharField(max_length=500, blank=True)  # plain words
    requested_by = models.CharField(max_length=254)
    requested_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    key = models.CharField(max_length=255, blank=True)  # of the form or the API call that asked for it
    digest = models.CharField(max_length=64, blank=True)  # of what was asked for under that key

    objects = RefundManager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "key"], condition=~Q(key=""), name="refund_once_per_key"),
            models.CheckConstraint(condition=Q(status__in=RefundStatus.values), name="refund_status_known"),
            models.CheckConstraint(condition=Q(reason__in=RefundReason.values), name="refund_reason_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=Q(shipping__gte=0, shipping__lte=F("computed")), name="refund_shipping_within_computed"
            ),
            models.CheckConstraint(
                condition=Q(computed=0) | Q(amount__lte=F("computed")), name="refund_amount_within_computed"
            ),
            models.CheckConstraint(
                condition=Q(status="done", done_at__isnull=False) | (~Q(status="done") & Q(done_at__isnull=True)),
                name="refund_done_at_iff_done",
            ),
            models.CheckConstraint(condition=~Q(status="failed") | ~Q(failure=""), name="refund_failed_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} of {self.order_id}"


class RefundLine(models.Model):
    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="refund_lines")
    quantity = models.PositiveIntegerField()
    not_sent = models.PositiveIntegerField(default=0)  # of these units, when the refund was promised: nobody sends them
    amount = amount_field()  # its share of `computed`, discount and tax counted in

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["refund", "line"], name="refund_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="refund_line_quantity_positive"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="refund_line_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(not_sent__lte=F("quantity")), name="refund_line_not_sent_within_quantity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.line_id}"
