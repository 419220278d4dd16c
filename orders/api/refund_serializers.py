"""The API's words about refunds before they are given, and about what customers ask for."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from connectors.money import plain
from orders.api.serializers import OrderRowSerializer, OwedField, OwedSerializer
from orders.enums import MERCHANT_REASONS, RefundReason, RefundRequestStatus
from orders.models import RefundRequest, RefundRequestLine
from orders.services.refund_quotes import Left, Quote, Wanted


class RefundRequestLineSerializer(serializers.ModelSerializer[RefundRequestLine]):
    id = serializers.CharField(source="line.external_id")
    picture = serializers.SerializerMethodField()

    class Meta:
        model = RefundRequestLine
        fields = ("id", "quantity", "picture")

    def get_picture(self, row: RefundRequestLine) -> str | None:
        """Where the customer's picture is read with the same key; null when there is none."""
        picture = getattr(row, "picture", None)
        return f"{settings.BASE_URL}{reverse('api:refund_picture', args=[picture.public_id])}" if picture else None


class RefundRequestSerializer(serializers.ModelSerializer[RefundRequest]):
    """What a customer asks back, and how it was answered."""

    id = serializers.CharField(source="public_id")
    order = serializers.CharField(source="order.public_id")
    status = serializers.ChoiceField(choices=RefundRequestStatus.choices)
    reason = serializers.ChoiceField(choices=RefundReason.choices)
    lines = RefundRequestLineSerializer(many=True)

    class Meta:
        model = RefundRequest
        fields = (
            "id",
            "order",
            "status",
            "reason",
            "note",
            "lines",
            "created_at",
            "decided_at",
            "decided_by",
            "answer",
        )


class QuoteLineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField()
    quantity = serializers.IntegerField()
    amount = serializers.CharField()


class RefundQuoteSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What a refund would come to, and what could be given back at the most."""

    currency = serializers.CharField()
    lines = QuoteLineSerializer(many=True)
    shipping = serializers.CharField()
    computed = serializers.CharField(help_text="Lines and shipping.")
    amount = serializers.CharField(help_text="What the customer would get.")
    left = serializers.CharField(help_text="Money of the order that can still be given back.")


class SuggestedLineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField()
    quantity = serializers.IntegerField()


class SuggestedRefundSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """As it can be sent to `refunds/`."""

    lines = SuggestedLineSerializer(many=True)
    shipping = serializers.CharField()
    reason = serializers.ChoiceField(choices=[reason.value for reason in MERCHANT_REASONS])
    amount = serializers.CharField(required=False, help_text="Alone, where no lines come to what is owed.")


class SuggestionSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """All three are null when nothing is owed."""

    owed_back = OwedSerializer(allow_null=True)
    refund = SuggestedRefundSerializer(allow_null=True)
    quote = RefundQuoteSerializer(allow_null=True)


class OwedOrderSerializer(OrderRowSerializer):
    """An order whose customer is owed something."""

    owed_back = OwedField(source="*")

    class Meta(OrderRowSerializer.Meta):
        fields = (*OrderRowSerializer.Meta.fields, "owed_back")


def suggestion(wanted: Wanted, currency: str) -> dict[str, Any]:
    """The body that asks for this refund."""
    body: dict[str, Any] = {
        "lines": [{"id": line.id, "quantity": line.quantity} for line in wanted.lines],
        "shipping": plain(wanted.shipping, currency),
        "reason": wanted.reason.value,
    }
    return body if wanted.amount is None else {**body, "amount": plain(wanted.amount, currency)}


def quoted(quote: Quote, left: Left) -> dict[str, Any]:
    def text(amount: Any) -> str:
        return plain(amount, left.currency)

    return {
        "currency": left.currency,
        "lines": [
            {"id": line.line.external_id, "quantity": line.quantity, "amount": text(line.amount)}
            for line in quote.lines
        ],
        "shipping": text(quote.shipping),
        "computed": text(quote.computed),
        "amount": text(quote.amount),
        "left": text(left.amount),
    }
