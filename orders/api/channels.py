"""The API's doors to a store whose customers' orders come in: the switch, the reading on demand, and what it brought."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.models import Connection
from orders.api.answers import PROBLEM, READING
from orders.api.common import own_connection, valid, who
from orders.enums import SkipReason, SyncState
from orders.errors import SyncRefused
from orders.models import OrderSync
from orders.services import store_channels, store_hints, store_sync

_ON = {"on": True, "placed_from": "2026-11-01T00:00:00+13:00"}


class StoreChannelSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Whether orders that customers place in the store come in, and from when on."""

    on = serializers.BooleanField()
    placed_from = serializers.DateTimeField(
        allow_null=True, required=False, help_text="Orders placed before stay in the store. Needed to turn it on."
    )


class SkippedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(help_text="As the store has it.")
    number = serializers.CharField()
    code = serializers.ChoiceField(choices=SkipReason.choices)


class OrderSyncSerializer(serializers.ModelSerializer[OrderSync]):
    """The latest reading. `read_until`: every change in the store up to then has been seen. `failing_since`: from then on
    orders did not come in; null while they do."""

    state = serializers.ChoiceField(choices=SyncState.choices)
    unread = serializers.SerializerMethodField(help_text="Orders that could not be read; reading now tries them again.")
    skipped = SkippedSerializer(many=True, help_text="The first fifty that stay in the store, each with the reason.")

    class Meta:
        model = OrderSync
        fields = (
            "state", "started_at", "started_by", "finished_at", "read_until", "pages", "new", "drafts", "changed",
            "unchanged", "skipped_count", "skipped", "error", "failing_since", "unread",
        )  # fmt: skip

    def get_unread(self, sync: OrderSync) -> int:
        return store_hints.unread([sync.channel.connection_id or 0]).get(sync.channel.connection_id or 0, 0)


_RESULT_EXAMPLE = {
    "state": "done", "started_at": "2026-11-23T09:41:00Z", "started_by": "API key nightly",
    "finished_at": "2026-11-23T09:41:06Z", "read_until": "2026-11-23T09:38:12Z", "pages": 1, "new": 2, "drafts": 1,
    "changed": 0, "unchanged": 5, "skipped_count": 1,
    "skipped": [{"id": "gid://shopify/Order/820982911946154508", "number": "#1001", "code": "fulfilled"}], "error": "",
    "failing_since": None, "unread": 0,
}  # fmt: skip


class StoreChannel(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="channels_read",
        summary="Whether a store's own orders come in",
        responses={200: StoreChannelSerializer, **READING},
        examples=[OpenApiExample("On", value=_ON, response_only=True)],
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_settings(_store(request, public_id)))

    @extend_schema(
        operation_id="channels_change",
        summary="Turn orders from a store on or off",
        description=(
            "Another date reads the store anew; no order comes twice. Turning it off keeps the orders that came. "
            "Webhooks about orders are asked for; a store that sends none is read every few minutes."
        ),
        request=StoreChannelSerializer,
        responses={200: StoreChannelSerializer, 400: PROBLEM, 409: PROBLEM, **READING},
        examples=[OpenApiExample("On", value=_ON, request_only=True)],
    )
    def put(self, request: Request, public_id: str) -> Response:
        connection = _store(request, public_id)
        body, done = valid(StoreChannelSerializer(data=request.data)), who(request)
        if not body["on"]:
            store_channels.turn_off(connection_id=connection.pk, **done)
        else:
            _turn_on(connection, body.get("placed_from"), **done)
        connection.refresh_from_db()
        return Response(_settings(connection))


class StoreSync(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="channels_sync_read",
        summary="What the latest reading of a store's orders brought",
        responses={200: OrderSyncSerializer, **READING},
        examples=[OpenApiExample("Done", value=_RESULT_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, public_id: str) -> Response:
        sync = store_channels.sync_of(_store(request, public_id))
        if sync is None:
            raise Http404
        return Response(OrderSyncSerializer(sync).data)

    @extend_schema(
        operation_id="channels_sync_start",
        summary="Read a store's orders now",
        description="Answered at once; `state` says how far it is. One that is under way is followed by another.",
        request=None,
        responses={202: OrderSyncSerializer, 409: PROBLEM, **READING},
        examples=[OpenApiExample("Begun", value={**_RESULT_EXAMPLE, "state": "running"}, response_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection = _store(request, public_id)
        sync = store_sync.start(connection_id=connection.pk, **who(request))
        return Response(OrderSyncSerializer(sync).data, status=202)


def _store(request: Request, public_id: str) -> Connection:
    """The merchant's own, in which customers can order; any other does not exist."""
    connection = own_connection(request, public_id)
    if not store_channels.offered(connection):
        raise Http404
    return connection


def _turn_on(connection: Connection, placed_from: Any, *, by: str, at: Any) -> None:
    if placed_from is None:
        raise ValidationError({"placed_from": "Say from when on orders come in."}, code="required")
    try:
        store_sync.open_channel(connection_id=connection.pk, placed_from=placed_from, by=by, at=at)
    except SyncRefused as refusal:
        raise ValidationError({"placed_from": str(refusal)}, code=refusal.code) from refusal


def _settings(connection: Connection) -> dict[str, Any]:
    sync = store_channels.sync_of(connection)
    row = {"on": connection.is_channel, "placed_from": sync.placed_from if sync else None}
    data: dict[str, Any] = StoreChannelSerializer(row).data
    return data
