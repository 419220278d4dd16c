"""The API's door to the history of an order."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.answers import READING
from orders.api.common import visible_pk
from orders.api.paging import NEWEST, KeyCursor, Sort
from orders.models import OrderEvent

_EXAMPLE = {
    "at": "2026-11-24T09:12:31.204000Z",
    "by": "ana@kauri.example",
    "kind": "order.confirmed",
    "text": "Confirmed by ana@kauri.example.",
    "changes": [],
}


class CorrectionSerializer(serializers.Serializer):  # type: ignore[type-arg]
    label = serializers.CharField()  # type: ignore[assignment]  # the change's own words
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)


class EventSerializer(serializers.ModelSerializer[OrderEvent]):
    """One line: who did what, and when."""

    by = serializers.CharField(help_text="An address, an API key's name, a store's name, or Storeward.")
    kind = serializers.CharField(help_text="What it is about and what happened, as in `push.pushed`.")
    changes = serializers.SerializerMethodField()

    class Meta:
        model = OrderEvent
        fields = ("at", "by", "kind", "text", "changes")

    @extend_schema_field(CorrectionSerializer(many=True))
    def get_changes(self, event: OrderEvent) -> list[dict[str, str]]:
        """What a person filled in or corrected, field by field."""
        rows: list[dict[str, Any]] = event.data.get("changes", [])
        return [{"label": row["label"], "before": str(row["from"]), "after": str(row["to"])} for row in rows]


class EventCursor(KeyCursor):
    sorts = {NEWEST: Sort("at")}


class OrderEvents(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = EventCursor
    queryset = OrderEvent.objects.none()

    @extend_schema(
        operation_id="orders_events",
        summary="The history of an order",
        description="The newest line first. Lines are added, never changed.",
        responses={200: EventSerializer(many=True), **READING},
        examples=[OpenApiExample("Confirmed", value=_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, public_id: str) -> Response:
        page = self.paginate_queryset(OrderEvent.objects.filter(order=visible_pk(request, public_id)))
        return self.get_paginated_response(EventSerializer(page, many=True).data)
