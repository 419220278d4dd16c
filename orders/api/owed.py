"""The API's doors to what stores gave back, cancelled or took off by themselves, and to the refund that matches it."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.answers import PROBLEM, READING
from orders.api.common import merchant_of, visible_pk
from orders.api.paging import SORT, OrderCursor
from orders.api.refund_serializers import OwedOrderSerializer, SuggestionSerializer, quoted, suggestion
from orders.api.serializers import owed_shown
from orders.models import Order
from orders.services import missing_lines, owed_back, refund_quotes

_SUGGESTED = {
    "owed_back": {"amount": "120.00", "why": "cancelled"},
    "refund": {"lines": [{"id": "1", "quantity": 2}], "shipping": "5.00", "reason": "other"},
    "quote": {
        "currency": "NZD",
        "lines": [{"id": "1", "quantity": 2, "amount": "115.00"}],
        "shipping": "5.00",
        "computed": "120.00",
        "amount": "120.00",
        "left": "180.00",
    },
}


class OwedOrders(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = OrderCursor
    queryset = Order.objects.none()

    @extend_schema(
        operation_id="orders_owed_back",
        summary="List orders whose customers are owed money",
        description=(
            "A store refunded, cancelled or changed them by itself. That moves no money of an order that was paid here: "
            "`owed_back` says how much is owed and why, and `orders/{id}/refunds/suggested/` which refund gives it."
        ),
        parameters=[SORT],
        responses={200: OwedOrderSerializer(many=True), 400: PROBLEM, **READING},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(owed_back.owing(merchant_of(request)).select_related("merchant", "channel"))
        rows = OwedOrderSerializer(page, many=True).data
        return self.get_paginated_response([row for row in rows if row["owed_back"]])


class SuggestedRefund(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_refund_suggested",
        summary="The refund that gives what is owed",
        description=(
            "Of what stores took off by themselves, else of lines that a destination left out (`missing`; `owed_back` is null "
            "then). `refund` can be sent to `refunds/` as it is; `quote` is what it comes to. Moves nothing and promises nothing."
        ),
        responses={200: SuggestionSerializer, 409: PROBLEM, 422: PROBLEM, **READING},
        examples=[OpenApiExample("Cancelled in the store", value=_SUGGESTED, response_only=True)],
    )
    def get(self, request: Request, public_id: str) -> Response:
        order = Order.objects.get(pk=visible_pk(request, public_id))
        left = refund_quotes.left_of(order)
        wanted = owed_back.suggested(order, left) or missing_lines.suggested(order, left)
        if wanted is None:
            return Response({"owed_back": None, "refund": None, "quote": None})
        return Response(
            {
                "owed_back": owed_shown(owed_back.of(order), order.currency),
                "refund": suggestion(wanted, order.currency),
                "quote": quoted(refund_quotes.quote(order, wanted), left),
            }
        )
