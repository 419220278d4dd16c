"""Product links as the API tells and takes them."""

from __future__ import annotations

from rest_framework import serializers

from connectors.models import Connection, LinkSource, ProductLink
from connectors.services import link_files


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    id = serializers.CharField(source="public_id")

    class Meta:
        model = Connection
        fields = ("id", "name", "platform", "state", "currency")


class ProductLinkSerializer(serializers.ModelSerializer[ProductLink]):
    connection = serializers.CharField(source="connection.public_id")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # the link's own, not the serializer's
        choices=LinkSource.choices
    )

    class Meta:
        model = ProductLink
        fields = ("id", "connection", "sku", "variant_id", "variant_title", "source", "checked_at")


class NewLinkSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The store's product is named by its SKU there, by its id there, or by both."""

    connection = serializers.CharField(max_length=32, help_text="The connection's id.")
    sku = serializers.CharField(max_length=120, help_text="As the marketplace writes it.")
    store_sku = serializers.CharField(max_length=255, required=False)
    variant_id = serializers.CharField(max_length=200, required=False)


class ImportRowSerializer(serializers.Serializer):  # type: ignore[type-arg]
    marketplace_sku = serializers.CharField(allow_blank=True)
    store_sku = serializers.CharField(required=False, allow_blank=True)
    variant_id = serializers.CharField(required=False, allow_blank=True)
    title = serializers.CharField(required=False, allow_blank=True)


class ImportSerializer(serializers.Serializer):  # type: ignore[type-arg]
    connection = serializers.CharField(max_length=32, help_text="The connection's id.")
    rows = ImportRowSerializer(
        many=True,
        allow_empty=False,
        max_length=link_files.ROWS_MAX,  # type: ignore[call-arg]  # of the list; the stubs do not know it
    )
    dry_run = serializers.BooleanField(default=False, help_text="Say what would happen and save nothing.")


class RowOutcomeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    row = serializers.IntegerField(help_text="Counted from 1.")
    marketplace_sku = serializers.CharField()
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in link_files.Verdict])
    message = serializers.CharField()
    variant_id = serializers.CharField(allow_blank=True)


class ImportedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    saved = serializers.IntegerField()
    rows = RowOutcomeSerializer(many=True)
