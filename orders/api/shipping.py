"""The API's doors to shipping from here, and to click and collect."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api import shipping_serializers as shapes
from orders.api.answers import BODY, REFUSALS
from orders.api.common import idempotency_key, visible, visible_pk, who
from orders.api.shipping_serializers import FulfillmentSerializer
from orders.models import Fulfillment
from orders.services import collecting, shipment_body, shipping

_REFUSALS = {**BODY, **REFUSALS}


def _example(value: dict[str, Any]) -> list[OpenApiExample]:
    return [OpenApiExample("Example", value=value, request_only=True)]


class ShipOrder(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_ship",
        summary="Ship an order from here",
        description=(
            "Records what was handed over to a carrier; the customer is told. Lines that a destination sends are refused. "
            "The same body again under the same `Idempotency-Key` is answered 200 with the first shipment and the header "
            "`Idempotent-Replayed: true`; another body is refused with 409."
        ),
        request=shapes.NewShipmentSerializer,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        responses={
            201: FulfillmentSerializer,
            200: OpenApiResponse(FulfillmentSerializer, description="This was shipped before."),
            **_REFUSALS,
        },
        examples=_example(shapes.SHIPMENT_EXAMPLE),
    )
    def post(self, request: Request, public_id: str) -> Response:
        row, created = shipping.ship(
            order_id=visible_pk(request, public_id),
            wanted=shipment_body.read_shipment(request.data),
            **who(request),
            key=idempotency_key(request),
        )
        headers = {} if created else {"Idempotent-Replayed": "true"}
        return Response(_shown(row), status=201 if created else 200, headers=headers)


class ReadyOrder(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_ready",
        summary="Set units aside for pickup",
        description="For click and collect. The customer is told the place, the instructions and the code to show.",
        request=shapes.ReadySerializer,
        responses={201: FulfillmentSerializer, **_REFUSALS},
        examples=_example(shapes.LINES_EXAMPLE),
    )
    def post(self, request: Request, public_id: str) -> Response:
        row = collecting.set_aside(
            order_id=visible_pk(request, public_id),
            lines=shipment_body.read_lines(request.data),
            **who(request),
        )
        return Response(_shown(row), status=201)


class _OwnFulfillment(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def act(self, request: Request, public_id: str, service: Any, **fields: Any) -> Response:
        rows = Fulfillment.objects.own().filter(order__in=visible(request), public_id=public_id)
        pk = rows.values_list("pk", flat=True).first()
        if pk is None:
            raise Http404
        row = service(fulfillment_id=pk, **who(request), **fields)
        return Response(_shown(row))


class AddTracking(_OwnFulfillment):
    @extend_schema(
        operation_id="fulfillments_tracking",
        summary="Add tracking to what was shipped from here",
        description="Parcels without a number get theirs first. The customer is told of new numbers.",
        request=shapes.NewTrackingSerializer,
        responses={200: FulfillmentSerializer, **_REFUSALS},
        examples=_example(shapes.TRACKING_EXAMPLE),
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, shipping.add_tracking, parcels=shipment_body.read_tracking(request.data))


class TakeBack(_OwnFulfillment):
    @extend_schema(
        operation_id="fulfillments_take_back",
        summary="Take back what was shipped or set aside here",
        description="Its units can be sent again. The customer is not told.",
        request=None,
        responses={200: FulfillmentSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, shipping.take_back)


class HandOver(_OwnFulfillment):
    @extend_schema(
        operation_id="fulfillments_collected",
        summary="Say that the customer picked it up",
        description="Without `lines` all of it. What was not taken goes on waiting, as a fulfillment of its own.",
        request=shapes.CollectedSerializer,
        responses={200: FulfillmentSerializer, **_REFUSALS},
        examples=_example(shapes.COLLECTED_EXAMPLE),
    )
    def post(self, request: Request, public_id: str) -> Response:
        name, lines = shipment_body.read_collected(request.data)
        return self.act(request, public_id, collecting.hand_over, collected_by=name, lines=lines)


def _shown(row: Fulfillment) -> dict[str, Any]:
    fresh = Fulfillment.objects.prefetch_related("lines__line", "parcels").get(pk=row.pk)
    return dict(FulfillmentSerializer(fresh).data)
