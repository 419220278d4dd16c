"""The API's doors to a merchant's carriers: connected after a test, changed after one, tested again, disconnected."""

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
from connectors.carrier_forms import change_form_of, form_of, shown_of
from connectors.carriers.registry import CARRIERS
from connectors.errors import ConnectorError, FieldError
from connectors.models import CarrierAccount
from connectors.services import carriers
from orders.api import pickups
from orders.api.answers import PROBLEM, REFUSALS
from orders.api.common import merchant_of, valid, who
from orders.api.pickups import CarrierSerializer

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


class ChangedCarrierSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What is left out stays as it is. Which account it is cannot be changed: connect the other one."""

    name = serializers.CharField(
        max_length=120, required=False, allow_blank=True, help_text="Empty: the carrier's own."
    )
    company = serializers.CharField(max_length=120, required=False)
    contact = serializers.CharField(max_length=100, required=False)
    phone = serializers.CharField(max_length=25, required=False)
    address1 = serializers.CharField(max_length=200, required=False)
    address2 = serializers.CharField(max_length=200, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False)
    province_code = serializers.CharField(max_length=10, required=False, allow_blank=True)
    postcode = serializers.CharField(max_length=20, required=False, allow_blank=True)
    country_code = serializers.CharField(max_length=2, required=False)
    time_zone = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="Of this address; empty: the business's."
    )
    email = serializers.EmailField(required=False, help_text="Of a carrier that is asked by e-mail.")
    client_id = serializers.CharField(max_length=120, required=False, help_text="Of UPS, with its secret.")
    client_secret = serializers.CharField(max_length=200, required=False)


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
        merchant, body = merchant_of(request), valid(NewCarrierSerializer(data=request.data))
        carrier: str = body["carrier"]
        form = form_of(carrier, body)
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
                **who(request),
            )
        except FieldError as error:
            raise ValidationError({error.field: str(error)}) from error
        except ConnectorError as error:
            raise ValidationError({"carrier": str(error)}, code=error.code) from error
        return Response(CarrierSerializer(account).data, status=201)


class CarrierDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(operation_id="carriers_read", summary="One carrier", responses={200: CarrierSerializer, **REFUSALS})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(CarrierSerializer(_account(request, public_id)).data)

    @extend_schema(
        operation_id="carriers_change",
        summary="Change a carrier",
        description="The carrier is asked whether the account works as it is to be before anything is kept. Pickups and labels that "
        "were asked for keep their address.",
        request=ChangedCarrierSerializer,
        responses={200: CarrierSerializer, 400: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("Moved", value={"city": "Tokyo", "time_zone": "Asia/Tokyo"}, request_only=True)],
    )
    def patch(self, request: Request, public_id: str) -> Response:
        account, body = _account(request, public_id), valid(ChangedCarrierSerializer(data=request.data))
        form = change_form_of(account, shown_of(account) | body)
        unknown = sorted(set(request.data) - set(form.fields))
        if unknown:
            raise ValidationError(dict.fromkeys(unknown, "This carrier has no such thing, or it cannot be changed."))
        if not form.is_valid():
            raise ValidationError({name: list(map(str, found)) for name, found in form.errors.items()})
        changes = {name: value for name, value in form.changes.items() if name in request.data}
        try:
            changed = carriers.change(account_id=account.pk, changes=changes, **who(request))
        except CarrierAccount.DoesNotExist:
            raise Http404 from None
        except FieldError as error:
            raise ValidationError({error.field: str(error)}) from error
        except ConnectorError as error:
            raise ValidationError({"carrier": str(error)}, code=error.code) from error
        return Response(CarrierSerializer(changed).data)

    @extend_schema(
        operation_id="carriers_disconnect",
        summary="Disconnect a carrier",
        description="Its keys are forgotten. Pickups that are arranged stay arranged there.",
        responses={204: None, **REFUSALS},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        account = _account(request, public_id)
        carriers.disconnect(account_id=account.pk, **who(request))
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
    rows = CarrierAccount.objects.filter(merchant=merchant_of(request)).standing()
    account = rows.filter(public_id=public_id).first()
    if account is None:
        raise Http404
    return account
