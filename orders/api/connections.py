"""The API's doors to a connection: how it does, test, pause, resume, webhooks, its calls, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import ApiKeyThrottle, ConnectThrottle, HasApiKey, IsMerchantKey
from connectors.errors import ConnectorError
from connectors.models import CallLog, Connection
from connectors.services import calls, connections
from connectors.services.connections import StateRefused
from orders.api.answers import PROBLEM, READING
from orders.api.common import NotAnswered, merchant_of, own_connection, who
from orders.api.connection_serializers import (
    ConnectionDetailSerializer,
    ImpactSerializer,
    LoggedCallSerializer,
    ShopSerializer,
    WebhooksSerializer,
)
from orders.api.link_serializers import ConnectionSerializer
from orders.api.paging import NEWEST, KeyCursor, Sort
from orders.api.problems import problem
from orders.services import impact

_FILTERS = ("operation", "answer", "since", "until")
_PAGING = frozenset({"cursor", "page_size"})


class CallCursor(KeyCursor):
    """Newest first; a page's address stays true while calls are made."""

    sorts = {NEWEST: Sort("at")}
    page_size = calls.PAGE


class ConnectionDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="connections_read",
        summary="One connection and its health",
        responses={200: ConnectionDetailSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(ConnectionDetailSerializer(own_connection(request, public_id)).data)


class TestConnection(APIView):
    __test__ = False

    permission_classes = [HasApiKey, IsMerchantKey]
    throttle_classes = [ApiKeyThrottle, ConnectThrottle]

    @extend_schema(
        operation_id="connections_test",
        summary="Ask the store who it is",
        request=None,
        responses={200: ShopSerializer, 502: PROBLEM, **READING},
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection, at = own_connection(request, public_id), timezone.now()
        try:
            shop = connections.test(connection_id=connection.pk, at=at)
        except ConnectorError as error:
            text = f"{connection.name} did not answer as it should: {error}"
            raise NotAnswered(text, code=error.code) from error
        return Response(ShopSerializer(shop).data)


class ConnectionWebhooks(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]
    throttle_classes = [ApiKeyThrottle, ConnectThrottle]

    @extend_schema(
        operation_id="connections_webhooks",
        summary="Set the webhooks up again",
        request=None,
        responses={200: WebhooksSerializer, **READING},
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection, at = own_connection(request, public_id), timezone.now()
        missing = connections.register_webhooks(connection_id=connection.pk, at=at)
        told = {"missing": missing, "connection": own_connection(request, public_id)}
        return Response(WebhooksSerializer(told).data)


class _Change(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def change(self, request: Request, public_id: str, service: Callable[..., Connection]) -> Response:
        connection = own_connection(request, public_id)
        try:
            changed = service(connection_id=connection.pk, **who(request))
        except StateRefused as refusal:
            return problem(409, "connection_state", str(refusal))
        return Response(ConnectionSerializer(changed).data)


_CHANGED: dict[Any, Any] = {200: ConnectionSerializer, 409: PROBLEM, **READING}


class PauseConnection(_Change):
    @extend_schema(
        operation_id="connections_pause",
        summary="Pause a connection",
        description="Orders wait until it is resumed.",
        request=None,
        responses=_CHANGED,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, connections.pause)


class ResumeConnection(_Change):
    @extend_schema(
        operation_id="connections_resume",
        summary="Resume a connection",
        description="Waiting orders go on.",
        request=None,
        responses=_CHANGED,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, connections.resume)


class ConnectionImpact(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="connections_impact",
        summary="What disconnecting would do",
        responses={200: ImpactSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        found = impact.of(own_connection(request, public_id))
        shares = [
            {
                "label": share.label,
                "outcome": share.outcome,
                "orders": share.orders,
                "money": [{"amount": amount, "currency": currency} for amount, currency in share.money],
            }
            for share in found.shares
        ]
        return Response(ImpactSerializer({"shares": shares, "partnerships": found.partnerships}).data)


class Disconnect(_Change):
    @extend_schema(
        operation_id="connections_disconnect",
        summary="Disconnect",
        description="Its access is forgotten for good. Read `impact` first: what was going there is held, and partnerships end.",
        request=None,
        responses=_CHANGED,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, connections.disconnect)


class ConnectionCalls(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = CallCursor
    queryset = CallLog.objects.none()

    @extend_schema(
        operation_id="connections_calls",
        summary="The calls to a store",
        description="Without headers, bodies and queries. Newest first.",
        parameters=[
            OpenApiParameter("operation", str, description="How its name begins."),
            OpenApiParameter("answer", str, description=f"An HTTP status, or one of: {', '.join(calls.ANSWERS)}."),
            OpenApiParameter("since", str, description="A time; without an offset it is the business's."),
            OpenApiParameter("until", str, description="A time; without an offset it is the business's."),
        ],
        responses={200: LoggedCallSerializer(many=True), 400: PROBLEM, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        connection = own_connection(request, public_id)
        page = self.paginate_queryset(calls.narrowed(connection, _wanted(request)))
        return self.get_paginated_response(LoggedCallSerializer(page, many=True).data)


def _wanted(request: Request) -> calls.Wanted:
    """Raises ValidationError for a filter that does not exist, or that says nothing."""
    given = request.query_params.dict()
    for name in given.keys() - _PAGING - set(_FILTERS):
        raise ValidationError({name: "There is no such filter."}, code="unknown_filter")
    wanted = calls.Wanted.from_query(given, zone=merchant_of(request).zone)
    for name in _FILTERS:
        if given.get(name) and not getattr(wanted, name):
            raise ValidationError({name: "This cannot be looked for."}, code="bad_value")
    return wanted
