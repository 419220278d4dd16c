"""The API's doors to a supplier's settings, and to marking an order for fulfillment by one."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.errors import ConnectorError
from connectors.models import Connection, StoreAddress, SupplierSettings
from connectors.services import suppliers
from connectors.supplier_forms import AddressFields
from orders.api.answers import PROBLEM, READING
from orders.api.common import own_connection, valid, who
from orders.api.serializers import OrderSerializer
from orders.api.views import OrderAction
from orders.services import marking


class StoreAddressSerializer(serializers.ModelSerializer[StoreAddress]):
    class Meta:
        model = StoreAddress
        fields = ("company", "address1", "address2", "city", "province_code", "postcode", "country_code", "phone")


class SupplierSerializer(serializers.ModelSerializer[SupplierSettings]):
    """How orders go to one supplier."""

    sync_orders = serializers.BooleanField(
        source="connection.sync_settings.sync_orders",
        required=False,
        help_text="Off: order data stays in Storeward, nothing is ordered there.",
    )
    store_address = StoreAddressSerializer(
        allow_null=True, required=False, help_text="Where the goods go while dropshipping is disabled."
    )

    warehouses = serializers.ListField(
        child=serializers.CharField(max_length=6), required=False, help_text="The supplier's codes. Empty: any of them."
    )

    class Meta:
        model = SupplierSettings
        fields = (
            "sync_orders", "auto_fulfillment", "shipping_method", "warehouses", "prefers_fastest", "pays_by_profile", "payment_email",
            "payment_profile_id",
            "payment_profile_name", "disable_dropshipping", "store_address",
        )  # fmt: skip
        read_only_fields = ("payment_profile_name",)


class WarehouseSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Where the supplier sends from."""

    code = serializers.CharField()
    days_in_transit = serializers.IntegerField(allow_null=True, help_text="To the postcode that was asked for.")
    cut_off = serializers.CharField(help_text="What is ordered before leaves the same day, as the supplier writes it.")


class PaymentProfileSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A card or bank account saved at the supplier."""

    id = serializers.CharField(source="profile_id")
    kind = serializers.CharField()
    name = serializers.CharField()


class MarkOrder(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_mark",
        summary="Mark an order for fulfillment",
        description="Sends a paid order to its suppliers whose auto fulfillment is off.",
        request=None,
        responses={200: OrderSerializer, **READING, 409: PROBLEM},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, marking.mark)


class SupplierDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="suppliers_read",
        summary="How orders go to a supplier",
        responses={200: SupplierSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(SupplierSerializer(suppliers.settings_of(supplier_of(request, public_id))).data)

    @extend_schema(
        operation_id="suppliers_change",
        summary="Change how orders go to a supplier",
        description=(
            "Counts for orders that have not been sent yet. A payment profile must be one that the supplier has under "
            "`payment_email`: it is asked. Another `payment_email` alone gives up a profile that is not under it."
        ),
        request=SupplierSerializer(partial=True),
        responses={200: SupplierSerializer, 400: PROBLEM, **READING},
    )
    def patch(self, request: Request, public_id: str) -> Response:
        connection = supplier_of(request, public_id)
        given = valid(SupplierSerializer(suppliers.settings_of(connection), data=request.data, partial=True))
        sync = given.pop("connection", {}).get("sync_settings", {})
        chosen = {**given, **sync, **_profile(connection, given)}
        if chosen.get("store_address"):
            chosen["new_address"] = address_of(chosen.pop("store_address"))
        try:
            suppliers.save(connection_id=connection.pk, **who(request), **chosen)
        except suppliers.ChoiceRefused as refusal:
            raise ValidationError({"settings": str(refusal)}, code="not_possible") from refusal
        return Response(SupplierSerializer(suppliers.settings_of(supplier_of(request, public_id))).data)


class PaymentProfiles(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="suppliers_payment_profiles",
        summary="The cards and bank accounts that a supplier has saved for a person",
        parameters=[OpenApiParameter("email", str, required=True)],
        responses={200: PaymentProfileSerializer(many=True), 400: PROBLEM, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        email = serializers.EmailField().run_validation(request.query_params.get("email", ""))
        found = _ask_profiles(supplier_of(request, public_id), email)
        return Response(PaymentProfileSerializer(found, many=True).data)


class Warehouses(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="suppliers_warehouses",
        summary="Where a supplier sends from",
        description="Empty for a supplier that chooses its warehouses itself.",
        parameters=[OpenApiParameter("postcode", str, required=True)],
        responses={200: WarehouseSerializer(many=True), 400: PROBLEM, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        postcode = serializers.CharField(max_length=20).run_validation(request.query_params.get("postcode", ""))
        try:
            found = suppliers.warehouses(supplier_of(request, public_id), postcode)
        except ConnectorError as error:
            raise ValidationError({"postcode": str(error)}, code=error.code) from error
        return Response(WarehouseSerializer(found, many=True).data)


def supplier_of(request: Request, public_id: str) -> Connection:
    """The merchant's own; any other does not exist."""
    connection = own_connection(request, public_id)
    if not suppliers.is_supplier(connection):
        raise Http404
    return connection


def _profile(connection: Connection, given: dict[str, Any]) -> dict[str, str]:
    """Id and name of the profile that was named, as the supplier has it under the e-mail address that counts now.

    One that was chosen before is looked for under another address too, and given up when it is not there.
    """
    chosen = suppliers.settings_of(connection)
    wanted, email = given.get("payment_profile_id"), given.get("payment_email", chosen.payment_email)
    if wanted is None and email == chosen.payment_email:
        return {}
    looked_for = chosen.payment_profile_id if wanted is None else wanted
    found = _ask_profiles(connection, email) if looked_for and email else ()
    profile = next((each for each in found if each.profile_id == looked_for), None)
    if wanted and profile is None:
        text = "The supplier has no such profile under this e-mail address."
        raise ValidationError({"payment_profile_id": text}, code="unknown")
    return {
        "payment_profile_id": profile.profile_id if profile else "",
        "payment_profile_name": suppliers.in_words(profile) if profile else "",
    }


def _ask_profiles(connection: Connection, email: str) -> tuple[Any, ...]:
    try:
        return suppliers.profiles(connection, email)
    except ConnectorError as error:
        raise ValidationError({"payment_email": str(error)}, code=error.code) from error


def address_of(given: dict[str, str], *, under: str = "store_address") -> dict[str, str]:
    """By the rules of the page's form. Raises ValidationError for a field of `under`."""
    form = AddressFields(given)
    if not form.is_valid():
        first = next(iter(form.errors.items()))
        raise ValidationError({f"{under}.{first[0]}": str(first[1][0])}, code="invalid")
    return form.address()
