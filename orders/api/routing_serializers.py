"""The API's words about routing and previews."""

from __future__ import annotations

from rest_framework import serializers

from connectors.models import Connection
from orders.enums import RoutedBy, RuleKind
from orders.models import OrderLine, RoutingRule


class DestinationSerializer(serializers.ModelSerializer[Connection]):
    id = serializers.CharField(source="public_id")

    class Meta:
        model = Connection
        fields = ("id", "name", "platform", "is_default")


class LineRouteSerializer(serializers.ModelSerializer[OrderLine]):
    """One line of an order; `pushes` is empty when it goes nowhere."""

    id = serializers.CharField(source="external_id")
    pushes = serializers.SerializerMethodField()

    class Meta:
        model = OrderLine
        fields = ("id", "sku", "title", "quantity", "pushes")

    def get_pushes(self, line: OrderLine) -> list[dict[str, str]]:
        return [
            {
                "id": row.push.public_id,
                "destination": row.push.connection.public_id,
                "destination_name": row.push.connection.name,
                "status": row.push.status,
                "routed_by": RoutedBy(row.routed_by).value,
            }
            for row in line.push_lines.all()
        ]


class RouteSerializer(serializers.Serializer):  # type: ignore[type-arg]
    line = serializers.CharField(max_length=100, help_text="The line's `id`.")
    destination = serializers.CharField(max_length=32, help_text="A destination's `id`.")


class MovesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    routes = serializers.ListField(child=RouteSerializer(), min_length=1, max_length=500)


class NewRuleSerializer(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=RuleKind.choices)
    name = serializers.CharField(
        max_length=60, default="", allow_blank=True, help_text="Of the order's attribute; for the kind `attribute`."
    )
    value = serializers.CharField(max_length=120)
    destination = serializers.CharField(max_length=32, help_text="A destination's `id`.")


class NewRoutingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """From the top; the first rule that holds for a line decides."""

    default_destination = serializers.CharField(
        max_length=32, required=False, help_text="A destination's `id`; without it the default stays as it is."
    )
    rules = serializers.ListField(child=NewRuleSerializer(), max_length=100)


class RuleSerializer(serializers.ModelSerializer[RoutingRule]):
    kind = serializers.ChoiceField(choices=RuleKind.choices)
    destination = serializers.CharField(source="connection.public_id")

    class Meta:
        model = RoutingRule
        fields = ("kind", "name", "value", "destination")


class RoutingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    destinations = DestinationSerializer(many=True)
    rules = RuleSerializer(many=True)


class PreviewFieldSerializer(serializers.Serializer):  # type: ignore[type-arg]
    path = serializers.CharField()
    sources = serializers.ListField(child=serializers.CharField())


class CallSerializer(serializers.Serializer):  # type: ignore[type-arg]
    method = serializers.CharField(source="call.method")
    path = serializers.CharField(source="call.path")
    headers = serializers.DictField(source="call.headers", child=serializers.CharField())
    body = serializers.CharField(source="text", help_text="The very text that would be sent.")
    fields_from = PreviewFieldSerializer(source="fields", many=True)


class ChangeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    path = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class PreviewSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """`not_sent` says why nothing would be sent as things are; `changes` are against `last_sent_at`."""

    push = serializers.CharField(source="push.public_id")
    not_sent = serializers.CharField(allow_blank=True)
    refusal = serializers.CharField(allow_blank=True)
    last_sent_at = serializers.DateTimeField(source="push.sent_at", allow_null=True)
    calls = CallSerializer(many=True)
    changes = ChangeSerializer(many=True)
