"""A marketplace SKU -> the variant that stands for it at one destination, and the SKUs that nobody has linked yet."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from connectors.models.connection import Connection, ConnectionState


class LinkSource(models.TextChoices):
    SKU = "sku", "Same SKU"
    SIMILAR = "similar", "Same SKU, written differently"
    BARCODE = "barcode", "Same barcode"
    HAND = "hand", "Chosen by hand"
    FILE = "file", "From a file"
    API = "api", "Over the API"


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
        indexes = [models.Index(fields=["connection", "variant_id"], name="product_link_by_variant")]

    def __str__(self) -> str:
        return f"{self.sku} -> {self.variant_title or self.variant_id}"


class UnlinkedReason(models.TextChoices):
    MISSING = "missing", "No product found"
    AMBIGUOUS = "ambiguous", "Several products fit"
    GONE = "gone", "Its product is gone"


class UnlinkedSkuQuerySet(models.QuerySet["UnlinkedSku"]):
    def of(self, merchant: Merchant) -> UnlinkedSkuQuerySet:
        """Those of the merchant's standing connections."""
        return self.filter(connection__merchant=merchant).exclude(connection__state=ConnectionState.REMOVED)

    def asked(self) -> UnlinkedSkuQuerySet:
        """Still to be answered: nobody has put them aside."""
        return self.filter(skipped_at=None)


UnlinkedSkuManager = models.Manager.from_queryset(UnlinkedSkuQuerySet)


class UnlinkedSku(models.Model):
    """A SKU of an order that could not be matched with one product there: a person is asked. Gone once it is linked."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="unlinked_skus")
    sku = models.CharField(max_length=120)
    reason = models.CharField(max_length=10, choices=UnlinkedReason)
    seen_at = models.DateTimeField()  # last time an order asked for it
    skipped_at = models.DateTimeField(null=True, blank=True)
    skipped_by = models.CharField(max_length=254, blank=True)

    objects = UnlinkedSkuManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "sku"], name="unlinked_sku_once"),
            models.CheckConstraint(condition=Q(reason__in=UnlinkedReason.values), name="unlinked_reason_known"),
            models.CheckConstraint(
                condition=Q(skipped_at__isnull=True, skipped_by="") | (Q(skipped_at__isnull=False) & ~Q(skipped_by="")),
                name="unlinked_skipped_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["connection"], condition=Q(skipped_at=None), name="unlinked_asked")]

    def __str__(self) -> str:
        return self.sku


class LinkImport(models.Model):
    """A file of links that was read and checked, until somebody applies it or it is pruned."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="link_imports")
    rows = models.JSONField()  # [{"line", "sku", "store_sku", "variant_id", "problem"}], as read
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{len(self.rows)} rows for {self.connection}"
