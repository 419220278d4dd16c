"""What a connection's shop sells, as it was last read there: to search in, never to send by."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from connectors.models.connection import Connection


class CatalogVariant(models.Model):
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="catalog")
    variant_id = models.CharField(max_length=200)
    sku = models.CharField(max_length=255, blank=True)  # not unique there
    normalized_sku = models.CharField(max_length=255, blank=True)  # see connectors.services.matching
    barcode = models.CharField(max_length=120, blank=True)
    barcode_key = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=300, blank=True)
    search_text = models.TextField(blank=True, editable=False)  # lower case
    price = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)  # the connection's currency
    stock = models.IntegerField(null=True, blank=True)  # None: not counted there
    sellable = models.BooleanField(default=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "variant_id"], name="catalog_variant_once")]
        indexes = [
            models.Index(fields=["connection", "sku"], name="catalog_by_sku"),
            models.Index(fields=["connection", "normalized_sku"], name="catalog_by_normalized_sku"),
            models.Index(fields=["connection", "barcode_key"], condition=~Q(barcode_key=""), name="catalog_by_barcode"),
        ]

    def __str__(self) -> str:
        return self.title or self.sku or self.variant_id


class ReadingState(models.TextChoices):
    RUNNING = "running", "Reading"
    DONE = "done", "Complete"
    FAILED = "failed", "Failed"


class CatalogReading(models.Model):
    """How far the reading of one shop's catalog is. Written by connectors.services.catalog alone."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="catalog_reading")
    state = models.CharField(max_length=10, choices=ReadingState)
    cursor = models.TextField(blank=True)  # where the next page begins; empty: at the beginning
    pages = models.PositiveIntegerField(default=0)  # so far
    variants = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)  # None: the platform does not say
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)  # of this reading; None while it runs
    completed_at = models.DateTimeField(null=True, blank=True)  # of the last one that came to its end
    due_at = models.DateTimeField(null=True, blank=True)  # no page before; also the lease of who reads
    attempts = models.PositiveIntegerField(default=0)  # only grows: also the fencing token
    failures = models.PositiveSmallIntegerField(default=0)  # in a row
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ReadingState.values), name="catalog_reading_state_known"),
            models.CheckConstraint(
                condition=Q(state="running", finished_at__isnull=True, due_at__isnull=False)
                | (~Q(state="running") & Q(finished_at__isnull=False, due_at__isnull=True)),
                name="catalog_reading_ends_once",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="catalog_reading_says_why"),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="running"), name="catalog_reading_due")]

    def __str__(self) -> str:
        return f"{self.connection}: {self.variants} of {self.total or '?'}"
