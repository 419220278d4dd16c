"""A merchant's account at a carrier: how to ask it to come, and where to."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id, validate_time_zone
from connectors.credentials import EncryptedJSONField


class CarrierState(models.TextChoices):
    ACTIVE = "active", "Connected"
    REMOVED = "removed", "Disconnected"


class CarrierAccountQuerySet(models.QuerySet["CarrierAccount"]):
    def of(self, merchant: Merchant) -> CarrierAccountQuerySet:
        return self.filter(merchant=merchant)

    def standing(self) -> CarrierAccountQuerySet:
        """Not disconnected."""
        return self.exclude(state=CarrierState.REMOVED)


CarrierAccountManager = models.Manager.from_queryset(CarrierAccountQuerySet)


class CarrierAccount(models.Model):
    """Credentials are encrypted and never shown again. The address is where the parcels wait."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="carrier_accounts")
    carrier = models.CharField(max_length=30)  # a key of connectors.carriers.registry
    name = models.CharField(max_length=120)
    base_url = models.CharField(max_length=300, blank=True)
    email = models.EmailField(blank=True)  # where a carrier without an API is written to
    account_number = models.CharField(max_length=20, blank=True)
    credentials = EncryptedJSONField(default=dict)
    company = models.CharField(max_length=120)
    contact = models.CharField(max_length=100)
    phone = models.CharField(max_length=30)
    address1 = models.CharField(max_length=200)
    address2 = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100)
    province_code = models.CharField(max_length=10, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    country_code = models.CharField(max_length=2)
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])  # empty: the merchant's
    state = models.CharField(max_length=10, choices=CarrierState, default=CarrierState.ACTIVE)
    tested_at = models.DateTimeField(null=True, blank=True)  # when it last answered as it should
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CarrierAccountManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=CarrierState.values), name="carrier_account_state_known"),
            models.CheckConstraint(condition=~Q(email="") | ~Q(base_url=""), name="carrier_account_can_be_reached"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """Of the place where the parcels wait."""
        return ZoneInfo(self.time_zone) if self.time_zone else self.merchant.zone
