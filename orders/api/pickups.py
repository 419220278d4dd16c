"""The API's doors to carriers and their pickups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import ApiKeyThrottle, ConnectThrottle, HasApiKey, IsMerchantKey
from connectors.carriers.registry import CARRIERS
from connectors.errors import ConnectorError
from connectors.models import CarrierAccount
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import NotAnswered, merchant_of, valid, visible, who
from orders.api.paging import NEWEST, OF_ORDER, KeyCursor, Sort, of_order
from orders.enums import PickupStatus
from orders.models import CarrierPickup, CarrierPickupOrder
from orders.services import carrier_pickups
from orders.services.carrier_pickups import HEAVIEST_G, MOST_PARCELS, WantedOrder

_LOAD = {
    "carrier": "k2Xv9Qd4",
    "orders": [{"id": "p8Rt5Yw1", "parcels": 2, "weight_g": 4800}],
    "opens_at": "2026-11-24T10:00:00+13:00",
    "closes_at": "2026-11-24T14:00:00+13:00",
}


class CarrierSerializer(serializers.ModelSerializer[CarrierAccount]):
    """An account that can be asked to come. Its keys are never shown."""

    id = serializers.CharField(source="public_id")
    sells_labels = serializers.SerializerMethodField()

    class Meta:
        model = CarrierAccount
        fields = (
            "id", "carrier", "name", "account_number", "email", "company", "contact", "phone", "address1", "address2",
            "city", "province_code", "postcode", "country_code", "time_zone", "tested_at", "sells_labels",
        )  # fmt: skip

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


class PickupLoadSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Who is to come, when and for what."""

    carrier = serializers.CharField(max_length=32, help_text="The id of one of your carriers.")
    orders = NewPickupOrderSerializer(many=True, allow_empty=False)
    opens_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField(help_text="On the same day, in your time zone.")


class NewPickupSerializer(PickupLoadSerializer):
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class PickupQuoteSerializer(serializers.Serializer):  # type: ignore[type-arg]
    cost = serializers.CharField(help_text="As the carrier says it; empty for one that does not say beforehand.")


class NumberSerializer(serializers.Serializer):  # type: ignore[type-arg]
    number = serializers.CharField(max_length=60)


class PickupCursor(KeyCursor):
    """Newest first; a page's address stays true while pickups are added."""

    sorts = {NEWEST: Sort("requested_at")}


class Carriers(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="carriers_list",
        summary="List the carriers that can be asked to come",
        responses={200: CarrierSerializer(many=True), **READING},
    )
    def get(self, request: Request) -> Response:
        rows = CarrierAccount.objects.of(merchant_of(request)).standing().order_by("name", "pk")
        return Response(CarrierSerializer(rows, many=True).data)


class Pickups(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = PickupCursor
    queryset = CarrierPickup.objects.none()

    @extend_schema(
        operation_id="pickups_list",
        summary="List pickups by carriers",
        parameters=[OF_ORDER],
        responses={200: PickupSerializer(many=True), **READING},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(of_order(_rows(request), request, "rows__order"))
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
        examples=[OpenApiExample("Example", value={**_LOAD, "note": "Dock 3"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        body = valid(NewPickupSerializer(data=request.data))
        pickup = carrier_pickups.schedule(**_load(request, body), note=body["note"], **who(request))
        return Response(_shown(request, pickup.public_id), status=201)


class QuotePickup(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]
    throttle_classes = [ApiKeyThrottle, ConnectThrottle]

    @extend_schema(
        operation_id="pickups_quote",
        summary="What a carrier would charge to come",
        description="Asks the carrier while you wait, and promises nothing. Refused as the pickup itself would be.",
        request=PickupLoadSerializer,
        responses={200: PickupQuoteSerializer, 400: PROBLEM, 422: PROBLEM, 502: PROBLEM, **REFUSALS},
        examples=[
            OpenApiExample("Two parcels", value=_LOAD, request_only=True),
            OpenApiExample("Of UPS", value={"cost": "6.65 USD"}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        load = _load(request, valid(PickupLoadSerializer(data=request.data)))
        try:
            cost = carrier_pickups.quote(**load, at=timezone.now())
        except ConnectorError as error:
            raise NotAnswered(str(error), code=error.code) from error
        return Response({"cost": cost})


class PickupDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(operation_id="pickups_read", summary="One pickup", responses={200: PickupSerializer, **READING})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_shown(request, public_id))


class _Change(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def change(
        self, request: Request, public_id: str, service: Callable[..., CarrierPickup], **fields: Any
    ) -> Response:
        pickup_id = _pickup(request, public_id).pk
        service(pickup_id=pickup_id, **who(request), **fields)
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
        body = valid(NumberSerializer(data=request.data))
        return self.change(request, public_id, carrier_pickups.settle, number=body["number"])


def _load(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Who is to come, when and for what, as the service takes it. Raises Http404 for what is not the merchant's."""
    ids = {each["id"] for each in given["orders"]}
    account = CarrierAccount.objects.of(merchant_of(request)).standing().filter(public_id=given["carrier"]).first()
    found = dict(visible(request).values_list("public_id", "pk").filter(public_id__in=ids))
    if account is None or set(found) != ids:
        raise Http404
    return {
        "account_id": account.pk,
        "wanted": [WantedOrder(found[each["id"]], each["parcels"], each["weight_g"]) for each in given["orders"]],
        "opens_at": given["opens_at"],
        "closes_at": given["closes_at"],
    }


def _rows(request: Request) -> Any:
    return CarrierPickup.objects.of(merchant_of(request)).select_related("account").prefetch_related("rows__order")


def _pickup(request: Request, public_id: str) -> CarrierPickup:
    pickup: CarrierPickup | None = _rows(request).filter(public_id=public_id).first()
    if pickup is None:
        raise Http404
    return pickup


def _shown(request: Request, public_id: str) -> dict[str, Any]:
    return dict(PickupSerializer(_pickup(request, public_id)).data)
