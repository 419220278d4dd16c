"""The API's doors to drafts, the archive and what a merchant asks of its orders."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from accounts.models import Merchant
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import merchant_of, valid, visible_pk, who
from orders.api.draft_serializers import (
    ArchivedSerializer,
    ArchiveSerializer,
    ConsentSerializer,
    DraftSerializer,
    FillDraftSerializer,
    RequirementsSerializer,
    UnarchiveSerializer,
)
from orders.api.serializers import OrderSerializer
from orders.api.views import OrderAction
from orders.models import Order
from orders.services import archiving, draft_fields, drafts, requirements
from orders.services.readiness import Needs

_FILLED = {
    "values": {"shipping_address.city": "Auckland", "lines[0].hs_code": "9403.60"},
    "seen": {"shipping_address.city": "", "lines[0].hs_code": ""},
}


class Draft(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="drafts_read",
        summary="What an order lacks, and what can be filled in",
        responses={200: DraftSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_draft(visible_pk(request, public_id)))

    @extend_schema(
        operation_id="drafts_fill",
        summary="Fill in a draft",
        description=(
            "Only what is given changes. What is wrong is named by field, and then nothing is kept. Once nothing is "
            "missing the order awaits its confirmation, and its destinations are asked."
        ),
        request=FillDraftSerializer,
        responses={200: DraftSerializer, 400: PROBLEM, 422: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("A city and an HS code", value=_FILLED, request_only=True)],
    )
    def patch(self, request: Request, public_id: str) -> Response:
        order_id, body = visible_pk(request, public_id), valid(FillDraftSerializer(data=request.data))
        drafts.save(order_id=order_id, given=body["values"], seen=body.get("seen", {}), **who(request))
        return Response(_draft(order_id))


class ArchiveOrder(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_archive",
        summary="Archive an order",
        description=archiving.WHAT_HAPPENS,
        request=ConsentSerializer,
        responses={200: OrderSerializer, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        consent = valid(ConsentSerializer(data=request.data or {}))["consent"]
        return self.decide(request, public_id, archiving.archive_one, consent=consent)


class UnarchiveOrder(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_unarchive",
        summary="Bring an archived order back",
        request=None,
        responses={200: OrderSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, archiving.unarchive_one)


class ArchiveOrders(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_archive_many",
        summary="Archive several orders",
        description=f"{archiving.WHAT_HAPPENS} Ids that are not yours are passed over.",
        request=ArchiveSerializer,
        responses={200: ArchivedSerializer, 400: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("Without an address", value={"without_address": True}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        body, merchant = valid(ArchiveSerializer(data=request.data)), merchant_of(request)
        orders = archiving.without_address(merchant) if body["without_address"] else _chosen(merchant, body)
        result = archiving.archive(orders=orders, consent=body["consent"], **who(request))
        return Response(ArchivedSerializer(result).data)


class UnarchiveOrders(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_unarchive_many",
        summary="Bring several archived orders back",
        request=UnarchiveSerializer,
        responses={200: ArchivedSerializer, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request) -> Response:
        orders = _chosen(merchant_of(request), valid(UnarchiveSerializer(data=request.data)))
        return Response(ArchivedSerializer(archiving.unarchive(orders=orders, **who(request))).data)


class Requirements(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="requirements_read",
        summary="What orders need before they go on",
        responses={200: RequirementsSerializer(many=True), **READING},
    )
    def get(self, request: Request) -> Response:
        return Response(RequirementsSerializer(requirements.listed(merchant_of(request)), many=True).data)

    @extend_schema(
        operation_id="requirements_replace",
        summary="Say what the orders of one channel need",
        description="Orders that wait for a decision are looked at again: they become drafts, or go on.",
        request=RequirementsSerializer,
        responses={200: RequirementsSerializer(many=True), 400: PROBLEM, **READING},
        examples=[
            OpenApiExample(
                "An invoice for every order",
                value={
                    "channel": "every",
                    "payment": True,
                    "value": True,
                    "address": True,
                    "link": False,
                    "invoice": True,
                    "customs": False,
                },
                request_only=True,
            )
        ],
    )
    def put(self, request: Request) -> Response:
        body = valid(RequirementsSerializer(data=request.data))
        key = _known(request, body["key"])
        requirements.save(merchant_id=merchant_of(request).pk, key=key, needs=Needs(**body["needs"]), **who(request))
        return self.get(request)


class ChannelRequirements(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="requirements_follow",
        summary="Let a channel go by what counts for every channel",
        responses={200: RequirementsSerializer(many=True), 409: PROBLEM, **READING},
    )
    def delete(self, request: Request, channel: str) -> Response:
        merchant = merchant_of(request)
        if channel not in {one.key for one in requirements.listed(merchant)}:
            raise Http404
        requirements.follow_every(merchant_id=merchant.pk, key=channel, **who(request))
        return Response(RequirementsSerializer(requirements.listed(merchant), many=True).data)


def _draft(order_id: int) -> dict[str, Any]:
    order = Order.objects.prefetch_related("lines", "addresses").get(pk=order_id)
    body = {
        "id": order.public_id,
        "status": order.status,
        "blockers": order.blockers,
        "values": draft_fields.values_of(order),
    }
    data: dict[str, Any] = DraftSerializer(body).data
    return data


def _chosen(merchant: Merchant, body: dict[str, Any]) -> QuerySet[Order]:
    return Order.objects.of(merchant).filter(public_id__in=body["orders"])


def _known(request: Request, key: str) -> str:
    if key not in {one.key for one in requirements.listed(merchant_of(request))}:
        raise ValidationError({"channel": "You have no such channel."}, code="unknown")
    return key
