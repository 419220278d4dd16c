"""The API's doors to carriers and their pickups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from accounts.models import Merchant
from connectors.carriers.registry import CARRIERS
from connectors.models import CarrierAccount
from orders.api.views import PROBLEM, REFUSALS, key_of, visible
from orders.enums import PickupStatus
from orders.models import CarrierPickup, CarrierPickupOrder
from orders.services import carrier_pickups
from orders.services.carrier_pickups import HEAVIEST_G, MOST_PARCELS, WantedOrder

_READING = dict.fromkeys((401, 403, 404, 429), PROBLEM)
_EXAMPLE = {
    "carrier": "k2Xv9Qd4",
    "orders": [{"id": "p8Rt5Yw1", "parcels": 2, "weight_g": 4800}],
    "opens_at": "2026-11-24T10:00:00+13:00",
    "closes_at": "2026-11-24T14:00:00+13:00",
    "note": "Dock 3",
}


class CarrierSerializer(serializers.ModelSerializer[CarrierAccount]):
    """An account that can be asked to come. Its keys are never shown."""

    id = serializers.CharField(source="public_id")
    sells_labels = serializers.SerializerMethodField()

    class Meta:
        model = CarrierAccount
        fields = ("id", "carrier", "name", "account_number", "email", "time_zone", "tested_at", "sells_labels")

    def get_sells_labels(self, account: CarrierAccount) -> bool:
        return CARRIERS[account.carrier].sells_labels


class PickupOrderSerializer(serializers.ModelSerializer[CarrierPickupOrder]):
    id = serializers.CharField(source="order.public_id")

    class Meta:
        model = CarrierPickupOrder
        fields = ("id", "parcels", "weight_g")


class PickupSerializer(serializers.ModelSerializer[CarrierPickup]):
    id = serializers.CharField(source="public_id")
    carrier = serializers.CharField(source="account.public_id")
    status = serializers.ChoiceField(choices=PickupStatus.choices)
    orders = PickupOrderSerializer(source="rows", many=True)

    class Meta:
        model = CarrierPickup
        fields = (
            "id", "reference", "carrier", "status", "reason", "confirmation", "cost", "opens_at", "closes_at", "note",
            "orders", "requested_by", "requested_at", "scheduled_at", "cancelled_at",
        )  # fmt: skip


class NewPickupOrderSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(max_length=32)
    parcels = serializers.IntegerField(min_value=1, max_value=MOST_PARCELS)
    weight_g = serializers.IntegerField(min_value=1, max_value=HEAVIEST_G)


class NewPickupSerializer(serializers.Serializer):  # type: ignore[type-arg]
    carrier = serializers.CharField(max_length=32, help_text="The id of one of your carriers.")
    orders = NewPickupOrderSerializer(many=True, allow_empty=False)
    opens_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField(help_text="On the same day, in your time zone.")
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class NumberSerializer(serializers.Serializer):  # type: ignore[type-arg]
    number = serializers.CharField(max_length=60)


class PickupCursor(CursorPagination):
    """Newest first; a page's address stays true while pickups are added."""

    ordering = ("-requested_at", "-pk")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class Carriers(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="carriers_list",
        summary="List the carriers that can be asked to come",
        responses={200: CarrierSerializer(many=True), **_READING},
    )
    def get(self, request: Request) -> Response:
        rows = CarrierAccount.objects.of(_merchant(request)).standing().order_by("name", "pk")
        return Response(CarrierSerializer(rows, many=True).data)


class Pickups(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = PickupCursor
    queryset = CarrierPickup.objects.none()

    @extend_schema(
        operation_id="pickups_list",
        summary="List pickups by carriers",
        responses={200: PickupSerializer(many=True), **_READING},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(_rows(request))
        return self.get_paginated_response(PickupSerializer(page, many=True).data)

    @extend_schema(
        operation_id="pickups_schedule",
        summary="Have a carrier come",
        description=(
            "A worker asks the carrier, once; `status` becomes `scheduled` with the carrier's number, or `failed` with "
            "the `reason`. An order is in one open pickup at a time, so that the same body again is refused."
        ),
        request=NewPickupSerializer,
        responses={201: PickupSerializer, 400: PROBLEM, 422: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("Example", value=_EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        body = NewPickupSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        account = CarrierAccount.objects.of(_merchant(request)).standing().filter(public_id=given["carrier"]).first()
        found = dict(visible(request).values_list("public_id", "pk").filter(public_id__in=_ids(given)))
        if account is None or set(found) != _ids(given):
            raise Http404
        pickup = carrier_pickups.schedule(
            account_id=account.pk,
            wanted=[WantedOrder(found[each["id"]], each["parcels"], each["weight_g"]) for each in given["orders"]],
            opens_at=given["opens_at"],
            closes_at=given["closes_at"],
            note=given["note"],
            by=f"API key {key_of(request)}",
            at=timezone.now(),
        )
        return Response(_shown(request, pickup.public_id), status=201)


class PickupDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(operation_id="pickups_read", summary="One pickup", responses={200: PickupSerializer, **_READING})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_shown(request, public_id))


class _Change(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def change(
        self, request: Request, public_id: str, service: Callable[..., CarrierPickup], **fields: Any
    ) -> Response:
        pickup_id = _pickup(request, public_id).pk
        service(pickup_id=pickup_id, by=f"API key {key_of(request)}", at=timezone.now(), **fields)
        return Response(_shown(request, public_id))


class CancelPickup(_Change):
    @extend_schema(
        operation_id="pickups_cancel",
        summary="Call a carrier off",
        request=None,
        responses={200: PickupSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, carrier_pickups.cancel)


class RetryPickup(_Change):
    @extend_schema(
        operation_id="pickups_retry",
        summary="Ask a carrier again",
        description="When it may have been taken and cannot be looked up, look at the carrier first.",
        request=None,
        responses={200: PickupSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, carrier_pickups.try_again)


class SettlePickup(_Change):
    @extend_schema(
        operation_id="pickups_settle",
        summary="Say that the carrier has it",
        request=NumberSerializer,
        responses={200: PickupSerializer, 400: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("Example", value={"number": "2929602E9CP"}, request_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        body = NumberSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self.change(request, public_id, carrier_pickups.settle, number=body.validated_data["number"])


def _ids(given: dict[str, Any]) -> set[str]:
    return {each["id"] for each in given["orders"]}


def _merchant(request: Request) -> Merchant:
    merchant = key_of(request).merchant
    assert merchant is not None  # noqa: S101  # IsMerchantKey
    return merchant


def _rows(request: Request) -> Any:
    return CarrierPickup.objects.of(_merchant(request)).select_related("account").prefetch_related("rows__order")


def _pickup(request: Request, public_id: str) -> CarrierPickup:
    pickup: CarrierPickup | None = _rows(request).filter(public_id=public_id).first()
    if pickup is None:
        raise Http404
    return pickup


def _shown(request: Request, public_id: str) -> dict[str, Any]:
    return dict(PickupSerializer(_pickup(request, public_id)).data)
