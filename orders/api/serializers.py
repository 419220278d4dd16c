"""The API's words: what an order looks like going out, and the shape of bodies for the API's description."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.money import plain
from orders.enums import Delivery, FulfillmentStatus, Headline, OrderStatus, PaymentStatus, PushStatus
from orders.models import Fulfillment, Order, OrderAddress, OrderLine, OrderPush, Parcel, Payment


@extend_schema_field(OpenApiTypes.STR)
class AmountField(serializers.Field):  # type: ignore[type-arg]
    """A decimal amount as text, with as many decimals as the order's currency has."""

    def get_attribute(self, instance: Any) -> tuple[Decimal, str]:
        currency = instance.currency if hasattr(instance, "currency") else instance.order.currency
        return getattr(instance, str(self.source)), currency

    def to_representation(self, value: tuple[Decimal, str]) -> str:
        return plain(*value)


class TaxSerializer(serializers.Serializer):  # type: ignore[type-arg]
    title = serializers.CharField(max_length=60)
    rate = serializers.CharField(help_text="A fraction: 0.15 stands for 15 %.")
    amount = serializers.CharField()


class LineSerializer(serializers.ModelSerializer[OrderLine]):
    id = serializers.CharField(source="external_id")
    unit_price = AmountField()
    taxes = TaxSerializer(many=True)

    class Meta:
        model = OrderLine
        fields = ("id", "sku", "title", "quantity", "fulfilled_quantity", "unit_price", "taxes", "requires_shipping")


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


class PushSerializer(serializers.ModelSerializer[OrderPush]):
    id = serializers.CharField(source="public_id")
    destination = serializers.CharField(source="connection.name")
    platform = serializers.CharField(source="connection.platform")
    status = serializers.ChoiceField(choices=PushStatus.choices)
    blockers = BlockerSerializer(many=True)

    class Meta:
        model = OrderPush
        fields = (
            "id", "destination", "platform", "generation", "reference", "status", "reason", "blockers",
            "checked_at", "remote_id", "remote_name", "remote_url", "pushed_at", "read_back_at",
        )  # fmt: skip


class ParcelSerializer(serializers.ModelSerializer[Parcel]):
    class Meta:
        model = Parcel
        fields = ("carrier", "number", "url")


class FulfillmentSerializer(serializers.ModelSerializer[Fulfillment]):
    parcels = ParcelSerializer(many=True)
    lines = serializers.SerializerMethodField()

    class Meta:
        model = Fulfillment
        fields = ("status", "shipped_at", "lines", "parcels")

    def get_lines(self, fulfillment: Fulfillment) -> list[dict[str, Any]]:
        return [{"id": row.line.external_id, "quantity": row.quantity} for row in fulfillment.lines.all()]


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
    total = AmountField()
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields: tuple[str, ...] = (
            "id", "url", "page", "merchant", "channel", "external_id", "number", "status", "headline", "payment_status",
            "push_status", "fulfillment_status", "delivery", "placed_at", "received_at", "confirm_by", "currency", "total",
        )  # fmt: skip

    def get_url(self, order: Order) -> str:
        return f"{settings.BASE_URL}{reverse('api:order', args=[order.public_id])}"

    def get_page(self, order: Order) -> str:
        return f"{settings.BASE_URL}{reverse('orders:detail', args=[order.public_id])}"


class OrderSerializer(OrderRowSerializer):
    """One order with everything below it."""

    subtotal = AmountField()
    discount = AmountField()
    shipping = AmountField()
    shipping_taxes = TaxSerializer(many=True)
    tax = AmountField()
    lines = LineSerializer(many=True)
    addresses = AddressSerializer(many=True)
    payment = PaymentSerializer(allow_null=True)
    pushes = PushSerializer(many=True)
    fulfillments = FulfillmentSerializer(many=True)
    blockers = BlockerSerializer(many=True)

    class Meta(OrderRowSerializer.Meta):
        fields = (
            *OrderRowSerializer.Meta.fields,
            "decided_at", "decided_by", "decision_reason", "auto_accepted", "completed_at",
            "prices_include_tax", "subtotal", "discount", "shipping", "shipping_title", "shipping_taxes", "tax",
            "customer_name", "customer_email", "customer_phone", "customer_note",
            "pickup_name", "pickup_address", "pickup_instructions", "attributes",
            "lines", "addresses", "payment", "pushes", "fulfillments", "blockers",
        )  # fmt: skip

    def to_representation(self, instance: Order) -> dict[str, Any]:
        if not hasattr(instance, "payment"):
            instance.payment = None  # an order without a payment has no row
        return super().to_representation(instance)


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


# --- bodies: for the description alone; orders.services.intake_body reads them ---------------------


class NewLineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(max_length=100)
    sku = serializers.CharField(max_length=120, required=False)
    title = serializers.CharField(max_length=300)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)
    unit_price = serializers.CharField()
    taxes = TaxSerializer(many=True, required=False)
    requires_shipping = serializers.BooleanField(default=True)


class NewShippingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    title = serializers.CharField(max_length=120, required=False)
    amount = serializers.CharField()
    taxes = TaxSerializer(many=True, required=False)


class NewCustomerSerializer(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField(max_length=200, required=False)
    email = serializers.EmailField(required=False)
    phone = serializers.CharField(max_length=40, required=False)
    note = serializers.CharField(max_length=5000, required=False)


class NewPlaceSerializer(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField(max_length=200)
    address = serializers.CharField(max_length=400, required=False)
    instructions = serializers.CharField(max_length=2000, required=False)


class NewDeliverySerializer(serializers.Serializer):  # type: ignore[type-arg]
    method = serializers.ChoiceField(choices=Delivery.choices)
    place = NewPlaceSerializer(required=False)


class NewAddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    first_name = serializers.CharField(max_length=100, required=False)
    last_name = serializers.CharField(max_length=100, required=False)
    company = serializers.CharField(max_length=200, required=False)
    address1 = serializers.CharField(max_length=200, required=False)
    address2 = serializers.CharField(max_length=200, required=False)
    city = serializers.CharField(max_length=100, required=False)
    province_code = serializers.CharField(
        max_length=10, required=False, help_text="ISO 3166-2, with or without country."
    )
    postcode = serializers.CharField(max_length=20, required=False)
    country_code = serializers.CharField(max_length=2, required=False, help_text="ISO 3166-1 alpha-2.")
    phone = serializers.CharField(max_length=40, required=False)


class NewPaymentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    gateway = serializers.CharField()
    reference = serializers.CharField(max_length=120)
    amount = serializers.CharField()
    authorized_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(required=False)


class NewOrderSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Amounts are text with no more decimals than the currency has; all sums must add up."""

    merchant = serializers.SlugField(max_length=60)
    external_id = serializers.CharField(max_length=100, help_text="The marketplace's own id; unique there.")
    number = serializers.CharField(max_length=60, help_text="What people call the order.")
    placed_at = serializers.DateTimeField()
    currency = serializers.CharField(max_length=3, help_text="ISO 4217.")
    prices_include_tax = serializers.BooleanField()
    lines = NewLineSerializer(many=True)
    subtotal = serializers.CharField()
    discount = serializers.CharField(default="0")
    shipping = NewShippingSerializer(required=False)
    tax = serializers.CharField(default="0")
    total = serializers.CharField()
    customer = NewCustomerSerializer(required=False)
    delivery = NewDeliverySerializer(required=False)
    shipping_address = NewAddressSerializer(required=False)
    billing_address = NewAddressSerializer(required=False)
    payment = NewPaymentSerializer(required=False)
    attributes = serializers.DictField(child=serializers.CharField(max_length=500), required=False)
