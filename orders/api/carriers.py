"""The API's doors to a merchant's carriers: connected after a test, tested again, disconnected."""

from __future__ import annotations

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.carrier_forms import form_of
from connectors.carriers.registry import CARRIERS
from connectors.errors import ConnectorError, FieldError
from connectors.models import CarrierAccount
from connectors.services import carriers
from orders.api import pickups
from orders.api.pickups import CarrierSerializer
from orders.api.views import PROBLEM, REFUSALS, key_of

_EXAMPLE = {
    "carrier": "mail", "email": "pickups@courier.example", "company": "Kauri & Clay", "contact": "Ana",
    "phone": "+6493001234", "address1": "12 Ponsonby Road", "city": "Auckland", "postcode": "1011", "country_code": "NZ",
}  # fmt: skip


class NewCarrierSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The form of the carrier's own page says what of it is needed."""

    carrier = serializers.ChoiceField(choices=sorted(CARRIERS))
    name = serializers.CharField(max_length=120, required=False, help_text="Empty: the carrier's own.")
    company = serializers.CharField(max_length=120, help_text="Where the parcels wait, as the address below.")
    contact = serializers.CharField(max_length=100)
    phone = serializers.CharField(max_length=25)
    address1 = serializers.CharField(max_length=200)
    address2 = serializers.CharField(max_length=200, required=False)
    city = serializers.CharField(max_length=100)
    province_code = serializers.CharField(max_length=10, required=False)
    postcode = serializers.CharField(max_length=20, required=False)
    country_code = serializers.CharField(max_length=2)
    time_zone = serializers.CharField(
        max_length=64, required=False, help_text="Of this address; empty: the business's."
    )
    email = serializers.EmailField(required=False, help_text="Of a carrier that is asked by e-mail.")
    account_number = serializers.CharField(max_length=10, required=False, help_text="Of UPS, as the next two.")
    client_id = serializers.CharField(max_length=120, required=False)
    client_secret = serializers.CharField(max_length=200, required=False)
    base_url = serializers.CharField(max_length=300, required=False)


class Carriers(pickups.Carriers):
    @extend_schema(
        operation_id="carriers_connect",
        summary="Connect a carrier",
        description="The carrier is asked whether the account works before anything is kept. Its keys are never shown.",
        request=NewCarrierSerializer,
        responses={201: CarrierSerializer, 400: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("A courier by e-mail", value=_EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        merchant, body = key_of(request).merchant, NewCarrierSerializer(data=request.data)
        assert merchant is not None  # noqa: S101  # IsMerchantKey
        body.is_valid(raise_exception=True)
        carrier: str = body.validated_data["carrier"]
        form = form_of(carrier, body.validated_data)
        if not form.is_valid():
            raise ValidationError({name: list(map(str, found)) for name, found in form.errors.items()})
        try:
            account = carriers.connect(
                merchant_id=merchant.pk,
                carrier=carrier,
                name=form.cleaned_data["name"] or CARRIERS[carrier].label,
                place=form.place,
                time_zone=form.cleaned_data["time_zone"],
                typed=form.typed,
                by=f"API key {key_of(request)}",
                at=timezone.now(),
            )
        except FieldError as error:
            raise ValidationError({error.field: str(error)}) from error
        except ConnectorError as error:
            raise ValidationError({"carrier": str(error)}, code=error.code) from error
        return Response(CarrierSerializer(account).data, status=201)


class CarrierDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="carriers_disconnect",
        summary="Disconnect a carrier",
        description="Its keys are forgotten. Pickups that are arranged stay arranged there.",
        responses={204: None, **REFUSALS},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        account = _account(request, public_id)
        carriers.disconnect(account_id=account.pk, by=f"API key {key_of(request)}", at=timezone.now())
        return Response(status=204)


class TestCarrier(APIView):
    __test__ = False

    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="carriers_test",
        summary="Ask a carrier whether the account works",
        request=None,
        responses={200: CarrierSerializer, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        account = _account(request, public_id)
        try:
            carriers.test(account_id=account.pk, at=timezone.now())
        except ConnectorError as error:
            raise ValidationError({"carrier": str(error)}, code=error.code) from error
        account.refresh_from_db()
        return Response(CarrierSerializer(account).data)


def _account(request: Request, public_id: str) -> CarrierAccount:
    rows = CarrierAccount.objects.filter(merchant=key_of(request).merchant_id).standing()
    account = rows.filter(public_id=public_id).first()
    if account is None:
        raise Http404
    return account
