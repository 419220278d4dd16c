"""A practice carrier's customer, the pickups that were asked for and the labels that were sold."""

from __future__ import annotations

from django.db import models


class Fault(models.TextChoices):
    """What the next call meets instead of being carried out."""

    THROTTLED = "throttled", "429"
    BROKEN = "broken", "503"


class PracticeCarrier(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    client_id = models.CharField(max_length=60)
    client_secret = models.CharField(max_length=80)
    account_number = models.CharField(max_length=10)
    country_code = models.CharField(max_length=2)
    time_zone = models.CharField(max_length=64)  # of its depots
    token = models.CharField(max_length=80, blank=True)
    token_expires_at = models.DateTimeField(null=True, blank=True)
    loses_next_answer = models.BooleanField(
        default=False
    )  # a dial: the next pickup or label is taken, its answer is not sent

    next_fault = models.CharField(max_length=10, choices=Fault, blank=True)  # another dial

    def __str__(self) -> str:
        return self.name


class PracticeCarrierPickup(models.Model):
    carrier = models.ForeignKey(PracticeCarrier, on_delete=models.CASCADE, related_name="pickups")
    prn = models.CharField(max_length=26, unique=True)
    reference = models.CharField(max_length=35, blank=True)
    service_date = models.DateField()
    body = models.JSONField()
    created_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.prn


class PracticeLabel(models.Model):
    """One shipment; each of its packages has a tracking number, the first of which is the shipment's."""

    carrier = models.ForeignKey(PracticeCarrier, on_delete=models.CASCADE, related_name="labels")
    number = models.CharField(max_length=18, unique=True)
    reference = models.CharField(max_length=35, blank=True)
    packages = models.JSONField()  # tracking numbers
    body = models.JSONField()
    charge = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.number
