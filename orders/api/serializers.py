"""The API's words: what an order looks like going out, and the shape of bodies for the API's description."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.base import UPDATABLE
from connectors.money import plain
from orders.api.accepting_serializers import AcceptDecisionSerializer
from orders.api.shipping_serializers import FulfillmentSerializer, ReadyNoticeSerializer
from orders.due import DueKind
from orders.enums import (
    Delivery,
    ExportStatus,
    FulfillmentStatus,
    Headline,
    OrderStatus,
    PaymentStatus,
    PushStatus,
    RefundReason,
    RefundStatus,
    RoutedBy,
    SupplierPartStatus,
)
from orders.models import (
    Order,
    OrderAddress,
    OrderLine,
    OrderPush,
    Payment,
    PushLine,
    PushPart,
    Refund,
)
from orders.models.export import export_status_of
from orders.services import called_off, overcharged, owed_back, still_due


@extend_schema_field(OpenApiTypes.STR)
class AmountField(serializers.Field):  # type: ignore[type-arg]
    """A decimal amount as text, with as many decimals as the order's currency has."""

    def get_attribute(self, instance: Any) -> tuple[Decimal, str]:
        currency = instance.currency if hasattr(instance, "currency") else instance.order.currency
        return getattr(instance, str(self.source)), currency

    def to_representation(self, value: tuple[Decimal, str]) -> str:
        return plain(*value)


class OptionalAmountField(AmountField):
    """The same, or null."""

    def get_attribute(self, instance: Any) -> Any:
        return None if getattr(instance, str(self.source)) is None else super().get_attribute(instance)


class TaxSerializer(serializers.Serializer):  # type: ignore[type-arg]
    title = serializers.CharField(max_length=60)
    rate = serializers.CharField(help_text="A fraction: 0.15 stands for 15 %.")
    amount = serializers.CharField()


@extend_schema_field(TaxSerializer(many=True))
class TaxesField(serializers.Field):  # type: ignore[type-arg]
    """Taxes as they came, their amounts with as many decimals as the order's currency has."""

    def get_attribute(self, instance: Any) -> tuple[list[dict[str, str]], str]:
        currency = instance.currency if hasattr(instance, "currency") else instance.order.currency
        return getattr(instance, str(self.source)), currency

    def to_representation(self, value: tuple[list[dict[str, str]], str]) -> list[dict[str, str]]:
        rows, currency = value
        return [{**row, "amount": plain(Decimal(row["amount"]), currency)} for row in rows]


class LineSerializer(serializers.ModelSerializer[OrderLine]):
    id = serializers.CharField(source="external_id")
    unit_price = AmountField()
    taxes = TaxesField()
    customs_value = OptionalAmountField(help_text="Of the whole line.")

    class Meta:
        model = OrderLine
        fields = (
            "id", "sku", "title", "quantity", "fulfilled_quantity", "called_off_quantity", "unit_price", "taxes", "requires_shipping",
            "hs_code", "origin_country", "customs_value",
        )  # fmt: skip


class AddressSerializer(serializers.ModelSerializer[OrderAddress]):
    class Meta:
        model = OrderAddress
        fields = (
            "kind", "first_name", "last_name", "company", "address1", "address2",
            "city", "province_code", "postcode", "country_code", "phone",
        )  # fmt: skip


class BlockerSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_blank=True)
    value = serializers.CharField(allow_blank=True)


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    status = serializers.ChoiceField(choices=PaymentStatus.choices)
    authorized = AmountField()
    captured = AmountField()
    refunded = AmountField()

    class Meta:
        model = Payment
        fields = (
            "gateway", "reference", "status", "authorized", "captured", "refunded",
            "authorized_at", "expires_at", "captured_at", "voided_at", "failure_code", "failure_message",
        )  # fmt: skip


class PushLineSerializer(serializers.ModelSerializer[PushLine]):
    """A line, whole, in one destination's part of the order."""

    id = serializers.CharField(source="line.external_id")
    quantity = serializers.IntegerField(source="line.quantity")
    sent_quantity = serializers.IntegerField(
        allow_null=True, help_text="Of the last sending; null: all of it. Less where units were given back before."
    )
    routed_by = serializers.ChoiceField(choices=RoutedBy.choices)
    missing = serializers.BooleanField(help_text="The destination took the order without it.")

    given_back_there = serializers.IntegerField(
        help_text="Units that were given back where the customer paid, as a person said: nobody waits for them."
    )

    class Meta:
        model = PushLine
        fields = ("id", "quantity", "sent_quantity", "routed_by", "missing", "given_back_there")


class PushPartSerializer(serializers.ModelSerializer[PushPart]):
    """One of the orders that a supplier made of the push."""

    status = serializers.ChoiceField(choices=SupplierPartStatus.choices)
    tracking = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = PushPart
        fields = ("number", "warehouse", "status", "tracking", "expected_on")


class EditedPartSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """One thing that was edited after the export."""

    field = serializers.ChoiceField(choices=UPDATABLE)
    label = serializers.CharField()  # type: ignore[assignment]  # the change's own words
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)


class CopySerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField(allow_blank=True)
    kept = serializers.BooleanField(help_text="Somebody said that it is another order.")


class PushSerializer(serializers.ModelSerializer[OrderPush]):
    id = serializers.CharField(source="public_id")
    destination = serializers.CharField(source="connection.name")
    destination_id = serializers.CharField(source="connection.public_id")
    platform = serializers.CharField(source="connection.platform")
    status = serializers.ChoiceField(choices=PushStatus.choices)
    blockers = BlockerSerializer(many=True)
    lines = PushLineSerializer(source="push_lines", many=True)
    subtotal = AmountField()
    discount = AmountField()
    shipping = AmountField()
    tax = AmountField()
    total = AmountField()
    remote_total = OptionalAmountField(help_text="As it was read back there; null until then.")
    outstanding = OptionalAmountField(
        source="remote_outstanding", allow_null=True, help_text="What the destination says is still to be paid there."
    )
    given_back = serializers.SerializerMethodField(
        help_text="What refunds took off `total` before the last sending, or have by now where it was not sent yet."
    )
    parts = PushPartSerializer(many=True)
    holds_more = serializers.SerializerMethodField()
    waits_for_update = serializers.BooleanField(
        help_text="Storeward is being updated: something of it waits for that, and goes on by itself."
    )
    copies = CopySerializer(many=True, help_text="Other orders at the destination that carry its reference.")
    changes = EditedPartSerializer(many=True, help_text="What of the order was edited after it was exported.")

    class Meta:
        model = OrderPush
        fields = (
            "id", "destination", "destination_id", "platform", "generation", "beside", "reference", "status", "reason", "blockers",
            "lines", "subtotal", "discount", "shipping", "tax", "total", "given_back",
            "remote_total", "outstanding", "checked_at", "remote_id", "remote_name", "remote_url", "pushed_at", "read_back_at",
            "holds_more", "waits_for_update", "parts", "copies", "changes", "changed_at",
        )  # fmt: skip

    def get_given_back(self, push: OrderPush) -> str:
        return plain(still_due.given_back_by_now(push), push.order.currency)

    def get_holds_more(self, push: OrderPush) -> str | None:
        """By how much its destination holds more than was paid, until somebody has dealt with it; null when it does not."""
        more = overcharged.of(push)
        return plain(more, push.order.currency) if more else None


class RefundSerializer(serializers.ModelSerializer[Refund]):
    """`computed` is what lines and shipping come to; `amount`, what the customer gets, may be lower."""

    id = serializers.CharField(source="public_id")
    status = serializers.ChoiceField(choices=RefundStatus.choices)
    reason = serializers.ChoiceField(choices=RefundReason.choices)
    amount = AmountField()
    computed = AmountField()
    shipping = AmountField()
    lines = serializers.SerializerMethodField()

    class Meta:
        model = Refund
        fields = (
            "id", "status", "currency", "amount", "computed", "shipping", "lines", "reason", "note", "restock",
            "failure", "requested_by", "requested_at", "done_at",
        )  # fmt: skip

    def get_lines(self, refund: Refund) -> list[dict[str, Any]]:
        return [
            {"id": row.line.external_id, "quantity": row.quantity, "amount": plain(row.amount, refund.currency)}
            for row in refund.lines.all()
        ]


class OrderRowSerializer(serializers.ModelSerializer[Order]):
    """One order in a list."""

    id = serializers.CharField(source="public_id")
    merchant = serializers.CharField(source="merchant.slug")
    channel = serializers.CharField(source="channel.name")
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    headline = serializers.ChoiceField(choices=Headline.choices)
    payment_status = serializers.ChoiceField(choices=PaymentStatus.choices)
    push_status = serializers.ChoiceField(choices=PushStatus.choices, allow_blank=True)
    fulfillment_status = serializers.ChoiceField(choices=FulfillmentStatus.choices)
    delivery = serializers.ChoiceField(choices=Delivery.choices)
    due_at = serializers.DateTimeField(allow_null=True, help_text="The nearest deadline that still counts.")
    due_kind = serializers.ChoiceField(choices=DueKind.choices, allow_blank=True)
    total = AmountField()
    confirm_by = serializers.DateTimeField(
        source="deadline", allow_null=True, help_text="Null for an order from a store: it waits for ever."
    )
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()
    export_status = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields: tuple[str, ...] = (
            "id", "url", "page", "merchant", "channel", "external_id", "number", "status", "headline", "payment_status",
            "push_status", "fulfillment_status", "delivery", "placed_at", "received_at", "confirm_by", "ship_by", "due_at",
            "due_kind", "currency", "total", "is_archived", "needs_look", "export_status",
        )  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(choices=ExportStatus.choices))
    def get_export_status(self, order: Order) -> str:
        """Read with the row in lists; else from the pushes that are read already."""
        read: str | None = getattr(order, "export_status", None)
        return read or export_status_of(order.pushes.all())

    def get_url(self, order: Order) -> str:
        return f"{settings.BASE_URL}{reverse('api:order', args=[order.public_id])}"

    def get_page(self, order: Order) -> str:
        return f"{settings.BASE_URL}{reverse('orders:detail', args=[order.public_id])}"


