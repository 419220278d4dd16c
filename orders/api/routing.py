"""The API's doors to routing: where an order's lines go, the rules for orders to come, and previews of what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from accounts.models import Merchant
from connectors.services.clients import connector_for
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import merchant_of, valid, visible_pk, who
from orders.api.routing_serializers import (
    LineRouteSerializer,
    MovesSerializer,
    NewRoutingSerializer,
    PreviewSerializer,
    RoutingSerializer,
)
from orders.api.serializers import OrderSerializer
from orders.api.views import OrderAction
from orders.models import OrderLine, OrderPush, RoutingRule
from orders.services import preview, rerouting, routing, routing_rules

Known = TypeVar("Known")


class OrderRouting(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_routing_read",
        summary="Where the lines of an order go, and why",
        responses={200: LineRouteSerializer(many=True), **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        lines = OrderLine.objects.filter(order_id=visible_pk(request, public_id))
        rows = lines.prefetch_related("push_lines__push__connection").order_by("position")
        return Response(LineRouteSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="orders_routing_move",
        summary="Move lines to other destinations",
        description=(
            "Each line goes, whole, to one destination. Refused for a line that is being sent or is there, and while the "
            "payment is being taken; then nothing is moved. The destinations check their parts of the order again."
        ),
        request=MovesSerializer,
        responses={200: OrderSerializer, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        lines = OrderLine.objects.filter(order_id=visible_pk(request, public_id))
        body = valid(MovesSerializer(data=request.data))
        line_ids = dict(lines.values_list("external_id", "pk"))
        destinations = _destination_ids(merchant_of(request))
        moves = [
            rerouting.Move(
                _known(line_ids, wanted["line"], f"routes[{index}].line", "This order has no such line."),
                _known(destinations, wanted["destination"], f"routes[{index}].destination", _NO_DESTINATION),
            )
            for index, wanted in enumerate(body["routes"])
        ]
        return self.decide(request, public_id, rerouting.move, moves=moves)


class Routing(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="routing_read",
        summary="The destinations and the routing rules",
        responses={200: RoutingSerializer, **READING},
    )
    def get(self, request: Request) -> Response:
        return Response(_routing(merchant_of(request)))

    @extend_schema(
        operation_id="routing_replace",
        summary="Replace the routing rules",
        description="The first rule that holds for a line decides. Orders that have their destinations keep them.",
        request=NewRoutingSerializer,
        responses={200: RoutingSerializer, 400: PROBLEM, 409: PROBLEM, **READING},
    )
    def put(self, request: Request) -> Response:
        body, merchant = valid(NewRoutingSerializer(data=request.data)), merchant_of(request)
        destinations = _destination_ids(merchant)
        default = body.get("default_destination")
        own = {connection.public_id: connection.pk for connection in routing.own_destinations(merchant)}
        routing_rules.replace_all(
            merchant_id=merchant.pk,
            rules=[
                routing_rules.NewRule(
                    kind=rule["kind"],
                    name=rule["name"],
                    value=rule["value"],
                    connection_id=_known(
                        destinations, rule["destination"], f"rules[{index}].destination", _NO_DESTINATION
                    ),
                )
                for index, rule in enumerate(body["rules"])
            ],
            default_id=_known(own, default, "default_destination", _NO_DESTINATION) if default else None,
            **who(request),
        )
        return Response(_routing(merchant))


class PushPreview(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="pushes_preview",
        summary="The very calls that would be made for a push now",
        description="Nobody is asked and nothing is sent. Header values that could be secret are hidden.",
        responses={200: PreviewSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        pushes = OrderPush.objects.of(merchant_of(request)).select_related("order", "connection__sync_settings")
        push = pushes.filter(public_id=public_id).first()
        if push is None:
            raise Http404
        return Response(PreviewSerializer(preview.of(push, connector_for(push.connection))).data)


_NO_DESTINATION = "This is no destination of yours."


def _destination_ids(merchant: Merchant) -> dict[str, int]:
    return {connection.public_id: connection.pk for connection in routing.destinations(merchant)}


def _routing(merchant: Merchant) -> dict[str, Any]:
    rules = RoutingRule.objects.of(merchant).in_order().select_related("connection")
    data: dict[str, Any] = RoutingSerializer({"destinations": routing.destinations(merchant), "rules": rules}).data
    return data


def _known(known: Mapping[str, Known], asked: str, field: str, refusal: str) -> Known:
    if asked not in known:
        raise ValidationError({field: refusal}, code="unknown")
    return known[asked]
