"""The tables of the practice stores. Nothing here knows the portal: it sees what arrives over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q


def _amount(**options: Any) -> models.DecimalField[Decimal | str | int, Decimal]:
    return models.DecimalField(max_digits=16, decimal_places=4, **options)


class PracticeShop(models.Model):
    """One store of a platform."""

    platform = models.CharField(max_length=30, default="shopify")  # a key of connectors.practice.platforms
    slug = models.SlugField(max_length=60, unique=True)
    domain = models.CharField(max_length=253)  # what it calls itself
    name = models.CharField(max_length=120)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64, default="Pacific/Auckland")
    taxes_included = models.BooleanField(default=True)
    access_token = models.CharField(max_length=80)
    webhook_secret = models.CharField(max_length=120)
    scopes = models.JSONField(default=list)
    is_development = models.BooleanField(default=False)  # then five orders a minute
    settings = models.JSONField(default=dict, blank=True)  # the platform's own
    definitions = models.JSONField(default=list, blank=True)  # of order metafields: [{"namespace", "key", "type"}]
    dials = models.JSONField(default=dict, blank=True)  # see connectors.practice.dials
    bucket = models.FloatField(default=2000)
    bucket_at = models.DateTimeField(null=True, blank=True)
    last_number = models.PositiveIntegerField(default=1000)

    def __str__(self) -> str:
        return self.name


class PracticeVariant(models.Model):
    shop = models.ForeignKey(PracticeShop, on_delete=models.CASCADE, related_name="variants")
    sku = models.CharField(max_length=120)  # not unique: Shopify's is not either
    title = models.CharField(max_length=200)
    barcode = models.CharField(max_length=60, blank=True)
    price = _amount()
    stock = models.IntegerField(default=0)
    is_tracked = models.BooleanField(default=True)
    sells_below_zero = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    details = models.JSONField(default=dict, blank=True)  # the platform's own

    def __str__(self) -> str:
        return self.sku


class PracticeCustomer(models.Model):
    """Somebody whom the store knows by an e-mail address, which is kept in small letters."""

    shop = models.ForeignKey(PracticeShop, on_delete=models.CASCADE, related_name="customers")
    email = models.CharField(max_length=254)
    phone = models.CharField(max_length=40, blank=True)
    first_name = models.CharField(max_length=255, blank=True)
    last_name = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "email"], name="practice_customer_once"),
            models.UniqueConstraint(
                fields=["shop", "phone"], condition=~Q(phone=""), name="practice_customer_once_per_phone"
            ),
        ]

    def __str__(self) -> str:
        return f"Customer {self.pk}"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class PracticeOrder(models.Model):
    """Totals are the store's own sums of what it was sent, by Shopify's rule."""

    shop = models.ForeignKey(PracticeShop, on_delete=models.CASCADE, related_name="orders")
    customer = models.ForeignKey(
        PracticeCustomer, on_delete=models.SET_NULL, null=True, blank=True, related_name="orders"
    )
    name = models.CharField(max_length=20)
    source_identifier = models.CharField(max_length=200, blank=True)
    custom_id = models.CharField(max_length=400, blank=True)  # of the id metafield: namespace.key=value
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=3)
    taxes_included = models.BooleanField()
    subtotal = _amount()
    discount = _amount(default=Decimal(0))
    shipping = _amount(default=Decimal(0))
    tax = _amount(default=Decimal(0))
    total = _amount()
    authorized = _amount(default=Decimal(0))
    received = _amount(default=Decimal(0))
    refunded = _amount(default=Decimal(0))
    financial_status = models.CharField(max_length=30, blank=True)  # empty: null there
    note = models.TextField(blank=True)
    tags = models.JSONField(default=list)
    attributes = models.JSONField(default=list)  # [{"key", "value"}]
    details = models.JSONField(default=dict)  # addresses, customer, shipping lines, transactions ... as they were sent

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "name"], name="practice_order_name_once"),
            models.CheckConstraint(condition=Q(total__gte=0), name="practice_order_total_not_negative"),
        ]
        indexes = [
            models.Index(fields=["shop", "updated_at"], name="practice_order_changes"),
            models.Index(fields=["shop", "source_identifier"], name="practice_order_reference"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def outstanding(self) -> Decimal:
        """What the customer still owes; negative when too much was paid. An authorization owes nothing (recorded)."""
        return self.total - max(self.received, self.authorized)


class PracticeLine(models.Model):
    order = models.ForeignKey(PracticeOrder, on_delete=models.CASCADE, related_name="lines")
    variant = models.ForeignKey(PracticeVariant, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    sku = models.CharField(max_length=255, blank=True)
    title = models.CharField(max_length=300)
    quantity = models.IntegerField()  # WooCommerce takes less than nothing too
    price = _amount()
    taxes = models.JSONField(default=list)
    properties = models.JSONField(default=list)  # [{"key", "value"}]
    requires_shipping = models.BooleanField(default=False)
    refunded = models.PositiveIntegerField(default=0)  # units that a refund took off the order, sent or not
    cancelled = models.PositiveIntegerField(default=0)  # those of them that nobody sends any more

    def __str__(self) -> str:
        return f"{self.quantity} x {self.title}"

    @property
    def amount(self) -> Decimal:
        return self.price * self.quantity

    @property
    def fulfilled(self) -> int:
        """Units sent. Reads fulfillment_lines: prefetch them."""
        return sum(row.quantity for row in self.fulfillment_lines.all() if row.fulfillment.status == "SUCCESS")

    @property
    def unfulfilled(self) -> int:
        return self.quantity - self.fulfilled - self.cancelled


class PracticeFulfillment(models.Model):
    order = models.ForeignKey(PracticeOrder, on_delete=models.CASCADE, related_name="fulfillments")
    status = models.CharField(max_length=12, default="SUCCESS")  # or CANCELLED
    trackings = models.JSONField(default=list)  # [{"number", "company", "url"}]
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.order} F{self.pk}"


class PracticeFulfillmentLine(models.Model):
    fulfillment = models.ForeignKey(PracticeFulfillment, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey(PracticeLine, on_delete=models.CASCADE, related_name="fulfillment_lines")
    quantity = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.quantity} x {self.line_id}"


class PracticeRefund(models.Model):
    """Money given back in the store's own books, and units taken off the order: either, or both."""

    order = models.ForeignKey(PracticeOrder, on_delete=models.CASCADE, related_name="refunds")
    amount = _amount()
    note = models.TextField(blank=True)
    key = models.CharField(max_length=255, blank=True)  # of @idempotent
    lines = models.JSONField(default=list, blank=True)  # [{"line", "quantity", "restock"}]
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="practice_refund_not_negative"),
            models.UniqueConstraint(fields=["order", "key"], condition=~Q(key=""), name="practice_refund_once_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.order}"


class PracticeEvent(models.Model):
    """A line of an order's timeline."""

    order = models.ForeignKey(PracticeOrder, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    text = models.CharField(max_length=500)

    def __str__(self) -> str:
        return self.text


class PracticeWebhook(models.Model):
    """A subscription. Whether two may be equal is the platform's to say: some stores deliver to both."""

    shop = models.ForeignKey(PracticeShop, on_delete=models.CASCADE, related_name="webhooks")
    topic = models.CharField(max_length=60)  # FULFILLMENTS_CREATE
    uri = models.CharField(max_length=500)
    details = models.JSONField(default=dict, blank=True)  # the platform's own
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.topic


class PracticeDelivery(models.Model):
    """One webhook on its way, and what became of it."""

    shop = models.ForeignKey(PracticeShop, on_delete=models.CASCADE, related_name="deliveries")
    subscription = models.ForeignKey(PracticeWebhook, on_delete=models.SET_NULL, null=True, related_name="deliveries")
    topic = models.CharField(max_length=60)  # fulfillments/create
    uri = models.CharField(max_length=500)
    webhook_id = models.UUIDField()  # of this delivery: the same when it is delivered again
    event_id = models.UUIDField()  # shared by the deliveries of one change
    payload = models.JSONField()
    triggered_at = models.DateTimeField()
    wait_s = models.PositiveSmallIntegerField(default=0)
    is_held = models.BooleanField(default=False)  # until the next one was sent
    faults = models.JSONField(default=list, blank=True)  # dials that spoil it
    attempts = models.JSONField(default=list, blank=True)  # see connectors.practice.deliveries
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "practice deliveries"

    def __str__(self) -> str:
        return f"{self.topic} {self.webhook_id}"


class PracticeMail(models.Model):
    """A mail that the portal sent, kept for the mailbox page."""

    sent_at = models.DateTimeField(auto_now_add=True)
    sender = models.CharField(max_length=300)
    to = models.CharField(max_length=1000)
    subject = models.CharField(max_length=500)
    text = models.TextField()
    html = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.subject


class PracticeToken(models.Model):
    """What an app holds of a store: a code, an access token or a refresh token."""

    shop = models.ForeignKey(PracticeShop, on_delete=models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=10)  # code, access or refresh
    value = models.CharField(max_length=120, unique=True)
    scopes = models.JSONField(default=list)
    redirect_uri = models.CharField(max_length=500, blank=True)  # of a code
    generation = models.PositiveIntegerField(default=0)  # an access and a refresh token come as a pair
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.generation} of {self.shop_id}"


class PracticeFile(models.Model):
    """A file on the server of a supplier that takes orders by SFTP."""

    shop = models.ForeignKey(PracticeShop, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=300)  # "/orders/PO-SW-1.csv"
    body = models.BinaryField(default=bytes)
    modified_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "path"], name="practice_file_once")]

    def __str__(self) -> str:
        return self.path
