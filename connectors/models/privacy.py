"""What a platform asks of us about personal data. It holds ids alone: nothing here tells who somebody is."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import new_public_id
from connectors.models.connection import Connection


class PrivacyTopic(models.TextChoices):
    DATA_REQUEST = "data_request", "A customer asks for their data"
    CUSTOMER_REDACT = "customer_redact", "A customer's data is to be removed"
    SHOP_REDACT = "shop_redact", "The shop's data is to be removed"


class PrivacyRequest(models.Model):
    """One request, once per connection to the shop that it came from."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="privacy_requests")
    event_id = models.CharField(max_length=200)  # of the InboundEvent that carries it out
    topic = models.CharField(max_length=20, choices=PrivacyTopic)
    remote_id = models.CharField(max_length=60, blank=True)  # the platform's number of a data request
    remote_customer_id = models.CharField(max_length=60, blank=True)
    remote_order_ids = models.JSONField(default=list, blank=True)  # as our pushes keep them
    triggered_at = models.DateTimeField(null=True, blank=True)  # on the platform's clock, when it said so
    received_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    orders_found = models.PositiveIntegerField(default=0)  # when it was carried out

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "event_id"], name="privacy_request_once_per_connection"),
            models.CheckConstraint(condition=Q(topic__in=PrivacyTopic.values), name="privacy_topic_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_topic_display()} {self.event_id}"
