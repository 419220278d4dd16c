"""The API's doors to orders for partners' stores and from them, and to the plan that lets them go."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from accounts.models import Merchant
from connectors.services import plans
from orders.api import partner_serializers as words
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import merchant_of, valid, who
from orders.api.paging import NEWEST, SORT, KeyCursor, OrderCursor, Sort
from orders.models import Order, OrderPush
from orders.services import partner_orders


class PushedCursor(KeyCursor):
    sorts = {NEWEST: Sort("pushed_at")}


class PartnerOrders(GenericAPIView):  # type: ignore[type-arg]
    """Orders with products of partners. They do not exist while the Orders add-on is off."""

    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = OrderCursor
    queryset = Order.objects.none()

    @extend_schema(
        operation_id="partner_orders_list",
        summary="Orders for partners' stores, with their push status",
        parameters=[SORT],
        responses={200: words.PartnerOrderSerializer(many=True), **READING},
    )
    def get(self, request: Request) -> Response:
        merchant = merchant_of(request)
        _refuse_without_addon(merchant)
        page = self.paginate_queryset(partner_orders.orders_of(merchant))
        return self.get_paginated_response(words.PartnerOrderSerializer(page, many=True).data)


class PartnerPush(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="partner_orders_push",
        summary="Push a paid order's part to a partner's store",
        request=words.NewPartnerPushSerializer,
        responses={200: words.PartnerPushSerializer, 400: PROBLEM, 422: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("With a typed shipping cost", value={"shipping": "4.50"}, request_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        merchant = merchant_of(request)
        push = OrderPush.objects.of(merchant).of_partners().filter(public_id=public_id).first()
        if push is None:
            raise Http404
        _refuse_without_addon(merchant)
        body = valid(words.NewPartnerPushSerializer(data=request.data))
        sent = partner_orders.push(push_id=push.pk, shipping=body.get("shipping"), **who(request))
        return Response(words.PartnerPushSerializer(sent).data)


class PartnerShipments(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = PushedCursor
    queryset = OrderPush.objects.none()

    @extend_schema(
        operation_id="partner_shipments_list",
        summary="Orders to ship for partners",
        responses={200: words.PartnerShipmentSerializer(many=True), **dict.fromkeys((401, 403, 429), PROBLEM)},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(partner_orders.shipments_for(merchant_of(request)))
        return self.get_paginated_response(words.PartnerShipmentSerializer(page, many=True).data)


class PlanDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="plan_read",
        summary="What is switched on",
        responses={200: words.PlanSerializer, **dict.fromkeys((401, 403, 429), PROBLEM)},
    )
    def get(self, request: Request) -> Response:
        return Response({"orders_addon": plans.has_orders_addon(merchant_of(request).pk)})

    @extend_schema(
        operation_id="plan_change",
        summary="Switch the Orders add-on",
        description="Off: orders for partners' stores wait, and nothing is lost. On: they go on.",
        request=words.PlanSerializer,
        responses={200: words.PlanSerializer, 400: PROBLEM, **dict.fromkeys((401, 403, 429), PROBLEM)},
    )
    def put(self, request: Request) -> Response:
        body = valid(words.PlanSerializer(data=request.data))
        plans.set_orders_addon(merchant_id=merchant_of(request).pk, on=body["orders_addon"], **who(request))
        return self.get(request)


def _refuse_without_addon(merchant: Merchant) -> None:
    if not plans.has_orders_addon(merchant.pk):
        raise Http404
