"""What one connection does with orders: when they go, as what, with which words, to whom and with which tax."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

from connectors.models.connection import Connection, Location

MINUTES_MAX = 24 * 60
AGE_MAX = 365
TEMPLATE_MAX = 2000
TRACKING_KEY_MAX = 100
TAG_TEMPLATE, NOTE_TEMPLATE = "{channel} Order", "{channel} order {order_number}\n{order_url}"


class FinancialStatus(models.TextChoices):
    AUTO = "auto", "Paid; wholesale orders unpaid"
    PAID = "paid", "Paid"
    UNPAID = "unpaid", "Unpaid"


class FulfillmentChoice(models.TextChoices):
    UNFULFILLED = "unfulfilled", "Unfulfilled"
    FULFILLED = "fulfilled", "Fulfilled"


class EmailPolicy(models.TextChoices):
    NONE = "none", "No address"
    CUSTOMER = "customer", "The customer's"
    MERCHANT = "merchant", "My own"
    OTHER = "other", "Another one"


class SyncSettings(models.Model):
    """What one connection does with orders. What a platform cannot do is left at its default."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="sync_settings")
    sync_orders = models.BooleanField("sync orders", default=True)  # off: keep order data in Storeward
    push_by_hand = models.BooleanField("push by hand", default=False)  # paid orders wait until somebody pushes them
    push_every_minutes = models.PositiveSmallIntegerField("push every so many minutes", default=0)  # 0: at once
    max_age_days = models.PositiveSmallIntegerField("age limit", null=True, blank=True)  # days; None: of any age
    financial_status = models.CharField(max_length=10, choices=FinancialStatus, default=FinancialStatus.AUTO)
    fulfillment_status = models.CharField(
        max_length=12, choices=FulfillmentChoice, default=FulfillmentChoice.UNFULFILLED
    )
    location = models.ForeignKey(Location, on_delete=models.RESTRICT, null=True, blank=True, related_name="+")
    bypass_stock_check = models.BooleanField("bypass the stock check", default=False)
    email_policy = models.CharField("e-mail address", max_length=10, choices=EmailPolicy, default=EmailPolicy.NONE)
    other_email = models.EmailField(blank=True)  # of the policy "another one"
    create_customer = models.BooleanField("create customers", default=True)
    tag_template = models.CharField("tag", max_length=200, blank=True, default=TAG_TEMPLATE)
    note_template = models.TextField("note", max_length=TEMPLATE_MAX, blank=True, default=NOTE_TEMPLATE)
    tracking_key = models.CharField(
        max_length=TRACKING_KEY_MAX, blank=True, default="", db_default=""
    )  # of a plugin there; empty: known ones alone
    alert_addresses = models.JSONField(default=list, blank=True)  # empty: the merchant's own
    setup_done = models.JSONField(default=list, blank=True)  # steps of a store's set-up, by name

    class Meta:
        verbose_name_plural = "sync settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(push_every_minutes__lte=MINUTES_MAX), name="sync_settings_interval_within_a_day"
            ),
            models.CheckConstraint(
                condition=Q(max_age_days__isnull=True) | Q(max_age_days__gte=1, max_age_days__lte=AGE_MAX),
                name="sync_settings_age_within_a_year",
            ),
            models.CheckConstraint(
                condition=Q(financial_status__in=FinancialStatus.values), name="sync_settings_financial_status_known"
            ),
            models.CheckConstraint(
                condition=Q(fulfillment_status__in=FulfillmentChoice.values),
                name="sync_settings_fulfillment_status_known",
            ),
            models.CheckConstraint(
                condition=Q(location__isnull=True) | Q(fulfillment_status="fulfilled"),
                name="sync_settings_location_only_when_fulfilled",
            ),
            models.CheckConstraint(
                condition=Q(email_policy__in=EmailPolicy.values), name="sync_settings_email_policy_known"
            ),
            models.CheckConstraint(
                condition=~Q(email_policy="other") | ~Q(other_email=""), name="sync_settings_other_email_given"
            ),
        ]

    def __str__(self) -> str:
        return f"Settings of {self.connection}"


class TaxPreset(models.Model):
    """The tax that lines get when an order names none, by the country of the billing address."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="tax_presets")
    country_code = models.CharField(max_length=2)  # ISO 3166-1 alpha-2
    name = models.CharField(max_length=60)
    rate = models.DecimalField(max_digits=7, decimal_places=6)  # a fraction: 0.15
    on_shipping = models.BooleanField(default=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "country_code"], name="tax_preset_once_per_country"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lt=1), name="tax_preset_rate_is_a_fraction"),
            models.CheckConstraint(condition=~Q(country_code="") & ~Q(name=""), name="tax_preset_is_named"),
        ]

    def __str__(self) -> str:
        return f"{self.country_code}: {self.name} {self.percent:f} %"

    @property
    def percent(self) -> Decimal:
        return (self.rate * 100).normalize()


class ShippingRule(models.Model):
    """What shipping costs from a sum of the items on, in the connection's currency; the highest that fits counts."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="shipping_rules")
    minimum = models.DecimalField(max_digits=16, decimal_places=4)
    cost = models.DecimalField(max_digits=16, decimal_places=4)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "minimum"], name="shipping_rule_once_per_minimum"),
            models.CheckConstraint(condition=Q(minimum__gte=0, cost__gte=0), name="shipping_rule_not_negative"),
        ]

    def __str__(self) -> str:
        return f"from {self.minimum.normalize():f}: {self.cost.normalize():f}"
