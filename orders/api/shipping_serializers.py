"""Shapes of shipments and of click and collect. Bodies are for the API's description; orders.services.shipment_body reads them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.enums import ShipmentStatus, WriteBackState
from orders.models import Fulfillment, Parcel, ReadyNotice, WriteBack
from orders.services.shipment_body import MOST_UNITS
from orders.services.shipments import CARRIER_MAX, NUMBER_MAX, URL_MAX
from orders.services.shipping import HEAVIEST_G, LONGEST_MM

SHIPMENT_EXAMPLE = {
    "lines": [{"id": "1", "quantity": 2}],
    "parcels": [
        {
            "carrier": "dhl", "number": "1234567890", "weight_g": 2400,
            "size_mm": {"length": 400, "width": 300, "height": 200},
        }
    ],
}  # fmt: skip
TRACKING_EXAMPLE = {"parcels": [{"carrier": "Kauri Couriers", "number": "KC1", "url": "https://kauri.example/KC1"}]}
LINES_EXAMPLE = {"lines": [{"id": "1", "quantity": 2}]}
COLLECTED_EXAMPLE = {"collected_by": "Harriet Ngata", "lines": [{"id": "1", "quantity": 1}]}


class ParcelSerializer(serializers.ModelSerializer[Parcel]):
    class Meta:
        model = Parcel
        fields = ("carrier", "number", "url", "weight_g", "length_mm", "width_mm", "height_mm")


class WriteBackSerializer(serializers.ModelSerializer[WriteBack]):
    """Whether the store that the order came from knows of the fulfillment."""

    id = serializers.CharField(source="public_id")
    store = serializers.CharField(source="connection.name")
    state = serializers.ChoiceField(choices=WriteBackState.choices)

    class Meta:
        model = WriteBack
        fields = ("id", "store", "state", "reason", "told_at")


class ReadyNoticeSerializer(serializers.ModelSerializer[ReadyNotice]):
    """That all of an order waits for its customer, told to the store where it was bought."""

    id = serializers.CharField(source="public_id")
    store = serializers.CharField(source="connection.name")
    state = serializers.ChoiceField(choices=WriteBackState.choices)

    class Meta:
        model = ReadyNotice
        fields = ("id", "store", "state", "reason", "told_at")


class FulfillmentSerializer(serializers.ModelSerializer[Fulfillment]):
    """One shipment, or what is set aside for pickup. `own`: it was made here, not told by a destination."""

    id = serializers.CharField(source="public_id")
    own = serializers.BooleanField(source="is_own")
    status = serializers.ChoiceField(choices=ShipmentStatus.choices)
    parcels = ParcelSerializer(many=True)
    lines = serializers.SerializerMethodField()
    write_back = serializers.SerializerMethodField(help_text="Of an order that came from a store.")

    class Meta:
        model = Fulfillment
        fields = (
            "id", "own", "status", "shipped_at", "lines", "parcels",
            "pickup_code", "ready_at", "collected_at", "collected_by", "write_back",
        )  # fmt: skip

    @extend_schema_field(WriteBackSerializer(allow_null=True))
    def get_write_back(self, fulfillment: Fulfillment) -> dict[str, Any] | None:
        row = getattr(fulfillment, "write_back", None)
        return dict(WriteBackSerializer(row).data) if row else None

    def get_lines(self, fulfillment: Fulfillment) -> list[dict[str, Any]]:
        return [{"id": row.line.external_id, "quantity": row.quantity} for row in fulfillment.lines.all()]


class UnitsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(max_length=100, help_text="The line's id, as the order gives it.")
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_UNITS)


class SizeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    length = serializers.IntegerField(min_value=1, max_value=LONGEST_MM)
    width = serializers.IntegerField(min_value=1, max_value=LONGEST_MM)
    height = serializers.IntegerField(min_value=1, max_value=LONGEST_MM)


class NewParcelSerializer(serializers.Serializer):  # type: ignore[type-arg]
    carrier = serializers.CharField(
        max_length=CARRIER_MAX,
        required=False,
        help_text="A code as `dhl`, `nzpost`, `ups`, or any other carrier's name.",
    )
    number = serializers.CharField(max_length=NUMBER_MAX, required=False)
    url = serializers.CharField(
        max_length=URL_MAX, required=False, help_text="Its tracking page, where the code has none."
    )
    weight_g = serializers.IntegerField(min_value=1, max_value=HEAVIEST_G, required=False)
    size_mm = SizeSerializer(required=False)


class NewShipmentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    lines = UnitsSerializer(many=True)
    parcels = NewParcelSerializer(many=True, required=False)


class NewTrackingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    parcels = NewParcelSerializer(many=True)


class ReadySerializer(serializers.Serializer):  # type: ignore[type-arg]
    lines = UnitsSerializer(many=True)


class CollectedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    collected_by = serializers.CharField(max_length=200)
    lines = UnitsSerializer(many=True, required=False, help_text="Left out: all of it.")
