"""The API's doors to the services: orders in, orders read, decisions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMarketplaceKey, IsMerchantKey
from orders.api import filters, schema  # noqa: F401  # schema registers the API keys' scheme
from orders.api.answers import BODY, PROBLEM, REFUSALS
from orders.api.body_serializers import NewOrderSerializer, NewRefundSerializer
from orders.api.common import idempotency_key, key_of, valid, visible, visible_pk, who, whole
from orders.api.examples import EDIT_EXAMPLE, ORDER_EXAMPLES
from orders.api.paging import SORT, OrderCursor
from orders.api.reexport_serializers import OrderEditSerializer
from orders.api.serializers import (
    OrderRowSerializer,
    OrderSerializer,
    PlacedSerializer,
    ReasonSerializer,
    RefundSerializer,
)
from orders.models import Order, Refund
from orders.models.export import export_status_expression
from orders.services import decisions, intake, intake_body, order_edits, refund_body, refunds


class OrderList(GenericAPIView):  # type: ignore[type-arg]
    """Orders that the key may see, and the door for new ones."""

    pagination_class = OrderCursor
    queryset = Order.objects.none()

    def get_permissions(self) -> list[Any]:
        return [HasApiKey(), IsMarketplaceKey()] if self.request.method == "POST" else [HasApiKey()]

    @extend_schema(
        operation_id="orders_list",
        summary="List orders",
        description=(
            "`next` and `previous` are whole addresses, with the sort and the filters of this page. They stay true while "
            "orders come in: none is listed twice or left out."
        ),
        parameters=[
            OpenApiParameter(name, str, description=filters.told(name), enum=filters.choices(name))
            for name in filters.NAMES
        ]
        + [SORT],
        responses={200: OrderRowSerializer(many=True), 400: PROBLEM, 401: PROBLEM, 429: PROBLEM},
    )
    def get(self, request: Request) -> Response:
        orders = (
            visible(request).select_related("merchant", "channel").annotate(export_status=export_status_expression())
        )
        page = self.paginate_queryset(filters.apply(orders, request.query_params))
        return self.get_paginated_response(OrderRowSerializer(page, many=True).data)

    @extend_schema(
        operation_id="orders_place",
        summary="Place an order",
        description=(
            "The same body again, under the same `Idempotency-Key` or `external_id`, is answered 200 with the first order "
            "and the header `Idempotent-Replayed: true`; another body is refused with 409. An order that is well-formed "
            "but incomplete is kept as a draft whose `blockers` say what is missing."
        ),
        request=NewOrderSerializer,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        responses={
            201: PlacedSerializer,
            200: OpenApiResponse(PlacedSerializer, description="The order was placed before by the same body."),
            **dict.fromkeys((400, 401, 403, 409, 413, 415, 422, 429), PROBLEM),
        },
        examples=[OpenApiExample(name, value=body, request_only=True) for name, body in ORDER_EXAMPLES.items()],
    )
    def post(self, request: Request) -> Response:
        at, key = timezone.now(), key_of(request)
        used_key = idempotency_key(request)
        new = intake_body.read(request.data, at=at)
        marketplace = key.marketplace
        assert marketplace is not None  # noqa: S101  # IsMarketplaceKey
        order, created = intake.place(
            channel=intake.channel_of(marketplace),
            merchant=intake.merchant_for(marketplace, new.merchant),
            new=new,
            by=marketplace.name,
            at=at,
            idempotency_key=used_key,
        )
        body = _placed().to_representation(order)
        headers = {"Location": body["url"]} | ({} if created else {"Idempotent-Replayed": "true"})
        return Response(body, status=201 if created else 200, headers=headers)


@cache
def _placed() -> PlacedSerializer:
    """Its fields are made once: making them took longer than writing the answer."""
    return PlacedSerializer()


class OrderDetail(APIView):
    """One order."""

    def get_permissions(self) -> list[Any]:
        return [HasApiKey(), IsMarketplaceKey()] if self.request.method == "PATCH" else [HasApiKey()]

    @extend_schema(
        operation_id="orders_read",
        summary="Read one order",
        responses={200: OrderSerializer, 401: PROBLEM, 404: PROBLEM, 429: PROBLEM},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(OrderSerializer(whole(visible_pk(request, public_id))).data)

    @extend_schema(
        operation_id="orders_edit",
        summary="Edit an order that was placed before",
        description=(
            "What is left out stays. `revision` is the one that was read; an older one is refused with 409. Before the "
            "payment is taken the destinations check the order again. A destination that has the order keeps it as it is: "
            "its push tells what was changed since (`changes`), and the order's `export_status` becomes `modified`."
        ),
        request=OrderEditSerializer,
        responses={200: OrderSerializer, **BODY, **REFUSALS},
        examples=[OpenApiExample("Another address and note", value=EDIT_EXAMPLE, request_only=True)],
    )
    def patch(self, request: Request, public_id: str) -> Response:
        order_id, key = visible_pk(request, public_id), key_of(request)
        assert key.marketplace is not None  # noqa: S101  # IsMarketplaceKey
        order_edits.edit(order_id=order_id, body=request.data, by=key.marketplace.name, at=timezone.now())
        return Response(OrderSerializer(whole(order_id)).data)


class OrderAction(APIView):
    """A decision about one order."""

    def decide(self, request: Request, public_id: str, service: Callable[..., Order], **fields: Any) -> Response:
        order_id = visible_pk(request, public_id)
        service(order_id=order_id, **who(request), **fields)
        return Response(OrderSerializer(whole(order_id)).data)


class ConfirmOrder(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_confirm",
        summary="Confirm an order",
        description="Takes the payment and sends the order to its destinations, after a last check with each of them.",
        request=None,
        responses={200: OrderSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, decisions.confirm)


class DeclineOrder(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_decline",
        summary="Decline an order",
        description="Releases the customer's authorization.",
        request=ReasonSerializer,
        responses={200: OrderSerializer, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, decisions.decline, reason=_reason(request))


class CancelOrder(OrderAction):
    permission_classes = [HasApiKey]

    @extend_schema(
        operation_id="orders_cancel",
        summary="Cancel an order",
        description=(
            "Releases or gives back the money, and cancels the order at its destinations. While the payment is being "
            "taken the order stays `confirmed`, with `cancel_wished_at`, and is cancelled as soon as that is over."
        ),
        request=ReasonSerializer,
        responses={200: OrderSerializer, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, decisions.cancel, reason=_reason(request))


class CheckOrder(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_check",
        summary="Check an order with its destinations again",
        request=None,
        responses={200: OrderSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, decisions.check_again)


class RefundOrder(APIView):
    """Money back to the customer."""

    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_refund",
        summary="Refund an order",
        description=(
            "Promises a refund; a worker gives the money back, and `status` becomes `done` or `failed`. The same body "
            "again under the same `Idempotency-Key` is answered 200 with the first refund and the header "
            "`Idempotent-Replayed: true`; another body is refused with 409."
        ),
        request=NewRefundSerializer,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        responses={
            201: RefundSerializer,
            200: OpenApiResponse(RefundSerializer, description="This refund was asked for before."),
            **BODY,
            **REFUSALS,
        },
    )
    def post(self, request: Request, public_id: str) -> Response:
        order_id = visible_pk(request, public_id)
        currency = Order.objects.values_list("currency", flat=True).get(pk=order_id)
        refund, created = refunds.issue(
            order_id=order_id,
            wanted=refund_body.read(request.data, currency=currency),
            **who(request),
            key=idempotency_key(request),
        )
        body = RefundSerializer(Refund.objects.prefetch_related("lines__line").get(pk=refund.pk)).data
        headers = {} if created else {"Idempotent-Replayed": "true"}
        return Response(body, status=201 if created else 200, headers=headers)


def _reason(request: Request) -> str:
    body = valid(ReasonSerializer(data=request.data))
    return str(body["reason"])
