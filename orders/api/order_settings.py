"""The API's doors to a merchant: the business itself, the time to confirm, and who is told of problems."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from accounts.forms import ProfileForm
from accounts.models import Merchant
from accounts.services import merchants
from orders.api.answers import PROBLEM
from orders.api.common import merchant_of, valid, who

_READING = dict.fromkeys((401, 403, 429), PROBLEM)
_EXAMPLE = {"confirm_within_hours": 72, "alert_addresses": ["orders@kauri.example"]}


class OrderSettingsSerializer(serializers.ModelSerializer[Merchant]):
    confirm_within_hours = serializers.IntegerField(
        min_value=1, max_value=720, help_text="After that an order expires; never later than the card allows."
    )
    alert_addresses = serializers.ListField(
        child=serializers.EmailField(), max_length=10, help_text="Who is told of problems. Empty: the owners."
    )

    class Meta:
        model = Merchant
        fields = ("auto_accept", "confirm_within_hours", "alert_addresses")


class BusinessSerializer(serializers.ModelSerializer[Merchant]):
    """The rules are those of the page's form."""

    class Meta:
        model = Merchant
        fields = ("slug", *ProfileForm.Meta.fields)
        read_only_fields = ("slug",)


class Business(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="business_read", summary="The business", responses={200: BusinessSerializer, **_READING}
    )
    def get(self, request: Request) -> Response:
        return Response(BusinessSerializer(merchant_of(request)).data)

    @extend_schema(
        operation_id="business_change",
        summary="Change the business's name, address, time zone or currency",
        description="What is left out stays. The address stands on documents, the zone decides how times are shown.",
        request=BusinessSerializer(partial=True),
        responses={200: BusinessSerializer, 400: PROBLEM, **_READING},
        examples=[OpenApiExample("Moved", value={"address1": "1 Quay Street", "city": "Auckland"}, request_only=True)],
    )
    def patch(self, request: Request) -> Response:
        merchant = merchant_of(request)
        body = valid(BusinessSerializer(merchant, data=request.data, partial=True))
        typed = {name: getattr(merchant, name) for name in ProfileForm.Meta.fields} | body
        form = ProfileForm(typed)
        if not form.is_valid():
            raise ValidationError({name: list(map(str, found)) for name, found in form.errors.items()})
        changed = merchants.save(merchant_id=merchant.pk, **who(request), **form.cleaned_data)
        return Response(BusinessSerializer(changed).data)


class OrderSettings(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="order_settings_read",
        summary="What counts for all orders",
        responses={200: OrderSettingsSerializer, **_READING},
    )
    def get(self, request: Request) -> Response:
        return Response(OrderSettingsSerializer(merchant_of(request)).data)

    @extend_schema(
        operation_id="order_settings_change",
        summary="Change what counts for all orders",
        description="What is left out stays. It counts for orders that arrive from then on.",
        request=OrderSettingsSerializer(partial=True),
        responses={200: OrderSettingsSerializer, 400: PROBLEM, **_READING},
        examples=[OpenApiExample("Three days", value=_EXAMPLE, request_only=True)],
    )
    def patch(self, request: Request) -> Response:
        merchant = merchant_of(request)
        body = valid(OrderSettingsSerializer(data=request.data, partial=True))
        changed = merchants.save(merchant_id=merchant.pk, **who(request), **body)
        return Response(OrderSettingsSerializer(changed).data)
