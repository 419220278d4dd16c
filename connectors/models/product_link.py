"""A marketplace SKU -> the variant that stands for it at one destination."""

from __future__ import annotations

from django.db import models

from connectors.models.connection import Connection


class LinkSource(models.TextChoices):
    SKU = "sku", "Same SKU"
    HAND = "hand", "Chosen by hand"


class ProductLink(models.Model):
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="product_links")
    sku = models.CharField(max_length=120)  # as the marketplace writes it
    variant_id = models.CharField(max_length=200)
    variant_title = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=10, choices=LinkSource)
    checked_at = models.DateTimeField()  # last time the variant was seen there
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "sku"], name="product_link_once_per_sku")]

    def __str__(self) -> str:
        return f"{self.sku} -> {self.variant_title or self.variant_id}"