class PlacedSerializer(OrderRowSerializer):
    """The answer to a placed order; everything below it is read at its `url`."""

    blockers = BlockerSerializer(many=True)

    class Meta(OrderRowSerializer.Meta):
        fields = (*(name for name in OrderRowSerializer.Meta.fields if name != "export_status"), "blockers")


class OwedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    amount = serializers.CharField()
    why = serializers.ChoiceField(
        choices=[why.value for why in owed_back.Why],
        help_text="What the store did: gave money back, cancelled the order, or changed it to a lower total.",
    )


@extend_schema_field(OwedSerializer(allow_null=True))
class OwedField(serializers.Field):  # type: ignore[type-arg]
    """What stores took off the order by themselves, and nobody gave back here; null when nothing is owed."""

    def to_representation(self, order: Order) -> dict[str, str] | None:
        payment = getattr(order, "payment", None)  # an order without a payment has no row
        return owed_shown(owed_back.of_rows(order.pushes.all(), order.refunds.all(), payment), order.currency)


def owed_shown(owed: owed_back.Owed, currency: str) -> dict[str, str] | None:
    return {"amount": plain(owed.amount, currency), "why": owed.why.value} if owed.amount else None


class OrderSerializer(OrderRowSerializer):
    """One order with everything below it."""

    subtotal = AmountField()
    discount = AmountField()
    shipping = AmountField()
    shipping_taxes = TaxesField()
    tax = AmountField()
    lines = LineSerializer(many=True)
    addresses = AddressSerializer(many=True)
    payment = PaymentSerializer(allow_null=True)
    pushes = PushSerializer(many=True)
    fulfillments = FulfillmentSerializer(many=True)
    refunds = RefundSerializer(many=True)
    ready_notice = ReadyNoticeSerializer(
        allow_null=True, help_text="Of an order to be picked up that came from a store which is told when it is ready."
    )
    cancel_wished_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Somebody cancelled it while its payment was being taken: it is cancelled after that.",
    )
    waits_for_update = serializers.BooleanField(
        help_text="Storeward is being updated: its money, or a push, waits for that and goes on by itself."
    )
    blockers = BlockerSerializer(many=True)
    accept_decision = AcceptDecisionSerializer(allow_null=True)
    attention = serializers.SerializerMethodField()
    owed_back = OwedField(source="*")
    still_asked = serializers.SerializerMethodField()

    class Meta(OrderRowSerializer.Meta):
        fields = (
            *OrderRowSerializer.Meta.fields,
            "revision", "decided_at", "decided_by", "decision_reason", "auto_accepted", "accept_decision", "completed_at",
            "cancel_wished_at", "waits_for_update",
            "prices_include_tax", "subtotal", "discount", "shipping", "shipping_title", "shipping_taxes", "tax",
            "customer_name", "customer_email", "customer_phone", "customer_note",
            "pickup_name", "pickup_address", "pickup_instructions", "attributes", "invoice_number", "invoice_key",
            "lines", "addresses", "payment", "pushes", "fulfillments", "ready_notice", "refunds", "blockers", "attention",
            "owed_back", "still_asked",
        )  # fmt: skip

    def get_still_asked(self, order: Order) -> list[str]:
        """Pushes, by id, whose destinations may still send an order all of which was given back: cancel it to stop them."""
        return [push.public_id for push in called_off.still_asked(order, order.pushes.all())]

    def get_attention(self, order: Order) -> str:
        """What happened since it was sent in the store that it came from, until somebody has dealt with it."""
        origin = getattr(order, "origin", None)
        return origin.attention if origin else ""


class ReasonSerializer(serializers.Serializer):  # type: ignore[type-arg]
    reason = serializers.CharField(max_length=500)


class ProblemSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """application/problem+json"""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = serializers.ListField(  # type: ignore[assignment]  # the problem's own list, not the serializer's
        child=serializers.DictField(), required=False
    )
    blockers = BlockerSerializer(many=True, required=False)
