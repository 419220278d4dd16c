"""A trip to a platform's own page, where a merchant lets us in. Each is made once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant
from connectors.credentials import EncryptedJSONField
from connectors.models.connection import Connection


class Authorization(models.Model):
    """The state itself travels in the address alone; here is its digest, and that of the browser's session."""

    state_digest = models.CharField(max_length=64, unique=True)  # hex SHA-256
    session_digest = models.CharField(max_length=64)  # hex SHA-256
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="authorizations")
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="authorizations"
    )  # to be reconnected; None: a new one
    platform = models.CharField(max_length=30)  # a key of connectors.registry
    base_url = models.CharField(max_length=300)
    shop_domain = models.CharField(max_length=253, blank=True)  # whose answer it must be; empty: not known beforehand
    started_by = models.CharField(max_length=254)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    received = EncryptedJSONField(default=dict)  # keys that the store posted, until the browser comes back
    received_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("started_at")), name="authorization_ends_after_it_began"
            ),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(received=""), name="authorization_used_keeps_no_keys"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.platform} {self.base_url}"
