"""The API's doors to a supplier's test orders."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.errors import ConnectorError
from connectors.models import SupplierTestOrder
from connectors.services import supplier_tests, suppliers
from orders.api.answers import READING
from orders.api.common import valid, who
from orders.api.serializers import ProblemSerializer
from orders.api.suppliers import StoreAddressSerializer, address_of, supplier_of

SHOWN = 20

_PROBLEM = OpenApiResponse(ProblemSerializer, description="Refused; nothing was sent.")
_EXAMPLE = {
    "sku": "B00760003",
    "address": {
        "company": "Kauri Prints",
        "address1": "9 Customs St",
        "city": "Bolingbrook",
        "province_code": "IL",
        "postcode": "60440",
        "country_code": "US",
    },
}


class NewTestOrderSerializer(serializers.Serializer):  # type: ignore[type-arg]
    sku = serializers.CharField(max_length=120, help_text="At the supplier. One unit is ordered and cancelled at once.")
    address = StoreAddressSerializer(help_text="The merchant's own, where it would be sent.")


class TestOrderSerializer(serializers.ModelSerializer[SupplierTestOrder]):
    """What became of a test order. `sending`: no answer came; another one looks for it first."""

    __test__ = False  # a name that pytest would collect

    class Meta:
        model = SupplierTestOrder
        fields = ("reference", "sku", "state", "numbers", "message", "sent_at", "by")


class TestOrders(APIView):
    __test__ = False

    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="suppliers_test_orders",
        summary="The latest test orders to a supplier",
        responses={200: TestOrderSerializer(many=True), **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        rows = supplier_of(request, public_id).test_orders.order_by("-sent_at", "-pk")[:SHOWN]
        return Response(TestOrderSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="suppliers_test",
        summary="Send a test order to a supplier",
        description=(
            "The supplier accepts one unit and cancels it at once. What it answers is in `state`, `numbers` and "
            "`message`: a test that it refuses is an answer too. 400 when it could not be asked at all."
        ),
        request=NewTestOrderSerializer,
        examples=[OpenApiExample("One unit", value=_EXAMPLE, request_only=True)],
        responses={201: TestOrderSerializer, 400: _PROBLEM, **READING},
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection = supplier_of(request, public_id)
        if not suppliers.driver_class(connection).capabilities.test_orders:
            raise ValidationError({"sku": "This supplier takes no test orders."}, code="not_possible")
        body, done = valid(NewTestOrderSerializer(data=request.data)), who(request)
        place = address_of(body["address"], under="address")
        address = suppliers.keep_address(connection_id=connection.pk, by=done["by"], at=done["at"], **place)
        try:
            test = supplier_tests.send(connection_id=connection.pk, sku=body["sku"], address=address, **done)
        except ConnectorError as error:
            raise ValidationError({"sku": str(error)}, code=error.code) from error
        return Response(TestOrderSerializer(test).data, status=201)
