"""The API's words for drafts, the archive and requirements."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from orders.api.serializers import BlockerSerializer
from orders.enums import OrderStatus

_VALUES = "By the names that blockers give: shipping_address.city, lines[0].hs_code."


class DraftSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What an order lacks, and every value that can be filled in."""

    id = serializers.CharField()
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    blockers = BlockerSerializer(many=True)
    values = serializers.DictField(child=serializers.CharField(allow_blank=True), help_text=_VALUES)


class FillDraftSerializer(serializers.Serializer):  # type: ignore[type-arg]
    values = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True, trim_whitespace=True), help_text=_VALUES
    )
    seen = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="Values as they were read. Refused with 409 when one of them has changed since; without: no check.",
    )


class ArchiveSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Either `orders`, or `without_address`."""

    orders = serializers.ListField(
        child=serializers.CharField(max_length=32), max_length=200, required=False, help_text="Ids."
    )
    without_address = serializers.BooleanField(default=False, help_text="All that have no shipping address.")
    consent = serializers.BooleanField(
        default=False,
        help_text="Archive also what is still under way. Without it such orders are refused with 409, and none is archived.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("orders")) == attrs["without_address"]:
            raise serializers.ValidationError({"orders": "Give either orders or without_address."})
        return attrs


class UnarchiveSerializer(serializers.Serializer):  # type: ignore[type-arg]
    orders = serializers.ListField(child=serializers.CharField(max_length=32), min_length=1, max_length=200)


class ConsentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    consent = serializers.BooleanField(default=False, help_text="Needed for an order that is still under way.")


class ArchivedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    done = serializers.IntegerField(help_text="How many orders changed.")
    more = serializers.IntegerField(help_text="How many are left for another call.")


class RequirementsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What the orders of one channel need."""

    channel = serializers.CharField(
        source="key", help_text="`every`, a marketplace's slug, or the id of a store's connection."
    )
    name = serializers.CharField(read_only=True)
    is_own = serializers.BooleanField(read_only=True, help_text="False: as `every`.")
    payment = serializers.BooleanField(source="needs.payment", default=True)
    value = serializers.BooleanField(source="needs.value", default=True, help_text="A total above zero.")
    address = serializers.BooleanField(source="needs.address")
    link = serializers.BooleanField(source="needs.link")
    invoice = serializers.BooleanField(source="needs.invoice")
    customs = serializers.BooleanField(source="needs.customs")
