"""Labels that are bought from a carrier: what was asked, what it costs, and what the carrier gave for it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models
from django.db.models import Q, TextChoices

from accounts.models import Merchant, new_public_id
from connectors.models import CarrierAccount
from connectors.money import Money
from orders.enums import ShipmentStatus
from orders.models.fulfillment import Fulfillment
from orders.models.order import Order, OrderLine


class LabelStatus(TextChoices):
    RATING = "rating", "Asking for rates"  # promised to the outbox
    RATED = "rated", "Choose a service"
    BUYING = "buying", "Being bought"  # promised to the outbox
    BOUGHT = "bought", "Bought"
    REFUSED = "refused", "Not bought"  # the carrier said no: nothing was charged
    UNSURE = "unsure", "May have been bought"  # asked, and nobody knows: a person must look
    VOIDING = "voiding", "Being voided"
    VOIDED = "voided", "Voided"
    WITHDRAWN = "withdrawn", "Withdrawn"


LABEL_TRANSITIONS: Mapping[str, frozenset[str]] = {
    LabelStatus.RATING: frozenset({LabelStatus.RATED, LabelStatus.REFUSED, LabelStatus.WITHDRAWN}),
    LabelStatus.RATED: frozenset({LabelStatus.RATING, LabelStatus.BUYING, LabelStatus.WITHDRAWN}),
    LabelStatus.REFUSED: frozenset({LabelStatus.RATING, LabelStatus.BUYING, LabelStatus.WITHDRAWN}),
    LabelStatus.BUYING: frozenset({LabelStatus.BOUGHT, LabelStatus.REFUSED, LabelStatus.UNSURE, LabelStatus.WITHDRAWN}),
    LabelStatus.UNSURE: frozenset({LabelStatus.BUYING, LabelStatus.BOUGHT, LabelStatus.WITHDRAWN}),
    LabelStatus.BOUGHT: frozenset({LabelStatus.VOIDING}),
    # a carrier that refuses to void it leaves it bought
    LabelStatus.VOIDING: frozenset({LabelStatus.VOIDED, LabelStatus.BOUGHT}),
    LabelStatus.VOIDED: frozenset(),
    LabelStatus.WITHDRAWN: frozenset(),
}
_PAID = (LabelStatus.BOUGHT, LabelStatus.VOIDING, LabelStatus.VOIDED)
_HOLDING = (LabelStatus.BUYING, LabelStatus.UNSURE, LabelStatus.BOUGHT, LabelStatus.VOIDING)


class ShippingLabelQuerySet(models.QuerySet["ShippingLabel"]):
    def of(self, merchant: Merchant) -> ShippingLabelQuerySet:
        return self.filter(order__merchant=merchant)

    def holding(self) -> ShippingLabelQuerySet:
        """Paid for, or perhaps, and not handed over: no second label is bought for their units."""
        return self.filter(status__in=_HOLDING).exclude(fulfillment__status=ShipmentStatus.SUCCESS)

    def for_list(self) -> ShippingLabelQuerySet:
        """With all that one row of the list shows, the newest first."""
        return self.select_related("order", "account", "fulfillment").order_by("-pk")


ShippingLabelManager = models.Manager.from_queryset(ShippingLabelQuerySet)


class ShippingLabel(models.Model):
    """One shipment of some units of an order. Place and recipient are copies: what was rated is what is bought."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="labels")
    account = models.ForeignKey(CarrierAccount, on_delete=models.PROTECT, related_name="labels")
    reference = models.CharField(max_length=35)  # what the carrier carries of ours
    status = models.CharField(max_length=10, choices=LabelStatus, default=LabelStatus.RATING)
    reason = models.CharField(max_length=500, blank=True)  # why it was not bought, or not voided, or waits
    place = models.JSONField(default=dict)  # connectors.carriers.base.Place, as JSON
    recipient = models.JSONField(
        default=dict
    )  # connectors.carriers.labels.Recipient; empty once the customer is forgotten
    contents = models.CharField(max_length=200)
    value = models.DecimalField(max_digits=14, decimal_places=4)  # of the goods, in the order's currency
    rates = models.JSONField(default=list)  # service, name, amount, currency, days: the cheapest first
    rated_at = models.DateTimeField(null=True, blank=True)
    service = models.CharField(max_length=10, blank=True)  # the carrier's code
    service_name = models.CharField(max_length=100, blank=True)
    quoted_amount = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)  # agreed to when bought
    quoted_currency = models.CharField(max_length=3, blank=True)
    cost_amount = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)  # None: nobody said
    cost_currency = models.CharField(max_length=3, blank=True)
    number = models.CharField(max_length=60, blank=True)  # the carrier's, of the whole shipment
    fulfillment = models.OneToOneField(
        Fulfillment, on_delete=models.SET_NULL, null=True, blank=True, related_name="label"
    )  # what was handed over with it
    requested_by = models.CharField(max_length=254)
    requested_at = models.DateTimeField()
    bought_by = models.CharField(max_length=254, blank=True)  # who pressed the button
    maybe_bought_at = models.DateTimeField(null=True, blank=True)  # since when nobody knows, or did not for a while
    bought_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)

    objects = ShippingLabelManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "reference"], name="shipping_label_reference_once"),
            models.CheckConstraint(condition=Q(status__in=LabelStatus.values), name="shipping_label_status_known"),
            models.CheckConstraint(
                condition=~Q(status__in=["refused", "unsure"]) | ~Q(reason=""), name="shipping_label_says_why"
            ),
            models.CheckConstraint(
                condition=~Q(status="unsure") | Q(maybe_bought_at__isnull=False), name="shipping_label_unsure_since"
            ),
            models.CheckConstraint(
                condition=(Q(status__in=_PAID, bought_at__isnull=False) & ~Q(number="") & ~Q(bought_by=""))
                | (~Q(status__in=_PAID) & Q(bought_at__isnull=True, number="")),
                name="shipping_label_number_iff_bought",
            ),
            models.CheckConstraint(
                condition=Q(status="voided", voided_at__isnull=False)
                | (~Q(status="voided") & Q(voided_at__isnull=True)),
                name="shipping_label_voided_at_iff_voided",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["buying", "unsure", *_PAID])
                | (Q(quoted_amount__isnull=False) & ~Q(service="")),
                name="shipping_label_bought_was_chosen",
            ),
            models.CheckConstraint(
                condition=Q(quoted_amount__isnull=True, quoted_currency="")
                | (Q(quoted_amount__isnull=False, quoted_amount__gte=0) & ~Q(quoted_currency="")),
                name="shipping_label_quote_is_money",
            ),
            models.CheckConstraint(
                condition=Q(cost_amount__isnull=True, cost_currency="")
                | (Q(cost_amount__isnull=False, cost_amount__gte=0) & ~Q(cost_currency="")),
                name="shipping_label_cost_is_money",
            ),
            models.CheckConstraint(
                condition=Q(fulfillment__isnull=True) | Q(status="bought"), name="shipping_label_shipped_is_bought"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_shipped(self) -> bool:
        return self.fulfillment is not None and self.fulfillment.status == ShipmentStatus.SUCCESS

    @property
    def quoted(self) -> Money | None:
        return None if self.quoted_amount is None else Money(self.quoted_amount, self.quoted_currency)

    @property
    def cost(self) -> Money | None:
        return None if self.cost_amount is None else Money(self.cost_amount, self.cost_currency)


class LabelLine(models.Model):
    """How many units of a line are in the parcels."""

    label = models.ForeignKey(ShippingLabel, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="label_lines")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label", "line"], name="label_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="label_line_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.line_id}"


class LabelBox(models.Model):
    """One parcel, its tracking number and the picture to print, which holds the customer's name and address."""

    label = models.ForeignKey(ShippingLabel, on_delete=models.CASCADE, related_name="boxes")
    position = models.PositiveSmallIntegerField()
    weight_g = models.PositiveIntegerField()
    length_mm = models.PositiveIntegerField(null=True, blank=True)
    width_mm = models.PositiveIntegerField(null=True, blank=True)
    height_mm = models.PositiveIntegerField(null=True, blank=True)
    number = models.CharField(max_length=60, blank=True)
    image = models.BinaryField(null=True, blank=True)  # GIF

    class Meta:
        verbose_name_plural = "label boxes"
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["label", "position"], name="label_box_position_once"),
            models.CheckConstraint(condition=Q(weight_g__gte=1), name="label_box_weight_positive"),
            models.CheckConstraint(condition=Q(image__isnull=True) | ~Q(number=""), name="label_box_image_has_number"),
        ]

    def __str__(self) -> str:
        return self.number or f"parcel {self.position}"

    @property
    def size_mm(self) -> tuple[int, int, int] | None:
        sides = (self.length_mm, self.width_mm, self.height_mm)
        return None if None in sides else sides  # type: ignore[return-value]  # none of them is None
