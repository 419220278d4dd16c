"""Where an order goes, and whom it is billed to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orders.enums import AddressKind
from orders.models.order import Order


class OrderAddress(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="addresses")
    kind = models.CharField(max_length=10, choices=AddressKind)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    company = models.CharField(max_length=200, blank=True)
    address1 = models.CharField(max_length=200, blank=True)
    address2 = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    province_code = models.CharField(max_length=10, blank=True)  # ISO 3166-2 without the country
    postcode = models.CharField(max_length=20, blank=True)
    country_code = models.CharField(max_length=2, blank=True)  # ISO 3166-1 alpha-2
    phone = models.CharField(max_length=30, blank=True)  # E.164

    class Meta:
        verbose_name_plural = "order addresses"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "kind"], name="address_once_per_kind"),
            models.CheckConstraint(condition=Q(kind__in=AddressKind.values), name="address_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of order {self.order_id}"  # the operator's staff read it

    @property
    def in_a_line(self) -> str:
        return ", ".join(part for part in (self.address1, self.city, self.postcode, self.country_code) if part)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()
