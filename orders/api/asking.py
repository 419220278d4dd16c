"""The API's door for what a customer asks back through a marketplace's own pages."""

from __future__ import annotations

import base64
import binascii
from io import BytesIO
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMarketplaceKey
from orders.api.answers import BODY, READING, REFUSALS
from orders.api.common import key_of, valid, visible_pk
from orders.api.refund_serializers import RefundRequestSerializer
from orders.enums import CUSTOMER_REASONS
from orders.models import RefundRequest, RefundRequestLine
from orders.services import pictures, refund_requests
from orders.services.refund_requests import AskedLine

_EXAMPLE = {"lines": [{"id": "1", "quantity": 1}], "reason": "damaged", "note": "Two legs came broken."}


class AskedLineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(max_length=100)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)
    picture = serializers.CharField(
        required=False, allow_blank=True, help_text="A JPEG, PNG or WebP in base64. All of a body is 2 MB at the most."
    )


class NewRefundRequestSerializer(serializers.Serializer):  # type: ignore[type-arg]
    lines = serializers.ListField(child=AskedLineSerializer(), min_length=1, max_length=500)
    reason = serializers.ChoiceField(choices=[reason.value for reason in CUSTOMER_REASONS])
    note = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class PassedOnLineSerializer(serializers.ModelSerializer[RefundRequestLine]):
    id = serializers.CharField(source="line.external_id")

    class Meta:
        model = RefundRequestLine
        fields = ("id", "quantity")


class PassedOnSerializer(RefundRequestSerializer):
    """As the merchant has it, but for the pictures: those are the merchant's to see."""

    lines = PassedOnLineSerializer(many=True)  # type: ignore[assignment]  # fewer of the same fields


class OrderRefundRequests(APIView):
    permission_classes = [HasApiKey, IsMarketplaceKey]

    @extend_schema(
        operation_id="orders_refund_requests_list",
        summary="What the customer of an order asked back, and what became of it",
        responses={200: PassedOnSerializer(many=True), **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        rows = RefundRequest.objects.filter(order=visible_pk(request, public_id)).order_by("-created_at", "-pk")
        related = rows.select_related("order").prefetch_related("lines__line")
        return Response(PassedOnSerializer(related, many=True).data)

    @extend_schema(
        operation_id="orders_refund_requests_ask",
        summary="Pass on what a customer asks back",
        description=(
            "The merchant is told, and issues or declines it; the customer hears by e-mail. Gives nothing by itself. One "
            "request of an order is open at a time."
        ),
        request=NewRefundRequestSerializer,
        responses={201: PassedOnSerializer, **BODY, **REFUSALS},
        examples=[OpenApiExample("One came broken", value=_EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        order_id, marketplace = visible_pk(request, public_id), key_of(request).marketplace
        assert marketplace is not None  # noqa: S101  # IsMarketplaceKey
        body = valid(NewRefundRequestSerializer(data=request.data))
        asked = refund_requests.ask(
            order_id=order_id,
            lines=tuple(_line(index, row) for index, row in enumerate(body["lines"])),
            reason=body["reason"],
            note=body["note"],
            by=marketplace.name,
            at=timezone.now(),
        )
        return Response(PassedOnSerializer(asked).data, status=201)


def _line(index: int, row: dict[str, Any]) -> AskedLine:
    """Raises ValidationError for a picture that is none."""
    try:
        sent = base64.b64decode(row.get("picture", ""), validate=True)
        picture = pictures.clean(BytesIO(sent), size=len(sent)) if sent else b""
    except (binascii.Error, ValueError) as error:
        said = str(error) if isinstance(error, pictures.PictureRefused) else "This is not base64."
        raise ValidationError({f"lines[{index}].picture": said}, code="bad_picture") from error
    return AskedLine(row["id"], row["quantity"], picture)
