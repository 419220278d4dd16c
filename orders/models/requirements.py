"""What a merchant asks of an order before it may go on; orders.services.requirements reads it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant
from orders.models.order import Channel


class OrderRequirementsQuerySet(models.QuerySet["OrderRequirements"]):
    def of(self, merchant: Merchant) -> OrderRequirementsQuerySet:
        return self.filter(merchant=merchant)


OrderRequirementsManager = models.Manager.from_queryset(OrderRequirementsQuerySet)


class OrderRequirements(models.Model):
    """One merchant's choices for one channel; without a channel: for all that have no row of their own.

    The defaults are what counts for a merchant without any row.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="order_requirements")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, null=True, blank=True, related_name="requirements")
    needs_payment = models.BooleanField(default=True)
    needs_value = models.BooleanField(default=True)  # a total above zero
    needs_address = models.BooleanField(default=True)  # and the customer's name
    needs_link = models.BooleanField(default=False)  # at least one linked product
    needs_invoice = models.BooleanField(default=False)  # an invoice number or key
    needs_customs = models.BooleanField(default=False)  # of each line, when the order leaves the merchant's country

    objects = OrderRequirementsManager()

    class Meta:
        verbose_name_plural = "order requirements"
        constraints = [
            models.UniqueConstraint(fields=["merchant", "channel"], name="requirements_once_per_channel"),
            models.UniqueConstraint(
                fields=["merchant"], condition=Q(channel__isnull=True), name="requirements_one_default_per_merchant"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.merchant}: {self.channel or 'every channel'}"
