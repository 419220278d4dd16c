"""The API's doors to what a connection's settings are chosen by: its locations, and its texts tried on an order."""

from __future__ import annotations

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.errors import ConnectorError
from connectors.models import Location
from connectors.models.sync_settings import TEMPLATE_MAX
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import valid, visible
from orders.api.order_data import connection_of
from orders.services import order_data, text_templates


class LocationSerializer(serializers.ModelSerializer[Location]):
    id = serializers.CharField(source="remote_id", help_text="The store's own; a setting's `location` is one of these.")

    class Meta:
        model = Location
        fields = ("id", "name", "is_active")


class Locations(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="order_data_locations",
        summary="The store's locations, as they were read last",
        responses={200: LocationSerializer(many=True), **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        rows = connection_of(request, public_id).locations.order_by("name", "pk")
        return Response(LocationSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="order_data_locations_read",
        summary="Ask the store for its locations",
        description="400 when the store has none, or does not answer.",
        request=None,
        responses={200: LocationSerializer(many=True), 400: PROBLEM, **READING},
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection = connection_of(request, public_id)
        try:
            order_data.read_locations(connection_id=connection.pk, at=timezone.now())
        except ConnectorError as error:
            raise ValidationError({"locations": str(error)}, code=error.code) from error
        return self.get(request, public_id)


class TrialSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Templates that are not saved yet; one that is left out is tried as it is saved."""

    order = serializers.CharField(max_length=32)
    tag_template = serializers.CharField(max_length=200, allow_blank=True, required=False)
    note_template = serializers.CharField(
        max_length=TEMPLATE_MAX, allow_blank=True, trim_whitespace=False, required=False
    )


class TriedTextSerializer(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField(help_text="tag_template or note_template, where the platform has it.")
    text = serializers.CharField(help_text="What this order would get.")
    error = serializers.CharField(help_text="Why the template cannot be; empty when it can.")
    most = serializers.IntegerField(help_text="Characters that the store takes.")


class TriedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    fields_known = serializers.ListField(child=serializers.CharField(), help_text="What may stand in braces.")
    texts = TriedTextSerializer(many=True)


class TryTexts(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="order_data_try",
        summary="What tag and note would be for one order",
        description="Saves nothing.",
        request=TrialSerializer,
        responses={200: TriedSerializer, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection, body = connection_of(request, public_id), valid(TrialSerializer(data=request.data))
        given = dict(body)
        order = visible(request).select_related("channel", "merchant").filter(public_id=given.pop("order")).first()
        if order is None:
            raise Http404
        known = text_templates.known_fields(connection)
        texts = text_templates.trials(connection, order, text_templates.saved(connection) | given)
        return Response(TriedSerializer({"fields_known": known, "texts": texts}).data)
