"""The API's door to what stands above the Order Manager's list."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders import figures, queries
from orders.api.answers import PROBLEM
from orders.api.common import merchant_of

_EXAMPLE = {
    "tabs": [{"key": "confirm", "label": "Needs confirmation", "count": "4"}],
    "cards": [
        {
            "label": "Needs confirmation",
            "value": "4",
            "note": "1 due within 4 hours",
            "tab": "confirm",
            "series": [0, 2, 4],
        }
    ],
    "days": [{"day": "2026-11-24", "auto": 3, "by_hand": 9}],
}


class TabSerializer(serializers.Serializer):  # type: ignore[type-arg]
    key = serializers.CharField(help_text="As the list takes it in `tab`.")
    label = serializers.CharField()  # type: ignore[assignment]  # the tab's own words
    count = serializers.CharField(help_text="As text: `999+` when there are more.")


class CardSerializer(serializers.Serializer):  # type: ignore[type-arg]
    label = serializers.CharField()  # type: ignore[assignment]  # the card's own words
    value = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    tab = serializers.CharField(allow_blank=True)
    series = serializers.ListField(child=serializers.IntegerField(), help_text="By day, the latest last.")


class DaySerializer(serializers.Serializer):  # type: ignore[type-arg]
    day = serializers.DateField(help_text="In the business's time zone.")
    auto = serializers.IntegerField(help_text="Orders that were accepted by themselves.")
    by_hand = serializers.IntegerField(help_text="All others.")


class OverviewSerializer(serializers.Serializer):  # type: ignore[type-arg]
    tabs = TabSerializer(many=True)
    cards = CardSerializer(many=True)
    days = DaySerializer(many=True)


class Overview(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_overview",
        summary="How many orders stand behind each tab, and the figures of two weeks",
        description="What sums up two weeks may be a minute old.",
        responses={200: OverviewSerializer, **dict.fromkeys((401, 403, 429), PROBLEM)},
        examples=[OpenApiExample("Shortened", value=_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        merchant, at = merchant_of(request), timezone.now()
        counts = queries.tab_counts(merchant, queries.Wanted(), at=at)
        shown = figures.of(merchant, counts, at=at)
        tabs = [{"key": tab.key, "label": tab.label, "count": counts[tab.key]} for tab in queries.TABS]
        return Response(OverviewSerializer({"tabs": tabs, "cards": shown.kpis, "days": shown.days}).data)
