"""The API's door to the link with which a customer asks for a refund."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey
from orders.api.answers import REFUSALS
from orders.api.common import visible_pk, who
from orders.services import refund_links

_EXAMPLE = {
    "url": "https://storeward.example/refund/ImE5ZjQi:1vXk2P:dBjftJeZ4CVP/",
    "valid_until": "2027-02-19T09:00:00+13:00",
}


class RefundLinkSerializer(serializers.Serializer):  # type: ignore[type-arg]
    url = serializers.URLField()
    valid_until = serializers.DateTimeField()


class RefundLink(APIView):
    permission_classes = [HasApiKey]

    @extend_schema(
        operation_id="orders_refund_link",
        summary="The link with which the customer asks for a refund",
        description=(
            "For a mail or an account page of your own. Whoever has it asks as the customer: give it to the customer alone. "
            "It takes a key that may change orders, and who took it stands in the order's history. Each call makes one; "
            "earlier ones stay valid until their own end."
        ),
        request=None,
        responses={201: RefundLinkSerializer, **REFUSALS},
        examples=[OpenApiExample("Link", value=_EXAMPLE, response_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        done = who(request)
        url = refund_links.hand_out(order_id=visible_pk(request, public_id), **done)
        body = {"url": url, "valid_until": done["at"] + refund_links.VALID_FOR}
        headers = {"Cache-Control": "no-store"}
        return Response(RefundLinkSerializer(body).data, status=201, headers=headers)
