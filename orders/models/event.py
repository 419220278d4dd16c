"""The history of an order: who, when, what changed. Rows are added, never changed."""

from __future__ import annotations

from django.db import models

from orders.models.order import Order


class OrderEvent(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    by = models.CharField(max_length=254)  # an address, an API key's name, "Storeward", "Kauri & Clay Shopify"
    kind = models.CharField(max_length=60)  # "order.confirmed", "push.pushed"; see orders.services.history
    text = models.CharField(max_length=500)  # one plain sentence
    data = models.JSONField(default=dict, blank=True)  # {"axis": "payment", "from": ..., "to": ...} and ids

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["order", "-at", "-id"], name="order_event_newest")]

    def __str__(self) -> str:
        return self.text
