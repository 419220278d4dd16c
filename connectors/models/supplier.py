"""What a merchant chose for one supplier, the places its goods may go to, and the test orders that were sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant
from connectors.models.connection import Connection


class StoreAddress(models.Model):
    """A place of the merchant that suppliers may send to instead of the customer's address."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="store_addresses")
    company = models.CharField("name of the store", max_length=120)
    address1 = models.CharField("street", max_length=200)
    address2 = models.CharField("street, second line", max_length=200, blank=True)
    city = models.CharField(max_length=100)
    province_code = models.CharField("state or province", max_length=10, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    country_code = models.CharField("country", max_length=2)
    phone = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name_plural = "store addresses"

    def __str__(self) -> str:
        town = f"{self.city} {self.province_code} {self.postcode}".strip()
        return ", ".join(part for part in (self.company, self.address1, town, self.country_code) if part)


class SupplierSettings(models.Model):
    """How orders go to one supplier. A connection without a row has the defaults."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="supplier_settings")
    auto_fulfillment = models.BooleanField(default=True)  # off: a paid order waits until it is marked by hand
    shipping_method = models.CharField(max_length=60, blank=True)  # the supplier's code or words; empty: its default
    warehouses = models.JSONField(default=list, blank=True)  # the supplier's codes; empty: any of them
    prefers_fastest = models.BooleanField(default=False)  # rather in more parcels than later
    pays_by_profile = models.BooleanField(default=False)  # off: on the account's terms
    payment_email = models.EmailField(blank=True)  # whose profiles they are
    payment_profile_id = models.CharField(max_length=60, blank=True)  # empty while none was chosen: orders are blocked
    payment_profile_name = models.CharField(max_length=200, blank=True)
    disable_dropshipping = models.BooleanField(default=False)  # on: to the merchant's store, which sends the goods on
    store_address = models.ForeignKey(StoreAddress, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    steps_done = models.JSONField(default=list, blank=True)  # of the set-up, by name

    class Meta:
        verbose_name_plural = "supplier settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(disable_dropshipping=False) | Q(store_address__isnull=False),
                name="supplier_store_address_when_no_dropshipping",
            ),
            models.CheckConstraint(
                condition=Q(pays_by_profile=False) | ~Q(payment_email=""), name="supplier_profile_has_email"
            ),
        ]

    def __str__(self) -> str:
        return f"Supplier settings of {self.connection}"


class SupplierTestState(models.TextChoices):
    SENDING = "sending", "No answer yet"  # or none came: it is looked for before another is sent
    PASSED = "passed", "Accepted"
    FAILED = "failed", "Refused"


class SupplierTestOrder(models.Model):
    """One order that the supplier was asked to accept and cancel at once."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="test_orders")
    sku = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=SupplierTestState, default=SupplierTestState.SENDING)
    numbers = models.JSONField(default=list, blank=True)  # the supplier's own, one per warehouse
    message = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField()
    by = models.CharField(max_length=254)
    # the token of the installation that sent it; empty where that is not known
    installation = models.CharField(max_length=8, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=SupplierTestState.values), name="supplier_test_state_known"),
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state="sending"), name="supplier_test_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """Unique, and never that of a real order."""
        return f"SWT-{self.installation}-{self.pk}" if self.installation else f"SWT-{self.pk}"
