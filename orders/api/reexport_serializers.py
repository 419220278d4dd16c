"""Shapes of edits and re-exports in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.api.body_serializers import NewAddressSerializer, NewLineSerializer, NewShippingSerializer
from orders.api.serializers import BlockerSerializer
from orders.enums import ReexportStatus, ReexportWay
from orders.models import Reexport


class OrderEditSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """For the description alone: orders.services.order_edits reads it. Lines come as a whole, with the sums that follow."""

    revision = serializers.IntegerField(min_value=1, help_text="As the order was read.")
    lines = NewLineSerializer(many=True, required=False)
    subtotal = serializers.CharField(required=False)
    discount = serializers.CharField(required=False)
    shipping = NewShippingSerializer(required=False)
    tax = serializers.CharField(required=False)
    total = serializers.CharField(required=False)
    shipping_address = NewAddressSerializer(required=False)
    billing_address = NewAddressSerializer(required=False)
    note = serializers.CharField(max_length=5000, required=False, allow_blank=True, help_text="The customer's.")
    attributes = serializers.DictField(child=serializers.CharField(max_length=500), required=False)


class WaySerializer(serializers.Serializer):  # type: ignore[type-arg]
    """One thing that could be done, and why it cannot."""

    way = serializers.ChoiceField(choices=ReexportWay.choices)
    possible = serializers.BooleanField()
    why = serializers.CharField(allow_blank=True)
    fields = serializers.ListField(child=serializers.CharField(), help_text="What an update changes.")  # type: ignore[assignment]  # the way's own
    left = serializers.ListField(child=serializers.CharField(), help_text="What an update cannot change.")


class FoundSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The earlier copy, as it was read at the destination."""

    state = serializers.ChoiceField(choices=["gone", "cancelled", "live", "sent", "refunded", "several"])
    names = serializers.ListField(child=serializers.CharField())
    total = serializers.CharField(allow_blank=True)
    currency = serializers.CharField(allow_blank=True)
    refunded = serializers.CharField(allow_blank=True)


class ReexportSerializer(serializers.ModelSerializer[Reexport]):
    id = serializers.CharField(source="public_id")
    push = serializers.CharField(source="push.public_id")
    order = serializers.CharField(source="push.order.public_id")
    status = serializers.ChoiceField(choices=ReexportStatus.choices)
    way = serializers.ChoiceField(choices=ReexportWay.choices, allow_blank=True)
    found = serializers.SerializerMethodField()
    ways = WaySerializer(many=True)
    blockers = BlockerSerializer(many=True)
    successor = serializers.CharField(source="successor.public_id", default=None, allow_null=True)

    class Meta:
        model = Reexport
        fields = (
            "id", "order", "push", "status", "way", "reason", "found", "ways", "blockers", "successor", "looked_at",
            "asked_by", "asked_at", "decided_by", "ended_at",
        )  # fmt: skip

    @extend_schema_field(FoundSerializer(allow_null=True))
    def get_found(self, row: Reexport) -> dict[str, Any] | None:
        return dict(FoundSerializer(row.found).data) if row.found else None


class ChoiceSerializer(serializers.Serializer):  # type: ignore[type-arg]
    way = serializers.ChoiceField(choices=ReexportWay.choices)
